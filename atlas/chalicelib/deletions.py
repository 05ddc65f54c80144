"""The deletions table: requests that wait for a person, and receipts of what was erased.

Neither holds a name or a number. A request's id is random. A receipt is found by a hash of the
interaction's random id: who has the id can prove the deletion, and nobody else learns of it.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.deadline import Clock
from chalicelib.dynamodb import ConditionFailedError, Table, attribute, attributes, plain
from chalicelib.errors import RejectedByDependencyError

KEPT_SECONDS = 3 * 365 * 86_400
"""How long decisions and receipts stay: the usual limitation period of claims."""
UNFOUNDED_SECONDS = 86_400
"""A request that nothing was found for is written as well, so that answers take equally long."""
SCANNED_PAGES = 50
"""Of 1 MB: some 200,000 receipts and requests. A busier table needs an index for what waits."""
SWEEPS = 2
"""The second one finds what was on its way into another system during the first."""

Decision = Literal["", "approved", "refused"]


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """What somebody asked to have deleted and could not prove well enough to be theirs.

    Times are epoch seconds. The interaction ids are gone once it is decided; `receipts` stay.
    """

    request_id: str
    requested_at: float
    channel: str
    interaction_ids: tuple[str, ...] = ()
    decision: Decision = ""
    decided_at: float = 0.0
    receipts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased: when first and last looked, and how much of each kind was found."""

    receipt_id: str
    first_at: float
    last_at: float
    sweeps: int
    found: Mapping[str, int]


class DeletionTable:
    """Every call raises DependencyError when DynamoDB does not answer or refuses."""

    def __init__(self, client: Callable[[], Any], table: str, clock: Clock = time.time) -> None:
        self._table = Table(client, table)
        self._clock = clock

    def request(self, interaction_ids: Sequence[str], channel: str) -> str:
        """Queue them for a person's approval; the request's id."""
        request_id, now = f"request#{uuid.uuid4().hex}", self._clock()
        item: dict[str, Any] = {
            "request_id": request_id,
            "requested_at": now,
            "channel": channel,
            "interaction_ids": tuple(interaction_ids),
        }
        if not interaction_ids:
            item["expires_at"] = int(now) + UNFOUNDED_SECONDS
        self._table.call("put_item", Item=attributes(item))
        return request_id

    def waiting(self) -> list[DeletionRequest]:
        """Every request that nobody has decided, the oldest first; for the team, not for turns.

        RejectedByDependencyError `MoreThanScanned` where the table goes on behind SCANNED_PAGES:
        a list that leaves somebody's request out must not look whole.
        """
        found: list[DeletionRequest] = []
        request: dict[str, Any] = {"FilterExpression": "attribute_exists(interaction_ids)"}
        for _ in range(SCANNED_PAGES):
            answer = self._table.call("scan", ConsistentRead=True, **request)
            items = map(plain, answer["Items"])
            found += [_request(item) for item in items if item["interaction_ids"]]
            if not (last := answer.get("LastEvaluatedKey")):
                return sorted(found, key=lambda each: each.requested_at)
            request["ExclusiveStartKey"] = last
        raise RejectedByDependencyError("dynamodb", "MoreThanScanned")

    def get(self, request_id: str) -> DeletionRequest | None:
        """The request, decided or not; None where there is none of that id."""
        item = self._item(request_id)
        return _request(item) if "requested_at" in item else None

    def decide(self, request: DeletionRequest, decision: Decision) -> bool:
        """Write the decision and forget whom it was about; False where one was written before."""
        now = self._clock()
        approved = request.interaction_ids if decision == "approved" else ()
        values = {
            ":decision": decision,
            ":now": now,
            ":receipts": tuple(map(receipt_id, approved)),
            ":gone": int(now) + KEPT_SECONDS,
        }
        try:
            self._table.call(
                "update_item",
                Key=attributes({"request_id": request.request_id}),
                UpdateExpression="SET decision = :decision, decided_at = :now,"
                " receipts = :receipts, expires_at = :gone REMOVE interaction_ids",
                ConditionExpression="attribute_exists(interaction_ids)",
                ExpressionAttributeValues=attributes(values),
            )
        except ConditionFailedError:
            return False
        return True

    def receipt(self, interaction_id: str) -> Receipt | None:
        """What was erased of the interaction; None when no sweep has come to its end."""
        item = self._item(receipt_id(interaction_id))
        return _receipt(item) if item else None

    def note(self, interaction_id: str, sweeps: int, found: Mapping[str, int]) -> None:
        """Write the receipt after a sweep; counts add up over sweeps, the first time stays."""
        now = self._clock()
        names = {f"#{name}": f"found_{name}" for name in found}
        adds = ", ".join(f"#{name} :{name}" for name in found)
        values = {f":{name}": number for name, number in found.items()}
        self._table.call(
            "update_item",
            Key=attributes({"request_id": receipt_id(interaction_id)}),
            UpdateExpression="SET first_at = if_not_exists(first_at, :now), last_at = :now,"
            f" sweeps = :sweeps, expires_at = :gone ADD {adds}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                **attributes(values),
                ":now": attribute(now),
                ":sweeps": attribute(sweeps),
                ":gone": attribute(int(now) + KEPT_SECONDS),
            },
        )

    def _item(self, key: str) -> dict[str, Any]:
        answer = self._table.call(
            "get_item", Key=attributes({"request_id": key}), ConsistentRead=True
        )
        return plain(answer.get("Item", {}))


def receipt_id(interaction_id: str) -> str:
    """The receipt's key; the id is random, so its hash gives nothing away."""
    return f"receipt#{hashlib.sha256(f'erased/{interaction_id}'.encode()).hexdigest()[:32]}"


def _request(item: Mapping[str, Any]) -> DeletionRequest:
    return DeletionRequest(
        item["request_id"],
        item["requested_at"],
        item["channel"],
        item.get("interaction_ids", ()),
        item.get("decision", ""),
        item.get("decided_at", 0.0),
        item.get("receipts", ()),
    )


def _receipt(item: Mapping[str, Any]) -> Receipt:
    prefix = "found_"
    counts = {n.removeprefix(prefix): int(v) for n, v in item.items() if n.startswith(prefix)}
    return Receipt(
        item["request_id"], item["first_at"], item["last_at"], int(item["sweeps"]), counts
    )
