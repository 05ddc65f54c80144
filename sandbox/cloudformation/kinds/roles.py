"""IAM roles and the policies put on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names, removed

_NO_SUCH = "NoSuchEntity"


def _make_role(part: Part) -> Made:
    name = part.name("RoleName")
    document = json.dumps(part.get("AssumeRolePolicyDocument"))
    request = part.only("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
    role = part.call(
        "iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=document, **request
    )["Role"]
    part.physical_id = name
    _put_all(part)
    return _role(role)


def _change_role(part: Part) -> Made:
    name = part.physical_id
    document = json.dumps(part.get("AssumeRolePolicyDocument"))
    part.call("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=document)
    part.call("iam", "UpdateRole", RoleName=name, **part.only("Description", "MaxSessionDuration"))
    for policy in removed(part, "Policies", lambda each: each["PolicyName"]):
        _take_policy(part, name, policy["PolicyName"])
    for arn in removed(part, "ManagedPolicyArns", str):
        part.call("iam", "DetachRolePolicy", RoleName=name, PolicyArn=arn)
    _put_all(part)
    return _role(part.call("iam", "GetRole", RoleName=name)["Role"])


def _put_all(part: Part) -> None:
    name = part.physical_id
    for policy in part.get("Policies", []):
        _put_policy(part, name, policy["PolicyName"], policy["PolicyDocument"])
    for arn in part.get("ManagedPolicyArns", []):
        part.call("iam", "AttachRolePolicy", RoleName=name, PolicyArn=arn)


def _delete_role(part: Part) -> None:
    """IAM refuses a role that has a policy which the stack did not put there."""
    name = part.physical_id
    for policy in part.get("Policies", []):
        _take_policy(part, name, policy["PolicyName"])
    for arn in part.get("ManagedPolicyArns", []):
        detach = {"RoleName": name, "PolicyArn": arn}
        gone(lambda detach=detach: part.call("iam", "DetachRolePolicy", **detach), _NO_SUCH)  # type: ignore[misc]
    gone(lambda: part.call("iam", "DeleteRole", RoleName=name), _NO_SUCH)


def _role(role: Mapping[str, Any]) -> Made:
    name = role["RoleName"]
    return Made(f"role {name}", name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _put_role_policy(part: Part) -> Made:
    name = str(part.get("PolicyName"))
    for role in removed(part, "Roles", str):
        _take_policy(part, role, name)
    for role in part.get("Roles", []):
        _put_policy(part, role, name, part.get("PolicyDocument"))
    return Made(f"policy {name}", part.physical_id or part.generated_name())


def _delete_role_policy(part: Part) -> None:
    for role in part.get("Roles", []):
        _take_policy(part, role, str(part.get("PolicyName")))


def _put_policy(part: Part, role: str, name: str, document: Any) -> None:
    text = json.dumps(document)
    part.call("iam", "PutRolePolicy", RoleName=role, PolicyName=name, PolicyDocument=text)


def _take_policy(part: Part, role: str, name: str) -> None:
    gone(
        lambda: part.call("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name),
        _NO_SUCH,
    )


KINDS: Mapping[str, Kind] = {
    "AWS::IAM::Role": Kind(
        *(_make_role, _delete_role),
        names(
            "RoleName AssumeRolePolicyDocument Path Description MaxSessionDuration "
            "PermissionsBoundary Policies ManagedPolicyArns"
        ),
        names("RoleName Path"),
        _change_role,
    ),
    "AWS::IAM::Policy": Kind(
        *(_put_role_policy, _delete_role_policy, names("PolicyName PolicyDocument Roles")),
        *(names("PolicyName"), _put_role_policy),
    ),
}
