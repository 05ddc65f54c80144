"""The question for consent, written down before it is asked, and what becomes of the answer.

Nothing is promised that is not written: whoever is told that a call comes has an item in the
leads table from which it will be placed, and whoever is told that nothing is recorded has none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib import calling_hours, lex
from chalicelib.answer import Answer, Source
from chalicelib.content import Content
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.demo_preparation import asked_in, forget, prepare
from chalicelib.intents.demo_session import (
    CONSENT,
    ENDED,
    INTERACTION,
    DemoSession,
    known_id,
)
from chalicelib.intents.outcome import ConfirmIntent, Outcome
from chalicelib.intents.writing import written
from chalicelib.lead import Lead, session_hash
from chalicelib.lex import Turn
from chalicelib.phone_numbers import PhoneNumber
from chalicelib.session_attributes import BOOKED
from chalicelib.timely import timely

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(frozen=True, slots=True)
class Demo:
    """All that is known when name and number are valid; `slots` are how Lex keeps them."""

    turn: Turn
    session: DemoSession
    name: str
    number: PhoneNumber
    slots: Mapping[str, str | None]
    content: Content


def ask(demo: Demo, deadline: Deadline, services: Services, before: str = "") -> Outcome:
    """Write the offer, then ask for the yes; `before` names a text that is said first."""
    words = _words(demo, before)
    is_offered = _offer(demo, words, deadline, services)
    if is_offered is False:
        # The interaction is over, or was never this session's: this is a new one.
        demo = replace(demo, session=demo.session.renewed())
        is_offered = _offer(demo, words, deadline, services)
        if is_offered:
            prepare(demo.session.interaction_id, demo.name, demo.turn, deadline, services)
    if not is_offered:
        forget(demo.turn, deadline, services, demo.session.interaction_id)
        return ended("not_recorded", demo.content, problem="offer not written")
    return Outcome(
        Answer(words, Source.FIXED),
        next_step=ConfirmIntent(),
        slots=demo.slots,
        attributes=demo.session.attributes,
    )


def answered(demo: Demo, deadline: Deadline, services: Services) -> Outcome:
    """Record the yes, or say why it is not recorded.

    Without an open interaction the session's booked one is meant: a yes that was sent twice.
    """
    interaction_id = known_id(demo.turn, INTERACTION) or known_id(demo.turn, BOOKED)
    result = _recorded(interaction_id, demo, deadline, services)
    _report(result, demo, services)
    match result:
        case "already" if _is_over(interaction_id, deadline, services):
            return _over(interaction_id, demo)
        case "recorded" | "already" | "refused_hour":
            is_refused = result == "refused_hour"
            said = call_text(demo.number, is_refused, demo.content, services)
            return _booked(said, interaction_id, demo, services)
        case "refused_number":
            forget(demo.turn, deadline, services)
            said = demo.content.said("refused_number", number=demo.number.readable)
            return replace(_failed(said, "refused_number"), attributes=ENDED)
        case "not_offered":
            return _anew(demo, deadline, services)
        case "unconfirmed":
            outcome = ended("unconfirmed", demo.content, problem=result)
            return replace(outcome, attributes={**ENDED, BOOKED: interaction_id})
    forget(demo.turn, deadline, services)
    return ended("not_recorded", demo.content, problem=result)


def _is_over(interaction_id: str, deadline: Deadline, services: Services) -> bool:
    """Whether a yes that counted before had its call, so that no phone rings any more."""
    try:
        lead = timely(lambda: services.leads.get(interaction_id), deadline, services)
    except DependencyError as exc:
        services.log.warning("booking not read", error=str(exc))
        return False
    return lead is not None and bool(lead.call_ended_at or lead.call_outcome)


def _over(interaction_id: str, demo: Demo) -> Outcome:
    answer = Answer(demo.content.texts["booking_over"], Source.FIXED)
    return Outcome(answer, attributes={**ENDED, BOOKED: interaction_id}, slots=demo.slots)


def ended(text: str, content: Content, problem: str = "") -> Outcome:
    """Nothing comes of it, and the session forgets that it was asked for."""
    return replace(_failed(content.texts[text], problem), attributes=ENDED)


def _failed(said: str, problem: str) -> Outcome:
    return Outcome(Answer(said, Source.FIXED), "Failed", problem=problem)


def _words(demo: Demo, before: str) -> str:
    """Exactly what will be shown, as Lex takes it."""
    said = demo.content.said("consent", number=demo.number.readable)
    return lex.message_text(f"{demo.content.texts[before]} {said}" if before else said)


def _offer(demo: Demo, words: str, deadline: Deadline, services: Services) -> bool | None:
    """False: the interaction's item is not open to this session. None: it was not written.

    Where DynamoDB does not answer, whether it was written stays unknown: then nobody is asked for
    a yes, so that none can count.
    """
    return written(lambda: services.leads.offer(_lead(demo, words, services)), deadline, services)


def _lead(demo: Demo, words: str, services: Services) -> Lead:
    return Lead(
        interaction_id=demo.session.interaction_id,
        status="offered",
        name=demo.name,
        phone=demo.number.e164,
        phone_hash=services.phone_hash(demo.number.e164),
        locale=demo.content.locale,
        session=session_hash(demo.turn.session_id),
        asked=asked_in(demo.turn),
        consent_words=words,
        consent_version=consent_version(demo.content),
        offered_at=services.clock(),
    )


def consent_version(content: Content) -> str:
    """Names the wording, whoever it is shown to: 16 hex digits of the text's SHA-256."""
    return hashlib.sha256(content.texts["consent"].encode()).hexdigest()[:16]


