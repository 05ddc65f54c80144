"""What must still happen, one row each, so that no crash and no outage loses it.

`start`: consented, perhaps not started. `summary`: a call has ended, its recording may still
come. `update`: a late summary, or a wish for no more calls, perhaps not in Salesforce. `callback`,
`erase`: asked for, not carried out. `parked`: given up, for a person to see.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.dynamodb import ConditionFailedError, Item, Table, attributes, plain

Kind = Literal["start", "summary", "update", "callback", "erase", "parked"]
DO_NOT_CALL = "do_not_call"
"""The reason of an `update` row that brings a wish for no more calls; the row alone is the wish."""
ROWS_PER_READ = 100
PAGES_PER_READ = 10
"""Of 1 MB, so some 50,000 rows: more than an hour of nothing but failures leaves behind."""
CARRIED_OUT_LATER_SECONDS = 120.0
"""When `recover_leads` asks again for what was invoked at once; until then that has run."""


@dataclass(frozen=True, slots=True)
class Work:
    """One row; `due_at` in seconds since the epoch, `reason` a word without personal data."""

    kind: Kind
    interaction_id: str
    due_at: float
    attempts: int = 0
    reason: str = ""


class PendingWork:
    """The pending-work table; every call raises DependencyError when DynamoDB fails."""

    def __init__(self, client: Callable[[], Any], table: str) -> None:
        self.table = Table(client, table)

    def put(self, kind: Kind, interaction_id: str, due_at: float, reason: str = "") -> None:
        """Add the row, or begin it anew."""
        self.table.call("put_item", Item=item_of(Work(kind, interaction_id, due_at, 0, reason)))

    def due(self, kind: Kind, now: float, limit: int = ROWS_PER_READ) -> list[Work]:
        """Rows of that kind whose time has come, the longest overdue first, at most `limit`."""
        overdue = [work for work in self.all(kind) if work.due_at <= now]
        return sorted(overdue, key=lambda work: work.due_at)[:limit]

    def all(self, kind: Kind) -> list[Work]:
        """The rows of that kind, as far as PAGES_PER_READ pages go.

        What is done is removed, so those beyond move up and are seen by a later run.
        """
        return self._read(kind)

    def untold(self) -> list[Work]:
        """The parked rows that the team does not know of yet, whoever parked them."""
        return self._read("parked", FilterExpression="attribute_not_exists(told_at)")

    def count(self, kind: Kind) -> int:
        """How many rows of that kind there are; of very many at least as many as one run reads."""
        return len(self._read(kind, ProjectionExpression="kind, interaction_id"))

    def told(self, work: Work, now: float) -> None:
        """Note that the team knows of the row; nothing happens when it is gone meanwhile."""
        with suppress(ConditionFailedError):
            self.table.call(
                "update_item",
                Key=attributes({"kind": work.kind, "interaction_id": work.interaction_id}),
                UpdateExpression="SET told_at = :now",
                ConditionExpression="attribute_exists(interaction_id)",
                ExpressionAttributeValues=attributes({":now": now}),
            )

    def _read(self, kind: Kind, **request: Any) -> list[Work]:
        rows: list[Work] = []
        for _ in range(PAGES_PER_READ):
            answer = self.table.call(
                "query",
                KeyConditionExpression="kind = :kind",
                ExpressionAttributeValues=attributes({":kind": kind}),
                ConsistentRead=True,
                **request,
            )
            rows += [_work(item) for item in answer["Items"]]
            if not (last := answer.get("LastEvaluatedKey")):
                break
            request["ExclusiveStartKey"] = last
        return rows

    def postpone(self, work: Work, due_at: float) -> Work:
        """One attempt more, due later; nothing happens when the row is gone meanwhile."""
        later = Work(work.kind, work.interaction_id, due_at, work.attempts + 1, work.reason)
        with suppress(ConditionFailedError):
            self.table.call(
                "put_item",
                Item=item_of(later),
                ConditionExpression="attribute_exists(interaction_id)",
            )
        return later

    def done(self, kind: Kind, interaction_id: str) -> None:
        """Remove the row; no error when it is not there."""
        self.table.call("delete_item", Key=_key(kind, interaction_id))

    def done_if(self, kind: Kind, interaction_id: str, reason: str, *, is_it: bool) -> None:
        """Remove the row if its reason is that one, or is not; other work of the kind stays."""
        with suppress(ConditionFailedError):
            self.table.call(
                "delete_item",
                Key=_key(kind, interaction_id),
                ConditionExpression=f"#reason {'=' if is_it else '<>'} :reason",
                ExpressionAttributeNames={"#reason": "reason"},
                ExpressionAttributeValues=attributes({":reason": reason}),
            )


def _key(kind: Kind, interaction_id: str) -> Item:
    return attributes({"kind": kind, "interaction_id": interaction_id})


def item_of(work: Work) -> Item:
    """The row as it is stored."""
    return attributes(
        {
            "kind": work.kind,
            "interaction_id": work.interaction_id,
            "due_at": work.due_at,
            "attempts": work.attempts,
            "reason": work.reason or "-",
        }
    )


def _work(item: Item) -> Work:
    """The workflow writes `parked` rows itself, with a time of its own and no attempts."""
    values = plain(item)
    return Work(
        kind=values["kind"],
        interaction_id=values["interaction_id"],
        due_at=float(values.get("due_at", 0.0)),
        attempts=int(values.get("attempts", 0)),
        reason=" ".join(str(values[n]) for n in ("reason", "error") if n in values),
    )
