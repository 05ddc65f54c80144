"""StopCallingIntent: a number goes on the do-not-call list, at once and for good.

It asks for no proof and no confirmation: a call that does not come harms nobody. The number's leads
in Salesforce are told too, so that no person of the team calls either. In a call the
number is the call's own; in the chat it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.answer import Answer, Source
from chalicelib.content import Content
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.number_answer import NUMBER_SLOT, REFUSED, read_number
from chalicelib.intents.outcome import DELEGATED, MAX_TRIES, ElicitSlot, Outcome, given_up
from chalicelib.intents.stopped_leads import tell_salesforce
from chalicelib.intents.writing import written
from chalicelib.lead import Lead
from chalicelib.lex import Turn
from chalicelib.phone_numbers import PhoneNumber
from chalicelib.phone_session import verified_lead

if TYPE_CHECKING:
    from chalicelib.services import Services

TRIES = "stopTries"

_CALLS = re.compile(r"\b(?:call|phon|ring)", re.IGNORECASE)
_ENDED: Mapping[str, str | None] = {TRIES: None}


@dataclass(frozen=True, slots=True)
class StopCalling:
    """Dialog hooks find the number, fulfilment writes it down."""

    intent: str = "StopCallingIntent"
    answers_dialog_hook: bool = True

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        content = services.contents.in_locale(turn.locale)
        if turn.channel == "phone":
            try:
                lead = verified_lead(turn, deadline, services)
            except DependencyError as exc:
                services.log.warning("call's number not read", error=str(exc))
                return _ended("stop_failed", content, problem="call's number not read")
            if lead is not None:
                return _stopped(lead, content, deadline, services)
        return _from_chat(turn, content, deadline, services)


def _stopped(lead: Lead, content: Content, deadline: Deadline, services: Services) -> Outcome:
    """In a call nothing is left to ask, so that one hook suffices."""
    if not _is_written(lambda: lead.phone_hash, deadline, services):
        return _ended("stop_failed", content, problem="not written")
    tell_salesforce(lambda: [lead], deadline, services)
    return Outcome(Answer(content.texts["stopped_on_phone"], Source.FIXED), attributes=_ENDED)


def _from_chat(turn: Turn, content: Content, deadline: Deadline, services: Services) -> Outcome:
    number = read_number(turn, services.settings.default_country, allowed_countries=None)
    if number == REFUSED and _CALLS.search(turn.text):
        # "Stop calling me!" once more refuses calls, and not the answer.
        number = "missing"
    if number == REFUSED:
        return _ended("stop_declined", content)
    if not isinstance(number, PhoneNumber):
        return _asked(number, turn, content)
    if turn.source == "DialogCodeHook":
        return replace(DELEGATED, slots={NUMBER_SLOT: number.e164})
    if not _is_written(lambda: services.phone_hash(number.e164), deadline, services):
        return _ended("stop_failed", content, problem="not written")
    tell_salesforce(
        lambda: services.leads.by_phone(services.phone_hash(number.e164)), deadline, services
    )
    said = content.said("stopped", number=number.readable)
    return Outcome(Answer(said, Source.FIXED), attributes=_ENDED)


def _asked(reason: str | None, turn: Turn, content: Content) -> Outcome:
    """Ask for the number, with what was wrong with the last one."""
    tries = 0 if turn.invocation_label == f"{turn.intent}Start" else _tries(turn)
    tries += reason is not None
    if tries >= MAX_TRIES:
        return _ended("stop_too_many_tries", content, problem=f"{NUMBER_SLOT} {reason}")
    text = content.number_problems[reason] if reason else content.texts["ask_number_to_stop"]
    return Outcome(
        Answer(text, Source.FIXED),
        problem=f"{NUMBER_SLOT} {reason}" if reason else "",
        next_step=ElicitSlot(NUMBER_SLOT),
        slots={NUMBER_SLOT: None},
        attributes={TRIES: str(tries)},
    )


def _tries(turn: Turn) -> int:
    """A client may write the attribute; what it gains is a question more."""
    value = turn.attributes.get(TRIES, "")
    return int(value) if value in ("0", "1", "2") else 0


def _is_written(phone_hash: Callable[[], str], deadline: Deadline, services: Services) -> bool:
    """Whether the number is on the list; writing it twice is no error."""

    def write() -> bool:
        services.call_limits.stop_calling(phone_hash())
        return True

    return bool(written(write, deadline, services))


def _ended(text: str, content: Content, problem: str = "") -> Outcome:
    return given_up(content.texts[text], problem, _ENDED)


STOP_CALLING = StopCalling()
