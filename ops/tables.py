"""The release's look at the tables: an app without them answers, but every turn asks a model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import is_error
from ops.errors import RefusedError
from ops.stages import table
from ops.steps import Context, Done
from ops.together import each

_SUFFIX = "_TABLE"
# The table of the models is JSON, and none of DynamoDB's.
_NONE_OF_DYNAMODB = frozenset(("MODEL_TABLE",))


def find_tables(ctx: Context, configurations: Mapping[str, dict[str, Any]]) -> Done[None]:
    """RefusedError names every table that is not there of those that functions and ops use."""
    used = {name for c in configurations.values() for name in _tables(c)}
    tables = sorted({*used, table(ctx.stage, "operations")})
    are_there = each(partial(_is_there, ctx), tables)
    if missing := [t for t, is_there in zip(tables, are_there, strict=True) if not is_there]:
        raise RefusedError(
            f"there is no table {', '.join(missing)}: deploy infra/tables.yaml with "
            f"Stage={ctx.stage} first. Nothing has moved."
        )
    return Done(None, ", ".join(tables) or "none needed")


def _tables(configuration: Mapping[str, Any]) -> list[str]:
    variables = configuration.get("Environment", {}).get("Variables", {})
    names = (n for n in variables if n.endswith(_SUFFIX) and n not in _NONE_OF_DYNAMODB)
    return [variables[name] for name in names]


def _is_there(ctx: Context, table: str) -> bool:
    try:
        ctx.clients.dynamodb.describe_table(TableName=table)
    except ClientError as error:
        if is_error(error, "ResourceNotFoundException"):
            return False
        raise
    return True
