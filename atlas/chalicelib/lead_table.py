"""The leads table: one durable item per interaction, changed only by conditional writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from itertools import islice
from typing import Any

from chalicelib.deadline import Clock
from chalicelib.dynamodb import ConditionFailedError, Item, Table, attribute, attributes, plain
from chalicelib.lead import OFFER_SECONDS, Lead, Summary

PHONE_INDEX = "by-phone"
LEADS_PER_PHONE = 50
"""The most leads of one number that a deletion looks at."""
PAGES_PER_PHONE = 10
"""Of 1 MB each, some thousand offers a page: more than an hour's offers of one number."""

_FIELDS = frozenset(field.name for field in fields(Lead))
_NEEDED = ("name", "phone", "phone_hash", "session")
_STRIPPED = "-"
# What an erasure goes on from: where the interaction's traces are in other systems.
_TRACES = frozenset(
    (
        *("interaction_id", "status", "locale", "contact_id", "call_outcome", "erasing_at"),
        *("salesforce_id", "salesforce_mode", "recording_bucket", "recording_key"),
        *("transcript_key", "transcription_job", "transcription_attempts"),
    )
)


class LeadTable:
    """Every call raises DependencyError when DynamoDB does not answer or refuses."""

    def __init__(self, client: Callable[[], Any], table: str, clock: Clock = time.time) -> None:
        self.table = Table(client, table)
        self._clock = clock

    def get(self, interaction_id: str) -> Lead | None:
        """The lead as it is now; None where there is none or its offer has lapsed."""
        answer = self.table.call("get_item", Key=_key(interaction_id), ConsistentRead=True)
        return self._current(answer.get("Item"))

    def offer(self, lead: Lead) -> bool:
        """Write what is about to be asked; False when the interaction is past its asking.

        The same session may offer again, with another number or other words. The item is gone
        after OFFER_SECONDS unless consent takes the expiry away.
        """
        item = _to_item(lead) | {"expires_at": attribute(int(lead.offered_at + OFFER_SECONDS) + 1)}
        return not self._refuses(
            "put_item",
            Item=item,
            ConditionExpression="attribute_not_exists(interaction_id)"
            " OR (#status = :offered AND #session = :session)",
            ExpressionAttributeNames={"#status": "status", "#session": "session"},
            ExpressionAttributeValues=attributes({":offered": "offered", ":session": lead.session}),
        )

    def update(
        self,
        interaction_id: str,
        changes: Mapping[str, Any] | None = None,
        once: Mapping[str, Any] | None = None,
    ) -> Lead | None:
        """Set `changes`, and of `once` what has no value yet; the lead afterwards, None if gone."""
        expression, names, values = _assignments(changes or {}, once or {})
        answer = self._unless_gone(
            interaction_id,
            UpdateExpression=expression,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
        return None if answer is None else self._current(answer["Attributes"])

    def by_phone(self, phone_hash: str) -> list[Lead]:
        """The number's leads, at most LEADS_PER_PHONE; the index lags by moments.

        Open offers come last: anybody can make many for a number that is not theirs, and none of
        them may hide a lead.
        """
        found = list(islice(self._pages_by_phone(phone_hash), PAGES_PER_PHONE))
        leads = [lead for page in found for lead in map(self._current, page) if lead is not None]
        leads.sort(key=lambda lead: lead.status == "offered")
        return leads[:LEADS_PER_PHONE]

    def _pages_by_phone(self, phone_hash: str) -> Iterator[list[Item]]:
        start: dict[str, Any] = {}
        while True:
            answer = self.table.call(
                "query",
                IndexName=PHONE_INDEX,
                KeyConditionExpression="phone_hash = :hash",
                FilterExpression="#status <> :offered OR expires_at > :now",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=attributes(
                    {":hash": phone_hash, ":offered": "offered", ":now": self._clock()}
                ),
                **start,
            )
            yield answer["Items"]
            if not (last := answer.get("LastEvaluatedKey")):
                return
            start = {"ExclusiveStartKey": last}

    def delete(self, interaction_id: str) -> None:
        """Remove the item; no error when it is not there."""
        self.table.call("delete_item", Key=_key(interaction_id))

    def withdraw_offer(self, interaction_id: str, session: str) -> bool:
        """Remove what that session was offered; False where it is a consented lead by now.

        Conditional, because a yes may be on its way while a no is.
        """
        return not self._refuses(
            "delete_item",
            Key=_key(interaction_id),
            ConditionExpression="attribute_not_exists(interaction_id)"
            " OR (#status = :offered AND #session = :session)",
            ExpressionAttributeNames={"#status": "status", "#session": "session"},
            ExpressionAttributeValues=attributes({":offered": "offered", ":session": session}),
        )

    def strip(self, interaction_id: str) -> Lead | None:
        """Take the person out of an item that is being erased; where its traces are stays.

        Nothing that is written at the same time is lost. The lead afterwards, None if gone.
        """
        names = [*_NEEDED, *sorted(_FIELDS - _TRACES - set(_NEEDED))]
        sets = ["#status = :erasing", "#erasing_at = if_not_exists(#erasing_at, :now)"]
        sets += [f"#{name} = :none" for name in _NEEDED]
        removes = ", ".join(f"#{name}" for name in names[len(_NEEDED) :])
        answer = self._unless_gone(
            interaction_id,
            UpdateExpression=f"SET {', '.join(sets)} REMOVE {removes}",
            ExpressionAttributeNames={f"#{n}": n for n in (*names, "status", "erasing_at")},
            ExpressionAttributeValues=attributes(
                {":erasing": "erasing", ":now": self._clock(), ":none": _STRIPPED}
            ),
        )
        return None if answer is None else self._current(answer["Attributes"])

    def _current(self, item: Item | None) -> Lead | None:
        if not item:
            return None
        lead = from_item(item)
        # DynamoDB returns expired items for days; consent takes the expiry away.
        return None if 0 < lead.expires_at <= self._clock() else lead

    def _unless_gone(self, interaction_id: str, **request: Any) -> dict[str, Any] | None:
        try:
            return self.table.call(
                "update_item",
                Key=_key(interaction_id),
                ConditionExpression="attribute_exists(interaction_id)",
                ReturnValues="ALL_NEW",
                **request,
            )
        except ConditionFailedError:
            return None

    def _refuses(self, operation: str, **request: Any) -> bool:
        try:
            self.table.call(operation, **request)
        except ConditionFailedError:
            return True
        return False


def _key(interaction_id: str) -> Item:
    return attributes({"interaction_id": interaction_id})


def _assignments(
    changes: Mapping[str, Any], once: Mapping[str, Any]
) -> tuple[str, dict[str, str], Item]:
    _check((*changes, *once))
    parts = [f"#{name} = :{name}" for name in changes]
    parts += [f"#{name} = if_not_exists(#{name}, :{name})" for name in once]
    values = {f":{name}": attribute(_stored(v)) for name, v in {**changes, **once}.items()}
    return "SET " + ", ".join(parts), {f"#{name}": name for name in (*changes, *once)}, values


def _check(names: tuple[str, ...]) -> None:
    if unknown := set(names) - _FIELDS:
        raise ValueError(f"a lead has no {', '.join(sorted(unknown))}")


def _stored(value: Any) -> Any:
    if isinstance(value, Summary):
        return {"topics": value.topics, "outcome": value.outcome, "next_step": value.next_step}
    return value


def _to_item(lead: Lead) -> Item:
    """Fields without a value yet are left out, so that `if_not_exists` means what it says."""
    values = {name: getattr(lead, name) for name in _FIELDS}
    return attributes({name: _stored(value) for name, value in values.items() if value})


def from_item(item: Item) -> Lead:
    """The lead that an item holds; attributes of a newer version of the code are passed over."""
    values = {name: value for name, value in plain(item).items() if name in _FIELDS}
    values["transcription_attempts"] = int(values.get("transcription_attempts", 0))
    if summary := values.get("summary"):
        values["summary"] = Summary(**summary)
    return Lead(**values)
