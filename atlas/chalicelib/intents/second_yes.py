"""A yes that was sent twice: the second one finds the question closed and gets the same answer.

Lex takes the first yes as the confirmation and ends the intent with it, so that the second one
matches no intent at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.answer import Answer, Source
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.consent import call_text
from chalicelib.intents.demo_session import known_id
from chalicelib.intents.outcome import Handler, Outcome
from chalicelib.lead import Lead, session_hash
from chalicelib.lex import Turn
from chalicelib.phone_numbers import classified
from chalicelib.refusals import is_assent
from chalicelib.session_attributes import BOOKED, SOURCE

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(frozen=True, slots=True)
class AfterYes:
    """`other` answers everything but a second yes, straight after the first."""

    other: Handler

    @property
    def intent(self) -> str:
        return self.other.intent

    @property
    def answers_dialog_hook(self) -> bool:
        return self.other.answers_dialog_hook

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        said = _said_before(turn, services) if _is_second_yes(turn) else ""
        if not said:
            return self.other.answer(turn, deadline, services)
        return Outcome(Answer(said, Source.FIXED))


def _is_second_yes(turn: Turn) -> bool:
    """Whether the words before were the booking's: a yes may mean anything later."""
    is_next = turn.attributes.get(SOURCE) == Source.FIXED
    return turn.channel == "chat" and is_next and is_assent(turn.text)


def _said_before(turn: Turn, services: Services) -> str:
    """What the booking said; empty where there is none, or it is not this session's."""
    lead = _booked_lead(turn, services)
    number = classified(lead.phone) if lead is not None else None
    if lead is None or number is None:
        return ""
    content = services.contents.in_locale(turn.locale)
    return call_text(number, bool(lead.call_refused), content, services)


def _booked_lead(turn: Turn, services: Services) -> Lead | None:
    """This session's, if its call is to come; not where calls were refused since."""
    if not (interaction_id := known_id(turn, BOOKED)):
        return None
    try:
        lead = services.leads.get(interaction_id)
        if lead is None or not services.call_limits.may_call(lead.phone_hash):
            return None
    except DependencyError as exc:
        services.log.warning("booking not read", error=str(exc))
        return None
    is_own = lead.session == session_hash(turn.session_id)
    is_open = lead.status == "consented" and not lead.call_ended_at
    return lead if is_own and is_open else None
