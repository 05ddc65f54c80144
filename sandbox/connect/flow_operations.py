"""The operations of `connect` on contact flows: made, changed, published and gone."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.connect import flow as language
from sandbox.connect.instances import MOST_FLOWS, Instances, SavedFlow, SetUp
from sandbox.connect.names import Instance

_PAGE = 100


class FlowOperations:
    """CreateContactFlow to ListContactFlows; every flow is published as soon as it is saved."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateContactFlow": self._create_flow,
            "UpdateContactFlowContent": self._update_content,
            "UpdateContactFlowMetadata": self._update_metadata,
            "DeleteContactFlow": self._delete_flow,
            "DescribeContactFlow": self._describe_flow,
            "ListContactFlows": self._list_flows,
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
        found, token = page(flows, params)
        summaries = [_flow_summary(set_up.instance, each) for each in found]
        return {"ContactFlowSummaryList": summaries, **token}


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


def _digest(content: str) -> dict[str, str]:
    return {"FlowContentSha256": hashlib.sha256(content.encode()).hexdigest()}


def page(items: Sequence[Any], params: Params) -> tuple[list[Any], Params]:
    """The items after NextToken, and the member that leads to the next page."""
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise ApiError("InvalidRequestException", "NextToken is not valid")
    start, size = int(token), params.get("MaxResults", _PAGE)
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return list(items[start : start + size]), more
