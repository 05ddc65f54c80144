"""A visitor's yes, written down once and for all before anything is promised.

One transaction turns the offered item into a consented one, counts the call against its limits,
looks at the do-not-call list and leaves the row from which the workflow can still be started
when this environment dies a moment later.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import translated
from chalicelib.call_limits import CallLimits
from chalicelib.clients import CONSENT_READ_SECONDS
from chalicelib.consent_result import ConsentResult, meaning
from chalicelib.deadline import Clock, Deadline
from chalicelib.dynamodb import ConditionFailedError, Item, attributes
from chalicelib.errors import DependencyError, RetryableDependencyError, ThrottledError
from chalicelib.lead_table import LeadTable, from_item
from chalicelib.pending_work import PendingWork, Work, item_of

START_LATER_SECONDS = 30.0
"""After so long `recover_leads` starts a workflow that the turn itself did not start."""
PAUSE_SECONDS = 0.05
HOURLY_LIMIT = "hourly_limit"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most calls to one number in a day, and to all numbers in an hour (both UTC)."""

    per_number: int
    per_hour: int


@dataclass(frozen=True, slots=True)
class _Yes:
    """One visitor's answer, and the attempt under which it is written."""

    interaction_id: str
    phone: str
    session: str
    phone_hash: str
    now: float
    attempt: str


