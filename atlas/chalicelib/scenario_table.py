"""The scenario cache's DynamoDB table: draft, lease and scenario of one interaction in one item.

It holds the draft (what the scenario is to be made from), the lease of whoever makes it, and
the scenario. A made one is never overwritten; a grounded one may be replaced by a made one. Every
write of a result is fenced by the lease, which goes with the item: whatever was being made for an
interaction that is deleted meanwhile is not written any more.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.answer_table import LEASE_SECONDS
from chalicelib.bounded_workers import BoundedWorkers
from chalicelib.deadline import Clock
from chalicelib.dynamodb import ConditionFailedError, Item, Table, attributes, plain
from chalicelib.scenario import Scenario, Visitor

DRAFT_SECONDS = 86_400
_WORKERS = 4

_Result = TypeVar("_Result")

# "name" and others are DynamoDB's own words.
_NAMES = {
    "#name": "name",
    "#asked": "asked",
    "#locale": "locale",
    "#text": "text",
    "#maker": "maker",
    "#owner": "lease_owner",
    "#until": "lease_until",
    "#gone": "expires_at",
}


@dataclass(frozen=True, slots=True)
class ScenarioClaim:
    """What the table said: a scenario, the lease to make one, or (neither) that another has it.

    A scenario with a lease is a grounded one that may be replaced.
    """

    scenario: Scenario | None = None
    lease: str = ""
    lease_until: float = 0.0


class ScenarioTable:
    """The DynamoDB table; every call raises DependencyError when it fails."""

    def __init__(self, client: Callable[[], Any], table: str, clock: Clock = time.time) -> None:
        self._table = Table(client, table)
        self._workers = BoundedWorkers(_WORKERS, "dynamodb")
        self.clock = clock

    def beside(self, call: Callable[[], _Result]) -> Future[_Result]:
        """Run a call beside the turn, so that one that is late costs no more than its wait.

        RetryableDependencyError `QueueFull` is the result where too many late ones still run.
        """
        return self._workers.submit(call)

    def draft(self, interaction_id: str, name: str, asked: tuple[str, ...], locale: str) -> bool:
        """Note what to make it from, for a day; False when a scenario is there already."""
        values = {":name": name, ":asked": asked, ":locale": locale, ":gone": self._gone_at()}
        try:
            self._update(
                interaction_id,
                "SET #name = :name, #asked = :asked, #locale = :locale, #gone = :gone",
                "attribute_not_exists(#text)",
                values,
            )
        except ConditionFailedError:
            return False
        return True

    def visitor(self, interaction_id: str) -> Visitor | None:
        """What was drafted for the interaction."""
        item = self._get(interaction_id)
        if "name" not in item:
            return None
        return Visitor(interaction_id, item["name"], item["asked"], item["locale"])

    def read(self, interaction_id: str) -> Scenario | None:
        """The scenario, made or grounded, if it may still be used."""
        return _scenario(self._get(interaction_id), self.clock())

    def claim(self, interaction_id: str, *, needs_draft: bool = False) -> ScenarioClaim:
        """Look up and lease in one round trip; with `needs_draft` only where a draft still is."""
        now, lease = self.clock(), uuid.uuid4().hex
        until = now + LEASE_SECONDS
        try:
            old = self._update(
                interaction_id,
                "SET #owner = :owner, #until = :until, #gone = if_not_exists(#gone, :gone)",
                "(attribute_not_exists(#text) OR #maker = :grounded OR #gone <= :now)"
                " AND (attribute_not_exists(#until) OR #until < :now)"
                + (" AND attribute_exists(#name)" if needs_draft else ""),
                {
                    ":owner": lease,
                    ":until": until,
                    ":gone": self._gone_at(),
                    ":grounded": "grounded",
                    ":now": now,
                },
            )
        except ConditionFailedError as failed:
            found = _scenario(plain(failed.item), now)
            return ScenarioClaim(found if found and found.maker == "made" else None)
        return ScenarioClaim(_scenario(plain(old), now), lease, until)

    def store(self, interaction_id: str, lease: str, scenario: Scenario, seconds: float) -> bool:
        """Write it for `seconds` and give the lease back; False when the lease is not ours."""
        try:
            self._update(
                interaction_id,
                "SET #text = :text, #maker = :maker, #gone = :gone REMOVE #owner, #until",
                "#owner = :owner",
                {
                    ":text": scenario.text,
                    ":maker": scenario.maker,
                    ":gone": self._gone_at(seconds),
                    ":owner": lease,
                },
            )
        except ConditionFailedError:
            return False
        return True

    def release(self, interaction_id: str, lease: str) -> None:
        """Give a lease back without a scenario, so that the next who asks need not wait for it."""
        with suppress(ConditionFailedError):
            self._update(
                interaction_id, "REMOVE #owner, #until", "#owner = :owner", {":owner": lease}
            )

    def delete(self, interaction_id: str) -> None:
        """Remove draft and scenario; no error when there are none."""
        self._table.call("delete_item", Key=attributes({"interaction_id": interaction_id}))

    def _gone_at(self, seconds: float = DRAFT_SECONDS) -> int:
        return int(self.clock() + seconds) + 1

    def _get(self, interaction_id: str) -> dict[str, Any]:
        key = attributes({"interaction_id": interaction_id})
        item = plain(self._table.call("get_item", Key=key, ConsistentRead=True).get("Item", {}))
        # DynamoDB returns expired items for days.
        return item if item.get("expires_at", 0.0) > self.clock() else {}

    def _update(
        self, interaction_id: str, update: str, condition: str, values: dict[str, Any]
    ) -> Item:
        used = f"{update} {condition}"
        answer = self._table.call(
            "update_item",
            Key=attributes({"interaction_id": interaction_id}),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames={n: real for n, real in _NAMES.items() if n in used},
            ExpressionAttributeValues=attributes(values),
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        item: Item = answer.get("Attributes", {})
        return item


def _scenario(item: dict[str, Any], now: float) -> Scenario | None:
    if "text" not in item or item["expires_at"] <= now:
        return None
    return Scenario(item["text"], item["maker"])
