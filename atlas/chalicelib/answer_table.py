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

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import translated
from chalicelib.deadline import Clock

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
        self._client = client
        self._table = table
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
        except _ConditionFailed as failed:
            return Claim(_entry(failed.item, now))
        return Claim(_entry(old, now), lease, until)

    def read(self, key: str) -> Entry | None:
        """The entry if it may still be shown."""
        try:
            answer = self._client().get_item(
                TableName=self._table, Key={"key": {"S": key}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as exc:
            raise translated("dynamodb", exc) from exc
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
        except _ConditionFailed:
            return False
        return True

    def release(self, key: str, lease: str) -> None:
        """Give a lease back without an answer, so that the next who asks need not wait for it."""
        with suppress(_ConditionFailed):
            self._update(
                key, "REMOVE lease_owner, lease_until", "lease_owner = :owner", {":owner": lease}
            )

    def _update(
        self, key: str, update: str, condition: str, values: dict[str, str | float]
    ) -> dict[str, Any]:
        try:
            answer = self._client().update_item(
                TableName=self._table,
                Key={"key": {"S": key}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: _typed(v) for name, v in values.items()},
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise _ConditionFailed(dict(exc.response).get("Item", {})) from exc
            raise translated("dynamodb", exc) from exc
        except BotoCoreError as exc:
            raise translated("dynamodb", exc) from exc
        item: dict[str, Any] = answer.get("Attributes", {})
        return item


class _ConditionFailed(Exception):
    def __init__(self, item: Any) -> None:
        self.item = item
        super().__init__()


def _typed(value: str | float) -> dict[str, str]:
    return {"S": value} if isinstance(value, str) else {"N": repr(value)}


def _entry(item: dict[str, Any], now: float) -> Entry | None:
    if "answer" not in item:
        return None
    entry = Entry(
        text=item["answer"]["S"],
        model=item["model"]["S"],
        created_at=float(item["created_at"]["N"]),
        fresh_until=float(item["fresh_until"]["N"]),
        expires_at=float(item["expires_at"]["N"]),
    )
    return entry if entry.expires_at > now else None
