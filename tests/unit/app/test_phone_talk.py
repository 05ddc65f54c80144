"""A call through the Lex boundary: greeted by name, led by its scenario, heard in one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import conversation, fulfillment
from chalicelib.conversation import Exchange
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.intents.phone_talk import CONVERSATION, GREETING_BY_CHANNEL
from chalicelib.scenario import briefing_of, opening_of, sentences
from chalicelib.sentences import sentence_ends
from tests.fakes import CONTENTS, Reply, an_invocation, lex_event, with_attributes
from tests.lead_world import INTERACTION
from tests.lex_shapes import problems
from tests.phone_world import KEY, MADE, PhoneWorld, phone_world

CONTENT = CONTENTS.in_locale("en_US")
FLOORS = sentences(CONTENT.scenario["floors"])
ANSWER = "It runs on Amazon Web Services."


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Iterator[PhoneWorld]:
    handlers = {h.intent: h for h in (GREETING_BY_CHANNEL, CONVERSATION)}
    monkeypatch.setattr(fulfillment, "INTENT_HANDLERS", {**INTENT_HANDLERS, **handlers})
    with phone_world() as phone:
        phone.world.models.replies = [Reply(ANSWER)]
        yield phone


class Call:
    """One call: each turn's session attributes come back with the next, as Connect sends them."""

    def __init__(self, phone: PhoneWorld, **attributes: str) -> None:
        self.phone = phone
        self.attributes = dict(attributes)
        self.response: Any = None

    def hear(self, text: str, intent: str = "FallbackIntent", mode: str = "Speech") -> str:
        event = with_attributes(lex_event(intent, text, inputMode=mode), **self.attributes)
        self.response = conversation_turn(event, an_invocation(), self.phone.world.services)
        assert problems(self.response) == []
        self.attributes = self.response["sessionState"]["sessionAttributes"]
        (message,) = self.response["messages"]
        said: str = message["content"]
        return said

    @property
    def source(self) -> str:
        return self.attributes["answerSource"]

    @property
    def history(self) -> tuple[Exchange, ...]:
        return conversation.read(self.attributes.get("history"))


def a_call(phone: PhoneWorld) -> Call:
    phone.open_call()
    phone.keep()
    return Call(phone, interactionKey=KEY)


def prompts(phone: PhoneWorld) -> list[Any]:
    found: list[Any] = phone.world.models.prompts
    return found


def test_a_hello_is_answered_by_name_without_a_model(phone: PhoneWorld) -> None:
    call = a_call(phone)
    assert call.hear("hello", "GreetingIntent") == opening_of(MADE.text)
    assert call.source == "table"
    assert prompts(phone) == []
    assert call.history == (Exchange("hello", opening_of(MADE.text)),)


def test_the_grounded_scenario_greets_by_name_as_well(phone: PhoneWorld) -> None:
    phone.open_call()
    call = Call(phone, interactionKey=KEY)
    assert call.hear("hello", "GreetingIntent").startswith("Hello Maria Lopez,")
    assert call.source == "grounded"


def test_a_greeting_drops_nothing_of_the_session(phone: PhoneWorld) -> None:
    call = a_call(phone)
    call.attributes["mood"] = "curious"
    call.hear("what does it run on")
    before = dict(call.attributes)
    for intent in ("GreetingIntent", "AboutTechnologyIntent", "AboutDemoIntent"):
        call.hear("hello again", intent)
        for name in ("scenario", "interactionKey", "mood"):
            assert call.attributes[name] == before[name]
        assert call.history[0] == Exchange("what does it run on", ANSWER)


def test_a_second_hello_goes_on_with_the_conversation(phone: PhoneWorld) -> None:
    call = a_call(phone)
    call.hear("hello", "GreetingIntent")
    assert call.hear("hello, are you there?", "GreetingIntent") == ANSWER
    assert briefing_of(MADE.text) in prompts(phone)[0].system


def test_a_hello_after_a_late_table_greets_by_name(phone: PhoneWorld) -> None:
    call = a_call(phone)
    with phone.scenarios.late(phone.scenarios.leads_open):
        assert "Maria" not in call.hear("hello", "GreetingIntent")
    assert call.hear("hello?", "GreetingIntent") == opening_of(MADE.text)


def test_four_turns_read_the_tables_once_and_remember_each_other(phone: PhoneWorld) -> None:
    call = a_call(phone)
    phone.world.wire.calls.clear()
    call.hear("hello", "GreetingIntent")
    for question in ("what did I ask you", "and for us", "how long does it take"):
        assert call.hear(question) == ANSWER
    assert phone.reads == 2
    last = prompts(phone)[-1]
    assert briefing_of(MADE.text) in last.system
    assert [m.text for m in last.messages][:2] == ["hello", opening_of(MADE.text)]
    assert last.messages[-1].text == "how long does it take"
    assert len(call.history) == 4


