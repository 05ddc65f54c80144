"""Which interaction a Connect contact belongs to, and whether its call has ended already.

Connect's events are best effort and come in any order: the end of a refused call may arrive
before the contact id is stored. Both sides write one item and read what the other left there,
so whoever comes second goes on. An index of the leads table would lag behind that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chalicelib.deadline import Clock
from chalicelib.dynamodb import Table, attributes, plain

KEPT_SECONDS = 7 * 86_400.0
"""As long as Connect itself knows a contact by its ClientToken."""


class ContactTable:
    """Every call raises DependencyError when DynamoDB does not answer or refuses."""

    def __init__(self, client: Callable[[], Any], table: str, clock: Clock = time.time) -> None:
        self._table = Table(client, table)
        self._clock = clock

    def placed(self, contact_id: str, interaction_id: str) -> str:
        """Note whose call it is; how it ended if it has already, else ""."""
        return self._note(contact_id, "interaction_id", interaction_id, "ended")

    def ended(self, contact_id: str, outcome: str) -> str:
        """Note how the call ended; whose it was, "" while that is not known yet."""
        return self._note(contact_id, "ended", outcome, "interaction_id")

    def interaction_of(self, contact_id: str) -> str:
        """Whose call it is; "" for a contact that is none of ours."""
        key = attributes({"contact_id": contact_id})
        answer = self._table.call("get_item", Key=key, ConsistentRead=True)
        return str(plain(answer.get("Item", {})).get("interaction_id", ""))

    def delete(self, contact_id: str) -> None:
        """Remove the item; no error when it is not there."""
        self._table.call("delete_item", Key=attributes({"contact_id": contact_id}))

    def _note(self, contact_id: str, name: str, value: str, other: str) -> str:
        gone_at = int(self._clock() + KEPT_SECONDS)
        answer = self._table.call(
            "update_item",
            Key=attributes({"contact_id": contact_id}),
            # The first word counts: a second event must not turn an outcome around.
            UpdateExpression="SET #name = if_not_exists(#name, :value), expires_at = :gone",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues=attributes({":value": value, ":gone": gone_at}),
            ReturnValues="ALL_NEW",
        )
        return str(plain(answer["Attributes"]).get(other, ""))
