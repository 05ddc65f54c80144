"""The response cache's DynamoDB table: look-up and lease in one write, stores behind a fence.

A claim is one conditional write. It succeeds only when the entry is missing or no longer fresh and
nobody holds a lease, and then leases the making to this caller; when it fails it still says what
is there. Expiry is always compared with the clock: DynamoDB may return expired items for days.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.deadline import Clock
from chalicelib.dynamodb import ConditionFailedError, Item, Table, attributes, plain

GENERATION_SECONDS = 12.0
"""The longest generation; what `generate_answer` may take."""
CLOCK_SKEW_SECONDS = 2.0
LEASE_SECONDS = GENERATION_SECONDS + CLOCK_SKEW_SECONDS


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored answer; times are seconds since the epoch."""

    text: str
    model: str
    created_at: float
    fresh_until: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What the table said: an entry that may be shown, the lease to make one, both or neither.

    An entry with a lease is stale and ours to refresh; neither means that another is making it.
    """

    entry: Entry | None = None
    lease: str = ""
    lease_until: float = 0.0


class AnswerTable:
    """The DynamoDB table; every call raises DependencyError when it fails."""

    def __init__(self, client: Callable[[], Any], table: str, clock: Clock = time.time) -> None:
        self._table = Table(client, table)
        self._clock = clock

    def claim(self, key: str) -> Claim:
        """Look up and lease in one round trip."""
        now, lease = self._clock(), uuid.uuid4().hex
        until = now + LEASE_SECONDS
        try:
            old = self._update(
                key,
                "SET lease_owner = :owner, lease_until = :until, "
                "expires_at = if_not_exists(expires_at, :gone)",
                "(attribute_not_exists(fresh_until) OR fresh_until < :now)"
                " AND (attribute_not_exists(lease_until) OR lease_until < :now)",
                {":owner": lease, ":until": until, ":gone": int(until) + 1, ":now": now},
            )
        except ConditionFailedError as failed:
            return Claim(_entry(failed.item, now))
        return Claim(_entry(old, now), lease, until)

    def read(self, key: str) -> Entry | None:
        """The entry if it may still be shown."""
        answer = self._table.call("get_item", Key=attributes({"key": key}), ConsistentRead=True)
        return _entry(answer.get("Item", {}), self._clock())

    def store(self, key: str, lease: str, entry: Entry) -> bool:
        """Write the answer and give the lease back; False when the lease is no longer ours."""
        try:
            self._update(
                key,
                "SET answer = :text, model = :model, created_at = :created,"
                " fresh_until = :fresh, expires_at = :gone REMOVE lease_owner, lease_until",
                "lease_owner = :owner",
                {
                    ":text": entry.text,
                    ":model": entry.model,
                    ":created": entry.created_at,
                    ":fresh": entry.fresh_until,
                    ":gone": int(entry.expires_at),
                    ":owner": lease,
                },
            )
        except ConditionFailedError:
            return False
        return True

    def release(self, key: str, lease: str) -> None:
        """Give a lease back without an answer, so that the next who asks need not wait for it."""
        with suppress(ConditionFailedError):
            self._update(
                key, "REMOVE lease_owner, lease_until", "lease_owner = :owner", {":owner": lease}
            )

    def _update(
        self, key: str, update: str, condition: str, values: dict[str, str | float]
    ) -> dict[str, Any]:
        answer = self._table.call(
            "update_item",
            Key=attributes({"key": key}),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=attributes(values),
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        item: Item = answer.get("Attributes", {})
        return item


def _entry(item: Item, now: float) -> Entry | None:
    if "answer" not in item:
        return None
    values = plain(item)
    entry = Entry(
        text=values["answer"],
        model=values["model"],
        created_at=values["created_at"],
        fresh_until=values["fresh_until"],
        expires_at=values["expires_at"],
    )
    return entry if entry.expires_at > now else None