def test_free_conversation_is_shared_with_nobody(phone: PhoneWorld) -> None:
    call = a_call(phone)
    call.hear("what technology do you use")
    call.hear("what technology do you use")
    assert phone.world.table.items == {}
    assert phone.world.background.tasks == []
    assert len(prompts(phone)) == 2


def test_an_answer_is_one_sentence(phone: PhoneWorld) -> None:
    phone.world.models.replies = [Reply("One is said. Two is not. Three neither.")]
    assert a_call(phone).hear("tell me everything") == "One is said."


def test_a_late_answer_is_the_sentence_that_arrived(phone: PhoneWorld) -> None:
    phone.world.models.replies = [Reply(seconds=60, arrived="One arrived. Two is n")]
    call = a_call(phone)
    assert call.hear("tell me everything") == "One arrived."
    assert call.source == "partial"


@pytest.mark.parametrize(
    "reply", [Reply(seconds=60), Reply("", stop_reason="refused"), Reply("", stop_reason="failed")]
)
def test_floors_fit_the_call_and_take_turns(phone: PhoneWorld, reply: Reply) -> None:
    phone.world.models.replies = [reply]
    call = a_call(phone)
    said = [call.hear("tell me more") for _ in range(len(FLOORS) + 1)]
    assert said == [*FLOORS, FLOORS[-1]]
    assert call.source == "grounded"


@pytest.mark.parametrize("noise", ["", "?!", "12", "\x00"])
def test_noise_gets_a_floor_without_a_model(phone: PhoneWorld, noise: str) -> None:
    call = a_call(phone)
    assert call.hear(noise) == FLOORS[0]
    assert prompts(phone) == []
    assert call.history == ()


@pytest.mark.parametrize("key", ["", "junk", INTERACTION + "ef" * 16, "12" * 32])
def test_a_forged_key_is_an_ordinary_conversation(phone: PhoneWorld, key: str) -> None:
    phone.open_call()
    phone.keep()
    call = Call(phone, interactionKey=key)
    assert call.hear("hello", "GreetingIntent") == ANSWER
    assert call.hear("who am I") == ANSWER
    assert "Maria" not in json.dumps(call.response)
    assert all("Maria" not in prompt.system for prompt in prompts(phone))
    assert len(phone.verdicts()) == 1


def test_a_table_that_is_down_ends_no_call(phone: PhoneWorld) -> None:
    call = a_call(phone)
    phone.world.wire.faults = {"get_item": ["InternalServerError"] * 4}
    assert call.hear("what is it") == ANSWER
    assert call.hear("what is it") == ANSWER
    assert call.hear("what is it") == ANSWER
    assert phone.verdicts() == ["late", "late"]


@pytest.mark.parametrize("intent", ["GreetingIntent", "FallbackIntent"])
def test_on_the_chat_a_scenario_is_nobodys(phone: PhoneWorld, intent: str) -> None:
    spoken = a_call(phone)
    spoken.hear("what is it")
    prompts(phone).clear()
    phone.world.wire.calls.clear()
    call = Call(phone, interactionKey=KEY, scenario=spoken.attributes["scenario"])
    call.hear("what is it", intent, mode="Text")
    assert phone.world.wire.calls == []
    assert all("Maria" not in prompt.system for prompt in prompts(phone))


@pytest.mark.parametrize("mode", ["Speech", "DTMF"])
def test_keys_on_the_phone_are_a_call_too(phone: PhoneWorld, mode: str) -> None:
    call = a_call(phone)
    assert call.hear("hello", "GreetingIntent", mode) == opening_of(MADE.text)


def test_the_turn_keeps_its_deadline_with_a_late_table_and_a_late_model(
    phone: PhoneWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    complete = phone.world.models.complete

    def note(prompt: Any, route: Any, deadline: Any) -> Any:
        given.append(deadline.remaining())
        return complete(prompt, route, deadline)

    monkeypatch.setattr(phone.world.models, "complete", note)
    call = a_call(phone)
    with phone.scenarios.late(phone.scenarios.leads_open):
        call.hear("what is it")
    assert 0.0 < given[0] <= 0.8 - 0.11


def test_nothing_of_the_person_is_logged(phone: PhoneWorld) -> None:
    call = a_call(phone)
    phone.world.models.replies = [Reply("Maria, it is serverless.")]
    call.hear("hello", "GreetingIntent")
    call.hear("I am Maria Lopez, call 212-555-0147")
    written = "\n".join(phone.world.lines).lower()
    assert written
    for personal in ("maria", "lopez", "0147", "0132", INTERACTION, "serverless"):
        assert personal not in written


def test_what_is_heard_is_one_sentence_of_any_floor() -> None:
    assert all(len(sentence_ends(floor)) == 1 for floor in FLOORS)
