"""What a destroyed stage's stacks leave behind on purpose: tables, recordings, secrets, the key.

Retained against an accident, and removed here because somebody typed the stage's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ops import stack_outputs
from ops.aws import found, is_error, pages
from ops.code import records_folder
from ops.stages import APP
from ops.steps import Context

KEY_DAYS = 7
"""The shortest that KMS takes: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"""
_TABLE_LIMIT_SECONDS = 600
_MISSING = ("NoSuchEntity", "NotFoundException", "ResourceNotFoundException", "NoSuchBucket")


def unless_missing(operation: Callable[..., Any], **params: Any) -> Any:
    """The operation's answer, or None when AWS says that there is no such thing."""
    try:
        return operation(**params)
    except ClientError as error:
        if is_error(error, *_MISSING):
            return None
        raise


def _prefix(ctx: Context) -> str:
    return f"{APP}-{ctx.stage}-"


def keys(ctx: Context) -> list[str]:
    """The stage's key, found by its alias, unless its deletion is scheduled already."""
    kms, alias = ctx.clients.of("kms"), f"alias/{APP}-{ctx.stage}"
    answer = unless_missing(kms.describe_key, KeyId=alias)
    key = answer["KeyMetadata"] if answer else {}
    return [key["KeyId"]] if key and key["KeyState"] != "PendingDeletion" else []


def schedule_key(ctx: Context, key_id: str) -> None:
    """KMS deletes no key at once."""
    ctx.clients.of("kms").schedule_key_deletion(KeyId=key_id, PendingWindowInDays=KEY_DAYS)


def tables(ctx: Context) -> list[str]:
    """The stage's tables, page by page in DynamoDB's own style."""
    params: dict[str, Any] = {}
    names: list[str] = []
    while True:
        page = ctx.clients.dynamodb.list_tables(**params)
        names += page["TableNames"]
        if "LastEvaluatedTableName" not in page:
            return [name for name in names if name.startswith(_prefix(ctx))]
        params = {"ExclusiveStartTableName": page["LastEvaluatedTableName"]}


def remove_table(ctx: Context, name: str) -> None:
    """Without point-in-time recovery first: with it DynamoDB keeps a backup for 35 days."""
    dynamodb = ctx.clients.dynamodb
    if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        _wait_for_table(ctx, name, "ACTIVE")
    dynamodb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )
    dynamodb.delete_table(TableName=name)
    _wait_for_table(ctx, name)


def _wait_for_table(ctx: Context, name: str, wanted: str = "") -> None:
    """Until the table has that status or is gone."""

    def state() -> str:
        now = found(ctx.clients.dynamodb.describe_table, TableName=name)
        status = str(now["Table"]["TableStatus"]) if now else ""
        return "" if status == wanted else status

    ctx.waiter.until(f"table {name}", _TABLE_LIMIT_SECONDS, state)


def buckets(ctx: Context) -> list[str]:
    """The stage's buckets of this account, whose number ends their names."""
    prefix = f"{_prefix(ctx)}recordings-"
    listed = ctx.clients.of("s3").list_buckets().get("Buckets", [])
    return [bucket["Name"] for bucket in listed if bucket["Name"].startswith(prefix)]


def remove_bucket(ctx: Context, name: str) -> None:
    """Empty it, whatever versions or unfinished uploads it may hold, and delete it."""
    s3 = ctx.clients.of("s3")
    while objects := list(_objects(s3, name)):
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
        if failed := answer.get("Errors"):
            raise ClientError({"Error": failed[0]}, "DeleteObjects")
    for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=name)


def _objects(s3: Any, name: str) -> Iterator[dict[str, str]]:
    """The first thousand."""
    page = s3.list_object_versions(Bucket=name, MaxKeys=1000)
    for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
        yield {"Key": item["Key"], "VersionId": item["VersionId"]}


def secrets(ctx: Context) -> list[str]:
    """The stage's secrets that are not deleted yet."""
    prefix = f"{APP}/{ctx.stage}/"
    filters = [{"Key": "name", "Values": [prefix]}]
    listed = pages(ctx.clients.of("secretsmanager").list_secrets, "SecretList", Filters=filters)
    return [each["Name"] for each in listed if each["Name"].startswith(prefix)]


def remove_secret(ctx: Context, name: str) -> None:
    """At once: a name in its recovery window could not be made again by the next deployment."""
    ctx.clients.of("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def jobs(ctx: Context) -> list[str]:
    """Transcription jobs of the stage's calls."""
    operation = ctx.clients.of("transcribe").list_transcription_jobs
    listed = pages(operation, "TranscriptionJobSummaries", JobNameContains=_prefix(ctx))
    names = (job["TranscriptionJobName"] for job in listed)
    return [name for name in names if name.startswith(_prefix(ctx))]


def remove_job(ctx: Context, name: str) -> None:
    ctx.clients.of("transcribe").delete_transcription_job(TranscriptionJobName=name)


def log_groups(ctx: Context) -> list[str]:
    """Of functions and of the workflow."""
    operation = ctx.clients.of("logs").describe_log_groups
    prefixes = [f"{start}{_prefix(ctx)}" for start in ("/aws/lambda/", "/aws/vendedlogs/states/")]
    groups = (pages(operation, "logGroups", logGroupNamePrefix=prefix) for prefix in prefixes)
    return [group["logGroupName"] for listed in groups for group in listed]


def remove_log_group(ctx: Context, name: str) -> None:
    ctx.clients.of("logs").delete_log_group(logGroupName=name)


def notes(ctx: Context) -> list[str]:
    """What `ops deploy` and Chalice wrote down of the stage."""
    record = records_folder() / f"{ctx.stage}.json"
    noted = stack_outputs.outputs_file()
    is_noted = bool(stack_outputs.noted(ctx.stage))
    return [*([str(record)] if record.exists() else []), *([str(noted)] if is_noted else [])]


def remove_note(ctx: Context, path: str) -> None:
    if Path(path) == stack_outputs.outputs_file():
        stack_outputs.note(ctx.stage, {})
    else:
        Path(path).unlink()
