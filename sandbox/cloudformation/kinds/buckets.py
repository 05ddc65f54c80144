"""S3 buckets and their policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names

_Put = Callable[[Part, str, Any], None]


def _make(part: Part) -> Made:
    name = part.name("BucketName").lower()
    part.call("s3", "CreateBucket", Bucket=name)
    part.physical_id = name
    for property_name, (put, _) in _SETTINGS.items():
        if value := part.get(property_name):
            put(part, name, value)
    return _made(name)


def _change(part: Part) -> Made:
    name = part.physical_id
    for property_name, (put, take_away) in _SETTINGS.items():
        value = part.get(property_name)
        if value and value != part.before.get(property_name):
            put(part, name, value)
        elif not value and part.before.get(property_name):
            take_away(part, name)
    return _made(name)


def _delete(part: Part) -> None:
    """S3 refuses a bucket that holds anything."""
    gone(lambda: part.call("s3", "DeleteBucket", Bucket=part.physical_id), "NoSuchBucket")


def _made(name: str) -> Made:
    domain = f"{name}.s3.amazonaws.com"
    return Made(name, name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": domain})


def _encrypt(part: Part, bucket: str, value: Mapping[str, Any]) -> None:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        }
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    configuration = {"Rules": rules}
    part.call(
        *("s3", "PutBucketEncryption"),
        Bucket=bucket,
        ServerSideEncryptionConfiguration=configuration,
    )


def _expire(part: Part, bucket: str, value: Mapping[str, Any]) -> None:
    rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
    part.call(
        *("s3", "PutBucketLifecycleConfiguration"),
        Bucket=bucket,
        LifecycleConfiguration={"Rules": rules},
    )


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    known = {"Id", "Status", "Prefix", "ExpirationInDays", "AbortIncompleteMultipartUpload"}
    _refuse(rule, known)
    made = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        made["AbortIncompleteMultipartUpload"] = abort
    return made


def _notify(part: Part, bucket: str, value: Mapping[str, Any]) -> None:
    """EventBridge alone; other destinations would be silent, so they are refused."""
    _refuse(value, {"EventBridgeConfiguration"})
    is_wanted = str(value["EventBridgeConfiguration"]["EventBridgeEnabled"]).lower() == "true"
    configuration: dict[str, Any] = {"EventBridgeConfiguration": {}} if is_wanted else {}
    part.call(
        *("s3", "PutBucketNotificationConfiguration"),
        Bucket=bucket,
        NotificationConfiguration=configuration,
    )


def _refuse(value: Mapping[str, Any], known: set[str]) -> None:
    if others := sorted(value.keys() - known):
        raise ValueError(f"the sandbox does not play {', '.join(others)}")


def _put(operation: str, member: str) -> _Put:
    def put(part: Part, bucket: str, value: Any) -> None:
        part.call("s3", operation, Bucket=bucket, **{member: value})

    return put


def _take_away(operation: str) -> Callable[[Part, str], None]:
    return lambda part, bucket: part.call("s3", operation, Bucket=bucket)


def _notify_nobody(part: Part, bucket: str) -> None:
    _notify(part, bucket, {"EventBridgeConfiguration": {"EventBridgeEnabled": False}})


def _suspend(part: Part, bucket: str) -> None:
    _put("PutBucketVersioning", "VersioningConfiguration")(part, bucket, {"Status": "Suspended"})


_SETTINGS: Mapping[str, tuple[_Put, Callable[[Part, str], None]]] = {
    "BucketEncryption": (_encrypt, _take_away("DeleteBucketEncryption")),
    "LifecycleConfiguration": (_expire, _take_away("DeleteBucketLifecycle")),
    "NotificationConfiguration": (_notify, _notify_nobody),
    "OwnershipControls": (
        _put("PutBucketOwnershipControls", "OwnershipControls"),
        _take_away("DeleteBucketOwnershipControls"),
    ),
    "PublicAccessBlockConfiguration": (
        _put("PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
        _take_away("DeletePublicAccessBlock"),
    ),
    "VersioningConfiguration": (_put("PutBucketVersioning", "VersioningConfiguration"), _suspend),
}


def _put_policy(part: Part) -> Made:
    bucket = str(part.get("Bucket"))
    policy = json.dumps(part.get("PolicyDocument"))
    part.call("s3", "PutBucketPolicy", Bucket=bucket, Policy=policy)
    return Made(f"policy of {bucket}", bucket)


def _delete_policy(part: Part) -> None:
    gone(lambda: part.call("s3", "DeleteBucketPolicy", Bucket=part.physical_id), "NoSuchBucket")


KINDS: Mapping[str, Kind] = {
    "AWS::S3::Bucket": Kind(
        *(_make, _delete, names(f"BucketName {' '.join(_SETTINGS)}"), names("BucketName"), _change)
    ),
    "AWS::S3::BucketPolicy": Kind(
        *(_put_policy, _delete_policy, names("Bucket PolicyDocument"), names("Bucket")),
        _put_policy,
    ),
}
