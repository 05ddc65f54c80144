"""The response cache's DynamoDB table: look-up and lease in one write, stores behind a fence.

A claim is one conditional write. It succeeds only when the entry is missing or no longer fresh and
nobody holds a lease, and then leases the making to this caller; when it fails it still says what
is there. Expiry is always compared with the clock: DynamoDB may return expired items for days.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.deadline import Clock
from chalicelib.dynamodb import ConditionFailedError, Item, Table, attributes, plain

GENERATION_SECONDS = 12.0
"""The longest generation; what `generate_answer` may take."""
CLOCK_SKEW_SECONDS = 2.0
LEASE_SECONDS = GENERATION_SECONDS + CLOCK_SKEW_SECONDS
KEYS_PER_READ = 100
"""What one BatchGetItem takes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored answer; times are seconds since the epoch, `making_seconds` what it took."""

    text: str
    model: str
    created_at: float
    fresh_until: float
    expires_at: float
    making_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What the table said: an entry that may be shown, the lease to make one, both or neither.

    An entry with a lease is stale and ours to refresh; neither means that another is making it,
    with a lease until `lease_until`, or that until `refused_until` nobody is to: the models were
    asked and had no answer.
    """

    entry: Entry | None = None
    lease: str = ""
    lease_until: float = 0.0
    refused_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a look without a claim saw: `leased_until` is in the past where nobody makes it."""

    entry: Entry | None = None
    leased_until: float = 0.0
    refused_until: float = 0.0


class AnswerTable:
    """The DynamoDB table; every call raises DependencyError when it fails."""

    def __init__(self, client: Callable[[], Any], table: str, clock: Clock = time.time) -> None:
        self._table = Table(client, table)
        self._clock = clock

    def claim(self, key: str, due: float | None = None) -> Claim:
        """Look up and lease in one round trip.

        An entry is leased to be made anew when its fresh time ends before `due`, now by default.
        """
        now, lease = self._clock(), uuid.uuid4().hex
        until = now + LEASE_SECONDS
        try:
            old = self._update(
                key,
                "SET lease_owner = :owner, lease_until = :until, "
                "expires_at = if_not_exists(expires_at, :gone)",
                "(attribute_not_exists(fresh_until) OR fresh_until < :due)"
                " AND (attribute_not_exists(lease_until) OR lease_until < :now)"
                " AND (attribute_not_exists(refused_until) OR refused_until < :now)",
                {
                    ":owner": lease,
                    ":until": until,
                    ":gone": int(until) + 1,
                    ":now": now,
                    ":due": now if due is None else due,
                },
            )
        except ConditionFailedError as failed:
            found = _found(failed.item, now)
            refused = found.refused_until if found.refused_until > now else 0.0
            return Claim(found.entry, lease_until=found.leased_until, refused_until=refused)
        return Claim(_found(old, now).entry, lease, until)

    def read(self, key: str) -> Found:
        """What is there, without a claim to it."""
        answer = self._table.call("get_item", Key=attributes({"key": key}), ConsistentRead=True)
        return _found(answer.get("Item", {}), self._clock())

    def read_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The entries that may be shown, by key; one call for each hundred keys.

        What the table did not get to is left out: who reads many can do without some.
        """
        found: dict[str, Entry] = {}
        for start in range(0, len(keys), KEYS_PER_READ):
            found.update(self._read_some(keys[start : start + KEYS_PER_READ]))
        return found

    def _read_some(self, keys: Sequence[str]) -> dict[str, Entry]:
        now = self._clock()
        items = {item["key"]["S"]: item for item in self._table.read_many(keys)}
        entries = {key: _found(item, now).entry for key, item in items.items()}
        return {key: entry for key, entry in entries.items() if entry is not None}

    def store(self, key: str, lease: str, entry: Entry) -> bool:
        """Write the answer and give the lease back; False when the lease is no longer ours."""
        try:
            self._update(
                key,
                "SET answer = :text, model = :model, created_at = :created,"
                " fresh_until = :fresh, expires_at = :gone, making_seconds = :making"
                " REMOVE lease_owner, lease_until, refused_until",
                "lease_owner = :owner",
                {
                    ":text": entry.text,
                    ":model": entry.model,
                    ":created": entry.created_at,
                    ":fresh": entry.fresh_until,
                    ":gone": int(entry.expires_at),
                    ":making": entry.making_seconds,
                    ":owner": lease,
                },
            )
        except ConditionFailedError:
            return False
        return True

    def release(self, key: str, lease: str, refused_seconds: float = 0.0) -> None:
        """Give a lease back without an answer, so that the next who asks need not wait for it.

        For `refused_seconds` the next ones are told that no model has an answer.
        """
        values: dict[str, str | float] = {":owner": lease}
        update = "REMOVE lease_owner, lease_until"
        if refused_seconds:
            values[":until"] = self._clock() + refused_seconds
            update = f"SET refused_until = :until {update}"
        with suppress(ConditionFailedError):
            self._update(key, update, "lease_owner = :owner", values)

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


def _found(item: Item, now: float) -> Found:
    values = plain(item)
    leased, refused = values.get("lease_until", 0.0), values.get("refused_until", 0.0)
    entry = _entry(values) if "answer" in values else None
    is_shown = entry is not None and entry.expires_at > now
    return Found(entry if is_shown else None, leased, refused)


def _entry(values: Mapping[str, Any]) -> Entry:
    return Entry(
        text=values["answer"],
        model=values["model"],
        created_at=values["created_at"],
        fresh_until=values["fresh_until"],
        expires_at=values["expires_at"],
        making_seconds=values.get("making_seconds", 0.0),
    )
