"""The wire format: what a turn is made of, what can be saved of a bad one, and every limit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import lex
from chalicelib.errors import InvalidRequestError
from chalicelib.lex import RESPONSE_BYTES, SESSION_BYTES, Turn
from tests.fakes import lex_event, with_attributes
from tests.lex_shapes import problems

TURN = Turn("session", "en_US", "chat", "FulfillmentCodeHook", "GreetingIntent", "hello")
FILLED = {
    "shape": "Scalar",
    "value": {
        "originalValue": "eleanor",
        "interpretedValue": "Eleanor",
        "resolvedValues": ["Eleanor"],
    },
}
CONTEXT = {
    "name": "demo_offered",
    "timeToLive": {"timeToLiveInSeconds": 60, "turnsToLive": 3},
    "contextAttributes": {"topic": "demo"},
}


def with_state(**changes: Any) -> Any:
    event = lex_event()
    return {**event, "sessionState": {**event["sessionState"], **changes}}


def with_intent(**changes: Any) -> Any:
    return with_state(intent={**lex_event()["sessionState"]["intent"], **changes})


def message_of(text: str) -> str:
    return lex.close(TURN, text, "Fulfilled")["messages"][0]["content"]


def test_an_event_of_lex_becomes_a_typed_turn() -> None:
    event = with_attributes(lex_event("InitiateDemo", "call me"), customer="42")
    event["sessionState"]["intent"] |= {
        "slots": {"VisitorFullName": FILLED, "VisitorPhoneNumber": None},
        "confirmationState": "Confirmed",
    }
    event["sessionState"]["activeContexts"] = [CONTEXT]
    event["invocationLabel"] = "InitiateDemo-VisitorFullName"
    turn = lex.parse(event)
    assert turn == Turn(
        session_id=event["sessionId"],
        locale="en_US",
        channel="chat",
        source="FulfillmentCodeHook",
        intent="InitiateDemo",
        text="call me",
        confirmation="Confirmed",
        slots={"VisitorFullName": FILLED, "VisitorPhoneNumber": None},
        attributes={"customer": "42"},
        active_contexts=(CONTEXT,),
        invocation_label="InitiateDemo-VisitorFullName",
    )
    assert turn.slot("VisitorFullName") == "Eleanor"
    assert turn.slot("VisitorPhoneNumber") == turn.slot("Toppings") == ""


@pytest.mark.parametrize("label", [None, "", 7, "no spaces please", "x" * 101, ["a"]])
def test_a_label_that_is_no_name_is_none(label: Any) -> None:
    assert lex.parse(lex_event(invocationLabel=label)).invocation_label == ""


@pytest.mark.parametrize(
    ("mode", "channel"), [("Text", "chat"), ("Speech", "phone"), ("DTMF", "phone")]
)
def test_the_input_mode_is_the_channel(mode: str, channel: str) -> None:
    assert lex.parse(lex_event(inputMode=mode)).channel == channel


def test_an_event_without_an_input_mode_is_a_chat() -> None:
    event = lex_event()
    del event["inputMode"]
    assert lex.parse(event).channel == "chat"


def test_a_future_message_version_and_unknown_fields_pass() -> None:
    event = lex_event(messageVersion="9.7", somethingNew={"deep": [1]})
    assert lex.parse(event).intent == "AboutTechnologyIntent"


def test_missing_words_are_no_words() -> None:
    assert lex.parse(lex_event(inputTranscript=None)).text == ""


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (None, "event"),
        ([], "event"),
        ("text", "event"),
        (lex_event(sessionState=None), "sessionState"),
        (with_state(intent=[]), "sessionState.intent"),
        (with_intent(name=""), "sessionState.intent.name"),
        (with_intent(name="no spaces please"), "sessionState.intent.name"),
        (with_intent(name="x" * 101), "sessionState.intent.name"),
        (with_intent(name=7), "sessionState.intent.name"),
        (lex_event(sessionId=None), "sessionId"),
        (lex_event(sessionId=""), "sessionId"),
        (lex_event(bot="atlas"), "bot"),
        (lex_event(bot={"localeId": 1}), "bot.localeId"),
        (lex_event(inputMode="Telepathy"), "inputMode"),
        (lex_event(inputMode=["Text"]), "inputMode"),
        (lex_event(invocationSource="Cron"), "invocationSource"),
        (lex_event(inputTranscript=12), "inputTranscript"),
    ],
)
def test_what_makes_a_turn_impossible_is_named(event: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        lex.parse(event)
    assert caught.value.field == field
    assert problems(lex.close(lex.salvage(event), "Sorry.", "Failed")) == []


def test_what_can_be_saved_of_a_refused_event_is_saved() -> None:
    event = with_attributes(lex_event("InitiateDemo", inputMode="Telepathy"), cart="3")
    turn = lex.salvage(event)
    assert (turn.intent, turn.locale, turn.attributes) == ("InitiateDemo", "en_US", {"cart": "3"})
    assert turn.session_id == event["sessionId"]


def test_nothing_saved_is_answered_as_the_fallback() -> None:
    assert lex.salvage("junk").intent == "FallbackIntent"


@pytest.mark.parametrize("attributes", [None, [], "x", 3])
def test_attributes_of_a_wrong_type_are_none(attributes: Any) -> None:
    assert lex.parse(with_state(sessionAttributes=attributes)).attributes == {}


def test_attributes_that_are_no_strings_are_left_out() -> None:
    event = with_state(sessionAttributes={"a": "1", "b": 2, "c": None, "d": ["x"], "": "y"})
    assert lex.parse(event).attributes == {"a": "1"}


@pytest.mark.parametrize(
    "slot",
    [
        "text",
        [],
        {},
        {"shape": "Scalar"},
        {"value": "Eleanor"},
        {"value": {"interpretedValue": ""}},
        {"value": {"originalValue": "only"}},
        {"value": {"interpretedValue": 5}},
    ],
)
def test_a_malformed_slot_counts_as_not_filled(slot: Any) -> None:
    assert lex.parse(with_intent(slots={"VisitorFullName": slot})).slots == {
        "VisitorFullName": None
    }


def test_slots_that_are_null_stay_null() -> None:
    assert lex.parse(with_intent(slots=None)).slots is None


def test_a_list_slot_keeps_its_filled_values() -> None:
    nested = {"shape": "List", "values": [FILLED, None, {"shape": "List", "values": [FILLED]}]}
    turn = lex.parse(with_intent(slots={"Toppings": nested}))
    assert turn.slots == {"Toppings": {"shape": "List", "values": [FILLED]}}


@pytest.mark.parametrize("state", ["Confirmed", "Denied", "None"])
def test_a_confirmation_state_is_kept(state: str) -> None:
    assert lex.parse(with_intent(confirmationState=state)).confirmation == state


@pytest.mark.parametrize("state", [None, "yes", True, ["Confirmed"]])
def test_an_unknown_confirmation_state_confirms_nothing(state: Any) -> None:
    assert lex.parse(with_intent(confirmationState=state)).confirmation == "None"


@pytest.mark.parametrize(
    "context",
    [
        "text",
        {"name": "x"},
        {**CONTEXT, "name": "with-dash"},
        {**CONTEXT, "name": "x__y"},
        {**CONTEXT, "name": "x" * 101},
        {**CONTEXT, "timeToLive": {"timeToLiveInSeconds": 4, "turnsToLive": 1}},
        {**CONTEXT, "timeToLive": {"timeToLiveInSeconds": 86_401, "turnsToLive": 1}},
        {**CONTEXT, "timeToLive": {"timeToLiveInSeconds": 60, "turnsToLive": 0}},
        {**CONTEXT, "timeToLive": {"timeToLiveInSeconds": 60, "turnsToLive": 21}},
        {**CONTEXT, "timeToLive": {"timeToLiveInSeconds": True, "turnsToLive": 1}},
        {**CONTEXT, "timeToLive": {"timeToLiveInSeconds": 60.5, "turnsToLive": 1}},
    ],
)
def test_a_context_that_lex_would_refuse_is_left_out(context: Any) -> None:
    turn = lex.parse(with_state(activeContexts=[context, CONTEXT]))
    assert turn.active_contexts == (CONTEXT,)


def test_at_most_twenty_contexts_go_back() -> None:
    turn = lex.parse(with_state(activeContexts=[CONTEXT] * 30))
    assert len(turn.active_contexts) == 20


def test_a_context_goes_back_with_the_attributes_that_lex_takes() -> None:
    attributes = {f"key{i}": "x" for i in range(30)} | {"": "x", "long": "😀" * 513, "n": 5}
    event = with_state(activeContexts=[{**CONTEXT, "contextAttributes": attributes}])
    response = lex.close(lex.parse(event), "Hi.", "Fulfilled")
    assert problems(response) == []
    (context,) = response["sessionState"]["activeContexts"]
    assert len(context["contextAttributes"]) == 10


def test_control_characters_are_neither_read_nor_said() -> None:
    assert lex.parse(lex_event(text="he\x00llo\x1b[2J\u2028")).text == "he llo [2J"
    assert message_of("He\x07llo.\x9f") == "He llo."


def test_line_breaks_may_be_said() -> None:
    assert message_of("One.\n\tTwo.") == "One.\n\tTwo."


def test_lone_surrogates_become_sendable() -> None:
    turn = lex.parse(with_attributes(lex_event(text="a\ud800b"), key="\udfff"))
    turn.text.encode("utf-8")
    json.dumps(lex.close(turn, "c\ud800d", "Fulfilled"), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("text", ["", "  ", "\x00\x00", "\n"])
def test_a_message_is_never_empty(text: str) -> None:
    assert message_of(text) == "…"


@pytest.mark.parametrize("text", ["x" * 5_000, "😀" * 1_024, "A sentence. " * 200])
def test_a_message_is_never_longer_than_lex_takes(text: str) -> None:
    assert 0 < len(message_of(text).encode("utf-16-le")) // 2 <= 1_024


def test_a_long_answer_is_cut_at_a_sentence() -> None:
    assert message_of("This is a sentence. " * 100).endswith("sentence.")


def test_closing_keeps_the_visitors_attributes_and_merges_ours() -> None:
    turn = replace(TURN, attributes={"cart": "3", "answerSource": "forged"})
    response = lex.close(turn, "Hi.", "Fulfilled", {"answerSource": "model"})
    attributes = response["sessionState"]["sessionAttributes"]
    assert attributes == {"cart": "3", "answerSource": "model"}


def test_closing_says_what_became_of_the_intent() -> None:
    response = lex.close(replace(TURN, confirmation="Denied"), "No.", "Failed")
    state = response["sessionState"]
    assert state["dialogAction"] == {"type": "Close"}
    assert state["intent"] == {
        "name": "GreetingIntent",
        "slots": None,
        "confirmationState": "Denied",
        "state": "Failed",
    }


def test_delegating_says_nothing() -> None:
    response = lex.delegate(TURN)
    assert "messages" not in response
    assert response["sessionState"]["intent"]["state"] == "ReadyForFulfillment"
    assert problems(response) == []


def test_an_attribute_of_eleven_kilobytes_goes_and_the_others_stay() -> None:
    turn = replace(TURN, attributes={"huge": "x" * 11_264, "cart": "3"})
    response = lex.close(turn, "Hi.", "Fulfilled", {"answerSource": "model"})
    attributes = response["sessionState"]["sessionAttributes"]
    assert attributes == {"cart": "3", "answerSource": "model"}


def test_attributes_over_the_budget_go_largest_first() -> None:
    attributes = {f"k{i}": "x" * size for i, size in enumerate((100, 2_000, 1_900, 200, 1_800))}
    kept, dropped = lex.within_budget(replace(TURN, attributes=attributes), {})
    assert set(kept) == {"k0", "k2", "k3", "k4"}
    assert dropped == [2_000 + len('"k1": "", ')]


def test_the_budget_counts_bytes_and_not_characters() -> None:
    attributes = {"a": "é" * (SESSION_BYTES // 2), "b": "x"}
    kept, dropped = lex.within_budget(replace(TURN, attributes=attributes), {})
    assert kept == {"b": "x"}
    assert len(dropped) == 1


def test_our_own_attributes_are_never_dropped() -> None:
    own = {"history": "h" * 2_048}
    turn = replace(TURN, attributes={f"k{i}": "x" * 500 for i in range(20)})
    kept, _ = lex.within_budget(turn, own)
    assert kept["history"] == own["history"]
    assert len(kept) > 1
    assert len(json.dumps(kept)) <= SESSION_BYTES


def test_contexts_that_are_too_large_go_and_leave_their_room() -> None:
    huge = {**CONTEXT, "contextAttributes": {"a": "x" * 1_000, "b": "x" * 100}}
    turn = replace(TURN, active_contexts=(huge,), attributes={"cart": "x" * 4_400})
    state = lex.close(turn, "Hi.", "Fulfilled")["sessionState"]
    assert "activeContexts" not in state
    assert state["sessionAttributes"] == turn.attributes


def test_many_small_attributes_are_counted_with_their_separators() -> None:
    turn = replace(TURN, attributes={f"k{i}": "x" for i in range(1_000)})
    kept, _ = lex.within_budget(turn, {})
    assert SESSION_BYTES - 20 <= len(json.dumps(kept)) <= SESSION_BYTES


def test_a_session_at_all_its_limits_still_fits_the_response() -> None:
    huge = {"shape": "Scalar", "value": {"interpretedValue": "é" * 9_000}}
    context = {**CONTEXT, "contextAttributes": {f"k{i}": "é" * 1_024 for i in range(10)}}
    turn = replace(
        TURN,
        slots={"A": huge, "B": huge},
        active_contexts=(context,) * 20,
        attributes={f"k{i}": "é" * 400 for i in range(40)},
    )
    response = lex.close(turn, "😀" * 2_000, "Fulfilled", {"history": "h" * 2_048})
    assert len(json.dumps(response, ensure_ascii=False).encode()) <= RESPONSE_BYTES
    assert problems(response) == []


def test_a_reply_is_measured_as_it_travels_with_everything_escaped() -> None:
    attributes = {f"n{i}": "\U0001f600" * 100 for i in range(40)}
    name = {"shape": "Scalar", "value": {"interpretedValue": "\U0001f600" * 1_500}}
    turn = replace(TURN, attributes=attributes, slots={"VisitorFullName": name})
    reply = lex.close(turn, "\U0001f600" * 512, "Fulfilled")
    assert len(json.dumps(reply)) <= 25 * 1_024
    assert len(json.dumps(reply["sessionState"]["sessionAttributes"])) <= 12 * 1_024 + 512
    assert reply["sessionState"]["sessionAttributes"]


def test_small_contexts_stay_when_the_slots_are_too_large() -> None:
    slots = {f"S{number}": FILLED for number in range(300)}
    turn = replace(TURN, slots=slots, active_contexts=(CONTEXT,))
    state = lex.close(turn, "Hi.", "Fulfilled")["sessionState"]
    assert state["intent"]["slots"] is None
    assert state["activeContexts"] == [CONTEXT]


# Replies after which the dialog goes on.

DEMO = replace(
    TURN,
    intent="InitiateDemo",
    slots={"VisitorFullName": FILLED, "VisitorPhoneNumber": None},
    attributes={"cart": "3", "interactionId": "old"},
    confirmation="Confirmed",
)


def test_a_slot_is_asked_for_in_our_own_words() -> None:
    response = lex.elicit_slot(DEMO, "VisitorPhoneNumber", "Which number?")
    state = response["sessionState"]
    assert problems(response) == []
    assert response["messages"][0]["content"] == "Which number?"
    assert state["dialogAction"] == {"type": "ElicitSlot", "slotToElicit": "VisitorPhoneNumber"}
    assert state["intent"] == {
        "name": "InitiateDemo",
        "slots": {"VisitorFullName": FILLED, "VisitorPhoneNumber": None},
        "state": "InProgress",
        "confirmationState": "None",
    }


def test_a_yes_is_asked_for_and_an_earlier_one_is_forgotten() -> None:
    response = lex.confirm_intent(DEMO, "May we?", slots={"VisitorPhoneNumber": "+14155550132"})
    state = response["sessionState"]
    assert problems(response) == []
    assert state["dialogAction"] == {"type": "ConfirmIntent"}
    assert (state["intent"]["state"], state["intent"]["confirmationState"]) == (
        "InProgress",
        "None",
    )
    assert state["intent"]["slots"]["VisitorPhoneNumber"] == {
        "shape": "Scalar",
        "value": {"interpretedValue": "+14155550132"},
    }


def test_slots_are_set_and_emptied() -> None:
    slots = {"VisitorFullName": None, "VisitorPhoneNumber": "+14155550132"}
    state = lex.delegate(DEMO, slots=slots)["sessionState"]
    assert state["intent"]["slots"]["VisitorFullName"] is None
    assert lex.parse(with_state(**state)).slot("VisitorPhoneNumber") == "+14155550132"


def test_attributes_are_set_and_deleted() -> None:
    for response in (
        lex.close(DEMO, "Bye.", "Failed", {"interactionId": None, "booked": "x"}),
        lex.elicit_slot(DEMO, "VisitorFullName", "?", {"interactionId": None, "booked": "x"}),
        lex.confirm_intent(DEMO, "?", {"interactionId": None, "booked": "x", "never": None}),
        lex.delegate(DEMO, {"interactionId": None, "booked": "x"}),
    ):
        assert response["sessionState"]["sessionAttributes"] == {"cart": "3", "booked": "x"}


def test_a_speech_in_a_slot_does_not_go_back_whole() -> None:
    speech = "x" * 1_024
    value = {"originalValue": speech, "interpretedValue": speech, "resolvedValues": [speech]}
    turn = replace(DEMO, slots={"VisitorFullName": {"shape": "Scalar", "value": value}})
    for response in (
        lex.close(turn, "Bye.", "Failed"),
        lex.elicit_slot(turn, "VisitorPhoneNumber", "?"),
    ):
        slot = response["sessionState"]["intent"]["slots"]["VisitorFullName"]
        assert slot == {"shape": "Scalar", "value": {"interpretedValue": speech[:100]}}


def test_slots_that_are_too_large_together_are_asked_for_anew() -> None:
    slots = {f"S{number}": FILLED for number in range(30)}
    response = lex.elicit_slot(replace(DEMO, slots=slots), "VisitorFullName", "?")
    assert response["sessionState"]["intent"]["slots"] is None


def test_what_the_next_event_holds_again_fits_it_with_slots_and_the_longest_words() -> None:
    name = "\u6f22" * 80
    turn = replace(
        DEMO,
        slots={"VisitorFullName": None, "VisitorPhoneNumber": FILLED},
        attributes={f"k{i}": "\u6f22" * 100 for i in range(30)},
    )
    own = {"history": "\u6f22" * 600, "interactionId": "ab" * 16}
    for response in (
        lex.elicit_slot(turn, "VisitorPhoneNumber", "?", own, {"VisitorFullName": name}),
        lex.confirm_intent(turn, "?", own, {"VisitorFullName": name}),
    ):
        assert problems(response) == []
        assert own.items() <= response["sessionState"]["sessionAttributes"].items()
