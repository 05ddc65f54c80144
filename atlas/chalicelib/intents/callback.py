"""CallbackIntent, on both channels: a person of the team calls back, and is told to once.

The wish is written before it is promised: first the row from which it is carried out even if this
environment dies, then the lead. `update_lead` makes the task in Salesforce and tells the team.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.answer import Answer, Source
from chalicelib.deadline import Deadline
from chalicelib.dynamodb import ConditionFailedError, attributes
from chalicelib.errors import DependencyError
from chalicelib.intents.outcome import Outcome
from chalicelib.intents.writing import written
from chalicelib.lead import Lead
from chalicelib.lex import IntentState, Turn
from chalicelib.pending_work import CARRIED_OUT_LATER_SECONDS
from chalicelib.phone_session import verified_lead
from chalicelib.steps.payloads import UpdateLeadInput

if TYPE_CHECKING:
    from chalicelib.services import Services

TAKING_BACK_SECONDS = 0.5
"""Kept back from the tries."""


@dataclass(frozen=True, slots=True)
class Callback:
    """Without a lead of this very chat or call there is nobody to call back yet."""

    intent: str = "CallbackIntent"
    answers_dialog_hook: bool = False

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        within = deadline.keeping_back(TAKING_BACK_SECONDS)
        try:
            lead = verified_lead(turn, within, services)
        except DependencyError as exc:
            return _said("callback_not_recorded", turn, services, "Failed", str(exc))
        if lead is None:
            offer = "callback_unknown_caller" if turn.channel == "phone" else "callback_offer"
            return _said(offer, turn, services, "Failed")
        if lead.callback_requested_at:
            return _said("callback_already", turn, services)
        wish = _Wish(lead.interaction_id, services.clock())
        if not written(lambda: wish.write(services), within, services):
            return _said(wish.taken_back(services), turn, services, "Failed", "wish not written")
        _carry_out(lead, deadline, services)
        return _said("callback_arranged", turn, services)


@dataclass(frozen=True, slots=True)
class _Wish:
    """`at` tells this wish from one of another turn of the same session."""

    interaction_id: str
    at: float

    def write(self, services: Services) -> bool:
        """False when the lead is gone, or goes; of two wishes at once the first one stands."""
        services.pending.put("callback", self.interaction_id, self._due_at)
        once = {"callback_requested_at": self.at}
        lead = services.leads.update(self.interaction_id, once=once)
        return lead is not None and lead.status == "consented"

    def taken_back(self, services: Services) -> str:
        """Make sure that nothing of it is recorded; the name of the text that says what is known.

        A wish that another turn has recorded meanwhile stays, and so does its row.
        """
        try:
            if not self._is_unwritten(services):
                return "callback_already"
            self._remove_row(services)
        except DependencyError:
            return "callback_unconfirmed"
        return "callback_not_recorded"

    @property
    def _due_at(self) -> float:
        return self.at + CARRIED_OUT_LATER_SECONDS

    def _is_unwritten(self, services: Services) -> bool:
        """Whether there is no wish any more; False where it is another turn's."""
        try:
            services.leads.table.call(
                "update_item",
                Key=attributes({"interaction_id": self.interaction_id}),
                UpdateExpression="REMOVE callback_requested_at",
                ConditionExpression="attribute_exists(interaction_id)"
                " AND (attribute_not_exists(callback_requested_at)"
                " OR callback_requested_at = :at)",
                ExpressionAttributeValues=attributes({":at": self.at}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailedError as failed:
            return not failed.item
        return True

    def _remove_row(self, services: Services) -> None:
        with suppress(ConditionFailedError):
            services.pending.table.call(
                "delete_item",
                Key=attributes({"kind": "callback", "interaction_id": self.interaction_id}),
                ConditionExpression="due_at = :due",
                ExpressionAttributeValues=attributes({":due": self._due_at}),
            )


def _carry_out(lead: Lead, deadline: Deadline, services: Services) -> None:
    task = UpdateLeadInput(lead.interaction_id)
    services.background.invoke(services.settings.update_lead_function, task.to_json(), deadline)


def _said(
    text: str, turn: Turn, services: Services, state: IntentState = "Fulfilled", problem: str = ""
) -> Outcome:
    words = services.contents.in_locale(turn.locale).texts[text]
    return Outcome(Answer(words, Source.FIXED), state, problem=problem)


CALLBACK = Callback()
