"""`python -m ops leads`: what was given up after its last retry, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.dynamodb import ConditionFailedError, attributes, plain
from chalicelib.pending_work import Kind
from ops.desk import Desk
from ops.errors import RefusedError
from ops.stages import CREATE_LEAD, ERASE_LEAD, UPDATE_LEAD

DISCARDED_SECONDS = 7 * 86_400
"""How long a discarded lead stays, for whoever was too quick."""
GIVEN_UP: tuple[Kind, ...] = ("start", "summary", "callback", "update", "parked")
"""What is not carried out any more once a lead is discarded; a deletion always is."""
# These are nobody's work but recovery's: a row of their own kind brings them back.
_BACK_TO_RECOVERY: dict[str, Kind] = {"start": "start", "summary": "summary"}


@dataclass(frozen=True, slots=True)
class Parked:
    """One row. `since` in epoch seconds; `reason`: the step or the work that was given up."""

    interaction_id: str
    reason: str
    error: str
    since: float


def parked(desk: Desk) -> list[Parked]:
    """Every parked row, the longest waiting first."""
    rows: list[Parked] = []
    start: dict[str, Any] = {}
    while True:
        answer = desk.pending.table.call(
            "query",
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues=attributes({":kind": "parked"}),
            ConsistentRead=True,
            **start,
        )
        rows += [_row(plain(item)) for item in answer["Items"]]
        if not (last := answer.get("LastEvaluatedKey")):
            return sorted(rows, key=lambda row: row.since)
        start = {"ExclusiveStartKey": last}


def chosen(desk: Desk, ids: Sequence[str]) -> list[Parked]:
    """The rows of those ids, or all; RefusedError names the first id that is not parked."""
    rows = {row.interaction_id: row for row in parked(desk)}
    if missing := [each for each in ids if each not in rows]:
        raise RefusedError(f"{missing[0]} is not parked; see `python -m ops leads list`")
    return [rows[each] for each in ids] if ids else list(rows.values())


def replay(desk: Desk, row: Parked) -> str:
    """Carry it out now and remove the row; what came of it.

    RefusedError when a step fails again; the row stays.
    """
    payload = {"interaction_id": row.interaction_id}
    if kind := _BACK_TO_RECOVERY.get(row.reason):
        desk.pending.put(kind, row.interaction_id, desk.clock(), "replayed")
        outcome = "given back to recover_leads"
    elif row.reason == "erase":
        outcome = desk.run(ERASE_LEAD, payload)
    else:
        created = desk.run(CREATE_LEAD, payload)
        outcome = f"{created}, {desk.run(UPDATE_LEAD, payload)}"
    desk.pending.done("parked", row.interaction_id)
    return outcome


def discard(desk: Desk, row: Parked, reason: str) -> str:
    """Note why nobody will carry it out, and let the lead's item expire.

    RefusedError for a deletion: that is owed to the person.
    """
    if row.reason == "erase":
        raise RefusedError(f"{row.interaction_id} is a deletion, which cannot be discarded: replay")
    now = desk.clock()
    try:
        desk.leads.table.call(
            "update_item",
            Key=attributes({"interaction_id": row.interaction_id}),
            UpdateExpression="SET discarded_at = :now, discard_reason = :why, expires_at = :gone",
            ConditionExpression="attribute_exists(interaction_id)",
            ExpressionAttributeValues=attributes(
                {":now": now, ":why": reason, ":gone": int(now) + DISCARDED_SECONDS}
            ),
        )
        outcome = "expires in 7 days"
    except ConditionFailedError:
        outcome = "was gone already"
    for kind in GIVEN_UP:
        desk.pending.done(kind, row.interaction_id)
    return outcome


def _row(item: dict[str, Any]) -> Parked:
    """The workflow writes the time as text, recover_leads as epoch seconds."""
    since = item.get("due_at", 0.0)
    if text := item.get("parked_at"):
        since = datetime.fromisoformat(text).timestamp()
    return Parked(item["interaction_id"], item["reason"], item.get("error", ""), since)
