"""The operations of `connect` that set an instance up: flows, bots and storage."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.connect import flow as language
from sandbox.connect.clients import ClientOf
from sandbox.connect.instances import MOST_FLOWS, Instances, SavedFlow, SetUp, not_found
from sandbox.connect.names import Instance

_ALIAS_ARN = re.compile(r"arn:aws:lex:[a-z0-9-]+:\d{12}:bot-alias/([0-9A-Z]{10})/([0-9A-Z]{10})")
_PAGE = 100


class Administration:
    """Over the same instances as the calls; `client_of` is asked whether a bot's alias is there."""

    def __init__(self, instances: Instances, client_of: ClientOf) -> None:
        self._instances, self._client_of = instances, client_of

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateContactFlow": self._create_flow,
            "UpdateContactFlowContent": self._update_content,
            "UpdateContactFlowMetadata": self._update_metadata,
            "DeleteContactFlow": self._delete_flow,
            "DescribeContactFlow": self._describe_flow,
            "ListContactFlows": self._list_flows,
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

    def _create_flow(self, params: Params) -> Params:
        set_up = self._instances.find(params)
        name, content = params["Name"], params["Content"]
        flow = _checked(set_up, content)
        with self._instances.lock:
            _refuse_taken_name(set_up, name)
            if len(set_up.flows) >= MOST_FLOWS:
                raise ApiError("LimitExceededException", "Too many contact flows", 429)
            about = (name, params["Type"], params.get("Description", ""), content, flow)
            saved = SavedFlow(str(uuid.uuid4()), *about)
            set_up.flows[saved.id] = saved
        arn = set_up.instance.flow_arn(saved.id)
        return {"ContactFlowId": saved.id, "ContactFlowArn": arn, **_digest(content)}

    def _update_content(self, params: Params) -> Params:
        saved = self._instances.flow(params)
        flow = _checked(self._instances.find(params), params["Content"])
        with self._instances.lock:
            saved.content, saved.flow = params["Content"], flow
        return {}

    def _update_metadata(self, params: Params) -> Params:
        saved, set_up = self._instances.flow(params), self._instances.find(params)
        with self._instances.lock:
            if "Name" in params and params["Name"] != saved.name:
                _refuse_taken_name(set_up, params["Name"])
            saved.name = params.get("Name", saved.name)
            saved.description = params.get("Description", saved.description)
            saved.state = params.get("ContactFlowState", saved.state)
        return {}

    def _delete_flow(self, params: Params) -> Params:
        saved = self._instances.flow(params)
        with self._instances.lock:
            self._instances.find(params).flows.pop(saved.id, None)
        return {}

    def _describe_flow(self, params: Params) -> Params:
        instance, saved = self._instances.find(params).instance, self._instances.flow(params)
        about = {"Type": saved.type, "State": saved.state, "Status": "PUBLISHED"}
        described = {
            **{"Id": saved.id, "Arn": instance.flow_arn(saved.id), "Name": saved.name, **about},
            **{"Content": saved.content, **_digest(saved.content)},
        }
        if saved.description:
            described["Description"] = saved.description
        return {"ContactFlow": described}

    def _list_flows(self, params: Params) -> Params:
        set_up, wanted = self._instances.find(params), params.get("ContactFlowTypes")
        with self._instances.lock:
            flows = [each for each in set_up.flows.values() if not wanted or each.type in wanted]
        found, token = _page(flows, params)
        summaries = [_flow_summary(set_up.instance, each) for each in found]
        return {"ContactFlowSummaryList": summaries, **token}

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
        found, token = _page(bots, params)
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


def _checked(set_up: SetUp, content: str) -> language.Flow:
    """The flow; ApiError InvalidContactFlowException with all that is wrong with it."""
    problems: Sequence[str]
    try:
        flow = language.parse(content)
    except language.FlowError as exc:
        problems = [str(exc)]
    else:
        aliases = sorted(language.bot_aliases(flow))
        problems = [f"The instance may not use {arn}" for arn in aliases if arn not in set_up.bots]
        if len(aliases) > 1:
            problems = [*problems, "the sandbox plays one bot per flow"]
    if problems:
        details: Any = [{"message": problem} for problem in problems]
        message = "; ".join(problems)
        raise ApiError("InvalidContactFlowException", message, 400, problems=details)
    return flow


def _refuse_taken_name(set_up: SetUp, name: str) -> None:
    if any(each.name == name for each in set_up.flows.values()):
        raise ApiError("DuplicateResourceException", f"There is a contact flow {name}", 409)


def _flow_summary(instance: Instance, saved: SavedFlow) -> Params:
    return {
        "Id": saved.id,
        "Arn": instance.flow_arn(saved.id),
        "Name": saved.name,
        "ContactFlowType": saved.type,
        "ContactFlowState": saved.state,
        "ContactFlowStatus": "PUBLISHED",
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


def _digest(content: str) -> dict[str, str]:
    return {"FlowContentSha256": hashlib.sha256(content.encode()).hexdigest()}


def _page(items: Sequence[Any], params: Params) -> tuple[list[Any], Params]:
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise ApiError("InvalidRequestException", "NextToken is not valid")
    start, size = int(token), params.get("MaxResults", _PAGE)
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return list(items[start : start + size]), more
