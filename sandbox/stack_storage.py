"""Makes what keeps data: tables, keys, buckets and secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.stack_parts import Made, Maker, Part


def _table(part: Part) -> Made:
    dynamodb = part.client_of("dynamodb")
    request = part.only(
        *("BillingMode", "AttributeDefinitions", "KeySchema", "ProvisionedThroughput"),
        *("GlobalSecondaryIndexes", "LocalSecondaryIndexes", "DeletionProtectionEnabled"),
    )
    if encryption := part.take("SSESpecification"):
        enabled = {"Enabled": encryption["SSEEnabled"]}
        others = {name: value for name, value in encryption.items() if name != "SSEEnabled"}
        request["SSESpecification"] = enabled | others
    if stream := part.take("StreamSpecification"):
        request["StreamSpecification"] = {"StreamEnabled": True, **stream}
    name = str(part.take("TableName", part.logical_id))
    arn = dynamodb.create_table(TableName=name, **request)["TableDescription"]["TableArn"]
    if expiry := part.take("TimeToLiveSpecification"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    if recovery := part.take("PointInTimeRecoverySpecification"):
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification=recovery
        )
    return Made(name, name, {"Arn": arn})


def _key(part: Part) -> Made:
    kms = part.client_of("kms")
    request = part.only("Description", "KeyUsage", "KeySpec", "MultiRegion")
    if policy := part.take("KeyPolicy"):
        request["Policy"] = json.dumps(policy)
    metadata = kms.create_key(**request)["KeyMetadata"]
    if part.take("EnableKeyRotation"):
        kms.enable_key_rotation(KeyId=metadata["KeyId"])
    part.take("PendingWindowInDays")
    return Made(f"key {part.logical_id}", metadata["KeyId"], {"Arn": metadata["Arn"]})


def _alias(part: Part) -> Made:
    name = str(part.take("AliasName"))
    part.client_of("kms").create_alias(AliasName=name, TargetKeyId=part.take("TargetKeyId"))
    return Made(name, name)


def _bucket(part: Part) -> Made:
    s3 = part.client_of("s3")
    name = str(part.take("BucketName"))
    s3.create_bucket(Bucket=name)
    for property_name, put in _BUCKET_SETTINGS.items():
        if value := part.take(property_name):
            put(s3, name, value)
    return Made(name, name, {"Arn": f"arn:aws:s3:::{name}"})


def _encrypt(s3: Any, bucket: str, value: Mapping[str, Any]) -> None:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        }
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    configuration = {"Rules": rules}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration)


def _expire(s3: Any, bucket: str, value: Mapping[str, Any]) -> None:
    rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    made = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        days = int(abort["DaysAfterInitiation"])
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    return made


def _notify(s3: Any, bucket: str, value: Mapping[str, Any]) -> None:
    """EventBridge alone; other destinations would be silent, so they are refused."""
    others = set(value) - {"EventBridgeConfiguration"}
    if others:
        raise ValueError(f"the sandbox does not play {', '.join(sorted(others))}")
    if value["EventBridgeConfiguration"]["EventBridgeEnabled"]:
        configuration: dict[str, Any] = {"EventBridgeConfiguration": {}}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration
        )


def _own(s3: Any, bucket: str, value: Mapping[str, Any]) -> None:
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=value)


def _block(s3: Any, bucket: str, value: Mapping[str, Any]) -> None:
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=value)


def _version(s3: Any, bucket: str, value: Mapping[str, Any]) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=value)


_BUCKET_SETTINGS = {
    "BucketEncryption": _encrypt,
    "LifecycleConfiguration": _expire,
    "NotificationConfiguration": _notify,
    "OwnershipControls": _own,
    "PublicAccessBlockConfiguration": _block,
    "VersioningConfiguration": _version,
}


def _bucket_policy(part: Part) -> Made:
    bucket = str(part.take("Bucket"))
    policy = json.dumps(part.take("PolicyDocument"))
    part.client_of("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    return Made(f"policy of {bucket}", bucket)


def _secret(part: Part) -> Made:
    """Without a value where the template gives none: a person or `ops` fills it in."""
    secrets = part.client_of("secretsmanager")
    name = str(part.take("Name", part.logical_id))
    request = part.only("Description", "KmsKeyId", "SecretString")
    if generated := part.take("GenerateSecretString"):
        request["SecretString"] = _generated(secrets, dict(generated))
    arn = secrets.create_secret(Name=name, **request)["ARN"]
    return Made(name, arn, {"Id": arn})


def _generated(secrets: Any, options: dict[str, Any]) -> str:
    template, key = options.pop("SecretStringTemplate", None), options.pop("GenerateStringKey", "")
    password = str(secrets.get_random_password(**options)["RandomPassword"])
    if template is None:
        return password
    return json.dumps({**json.loads(template), key: password})


MAKERS: Mapping[str, Maker] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::KMS::Alias": _alias,
    "AWS::KMS::Key": _key,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SecretsManager::Secret": _secret,
}
