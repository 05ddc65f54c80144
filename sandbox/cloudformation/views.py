"""Stacks, resources, events and change sets as the API describes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.cloudformation.records import Change, ChangeSet, Event, Resource, Stack, Target
from sandbox.cloudformation.template import Template

View = dict[str, Any]


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def stack(found: Stack) -> View:
    view = _head(found) | {
        "RollbackConfiguration": {},
        "DisableRollback": found.disable_rollback,
        "EnableTerminationProtection": found.is_protected,
        "RetainExceptOnCreate": found.retain_except_on_create,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        "NotificationARNs": [],
        "Tags": [],
    }
    if found.change_set_arn:
        view["ChangeSetId"] = found.change_set_arn
    target = found.target
    if target is None:
        return view
    if target.template.description:
        view["Description"] = target.template.description
    outputs = [_output(target.template, *item) for item in found.outputs.items()]
    return view | _asked(target) | ({"Outputs": outputs} if outputs else {})


def stack_summary(found: Stack) -> View:
    summary = _head(found) | {"DriftInformation": {"StackDriftStatus": "NOT_CHECKED"}}
    if found.target and found.target.template.description:
        summary["TemplateDescription"] = found.target.template.description
    return summary


def _head(found: Stack) -> View:
    view: View = {
        "StackId": found.stack_id,
        "StackName": found.name,
        "CreationTime": moment(found.created_at),
        "StackStatus": found.status,
    }
    if found.reason:
        view["StackStatusReason"] = found.reason
    times = {"LastUpdatedTime": found.updated_at, "DeletionTime": found.deleted_at}
    return view | {name: moment(at) for name, at in times.items() if at}


def _asked(target: Target) -> View:
    declared = target.template.declared
    view: View = {
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": declared[name].shown(value)}
            for name, value in target.values.items()
        ],
        "Capabilities": list(target.capabilities),
        "NotificationARNs": list(target.notification_arns),
        "Tags": [{"Key": key, "Value": value} for key, value in target.tags],
    }
    return view | ({"RoleARN": target.role_arn} if target.role_arn else {})


def _output(template: Template, name: str, value: str) -> View:
    view = {"OutputKey": name, "OutputValue": value}
    description = template.outputs.get(name, {}).get("Description")
    return view | ({"Description": description} if description else {})


def event(found: Stack, one: Event) -> View:
    view: View = {
        "StackId": found.stack_id,
        "EventId": one.event_id,
        "StackName": found.name,
        "LogicalResourceId": one.logical_id,
        "PhysicalResourceId": one.physical_id,
        "ResourceType": one.type,
        "Timestamp": moment(one.at),
        "ResourceStatus": one.status,
    }
    if one.reason:
        view["ResourceStatusReason"] = one.reason
    return view | ({"ClientRequestToken": one.token} if one.token else {})


def resource_summary(one: Resource) -> View:
    return _resource(one) | {
        "LastUpdatedTimestamp": moment(one.at),
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def resource_detail(found: Stack, one: Resource) -> View:
    return resource_summary(one) | {"StackId": found.stack_id, "StackName": found.name}


def resource(found: Stack, one: Resource) -> View:
    return _resource(one) | {
        "StackId": found.stack_id,
        "StackName": found.name,
        "Timestamp": moment(one.at),
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def _resource(one: Resource) -> View:
    view: View = {
        "LogicalResourceId": one.logical_id,
        "ResourceType": one.type,
        "ResourceStatus": one.status,
    }
    if one.physical_id:
        view["PhysicalResourceId"] = one.physical_id
    return view | ({"ResourceStatusReason": one.reason} if one.reason else {})


def change_set(found: Stack, one: ChangeSet) -> View:
    return {
        **change_set_summary(found, one),
        **_asked(one.target),
        "RollbackConfiguration": {},
        "OnStackFailure": one.on_failure,
    }


def change_set_summary(found: Stack, one: ChangeSet) -> View:
    view: View = {
        "StackId": found.stack_id,
        "StackName": found.name,
        "ChangeSetId": one.arn,
        "ChangeSetName": one.name,
        "ExecutionStatus": _execution(found, one),
        "Status": one.status,
        "CreationTime": moment(one.created_at),
        "IncludeNestedStacks": False,
    }
    given = {"StatusReason": one.reason, "Description": one.description}
    return view | {name: text for name, text in given.items() if text}


def _execution(found: Stack, one: ChangeSet) -> str:
    """What became of it, as the stack stands."""
    if one.execution != "EXECUTE_COMPLETE" or one.arn != found.change_set_arn:
        return one.execution
    if found.is_busy:
        return "EXECUTE_IN_PROGRESS"
    is_bad = "ROLLBACK" in found.status or found.status.endswith("FAILED")
    return "EXECUTE_FAILED" if is_bad else one.execution


def change(one: Change) -> View:
    about: View = {
        "Action": one.action,
        "LogicalResourceId": one.logical_id,
        "ResourceType": one.type,
        "Scope": list(one.scope),
        "Details": [_detail(name, one.replaced_by) for name in one.properties],
    }
    if one.physical_id:
        about["PhysicalResourceId"] = one.physical_id
    if one.action == "Modify":
        about["Replacement"] = "True" if one.replaced_by else "False"
    return {"Type": "Resource", "ResourceChange": about}


def _detail(name: str, replaced_by: frozenset[str]) -> View:
    recreation = "Always" if name in replaced_by else "Never"
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    return {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


def template_summary(found: Template) -> View:
    """What GetTemplateSummary says; ValidateTemplate says a part of it."""
    view: View = {
        "Parameters": [_declaration(name, each.rules) for name, each in found.declared.items()],
        "ResourceTypes": found.types,
        "Version": "2010-09-09",
        **_capabilities(found),
    }
    if found.metadata is not None:
        view["Metadata"] = str(found.metadata)
    return view | ({"Description": found.description} if found.description else {})


def validated(found: Template) -> View:
    parameters = [_template_parameter(name, each.rules) for name, each in found.declared.items()]
    view: View = {"Parameters": parameters, **_capabilities(found)}
    return view | ({"Description": found.description} if found.description else {})


def _capabilities(found: Template) -> View:
    if not (needed := found.capabilities()):
        return {}
    kinds = ", ".join(kind for kind in found.types if kind.startswith("AWS::IAM::"))
    reason = f"The following resource(s) require capabilities: [{kinds}]"
    return {"Capabilities": needed, "CapabilitiesReason": reason}


def _template_parameter(name: str, rules: Mapping[str, Any]) -> View:
    view: View = {"ParameterKey": name, "NoEcho": str(rules.get("NoEcho", False)).lower() == "true"}
    if "Default" in rules:
        view["DefaultValue"] = str(rules["Default"])
    return view | ({"Description": rules["Description"]} if "Description" in rules else {})


def _declaration(name: str, rules: Mapping[str, Any]) -> View:
    allowed = [str(each) for each in rules.get("AllowedValues", ())]
    constraints = {"AllowedValues": allowed} if allowed else {}
    return _template_parameter(name, rules) | {
        "ParameterType": rules["Type"],
        "ParameterConstraints": constraints,
    }
