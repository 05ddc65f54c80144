"""What the stage's operations were: releases, evaluations, overrides, baselines and audits.

They stand in the stage's own table and not in a file, because whoever releases next, watches or
rolls back may sit at another machine. Facts are plain JSON and name no visitor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal

from botocore.exceptions import ClientError

from ops.aws import is_error
from ops.errors import RefusedError
from ops.stages import table
from ops.steps import Context

Kind = Literal["release", "evaluation", "override", "baseline", "audit"]

KEPT_DAYS = 400
"""A year, and a month to look back on it from."""
_LOOKED_THROUGH = 500
# DynamoDB's limit is 400 KB for the whole item.
_LONGEST_FACTS = 350_000
_TRIES = 5


def table_name(ctx: Context) -> str:
    """The stage's table of operations, as `infra/tables.yaml` makes it."""
    return table(ctx.stage, "operations")


def write(ctx: Context, kind: Kind, **facts: Any) -> str:
    """Note the facts as of now and return when that was: ISO 8601 in UTC, with microseconds.

    RefusedError without the table, ValueError for facts of over 350,000 characters.
    """
    text = json.dumps(facts, sort_keys=True)
    if len(text) > _LONGEST_FACTS:
        raise ValueError(f"a record of {len(text)} characters: DynamoDB takes 400 KB")
    at = ctx.now()
    for _ in range(_TRIES):
        if _put(ctx, kind, at, text):
            return _iso(at)
        at += timedelta(microseconds=1)
    raise RefusedError(f"{_TRIES} records of {kind} within as many microseconds: run it again")


def latest(ctx: Context, kind: Kind, **equal: Any) -> dict[str, Any] | None:
    """The newest record's facts with `at`, of those whose facts are `equal`; None without any.

    Looks through the newest 500. RefusedError without the table.
    """
    for record in islice(_newest_first(ctx, kind), _LOOKED_THROUGH):
        if all(record.get(name) == value for name, value in equal.items()):
            return record
    return None


def newest(ctx: Context, kind: Kind, limit: int) -> list[dict[str, Any]]:
    """The facts of the newest `limit` records, each with `at`, the newest first."""
    return list(islice(_newest_first(ctx, kind), limit))


def _put(ctx: Context, kind: Kind, at: datetime, text: str) -> bool:
    """Whether it was written; another record may have that moment."""
    gone = int((at + timedelta(days=KEPT_DAYS)).timestamp())
    item = {"kind": {"S": kind}, "at": {"S": _iso(at)}, "facts": {"S": text}}
    try:
        call(
            ctx,
            "put_item",
            Item={**item, "expires_at": {"N": str(gone)}},
            ConditionExpression="attribute_not_exists(kind)",
        )
    except ClientError as error:
        if is_error(error, "ConditionalCheckFailedException"):
            return False
        raise
    return True


def _newest_first(ctx: Context, kind: Kind) -> Iterator[dict[str, Any]]:
    start: dict[str, Any] = {}
    while True:
        page = call(
            ctx,
            "query",
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
            ScanIndexForward=False,
            ConsistentRead=True,
            **start,
        )
        for item in page["Items"]:
            yield {**json.loads(item["facts"]["S"]), "at": item["at"]["S"]}
        if not (last := page.get("LastEvaluatedKey")):
            return
        start = {"ExclusiveStartKey": last}


def call(ctx: Context, operation: str, **request: Any) -> dict[str, Any]:
    """DynamoDB's `operation` on the table; RefusedError says what to do where there is none."""
    try:
        answer: dict[str, Any] = getattr(ctx.clients.dynamodb, operation)(
            TableName=table_name(ctx), **request
        )
    except ClientError as error:
        if not is_error(error, "ResourceNotFoundException"):
            raise
        raise RefusedError(
            f"there is no table {table_name(ctx)}: "
            f"run `python -m ops deploy --stage {ctx.stage}` first"
        ) from error
    return answer


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
