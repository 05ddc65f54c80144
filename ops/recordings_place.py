"""A Connect instance has one place for call recordings; whose it is, before a stack asks for it.

An instance made in the console has one already, in a bucket of AWS's naming, and
AssociateInstanceStorageConfig "associates a storage resource type for the first time":
https://docs.aws.amazon.com/connect/latest/APIReference/API_AssociateInstanceStorageConfig.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.errors import RefusedError
from ops.stages import APP
from ops.steps import Context
from ops.team import team

KIND = "CALL_RECORDINGS"


def refuse_anothers_recordings(ctx: Context) -> None:
    """RefusedError where the team's instance puts recordings into a bucket that is not ours."""
    instance = team(ctx.stage).connect_instance_id
    given = ctx.clients.of("connect").list_instance_storage_configs(
        InstanceId=instance, ResourceType=KIND
    )
    for config in given["StorageConfigs"]:
        bucket = _bucket(config)
        if not bucket.startswith(f"{APP}-{ctx.stage}-recordings-"):
            raise RefusedError(_explained(ctx.stage, instance, config["AssociationId"], bucket))


def _bucket(config: Mapping[str, Any]) -> str:
    return str(config.get("S3Config", {}).get("BucketName", config["StorageType"]))


def _explained(stage: str, instance: str, association: str, bucket: str) -> str:
    return (
        f"the Connect instance keeps call recordings in {bucket}, and it has one place for them. "
        f"If nobody else needs them there: aws connect disassociate-instance-storage-config "
        f"--instance-id {instance} --resource-type {KIND} --association-id {association}; "
        f"recordings made so far stay in their bucket. Else give stage {stage} an instance of its "
        "own in ops/team.toml"
    )
