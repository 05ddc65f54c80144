"""Who may be called how often: counters per number and hour, and the do-not-call list.

Keys hold a keyed hash of the number. The list has no expiry and outlives a deletion: whoever
asked not to be called stays uncalled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chalicelib.deadline import Clock
from chalicelib.dynamodb import ConditionFailedError, Item, Table, attributes

DAY_SECONDS, HOUR_SECONDS = 86_400, 3_600


class CallLimits:
    """The call-limits table; every call raises DependencyError when DynamoDB fails."""

    def __init__(self, client: Callable[[], Any], table: str, clock: Clock = time.time) -> None:
        self._table = Table(client, table)
        self._clock = clock

    def stop_calling(self, phone_hash: str) -> None:
        """Put the number on the do-not-call list; again is no error."""
        row = {"key": do_not_call_key(phone_hash), "since": int(self._clock())}
        self._table.call("put_item", Item=attributes(row))

    def allow_again(self, phone_hash: str) -> None:
        """Take the number off the do-not-call list; for the team, on the person's request."""
        self._table.call("delete_item", Key=attributes({"key": do_not_call_key(phone_hash)}))

    def may_call(self, phone_hash: str) -> bool:
        """Whether the number is not on the do-not-call list."""
        key = attributes({"key": do_not_call_key(phone_hash)})
        return "Item" not in self._table.call("get_item", Key=key, ConsistentRead=True)

    def attempt(self, key: str, limit: int, window_seconds: int) -> bool:
        """Count one attempt under `key` in the current window; False beyond `limit`."""
        window = int(self._clock() // window_seconds)
        try:
            self._table.call("update_item", **counted(f"{key}#{window}", limit, self._gone_at()))
        except ConditionFailedError:
            return False
        return True

    def _gone_at(self) -> int:
        return int(self._clock()) + 2 * DAY_SECONDS

    def in_transaction(
        self, phone_hash: str, per_number: int, per_hour: int | None
    ) -> list[dict[str, Any]]:
        """The transaction's part: not on the list, and counted, a call to this number now.

        Items in this order: the list, the number's day, the hour (left out where `per_hour` is
        None). Days and hours are UTC.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        table: Item = {"TableName": self._table.name}
        gone = self._gone_at()
        refused: Item = {
            "Key": attributes({"key": do_not_call_key(phone_hash)}),
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": "key"},
        }
        day = counted(f"number#{phone_hash}#{now:%Y-%m-%d}", per_number, gone)
        items = [{"ConditionCheck": table | refused}, {"Update": table | day}]
        if per_hour is not None:
            items.append({"Update": table | counted(f"hour#{now:%Y-%m-%dT%H}", per_hour, gone)})
        return items


def do_not_call_key(phone_hash: str) -> str:
    return f"do-not-call#{phone_hash}"


def counted(key: str, limit: int, gone_at: int) -> Item:
    """An update that adds one to `used` unless that would pass the limit."""
    return {
        "Key": attributes({"key": key}),
        "UpdateExpression": "SET expires_at = :gone ADD used :one",
        "ConditionExpression": "attribute_not_exists(used) OR used < :limit",
        "ExpressionAttributeValues": attributes({":gone": gone_at, ":one": 1, ":limit": limit}),
    }
