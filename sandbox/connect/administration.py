"""The operations of `connect` that set an instance up: bots and storage, and flows beside them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from botocore.exceptions import ClientError

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.connect.clients import ClientOf
from sandbox.connect.flow_operations import FlowOperations, page
from sandbox.connect.instances import Instances, SetUp, not_found

_ALIAS_ARN = re.compile(r"arn:aws:lex:[a-z0-9-]+:\d{12}:bot-alias/([0-9A-Z]{10})/([0-9A-Z]{10})")


class Administration:
    """Over the same instances as the calls; `client_of` is asked whether a bot's alias is there."""

    def __init__(self, instances: Instances, client_of: ClientOf) -> None:
        self._instances, self._client_of = instances, client_of
        self._flows = FlowOperations(instances)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            **self._flows.operations,
            "AssociateBot": self._associate_bot,
            "DisassociateBot": self._disassociate_bot,
            "ListBots": self._list_bots,
            "AssociateInstanceStorageConfig": self._associate_storage,
            "UpdateInstanceStorageConfig": self._update_storage,
            "DisassociateInstanceStorageConfig": self._disassociate_storage,
            "DescribeInstanceStorageConfig": self._describe_storage,
            "ListInstanceStorageConfigs": self._list_storage,
            "DescribeInstance": self._describe_instance,
        }

    def _associate_bot(self, params: Params) -> Params:
        """Lex V2 alone; ResourceConflictException for a bot that the instance has already."""
        set_up, arn = self._instances.find(params), _alias_arn(params)
        self._require_alias(arn)
        with self._instances.lock:
            if arn in set_up.bots:
                raise ApiError("ResourceConflictException", "The bot is associated already", 409)
            set_up.bots.append(arn)
        return {}

    def _require_alias(self, arn: str) -> None:
        match = _ALIAS_ARN.fullmatch(arn)
        if match is None:
            raise ApiError("InvalidRequestException", f"{arn} is no ARN of a Lex V2 bot alias")
        lex = self._client_of("lexv2-models")
        try:
            lex.describe_bot_alias(botId=match[1], botAliasId=match[2])
        except ClientError as exc:
            raise not_found("Lex bot alias not found") from exc

    def _disassociate_bot(self, params: Params) -> Params:
        set_up, arn = self._instances.find(params), _alias_arn(params)
        with self._instances.lock:
            if arn not in set_up.bots:
                raise not_found("The bot is not associated")
            set_up.bots.remove(arn)
        return {}

    def _list_bots(self, params: Params) -> Params:
        set_up = self._instances.find(params)
        bots = list(set_up.bots) if params["LexVersion"] == "V2" else []
        found, token = page(bots, params)
        return {"LexBots": [{"LexV2Bot": {"AliasArn": arn}} for arn in found], **token}

    def _associate_storage(self, params: Params) -> Params:
        """One place for each kind; ResourceConflictException for a second one."""
        set_up, kind = self._instances.find(params), params["ResourceType"]
        with self._instances.lock:
            if kind in set_up.storage:
                message = f"The instance has a storage config of {kind} already"
                raise ApiError("ResourceConflictException", message, 409)
            association = uuid.uuid4().hex
            set_up.storage[kind] = (association, _config(params))
        return {"AssociationId": association}

    def _update_storage(self, params: Params) -> Params:
        with self._instances.lock:
            set_up, kind, association = self._stored(params)
            set_up.storage[kind] = (association, _config(params))
        return {}

    def _disassociate_storage(self, params: Params) -> Params:
        with self._instances.lock:
            set_up, kind, _ = self._stored(params)
            del set_up.storage[kind]
        return {}

    def _describe_storage(self, params: Params) -> Params:
        with self._instances.lock:
            set_up, kind, association = self._stored(params)
            config = set_up.storage[kind][1]
        return {"StorageConfig": {**config, "AssociationId": association}}

    def _list_storage(self, params: Params) -> Params:
        set_up = self._instances.find(params)
        stored = set_up.storage.get(params["ResourceType"])
        return {"StorageConfigs": [{**stored[1], "AssociationId": stored[0]}] if stored else []}

    def _stored(self, params: Params) -> tuple[SetUp, str, str]:
        set_up, kind = self._instances.find(params), params["ResourceType"]
        association, _ = set_up.storage.get(kind, ("", {}))
        if association != params["AssociationId"]:
            raise not_found("Storage config not found")
        return set_up, kind, association

    def _describe_instance(self, params: Params) -> Params:
        instance = self._instances.find(params).instance
        return {
            "Instance": {
                "Id": instance.id,
                "Arn": instance.arn,
                "InstanceAlias": instance.alias,
                "IdentityManagementType": "CONNECT_MANAGED",
                "InstanceStatus": "ACTIVE",
                "InboundCallsEnabled": False,
                "OutboundCallsEnabled": True,
            }
        }


def _alias_arn(params: Params) -> str:
    if "AliasArn" not in (params.get("LexV2Bot") or {}):
        raise ApiError("InvalidRequestException", "The sandbox knows bots of Lex V2 alone")
    return str(params["LexV2Bot"]["AliasArn"])


def _config(params: Params) -> Params:
    config: Params = params["StorageConfig"]
    if config["StorageType"] != "S3" or "S3Config" not in config:
        raise ApiError("InvalidRequestException", "The sandbox stores in S3 alone")
    return {name: value for name, value in config.items() if name != "AssociationId"}