class Consents:
    """Never raises for what DynamoDB does: the result says what the visitor may be told."""

    def __init__(
        self,
        client: Callable[[], Any],
        leads: LeadTable,
        pending: PendingWork,
        call_limits: CallLimits,
        limits: Limits,
        clock: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._leads, self._pending = leads, pending
        self._call_limits, self._limits = call_limits, limits
        self._clock, self._sleep = clock, sleep

    def prepare(self) -> None:
        """Build the client now rather than on the first yes."""
        self._client()

    def record(
        self, interaction_id: str, phone: str, session: str, phone_hash: str, deadline: Deadline
    ) -> ConsentResult:
        """Write the consent to call `phone`, asked for in `session`; tries until the deadline.

        A second yes finds the first one and says so. When the last word of DynamoDB is missing,
        the consent is taken back, so that nobody is called who was told that nothing is recorded.
        """
        yes = _Yes(interaction_id, phone, session, phone_hash, self._clock(), uuid.uuid4().hex)
        is_unsure = False
        while deadline.remaining() > 2 * CONSENT_READ_SECONDS:
            try:
                return self._decided(yes)
            except ThrottledError:
                self._pause(deadline)
            except RetryableDependencyError:
                is_unsure = True
                self._pause(deadline)
            except DependencyError:
                break
        return self._withdrawn(yes) if is_unsure else ConsentResult.NOT_RECORDED

    def _decided(self, yes: _Yes) -> ConsentResult:
        try:
            self._write(yes, per_hour=self._limits.per_hour)
        except _RefusedError as refused:
            return self._result_of(refused.reasons, yes)
        return ConsentResult.RECORDED

    def _result_of(self, reasons: list[Mapping[str, Any]], yes: _Yes) -> ConsentResult:
        """Reasons come in the order of the transaction's items."""
        failed = [reason.get("Code") == "ConditionalCheckFailed" for reason in reasons]
        if failed[0]:
            return self._found(reasons[0].get("Item"), yes)
        if failed[2] or failed[3]:
            return ConsentResult.REFUSED_NUMBER
        if failed[4]:
            return self._without_call(yes)
        raise ThrottledError("dynamodb", "TransactionConflict")

    def _without_call(self, yes: _Yes) -> ConsentResult:
        """The hour is full: the lead counts all the same, and people take over."""
        try:
            self._write(yes, per_hour=None)
        except _RefusedError as refused:
            if refused.reasons[0].get("Code") == "ConditionalCheckFailed":
                return self._found(refused.reasons[0].get("Item"), yes)
            raise ThrottledError("dynamodb", "TransactionConflict") from refused
        return ConsentResult.REFUSED_HOUR

    def _write(self, yes: _Yes, per_hour: int | None) -> None:
        limits = self._call_limits.in_transaction(yes.phone_hash, self._limits.per_number, per_hour)
        start = Work("start", yes.interaction_id, yes.now + START_LATER_SECONDS)
        row = {"TableName": self._pending.table.name, "Item": item_of(start)}
        lead = self._consented(yes, "" if per_hour is not None else HOURLY_LIMIT)
        self._transact([{"Update": lead}, {"Put": row}, *limits])

    def _consented(self, yes: _Yes, call_refused: str) -> Item:
        changes = {
            ":consented": "consented",
            ":now": yes.now,
            ":attempt": yes.attempt,
            ":refused": call_refused,
        }
        asked = {":offered": "offered", ":phone": yes.phone, ":session": yes.session}
        return {
            "TableName": self._leads.table.name,
            "Key": attributes({"interaction_id": yes.interaction_id}),
            "UpdateExpression": "SET #status = :consented, consented_at = :now,"
            " consent_attempt = :attempt, call_refused = :refused REMOVE expires_at",
            "ConditionExpression": "#status = :offered AND phone = :phone"
            " AND #session = :session AND expires_at > :now",
            "ExpressionAttributeNames": {"#status": "status", "#session": "session"},
            "ExpressionAttributeValues": attributes(changes | asked),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _transact(self, items: list[Item]) -> None:
        try:
            self._client().transact_write_items(TransactItems=items)
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "TransactionCanceledException":
                reasons: Any = dict(exc.response).get("CancellationReasons", [])
                raise _RefusedError(reasons) from exc
            raise translated("dynamodb", exc) from exc
        except BotoCoreError as exc:
            raise translated("dynamodb", exc) from exc

    def _withdrawn(self, yes: _Yes) -> ConsentResult:
        """Make sure that the yes does not count, whether or not it was written, or say so."""
        try:
            return self._taken_back(yes)
        except DependencyError:
            return ConsentResult.UNCONFIRMED

    def _taken_back(self, yes: _Yes) -> ConsentResult:
        """Unless the same yes, sent twice, got through, or relies on this one."""
        values = {
            ":withdrawn": "withdrawn",
            ":offered": "offered",
            ":attempt": yes.attempt,
            ":gone": int(yes.now) + 3_600,
        }
        try:
            self._update(
                yes,
                "SET #status = :withdrawn, expires_at = :gone",
                "#status = :offered"
                " OR (consent_attempt = :attempt AND attribute_not_exists(consent_kept))",
                values,
            )
        except ConditionFailedError as failed:
            return self._found(failed.item, yes)
        return ConsentResult.NOT_RECORDED

    def _found(self, item: Item | None, yes: _Yes) -> ConsentResult:
        """What an item that is not (or no longer) open for this yes means for it.

        Another attempt's yes is kept before it is promised: that attempt may not know yet whether
        it counted, and take it back. DependencyError when that cannot be written.
        """
        lead = from_item(item) if item else None
        found = meaning(lead, yes.phone, yes.session, yes.attempt)
        if (
            lead is None
            or found is ConsentResult.NOT_OFFERED
            or lead.consent_attempt == yes.attempt
        ):
            return found
        values = {":kept": yes.attempt, ":consented": "consented"}
        try:
            self._update(yes, "SET consent_kept = :kept", "#status = :consented", values)
        except ConditionFailedError:
            return ConsentResult.NOT_OFFERED
        return found

    def _update(self, yes: _Yes, change: str, condition: str, values: Mapping[str, Any]) -> None:
        self._leads.table.call(
            "update_item",
            Key=attributes({"interaction_id": yes.interaction_id}),
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=attributes(values),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _pause(self, deadline: Deadline) -> None:
        self._sleep(deadline.sooner_of(PAUSE_SECONDS * (1 + random.random())))  # noqa: S311


class _RefusedError(Exception):
    def __init__(self, reasons: list[Mapping[str, Any]]) -> None:
        self.reasons = reasons
        super().__init__()
