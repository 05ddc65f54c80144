"""Who may invoke a function's alias `live`: its resource policy, one statement per caller."""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from ops.aws import found, is_error
from ops.stages import LIVE, function_name
from ops.steps import Context


def statement_ids(ctx: Context, function: str) -> set[str]:
    """The ids of the statements on the function's `live`; none before its first release."""
    answer = found(ctx.clients.lambda_.get_policy, **_target(ctx, function))
    statements = json.loads(answer["Policy"])["Statement"] if answer else []
    return {statement.get("Sid", "") for statement in statements}


def permit(ctx: Context, function: str, statement_id: str, caller: Mapping[str, str]) -> None:
    """Let `caller` (Principal, SourceArn, ...) invoke the function's `live`; again is no error."""
    try:
        ctx.clients.lambda_.add_permission(
            **_target(ctx, function),
            StatementId=statement_id,
            Action="lambda:InvokeFunction",
            **caller,
        )
    except ClientError as error:
        # Another release was quicker; the same id means the same statement.
        if not is_error(error, "ResourceConflictException"):
            raise


def _target(ctx: Context, function: str) -> dict[str, str]:
    return {"FunctionName": function_name(ctx.stage, function), "Qualifier": LIVE}
