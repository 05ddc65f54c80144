"""A name, a number and an address, planted everywhere: none reaches a log, a metric, a trace."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.background import finish_answer
from chalicelib.errors import InvalidRequestError
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.observability import TRACER
from tests.fakes import Reply, World, an_invocation, lex_event, with_attributes

NAME = "Eleanor"
NUMBER = "212-555-0147"
EMAIL = "eleanor@hillhouse.example"
PERSONAL = (NAME.lower(), "5550147", "555-0147", "hillhouse")
WORDS = f"My name is {NAME} Vance, call {NUMBER} or write to {EMAIL}"

BREAKAGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "channel": {"inputMode": WORDS},
    "source": {"invocationSource": WORDS},
    "version": {"messageVersion": WORDS},
    "bot": {"bot": {"localeId": WORDS}},
    "no bot": {"bot": WORDS},
    "session": {"sessionId": f"{NAME}-{NUMBER}"},
    "dialog": {"invocationSource": "DialogCodeHook"},
}
REPLIES = {
    "whole": Reply(f"Hello {NAME}, {NUMBER}. Whole."),
    "late": Reply(seconds=60, arrived=f"Hello {NAME}. I"),
    "silent": Reply(seconds=60),
    "refused": Reply("", stop_reason="refused"),
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    def annotate(**values: Any) -> None:
        world.services.log.info("trace", **values)

    monkeypatch.setattr(TRACER, "annotate", annotate)
    return world


def planted(intent: str, **breakage: Any) -> Any:
    slot = {"shape": "Scalar", "value": {"originalValue": WORDS, "interpretedValue": NUMBER}}
    event = lex_event(intent, WORDS, **breakage)
    event = with_attributes(event, visitor=WORDS, history=f'[["{WORDS}","Hi {NAME}."]]')
    event["sessionState"]["intent"] |= {"slots": {"VisitorFullName": slot}}
    event["sessionState"]["sessionAttributes"][f"{NAME}{NUMBER}"] = "x" * 11_264
    return event


def nothing_personal(world: World) -> bool:
    written = "\n".join(world.lines).lower()
    return bool(written) and not [word for word in PERSONAL if word in written]


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("intent", [*INTENT_HANDLERS, "EleanorIntent", WORDS])
def test_nothing_personal_is_written_for_any_turn(
    world: World, intent: str, breakage: str, reply: str
) -> None:
    world.models.replies = [REPLIES[reply]]
    event = planted(intent, **BREAKAGES[breakage])
    conversation_turn(event, an_invocation(), world.services)
    assert nothing_personal(world)


@pytest.mark.parametrize("error", [ValueError, KeyError, UnicodeError])
def test_nothing_personal_is_written_when_a_handler_breaks(
    world: World, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: Any) -> Any:
        raise error(WORDS)

    monkeypatch.setattr(world.models, "complete", broken)
    conversation_turn(planted("FallbackIntent"), an_invocation(), world.services)
    assert world.lines.of("turn")[0]["problem"].startswith(error.__name__)
    assert nothing_personal(world)


def test_nothing_personal_is_written_when_the_table_fails(world: World) -> None:
    world.table.is_down = True
    event = lex_event("GreetingIntent", "hello there eleanor")
    conversation_turn(event, an_invocation(), world.services)
    assert world.lines.of("turn")
    assert nothing_personal(world)


def left_for_later(world: World, intent: str, text: str) -> dict[str, Any]:
    question = {
        "intent": intent,
        "grounding": "greeting",
        "text": text,
        "locale": "en_US",
        "channel": "chat",
        "route": "simple",
        "is_folded": False,
    }
    return {"question": question, "lease": "lease", "lease_until": world.clock() + 10}


@pytest.mark.parametrize("text", [f"hello {NAME.lower()}", WORDS])
def test_nothing_personal_is_written_in_the_background(world: World, text: str) -> None:
    event = left_for_later(world, "GreetingIntent", text)
    with pytest.raises(InvalidRequestError, match=r"question\.text") as refusal:
        finish_answer(event, an_invocation(15_000), world.services)
    world.services.log.warning(str(refusal.value))
    assert nothing_personal(world)


def test_an_answer_made_later_is_for_an_intent_of_the_bots_alone(world: World) -> None:
    """It stands in keys, in lines and in traces."""
    known = left_for_later(world, "GreetingIntent", "hello")
    finish_answer(known, an_invocation(15_000), world.services)
    assert world.lines.of("answer stored") or world.lines.of("lease lost")
    with pytest.raises(InvalidRequestError, match=r"question\.intent"):
        finish_answer(left_for_later(world, NAME, "hello"), an_invocation(), world.services)
    assert not [key for key in world.table.items if NAME in str(key)]
    assert nothing_personal(world)


def test_the_plant_would_be_found(world: World) -> None:
    """The check itself can fail."""
    world.lines.append(f'{{"text": "{WORDS}"}}')
    assert not nothing_personal(world)
