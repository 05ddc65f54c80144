"""KMS keys with their aliases, and Secrets Manager's secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names

_WINDOW_DAYS = 30


def _make_key(part: Part) -> Made:
    request = part.only("Description", "KeyUsage", "KeySpec", "MultiRegion")
    if policy := part.get("KeyPolicy"):
        request["Policy"] = json.dumps(policy)
    metadata = part.call("kms", "CreateKey", **request)["KeyMetadata"]
    part.physical_id = metadata["KeyId"]
    _rotate(part)
    return _key(part, metadata)


def _change_key(part: Part) -> Made:
    key = part.physical_id
    part.call("kms", "UpdateKeyDescription", KeyId=key, Description=part.get("Description", ""))
    if policy := part.get("KeyPolicy"):
        text = json.dumps(policy)
        part.call("kms", "PutKeyPolicy", KeyId=key, PolicyName="default", Policy=text)
    _rotate(part)
    return _key(part, part.call("kms", "DescribeKey", KeyId=key)["KeyMetadata"])


def _rotate(part: Part) -> None:
    is_wanted = bool(part.get("EnableKeyRotation"))
    if is_wanted != bool(part.before.get("EnableKeyRotation")):
        operation = "EnableKeyRotation" if is_wanted else "DisableKeyRotation"
        part.call("kms", operation, KeyId=part.physical_id)


def _delete_key(part: Part) -> None:
    """Scheduled, since KMS deletes no key at once."""
    days = int(part.get("PendingWindowInDays", _WINDOW_DAYS))
    key = part.physical_id
    gone(
        lambda: part.call("kms", "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=days),
        *("NotFoundException", "KMSInvalidStateException"),
    )


def _key(part: Part, metadata: Mapping[str, Any]) -> Made:
    attributes = {"Arn": metadata["Arn"], "KeyId": metadata["KeyId"]}
    return Made(f"key {part.logical_id}", metadata["KeyId"], attributes)


def _make_alias(part: Part) -> Made:
    name = str(part.get("AliasName"))
    part.call("kms", "CreateAlias", AliasName=name, TargetKeyId=part.get("TargetKeyId"))
    return Made(name, name)


def _change_alias(part: Part) -> Made:
    name, key = part.physical_id, part.get("TargetKeyId")
    part.call("kms", "UpdateAlias", AliasName=name, TargetKeyId=key)
    return Made(name, name)


def _delete_alias(part: Part) -> None:
    gone(lambda: part.call("kms", "DeleteAlias", AliasName=part.physical_id), "NotFoundException")


def _make_secret(part: Part) -> Made:
    """Without a value where the template gives none: a person or `ops` fills it in."""
    name = part.name("Name")
    request = part.only("Description", "KmsKeyId", "SecretString")
    if generated := part.get("GenerateSecretString"):
        request["SecretString"] = _generated(part, dict(generated))
    arn = part.call("secretsmanager", "CreateSecret", Name=name, **request)["ARN"]
    return Made(name, arn, {"Id": arn})


def _change_secret(part: Part) -> Made:
    """A changed GenerateSecretString makes a new value, as CloudFormation does."""
    arn = part.physical_id
    request = part.only("Description", "KmsKeyId", "SecretString")
    generated = part.get("GenerateSecretString")
    if generated and generated != part.before.get("GenerateSecretString"):
        request["SecretString"] = _generated(part, dict(generated))
    part.call("secretsmanager", "UpdateSecret", SecretId=arn, **request)
    return Made(part.get("Name", arn), arn, {"Id": arn})


def _delete_secret(part: Part) -> None:
    """At once and without recovery, as CloudFormation deletes it."""
    part.call(
        *("secretsmanager", "DeleteSecret"),
        SecretId=part.physical_id,
        ForceDeleteWithoutRecovery=True,
    )


def _generated(part: Part, options: dict[str, Any]) -> str:
    template, key = options.pop("SecretStringTemplate", None), options.pop("GenerateStringKey", "")
    password = str(part.call("secretsmanager", "GetRandomPassword", **options)["RandomPassword"])
    if template is None:
        return password
    return json.dumps({**json.loads(template), key: password})


KINDS: Mapping[str, Kind] = {
    "AWS::KMS::Key": Kind(
        _make_key,
        _delete_key,
        names(
            "Description KeyUsage KeySpec MultiRegion KeyPolicy EnableKeyRotation "
            "PendingWindowInDays"
        ),
        names("KeyUsage KeySpec MultiRegion"),
        _change_key,
    ),
    "AWS::KMS::Alias": Kind(
        *(_make_alias, _delete_alias, names("AliasName TargetKeyId")),
        *(names("AliasName"), _change_alias),
    ),
    "AWS::SecretsManager::Secret": Kind(
        *(_make_secret, _delete_secret),
        names("Name Description KmsKeyId SecretString GenerateSecretString"),
        names("Name"),
        _change_secret,
    ),
}
