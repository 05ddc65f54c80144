"""Resource policies, one per function and qualifier, as AWS keeps them.

moto keeps one policy for a function and all its versions, puts the version and the alias into one
ARN, and takes a statement id twice; so the three operations are ours.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.lambda_service.functions import LATEST, FunctionDirectory

_Key = tuple[int, str | None]


class Policies:
    """AddPermission, GetPolicy and RemovePermission, and the question whether a call is allowed."""

    def __init__(self, directory: FunctionDirectory) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._statements: dict[_Key, list[dict[str, Any]]] = {}
        self._revisions: dict[_Key, str] = {}
        self.operations: dict[str, Operation] = {
            "AddPermission": self.add,
            "GetPolicy": self.get,
            "RemovePermission": self.remove,
        }

    def add(self, params: Params) -> Params:
        """Add a statement to the policy of exactly that function and qualifier."""
        key, arn = self._key(params)
        if key[1] == LATEST:
            raise ApiError(
                "InvalidParameterValueException",
                "We currently do not support adding policies for $LATEST.",
            )
        statement = _statement(params, arn)
        with self._lock:
            statements = self._statements.setdefault(key, [])
            if any(one["Sid"] == statement["Sid"] for one in statements):
                raise ApiError(
                    "ResourceConflictException",
                    f"The statement id ({statement['Sid']}) provided already exists. Please "
                    "provide a new statement id, or remove the existing statement.",
                    409,
                )
            self._check_revision(key, params)
            statements.append(statement)
            self._revisions[key] = str(uuid.uuid4())
        return {"Statement": json.dumps(statement)}

    def get(self, params: Params) -> Params:
        key, _ = self._key(params)
        with self._lock:
            statements = list(self._statements.get(key, ()))
            if not statements:
                raise _no_policy()
            policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
            return {"Policy": json.dumps(policy), "RevisionId": self._revisions[key]}

    def remove(self, params: Params) -> Params:
        key, _ = self._key(params)
        sid = params["StatementId"]
        with self._lock:
            statements = self._statements.get(key, [])
            if not statements:
                raise _no_policy()
            self._check_revision(key, params)
            kept = [one for one in statements if one["Sid"] != sid]
            if len(kept) == len(statements):
                message = f"Statement {sid} is not found in resource policy."
                raise ApiError("ResourceNotFoundException", message, 404)
            self._statements[key] = kept
            self._revisions[key] = str(uuid.uuid4())
        return {}

    def forget(self, function_name: str, qualifier: str) -> None:
        """Drop the policy of an alias or version that was deleted."""
        with self._lock:
            key = (self._directory.incarnation(function_name), qualifier)
            self._statements.pop(key, None)

    def allows(self, function_arn: str, principal: str, source_arn: str) -> bool:
        """Whether the policy of that very ARN lets the service invoke for that source."""
        try:
            reference = self._directory.parse(function_arn)
            self._directory.target(function_arn)
            qualifier = None if reference.qualifier == LATEST else reference.qualifier
            key = (self._directory.incarnation(reference.name), qualifier)
        except ApiError:
            return False
        with self._lock:
            statements = list(self._statements.get(key, ()))
        account = (source_arn.split(":") + [""] * 5)[4] or self._directory.account
        return any(_allows(one, principal, source_arn, account) for one in statements)

    def _key(self, params: Params) -> tuple[_Key, str]:
        reference = self._directory.parse(params["FunctionName"], params.get("Qualifier"))
        if self._directory.alias(reference) is None:
            self._directory.stored(reference)
        incarnation = self._directory.incarnation(reference.name)
        arn = self._directory.arn(reference.name, reference.qualifier)
        return (incarnation, reference.qualifier), arn

    def _check_revision(self, key: _Key, params: Params) -> None:
        wanted = params.get("RevisionId")
        if wanted and wanted != self._revisions.get(key):
            raise precondition_failed()


def precondition_failed() -> ApiError:
    return ApiError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
        Type="User",
    )


def _no_policy() -> ApiError:
    message = "The resource you requested does not exist."
    return ApiError("ResourceNotFoundException", message, 404, Type="User")


def _statement(params: Params, arn: str) -> dict[str, Any]:
    statement = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": arn,
    }
    equals = {}
    if account := params.get("SourceAccount"):
        equals["AWS:SourceAccount"] = account
    if organisation := params.get("PrincipalOrgID"):
        equals["aws:PrincipalOrgID"] = organisation
    condition: dict[str, Any] = {"StringEquals": equals} if equals else {}
    if source := params.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": source}
    return {**statement, "Condition": condition} if condition else statement


def _principal(principal: str) -> str | dict[str, str]:
    if principal == "*":
        return principal
    if principal.endswith(".amazonaws.com"):
        return {"Service": principal}
    return {"AWS": principal if ":" in principal else f"arn:aws:iam::{principal}:root"}


def _allows(statement: dict[str, Any], principal: str, source: str, account: str) -> bool:
    if statement["Action"] not in ("lambda:InvokeFunction", "lambda:*"):
        return False
    if statement["Principal"] not in ("*", {"Service": principal}):
        return False
    facts = {"aws:sourceaccount": account}
    condition = statement.get("Condition", {})
    equal = condition.get("StringEquals", {})
    like = condition.get("ArnLike", {})
    return all(facts.get(name.lower()) == value for name, value in equal.items()) and all(
        _arn_like(source, pattern) for pattern in like.values()
    )


def _arn_like(arn: str, pattern: str) -> bool:
    """ArnLike: each of the six parts by itself, `*` and `?` within a part (IAM user guide)."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(_glob, parts, patterns))


def _glob(text: str, pattern: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None
