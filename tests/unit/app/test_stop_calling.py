"""StopCallingIntent: the do-not-call list, from the chat and from the call itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import RejectedByDependencyError
from chalicelib.fulfillment import conversation_turn
from tests.chat_world import ChatWorld, chat_world
from tests.fakes import CONTENTS, an_invocation
from tests.lead_world import INTERACTION, PHONE
from tests.lex_shapes import problems

CONTENT = CONTENTS.in_locale("en_US")
NUMBER = "+1 415 555 0132"
CALL_KEY = "cd" * 16
KEY = INTERACTION + CALL_KEY
STOPPED = CONTENT.said("stopped", number=NUMBER)


@pytest.fixture
def chat() -> Iterator[ChatWorld]:
    with chat_world() as chat:
        yield chat


def may_call(chat: ChatWorld, phone: str = PHONE) -> bool:
    services = chat.world.services
    return services.call_limits.may_call(services.phone_hash(phone))


def on_the_phone(chat: ChatWorld, key: str | None = KEY, **changes: Any) -> Any:
    """The reply to "stop calling me" in a call that carries this key."""
    event = {
        "messageVersion": "1.0",
        "invocationSource": "DialogCodeHook",
        "invocationLabel": "StopCallingIntentStart",
        "inputMode": "Speech",
        "sessionId": "the-call",
        "inputTranscript": "stop calling me",
        "bot": {"localeId": "en_US"},
        "sessionState": {
            "sessionAttributes": {"interactionKey": key} if key else {},
            "intent": {
                "name": "StopCallingIntent",
                "state": "InProgress",
                "confirmationState": "None",
                "slots": {"VisitorPhoneNumber": None},
            },
        },
    }
    reply: Any = conversation_turn(
        json.loads(json.dumps(event | changes)), an_invocation(), chat.world.services
    )
    assert problems(reply) == []
    return reply


def said(reply: Any) -> str:
    text: str = reply["messages"][0]["content"]
    return text


def test_in_the_chat_the_number_is_asked_for_and_goes_on_the_list(chat: ChatWorld) -> None:
    assert chat.say("stop calling me") == CONTENT.texts["ask_number_to_stop"]
    assert may_call(chat)
    assert chat.say("(415) 555-0132") == STOPPED
    assert not may_call(chat)
    assert chat.state["intent"]["state"] == "Fulfilled"
    assert "stopTries" not in chat.attributes


def test_a_number_in_the_sentence_is_taken(chat: ChatWorld) -> None:
    assert chat.say("please do not call +1 415 555 0132 again") == STOPPED
    assert not may_call(chat)


def test_asking_twice_is_answered_twice(chat: ChatWorld) -> None:
    for _ in range(2):
        assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert not may_call(chat)


def test_whoever_is_on_the_list_is_not_called_after_a_yes(chat: ChatWorld) -> None:
    chat.say("start the demo")
    chat.say("Maria Lopez")
    chat.say(NUMBER)
    chat.world.services.call_limits.stop_calling(chat.world.services.phone_hash(PHONE))
    assert chat.say("yes") == CONTENT.said("refused_number", number=NUMBER)
    assert chat.world.workflow.started == []


@pytest.mark.parametrize(
    ("number", "e164"),
    [
        ("+55 11 91234 5678", "+5511912345678"),
        ("+1 800 555 0132", "+18005550132"),
        ("+44 909 879 0000", "+449098790000"),
    ],
)
def test_numbers_that_would_not_be_called_anyway_may_be_put_on_it(
    chat: ChatWorld, number: str, e164: str
) -> None:
    chat.say("stop calling me")
    chat.say(number)
    assert not may_call(chat, e164)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("12", "too_short"),
        ("+1 015 555 0132", "not_valid"),
        ("415 555 0132 or 415 555 0133", "several"),
        ("415 555 0132 ext 7", "extension"),
        ("why?", "question"),
        ("my number", "not_a_number"),
        ("stop calling me", "missing"),
        ("do not phone me", "missing"),
    ],
)
def test_a_bad_number_is_asked_again_with_what_was_wrong(
    chat: ChatWorld, answer: str, reason: str
) -> None:
    chat.say("stop calling me")
    assert chat.say(answer) == CONTENT.number_problems[reason]
    assert chat.items("call_limits_table") == []
    assert chat.say(NUMBER) == STOPPED


def test_three_tries_are_enough(chat: ChatWorld) -> None:
    chat.say("stop calling me")
    answers = [chat.say("12") for _ in range(3)]
    again = CONTENT.number_problems["too_short"]
    assert answers == [again, again, CONTENT.texts["stop_too_many_tries"]]
    assert chat.state["intent"]["state"] == "Failed"
    assert "stopTries" not in chat.attributes


@pytest.mark.parametrize("forged", ["-1", "999", "x", "2"])
def test_forged_tries_gain_a_question_at_most(chat: ChatWorld, forged: str) -> None:
    chat.say("stop calling me")
    state = {"sessionAttributes": {"stopTries": forged}}
    for _ in range(3):
        if chat.say("12", sessionState=state) == CONTENT.texts["stop_too_many_tries"]:
            return
        state = {}
    pytest.fail("it never ends")


@pytest.mark.parametrize("answer", ["never mind", "no", "cancel"])
def test_who_thinks_better_of_it_is_left_in_peace(chat: ChatWorld, answer: str) -> None:
    chat.say("stop calling me")
    assert chat.say(answer) == CONTENT.texts["stop_declined"]
    assert chat.items("call_limits_table") == []


def test_what_could_not_be_written_is_not_promised(chat: ChatWorld) -> None:
    chat.world.wire.faults["put_item"] = ["InternalServerError"] * 3
    assert chat.say("stop calling +1 415 555 0132") == CONTENT.texts["stop_failed"]
    assert chat.state["intent"]["state"] == "Failed"
    assert chat.say("stop calling +1 415 555 0132") == STOPPED


def test_a_lost_answer_is_written_again(chat: ChatWorld) -> None:
    chat.world.wire.faults["put_item"] = ["lost:InternalServerError", "InternalServerError"]
    assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert not may_call(chat)


def test_without_the_key_of_the_numbers_nothing_is_promised(chat: ChatWorld) -> None:
    def no_key(phone: str) -> str:
        raise RejectedByDependencyError("secretsmanager", "AccessDeniedException")

    chat.world.with_services(phone_hash=no_key)
    assert chat.say("stop calling +1 415 555 0132") == CONTENT.texts["stop_failed"]


def test_the_number_is_nowhere_but_as_a_keyed_hash(chat: ChatWorld) -> None:
    chat.say("stop calling +1 415 555 0132")
    (row,) = chat.items("call_limits_table")
    assert "5550132" not in str(row)
    assert "expires_at" not in row
    assert "5550132" not in "".join(chat.world.lines)
    assert "history" not in chat.attributes


# On the phone.


def test_in_a_call_its_own_number_goes_on_the_list_at_once(chat: ChatWorld) -> None:
    chat.world.consented(call_key=CALL_KEY)
    reply = on_the_phone(chat)
    assert said(reply) == CONTENT.texts["stopped_on_phone"]
    assert reply["sessionState"]["intent"]["state"] == "Fulfilled"
    assert not may_call(chat)


@pytest.mark.parametrize("key", [None, "0" * 64, INTERACTION + "ef" * 16, "junk", KEY[:-1]])
def test_a_forged_key_stops_nobodys_calls(chat: ChatWorld, key: str | None) -> None:
    chat.world.consented(call_key=CALL_KEY)
    reply = on_the_phone(chat, key)
    assert said(reply) == CONTENT.texts["ask_number_to_stop"]
    assert may_call(chat)


def test_a_stale_key_stops_nobodys_calls(chat: ChatWorld) -> None:
    chat.world.consented(call_key=CALL_KEY, call_ended_at=1.0)
    assert said(on_the_phone(chat)) == CONTENT.texts["ask_number_to_stop"]
    assert may_call(chat)


def test_a_call_whose_number_cannot_be_read_promises_nothing(chat: ChatWorld) -> None:
    chat.world.consented(call_key=CALL_KEY)
    chat.world.wire.faults["get_item"] = ["InternalServerError"]
    assert said(on_the_phone(chat)) == CONTENT.texts["stop_failed"]
    assert may_call(chat)


def test_a_spoken_number_is_understood_where_the_call_has_none(chat: ChatWorld) -> None:
    number = "four one five five five five oh one three two"
    event = {"inputTranscript": number, "invocationLabel": "StopCallingIntent-VisitorPhoneNumber"}
    reply = on_the_phone(chat, None, **event)
    assert reply["sessionState"]["dialogAction"] == {"type": "Delegate"}
    slot = reply["sessionState"]["intent"]["slots"]["VisitorPhoneNumber"]
    assert slot["value"]["interpretedValue"] == PHONE
    state = {**reply["sessionState"], "sessionAttributes": {}}
    changes = {"sessionState": state, "invocationSource": "FulfillmentCodeHook"}
    assert said(on_the_phone(chat, None, **changes, invocationLabel=None)) == STOPPED
    assert not may_call(chat)
