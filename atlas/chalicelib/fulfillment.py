"""One turn of the conversation: event in, reply out, and never an exception.

This is the Lex boundary; with the steps' own it is the only place that catches everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from chalicelib import conversation, lex
from chalicelib.answer import Answer, Source
from chalicelib.deadline import Deadline
from chalicelib.errors import InvalidRequestError
from chalicelib.intents import INTENT_HANDLERS, WRITING_INTENTS
from chalicelib.intents.outcome import DELEGATED, ConfirmIntent, Delegate, ElicitSlot, Outcome
from chalicelib.invocation import Invocation
from chalicelib.lex import Attributes, LexResponse, Turn
from chalicelib.model_metrics import model_metrics
from chalicelib.observability import TRACER, place_of, session_label
from chalicelib.session_attributes import SOURCE

if TYPE_CHECKING:
    from chalicelib.services import Services

SUPPORTED_MESSAGE_VERSION = "1.0"


def conversation_turn(event: object, invocation: Invocation, services: Services) -> LexResponse:
    """Lex's reply to one code hook event; whatever the event is, a valid one."""
    started = time.perf_counter()
    with TRACER.invocation("turn", invocation.trace_header):
        try:
            return _answered(event, started, invocation, services)
        except InvalidRequestError as exc:
            text, problem = "not_understood", f"unusable event: {exc.field}"
        except Exception as exc:
            # Whatever went wrong, a person is waiting. Only its type and place are logged.
            text, problem = "apology", f"{type(exc).__name__} in {place_of(exc)}"
        turn = lex.salvage(event)
        _bind(turn, invocation, services)
        outcome = _said(turn, text, problem, services)
        return _reply(event, turn, outcome, started, invocation, services)


def _answered(
    event: object, started: float, invocation: Invocation, services: Services
) -> LexResponse:
    turn = lex.parse(event)
    _bind(turn, invocation, services)
    outcome = _outcome(turn, invocation, services)
    if isinstance(outcome.next_step, Delegate):
        # No metrics: Lex asks again in the same turn, and that invocation is counted.
        services.log.info("turn", intent=turn.intent, state=outcome.name)
        return lex.delegate(turn, outcome.attributes, outcome.slots)
    return _reply(event, turn, outcome, started, invocation, services)


def _bind(turn: Turn, invocation: Invocation, services: Services) -> None:
    services.begin(invocation)
    services.log.bind_also(session=session_label(turn.session_id))


def _outcome(turn: Turn, invocation: Invocation, services: Services) -> Outcome:
    """What the intent's handler says."""
    handler = INTENT_HANDLERS.get(turn.intent)
    if handler is None:
        return _said(turn, "help", "unknown intent", services)
    if turn.source == "DialogCodeHook" and not handler.answers_dialog_hook:
        return DELEGATED
    deadline = Deadline.after(_seconds(turn, services), invocation.remaining_ms())
    return handler.answer(turn, deadline, services)


def _seconds(turn: Turn, services: Services) -> float:
    """A turn's budget: what must be written before it may be promised gets the time for it."""
    settings = services.settings
    if turn.intent in WRITING_INTENTS:
        return settings.consent_deadline_seconds
    return settings.deadline_seconds(turn.channel)


def _reply(
    event: object,
    turn: Turn,
    outcome: Outcome,
    started: float,
    invocation: Invocation,
    services: Services,
) -> LexResponse:
    own = _own_attributes(turn, outcome)
    response = _response(turn, outcome, own)
    kept = response["sessionState"]["sessionAttributes"]
    oddities = _oddities(event, turn, services)
    lost = turn.attributes.keys() - kept.keys() - own.keys()
    oddities.extend(f"dropped an attribute of {size} bytes" for size in _sizes(turn, lost))
    _report(turn, outcome, invocation, time.perf_counter() - started, oddities, services)
    return response