def _recorded(interaction_id: str, demo: Demo, deadline: Deadline, services: Services) -> str:
    if not interaction_id:
        return "not_offered"
    try:
        phone_hash = services.phone_hash(demo.number.e164)
    except DependencyError as exc:
        services.log.warning("consent not written", error=str(exc))
        return "not_recorded"
    session = session_hash(demo.turn.session_id)
    return str(
        services.consents.record(interaction_id, demo.number.e164, session, phone_hash, deadline)
    )


def _report(result: str, demo: Demo, services: Services) -> None:
    services.log.metrics(
        "consent",
        {f"Consent.{result}": (1.0, "Count")},
        {"Stage": services.settings.stage, "Channel": demo.turn.channel},
        result=result,
    )


def _booked(said: str, interaction_id: str, demo: Demo, services: Services) -> Outcome:
    """Start the workflow and say so; what does not start now, `recover_leads` starts."""
    services.trace_whose(interaction_id)
    try:
        services.workflow.start(interaction_id)
    except DependencyError as exc:
        services.log.warning("workflow not started", error=str(exc))
    return Outcome(
        Answer(said, Source.FIXED),
        attributes={**ENDED, BOOKED: interaction_id},
        slots=demo.slots,
    )


def call_text(number: PhoneNumber, is_refused: bool, content: Content, services: Services) -> str:
    """That it will ring, and when by the clock of whoever is called; or that no line is free."""
    if is_refused:
        return content.texts["refused_hour"]
    now = services.clock()
    rings = calling_hours.earliest_call(number, now, services.settings.quiet_hours)
    if rings <= now:
        return content.said("booked", number=number.readable)
    clock = calling_hours.local_time(number, rings)
    if clock is None:
        return content.said("booked_by_day", number=number.readable)
    time = clock.strftime(content.time_format).lstrip("0")
    return content.said("booked_later", number=number.readable, time=time)


def _anew(demo: Demo, deadline: Deadline, services: Services) -> Outcome:
    """A yes to nothing: an offer that lapsed, other slots than were offered, or a forged one."""
    again = replace(demo, session=demo.session.tried(CONSENT))
    if again.session.is_enough(CONSENT):
        return ended("no_clear_answer", demo.content, problem="not_offered")
    return replace(ask(again, deadline, services, before="not_offered"), problem="not_offered")
