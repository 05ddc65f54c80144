"""The team's SNS topic: what people have to look at, told by ids and a link, nothing of a person.

Whoever subscribes gets e-mails or chat messages, which are kept where Atlas deletes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.account import Account
from chalicelib.aws_errors import translated
from chalicelib.deadline import Clock
from chalicelib.dynamodb import ConditionFailedError, attributes
from chalicelib.errors import RetryableDependencyError
from chalicelib.lead import Lead
from chalicelib.lead_table import LeadTable

TELLING_SECONDS = 60.0
"""How long one caller has the telling to itself; longer than any of the publish's attempts."""
SUBJECTS = {
    "callback_requested": "Atlas: a visitor asks to be called back",
    "lead_parked": "Atlas: a lead waits for a person",
    "deletion_waits": "Atlas: a deletion waits for approval",
}


class Team(Protocol):
    """Whoever tells people that something waits for them."""

    def callback_requested(self, lead: Lead, task_id: str) -> None: ...

    def lead_parked(self, interaction_id: str, reason: str) -> None: ...

    def deletion_waits(self, request_id: str) -> None: ...


class TeamTopic:
    """Every call raises DependencyError when SNS (or the table) does not answer or refuses.

    `record_link` makes the web address of a Salesforce record from its id, "" if there is none.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        topic: str,
        account: Account,
        leads: LeadTable,
        record_link: Callable[[str], str],
        clock: Clock = time.time,
    ) -> None:
        self._client, self._topic, self._account = client, topic, account
        self._leads, self._record_link, self._clock = leads, record_link, clock

    def callback_requested(self, lead: Lead, task_id: str) -> None:
        """Tell of the task, once per lead.

        RetryableDependencyError while somebody else is telling: only they know whether it works.
        """
        if not self._claims(lead.interaction_id):
            return
        self._publish(
            "callback_requested",
            interaction_id=lead.interaction_id,
            lead_id=lead.salesforce_id,
            task_id=task_id,
            link=self._record_link(task_id) if task_id else "",
        )
        told = {"callback_notified_at": self._clock()}
        self._leads.update(lead.interaction_id, once=told)

    def lead_parked(self, interaction_id: str, reason: str) -> None:
        """Tell that retries are over; `python -m ops leads` goes on from there."""
        self._publish("lead_parked", interaction_id=interaction_id, reason=reason)

    def deletion_waits(self, request_id: str) -> None:
        """Tell that somebody has to decide; `python -m ops deletions` shows what about."""
        self._publish("deletion_waits", request_id=request_id)

    def _claims(self, interaction_id: str) -> bool:
        """Whether nobody has told yet, and nobody else may for TELLING_SECONDS.

        A claim that a crash left behind lapses, so that a wish is rather told twice than never.
        """
        now = self._clock()
        values = {":now": now, ":until": now + TELLING_SECONDS, ":zero": 0}
        try:
            self._leads.table.call(
                "update_item",
                Key=attributes({"interaction_id": interaction_id}),
                UpdateExpression="SET callback_telling_until = :until",
                ConditionExpression="attribute_exists(interaction_id)"
                " AND (attribute_not_exists(callback_notified_at) OR callback_notified_at = :zero)"
                " AND (attribute_not_exists(callback_telling_until)"
                " OR callback_telling_until <= :now)",
                ExpressionAttributeValues=attributes(values),
            )
        except ConditionFailedError as refused:
            known = self._leads.get(interaction_id)
            if known is None or known.callback_notified_at:
                return False
            raise RetryableDependencyError("sns", "another is telling") from refused
        return True

    def _publish(self, kind: str, **ids: str) -> None:
        message = {"kind": kind} | {name: value for name, value in ids.items() if value}
        try:
            self._client().publish(
                TopicArn=self._account.arn("sns", self._topic),
                Subject=SUBJECTS[kind],
                Message=json.dumps(message, indent=2),
            )
        except (ClientError, BotoCoreError) as exc:
            raise translated("sns", exc) from exc
