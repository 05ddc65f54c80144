"""StopCallingIntent: the do-not-call list, from the chat and from the call itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import RejectedByDependencyError
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents.stopped_leads import INVOKED_AT_ONCE
from chalicelib.pending_work import CARRIED_OUT_LATER_SECONDS
from chalicelib.steps.recover_leads import RecoverLeadsInput, recover_leads
from tests.chat_world import ChatWorld, chat_world
from tests.fakes import CONTENTS, EPOCH, an_invocation
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


# The leads of the number, and with them Salesforce.


def told(chat: ChatWorld) -> list[str]:
    """The interactions that update_lead was asked to bring to Salesforce."""
    function = chat.world.services.settings.update_lead_function
    invoked = chat.world.background.invoked
    return [payload["interaction_id"] for name, payload in invoked if name == function]


def rows(chat: ChatWorld) -> list[tuple[str, str]]:
    found = chat.world.services.pending.all("update")
    return [(work.interaction_id, work.reason) for work in found]


def test_the_numbers_lead_is_marked_and_brought_to_salesforce(chat: ChatWorld) -> None:
    chat.world.consented(expires_at=EPOCH + 3_600)
    assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert chat.world.lead().do_not_call_at == EPOCH
    assert chat.world.lead().expires_at == 0
    assert rows(chat) == [(INTERACTION, "do_not_call")]
    assert told(chat) == [INTERACTION]


def test_asking_again_brings_it_to_salesforce_once(chat: ChatWorld) -> None:
    chat.world.consented()
    for _ in range(2):
        assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert told(chat) == [INTERACTION]


@pytest.mark.parametrize("status", ["offered", "withdrawn", "erasing"])
def test_who_has_agreed_to_nothing_is_not_in_salesforce(chat: ChatWorld, status: str) -> None:
    chat.world.consented(status=status, expires_at=EPOCH + 3_600)
    assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert (rows(chat), told(chat)) == ([], [])
    assert chat.world.lead().do_not_call_at == 0


def test_leads_of_other_numbers_stay_as_they_are(chat: ChatWorld) -> None:
    chat.world.consented()
    chat.say("stop calling +1 415 555 0133")
    assert (rows(chat), told(chat)) == ([], [])


def test_of_many_leads_every_one_is_marked_and_few_are_invoked_at_once(chat: ChatWorld) -> None:
    for number in range(INVOKED_AT_ONCE + 2):
        each = f"{number:032x}"
        chat.world.offered(interaction_id=each)
        chat.world.services.leads.update(each, {"status": "consented", "expires_at": 0.0})
    assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert len(rows(chat)) == INVOKED_AT_ONCE + 2
    assert len(told(chat)) == INVOKED_AT_ONCE


@pytest.mark.parametrize("operation", ["query", "update_item"])
def test_a_table_that_fails_for_a_moment_is_asked_again(chat: ChatWorld, operation: str) -> None:
    chat.world.consented()
    chat.world.wire.faults[operation] = ["InternalServerError"]
    assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert told(chat) == [INTERACTION]


@pytest.mark.parametrize("code", ["InternalServerError", "AccessDeniedException"])
@pytest.mark.parametrize("operation", ["query", "update_item"])
def test_leads_that_cannot_be_marked_take_nothing_from_the_list(
    chat: ChatWorld, operation: str, code: str
) -> None:
    chat.world.consented()
    chat.world.wire.faults[operation] = [code] * 3
    assert chat.say("stop calling +1 415 555 0132") == STOPPED
    assert not may_call(chat)
    assert told(chat) == []
    assert chat.world.lines.of("do-not-call not noted on every lead")


def test_a_row_without_its_mark_is_made_up_for_by_recovery(chat: ChatWorld) -> None:
    chat.world.consented()
    chat.world.wire.faults["update_item"] = ["InternalServerError"] * 3
    chat.say("stop calling +1 415 555 0132")
    chat.world.clock.advance(CARRIED_OUT_LATER_SECONDS)
    deadline = Deadline.after(50, clock=chat.world.clock)
    recover_leads(RecoverLeadsInput(), deadline, chat.world.services)
    assert chat.world.lead().do_not_call_at == chat.world.clock()
    assert told(chat) == [INTERACTION]


# On the phone.


def test_in_a_call_its_own_number_goes_on_the_list_at_once(chat: ChatWorld) -> None:
    chat.world.consented(call_key=CALL_KEY)
    reply = on_the_phone(chat)
    assert said(reply) == CONTENT.texts["stopped_on_phone"]
    assert reply["sessionState"]["intent"]["state"] == "Fulfilled"
    assert not may_call(chat)
    assert chat.world.lead().do_not_call_at == EPOCH
    assert (rows(chat), told(chat)) == ([(INTERACTION, "do_not_call")], [INTERACTION])


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
