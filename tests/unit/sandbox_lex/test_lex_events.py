"""The events in tests/events are what the runtime emits today, and have the documented shape."""

import json
from pathlib import Path
from typing import Any

import pytest
from lex_fakes import Event, Lex

EVENTS = Path(__file__).parents[2] / "events"
DEMO = ("start the demo", "Maria Lopez", "+1 (415) 555-0132")

# The words of a conversation whose last turn's first invocation is the event.
CONVERSATION_BY_FILE: dict[str, tuple[str, ...]] = {
    "greeting_fulfillment": ("hello there",),
    "about_technology_fulfillment": ("What tech are you built on?",),
    "close_fulfillment": ("thanks, that's all for now",),
    "fallback_fulfillment": ("do you support SAP integration?",),
    "initiate_demo_start_dialog": DEMO[:1],
    "initiate_demo_name_dialog": DEMO[:2],
    "initiate_demo_number_retry_dialog": (*DEMO[:2], "my number is 12"),
    "initiate_demo_number_dialog": DEMO,
    "initiate_demo_confirmed_fulfillment": (*DEMO, "yes please"),
    "initiate_demo_denied_dialog": (*DEMO, "no thanks"),
    "delete_my_info_last_name_dialog": ("delete my data", "+1 (415) 555-0132", "it's O'Brien"),
    "stop_calling_number_in_utterance_dialog": ("please do not call +1 (415) 555-0132 again",),
}
SPOKEN_FILE = "about_demo_phone_fulfillment"


def typed(*said: str) -> Event:
    lex = Lex()
    attributes = {"interactionKey": "k-1", "channel": "chat"}
    for text in said:
        lex.function.events.clear()
        lex.say(text, sessionState={"sessionAttributes": attributes})
    return lex.function.events[0]


def spoken() -> Event:
    lex = Lex()
    connect = {"x-amz-lex:accept-content-types": "PlainText,SSML"}
    params: dict[str, Any] = {"text": "what happens in the demo", "requestAttributes": connect}
    lex.runtime.recognize_speech({**lex.address("contact-1"), **params}, confidence=0.93)
    return lex.function.events[0]


def emitted(name: str) -> Event:
    return spoken() if name == SPOKEN_FILE else typed(*CONVERSATION_BY_FILE[name])


NAMES = [*CONVERSATION_BY_FILE, SPOKEN_FILE]


@pytest.mark.parametrize("name", NAMES)
def test_runtime_emits_the_committed_event(name):
    committed = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    assert emitted(name) == committed


ALWAYS = {
    "messageVersion",
    "invocationSource",
    "inputMode",
    "responseContentType",
    "sessionId",
    "inputTranscript",
    "bot",
    "interpretations",
    "requestAttributes",
    "sessionState",
    "transcriptions",
}


@pytest.mark.parametrize("name", NAMES)
def test_event_has_the_documented_members(name):
    event = emitted(name)
    assert set(event) - {"invocationLabel", "proposedNextState"} == ALWAYS
    assert set(event["bot"]) == {"id", "name", "localeId", "version", "aliasId", "aliasName"}
    assert set(event["sessionState"]) == {
        "sessionAttributes",
        "activeContexts",
        "intent",
        "originatingRequestId",
    }
    for each in event["interpretations"]:
        assert set(each["intent"]) == {"name", "slots", "state", "confirmationState"}
        assert ("nluConfidence" in each) is (each["intent"]["name"] != "FallbackIntent")


def test_proposed_state_is_there_only_when_a_slot_will_be_elicited():
    has = {name for name in NAMES if "proposedNextState" in emitted(name)}
    assert has == {
        "initiate_demo_start_dialog",
        "initiate_demo_name_dialog",
        "initiate_demo_number_retry_dialog",
    }


def test_labels_name_the_step_that_invoked():
    labels = {name: emitted(name).get("invocationLabel") for name in NAMES}
    assert labels["initiate_demo_start_dialog"] == "InitiateDemoStart"
    assert labels["initiate_demo_denied_dialog"] == "InitiateDemo-Confirmation"
    assert labels["greeting_fulfillment"] is None


def test_speech_event_says_how_it_was_heard():
    event = spoken()
    assert (event["inputMode"], event["responseContentType"]) == ("Speech", "audio/pcm")
    assert event["transcriptions"][0]["transcriptionConfidence"] == 0.93
