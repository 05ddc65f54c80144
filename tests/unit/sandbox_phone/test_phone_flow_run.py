"""The flow as it is played: what is said, what Lex is sent, and where each answer leads."""

from __future__ import annotations

from typing import Any

import pytest
from phone_fakes import FLOW, KEY, FakeLex, closed, lex_reply

from sandbox.aws_api import ApiError
from sandbox.connect.flow import load
from sandbox.connect.flow_run import FlowRun


def make_run(lex: FakeLex) -> FlowRun:
    attributes = {"interactionKey": KEY}
    return FlowRun(load(FLOW), "contact-1", attributes, lex.recognize_speech)


@pytest.fixture
def lex() -> FakeLex:
    return FakeLex()


@pytest.fixture
def run(lex: FakeLex) -> FlowRun:
    return make_run(lex)


def texts(said: list[Any]) -> list[str]:
    return [each.text for each in said]


def test_the_disclosure_is_said_before_recording_and_before_lex(run: FlowRun, lex: FakeLex) -> None:
    (disclosure,) = run.start()
    assert "AI" in disclosure.text
    assert (disclosure.is_recorded, run.recording, run.voice) == (False, True, "Joanna")
    assert lex.requests == []


def test_the_first_words_bring_the_key_to_lex_in_the_contacts_session(
    run: FlowRun, lex: FakeLex
) -> None:
    run.start()
    assert texts(run.hear("hello?")) == ["reply to hello?"]
    (request,) = lex.requests
    assert request["sessionId"] == "contact-1"
    assert request["sessionState"] == {"sessionAttributes": {"interactionKey": KEY}}


def test_what_the_session_keeps_goes_with_the_next_intent(run: FlowRun, lex: FakeLex) -> None:
    kept = {"interactionKey": KEY, "scenario": "about speed", "history": "[]", "answerSource": "x"}
    lex.replies["hello?"] = closed("GreetingIntent", "hi", kept)
    run.start()
    run.hear("hello?")
    run.hear("tell me more")
    sent = lex.requests[1]["sessionState"]["sessionAttributes"]
    assert sent == {"interactionKey": KEY, "scenario": "about speed", "history": "[]"}


def test_inside_one_intent_lex_keeps_the_session_by_itself(run: FlowRun, lex: FakeLex) -> None:
    reply = lex_reply("ElicitSlot", "DeleteMyInfoIntent", "Your last name?", {}, "InProgress")
    lex.replies["delete my data"] = reply
    run.start()
    assert texts(run.hear("delete my data")) == ["Your last name?"]
    run.hear("Lovelace")
    assert "sessionState" not in lex.requests[1]


@pytest.mark.parametrize("intent", ["CloseIntent", "StopCallingIntent", "DeleteMyInfoIntent"])
def test_the_call_ends_when_such_an_intent_is_fulfilled(intent: str) -> None:
    lex = FakeLex(replies={"so": closed(intent, "done")})
    run = make_run(lex)
    run.start()
    assert texts(run.hear("so")) == ["done"]
    assert (run.ended, run.error) == (True, "")


def test_a_deletion_that_was_not_done_does_not_end_the_call(run: FlowRun, lex: FakeLex) -> None:
    lex.replies["so"] = closed("DeleteMyInfoIntent", "Nothing was deleted.", state="Failed")
    run.start()
    run.hear("so")
    assert not run.ended


def test_other_intents_go_on_with_the_talk(run: FlowRun) -> None:
    run.start()
    for _ in range(5):
        run.hear("tell me more")
    assert not run.ended


def test_a_talk_without_end_is_ended_politely(run: FlowRun) -> None:
    run.start()
    heard: list[str] = []
    turns = 0
    while not run.ended:
        turns += 1
        heard = texts(run.hear("tell me more"))
    assert turns == 61
    assert "goodbye" in heard[-1]


@pytest.mark.parametrize(
    "failure", [ApiError("DependencyFailedException", "x"), LookupError("no bot"), KeyError("x")]
)
def test_a_failure_of_lex_is_an_apology_and_the_end(failure: Exception) -> None:
    lex = FakeLex(replies={"hello?": failure})
    run = make_run(lex)
    run.start()
    (apology,) = texts(run.hear("hello?"))
    assert "sorry" in apology
    assert (run.ended, run.error) == (True, "NoMatchingError")


def test_no_words_at_all_are_an_apology_and_the_end(run: FlowRun, lex: FakeLex) -> None:
    run.start()
    (apology,) = texts(run.silence())
    assert "cannot hear you" in apology
    assert (run.ended, run.error, lex.requests) == (True, "InputTimeLimitExceeded", [])


def test_speech_marks_are_not_spoken(run: FlowRun, lex: FakeLex) -> None:
    lex.replies["hello?"] = closed("GreetingIntent", "<speak>Hi <break/>there</speak>")
    run.start()
    assert texts(run.hear("hello?")) == ["Hi  there"]