def _response(turn: Turn, outcome: Outcome, own: Attributes) -> LexResponse:
    text = outcome.answer.text
    match outcome.next_step:
        case ElicitSlot(slot):
            return lex.elicit_slot(turn, slot, text, own, outcome.slots)
        case ConfirmIntent():
            return lex.confirm_intent(turn, text, own, outcome.slots)
    return lex.close(turn, text, outcome.state, own, outcome.card)


def _sizes(turn: Turn, names: Iterable[str]) -> list[int]:
    """A name from outside may say anything, so only sizes are logged."""
    return sorted((lex.attribute_bytes(n, turn.attributes[n]) for n in names), reverse=True)


def _said(turn: Turn, text: str, problem: str, services: Services) -> Outcome:
    words = services.contents.in_locale(turn.locale).texts[text]
    return Outcome(Answer(words, Source.FIXED), "Failed", problem=problem)


def _own_attributes(turn: Turn, outcome: Outcome) -> dict[str, str | None]:
    """The session attributes that are Atlas's: the answer's source, and what was really said."""
    own: dict[str, str | None] = {SOURCE: str(outcome.answer.source)}
    history = conversation.read(turn.attributes.get(conversation.ATTRIBUTE))
    if outcome.is_remembered and turn.text:
        said = lex.message_text(outcome.answer.text)
        history = (*history, conversation.Exchange(turn.text, said))
    if history or conversation.ATTRIBUTE in turn.attributes:
        own[conversation.ATTRIBUTE] = conversation.write(history)
    return {**own, **outcome.attributes}


def _oddities(event: object, turn: Turn, services: Services) -> list[str]:
    """What was not as it should be and yet no reason to fail, for the turn's line."""
    oddities = []
    if not isinstance(event, dict) or event.get("messageVersion") != SUPPORTED_MESSAGE_VERSION:
        oddities.append("other message version")
    if turn.locale not in services.contents.locales:
        oddities.append("unknown locale")
    return oddities


def _report(
    turn: Turn,
    outcome: Outcome,
    invocation: Invocation,
    seconds: float,
    oddities: list[str],
    services: Services,
) -> None:
    """The turn's one line: metrics, and the fields an operator asks for first."""
    generated = outcome.answer.generated
    facts = {
        # A name that is none of ours came from outside, and stays out of logs and traces.
        "intent": turn.intent if turn.intent in INTENT_HANDLERS else "unknown",
        "source": str(outcome.answer.source),
        "model": outcome.answer.model,
        "start": invocation.start_kind,
    }
    stage = services.settings.stage
    TRACER.annotate(channel=turn.channel, stage=stage, **facts)
    services.log.metrics(
        "turn",
        _metrics(turn, outcome, invocation, seconds, _seconds(turn, services)),
        {"Stage": stage, "Channel": turn.channel},
        **facts,
        state=outcome.name,
        problem=outcome.problem,
        oddities=oddities,
        stop_reason=generated.stop_reason if generated else "",
        model_errors=list(generated.errors) if generated else [],
    )


def _metrics(
    turn: Turn, outcome: Outcome, invocation: Invocation, seconds: float, allowed_seconds: float
) -> dict[str, tuple[float, str]]:
    values = {
        "TurnLatency": (seconds * 1000, "Milliseconds"),
        "ColdStart": (float(invocation.start_kind == "cold"), "Count"),
        "Turns": (1.0, "Count"),
        "Failed": (float(outcome.name == "Failed"), "Count"),
        "DeadlineMissed": (float(seconds > allowed_seconds), "Count"),
        f"AnswerSource.{outcome.answer.source}": (1.0, "Count"),
    }
    if _is_first(turn):
        values["Conversations"] = (1.0, "Count")
    if (age := outcome.answer.age_seconds) is not None:
        values["CacheAge"] = (age, "Seconds")
    if (generated := outcome.answer.generated) is not None:
        values |= model_metrics(generated)
    return values


def _is_first(turn: Turn) -> bool:
    """Each reply leaves a source behind; Connect's flow hands on the history alone."""
    return SOURCE not in turn.attributes and conversation.ATTRIBUTE not in turn.attributes
