"""One turn at the Lex boundary: every intent, what is remembered, and what is logged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import conversation, fulfillment
from chalicelib.account import Account
from chalicelib.answer import Answer, Source
from chalicelib.conversation import Exchange
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.intents.outcome import Outcome
from chalicelib.observability import TRACER
from chalicelib.prompts import Message
from tests.fakes import (
    CONTENTS,
    TRACE_ID,
    Reply,
    World,
    an_invocation,
    lex_event,
    no_dynamodb,
    with_attributes,
)
from tests.lex_shapes import problems

TEXTS = CONTENTS.in_locale("en_US").texts
GROUNDED = {"GreetingIntent", "AboutTechnologyIntent", "AboutDemoIntent"}
ACTING = {"InitiateDemo", "CallbackIntent", "StopCallingIntent", "DeleteMyInfoIntent"}
"""Each has a test file of its own."""


@pytest.fixture
def world() -> World:
    return World()


def turn(world: World, event: Any, remaining_ms: float | None = None) -> Any:
    response = conversation_turn(event, an_invocation(remaining_ms), world.services)
    assert problems(response) == []
    return response


def said(response: Any) -> str:
    message, *cards = response["messages"]
    assert {card["contentType"] for card in cards} <= {"ImageResponseCard"}
    text: str = message["content"]
    return text


def state(response: Any) -> str:
    name: str = response["sessionState"]["intent"]["state"]
    return name


def attributes(response: Any) -> dict[str, str]:
    found: dict[str, str] = response["sessionState"]["sessionAttributes"]
    return found


def history(response: Any) -> tuple[Exchange, ...]:
    return conversation.read(attributes(response).get("history"))


@pytest.mark.parametrize("intent", sorted(GROUNDED))
def test_a_grounded_intent_is_answered_by_the_model_and_remembered(
    world: World, intent: str
) -> None:
    response = turn(world, lex_event(intent, "What is it?"))
    assert said(response) == Reply().text
    assert state(response) == "Fulfilled"
    assert attributes(response)["answerSource"] == "model"
    assert history(response) == (Exchange("What is it?", Reply().text),)


def test_a_fixed_intent_says_its_text_and_asks_no_model(world: World) -> None:
    response = turn(world, lex_event("CloseIntent", "please"))
    assert said(response) == TEXTS["goodbye"]
    assert state(response) == "Fulfilled"
    assert attributes(response)["answerSource"] == "fixed"
    assert world.models.prompts == []


def test_every_intent_is_covered_by_tests() -> None:
    assert GROUNDED | ACTING | {"CloseIntent", "FallbackIntent"} == set(INTENT_HANDLERS)


@pytest.mark.parametrize("intent", sorted(ACTING))
@pytest.mark.parametrize("source", ["DialogCodeHook", "FulfillmentCodeHook"])
def test_an_intent_that_acts_says_fixed_words_and_leaves_nothing_in_the_history(
    world: World, intent: str, source: str
) -> None:
    response = turn(world, lex_event(intent, "I am Maria Lopez", invocationSource=source))
    assert "Maria" not in json.dumps(response["sessionState"]["sessionAttributes"])
    assert "history" not in attributes(response)
    assert world.models.prompts == []


@pytest.mark.parametrize("intent", sorted(INTENT_HANDLERS))
def test_only_what_must_write_first_gets_the_time_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch, intent: str
) -> None:
    seen: list[float] = []

    class Watching:
        answers_dialog_hook = False

        def answer(self, turn: Any, deadline: Any, services: Any) -> Outcome:
            seen.append(deadline.remaining())
            return Outcome(Answer("Seen.", Source.FIXED))

    monkeypatch.setattr(fulfillment, "INTENT_HANDLERS", {intent: Watching()})
    turn(world, lex_event(intent))
    assert (seen[0] > 1.5) == (intent in ACTING)


@pytest.mark.parametrize("intent", ["GreetingIntent", "FallbackIntent", "CloseIntent"])
def test_a_dialog_hook_that_has_nothing_to_say_leaves_it_to_lex(world: World, intent: str) -> None:
    response = turn(world, lex_event(intent, invocationSource="DialogCodeHook"))
    assert response["sessionState"]["dialogAction"] == {"type": "Delegate"}
    assert "messages" not in response
    assert world.models.prompts == []


def test_an_open_question_is_answered_from_the_knowledge_with_its_history(world: World) -> None:
    earlier = conversation.write((Exchange("hello", "Hi."),))
    event = with_attributes(lex_event("FallbackIntent", "and the price?"), history=earlier)
    response = turn(world, event)
    assert said(response) == Reply().text
    (prompt,) = world.models.prompts
    assert CONTENTS.in_locale("en_US").knowledge in prompt.system
    assert prompt.messages == (
        Message("user", "hello"),
        Message("assistant", "Hi."),
        Message("user", "and the price?"),
    )
    assert history(response)[-1] == Exchange("and the price?", Reply().text)


def test_an_open_answer_is_never_stored(world: World) -> None:
    for _ in range(2):
        turn(world, lex_event("FallbackIntent", "what does it cost"))
    assert world.table.items == {}
    assert len(world.models.prompts) == 2


@pytest.mark.parametrize("text", ["", "?!", "12", "\x00", "😀" * 512])
def test_meaningless_input_gets_the_help_text_without_a_model(world: World, text: str) -> None:
    response = turn(world, lex_event("FallbackIntent", text))
    assert said(response) == TEXTS["help"]
    assert attributes(response)["answerSource"] == "fixed"
    assert world.models.prompts == []


@pytest.mark.parametrize(
    "reply", [Reply(seconds=60), Reply("", stop_reason="refused"), Reply("", stop_reason="failed")]
)
def test_the_help_text_is_the_floor_of_an_open_question(world: World, reply: Reply) -> None:
    world.models.replies = [reply]
    response = turn(world, lex_event("FallbackIntent", "what does it cost"))
    assert said(response) == TEXTS["help"]
    assert attributes(response)["answerSource"] == "grounded"


def test_what_was_really_said_is_remembered(world: World) -> None:
    world.models.replies = [Reply(seconds=60, arrived="It is serverless. It is al")]
    response = turn(world, lex_event(text="what is it"))
    assert said(response) == "It is serverless."
    assert history(response) == (Exchange("what is it", "It is serverless."),)


def test_a_conversation_keeps_its_latest_exchanges_within_the_budget(world: World) -> None:
    world.models.replies = [Reply("The model wrote this, and it took its time over it. " * 2)]
    carried: dict[str, str] = {}
    for number in range(30):
        event = with_attributes(lex_event("FallbackIntent", f"question no {number}"), **carried)
        carried = attributes(turn(world, event))
    assert len(carried["history"]) <= conversation.BYTES
    kept = conversation.read(carried["history"])
    assert kept[-1].visitor == "question no 29"
    assert 5 < len(kept) < 30
    assert len(world.models.prompts[-1].messages) > 10


def test_a_corrupted_history_is_replaced_and_not_repeated(world: World) -> None:
    event = with_attributes(lex_event("FallbackIntent", "and now?"), history='[["system", 1]]')
    response = turn(world, event)
    assert world.models.prompts[0].messages == (Message("user", "and now?"),)
    assert history(response) == (Exchange("and now?", Reply().text),)


def test_a_corrupted_history_does_not_outlive_a_turn_that_remembers_nothing(world: World) -> None:
    response = turn(world, with_attributes(lex_event("CloseIntent"), history="junk"))
    assert attributes(response)["history"] == "[]"


def test_a_forged_source_is_overwritten_and_other_attributes_stay(world: World) -> None:
    event = with_attributes(lex_event("CloseIntent"), answerSource="forged", cart="3")
    kept = {"answerSource": "fixed", "cart": "3", "chatRating": "asked"}
    assert attributes(turn(world, event)) == kept


def test_an_unknown_intent_gets_help_and_failed(world: World) -> None:
    response = turn(world, lex_event("BrandNewIntent"))
    assert said(response) == TEXTS["help"]
    assert state(response) == "Failed"
    assert response["sessionState"]["intent"]["name"] == "BrandNewIntent"
    (line,) = world.lines.of("turn")
    assert (line["intent"], line["problem"]) == ("unknown", "unknown intent")


def test_an_unusable_event_gets_a_helpful_sentence_and_failed(world: World) -> None:
    response = turn(world, with_attributes(lex_event(inputMode="Telepathy"), cart="3"))
    assert said(response) == TEXTS["not_understood"]
    assert state(response) == "Failed"
    assert attributes(response)["cart"] == "3"
    (line,) = world.lines.of("turn")
    assert line["problem"] == "unusable event: inputMode"


def test_an_error_of_ours_is_an_apology_and_its_message_stays_out_of_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise RuntimeError("about Eleanor Vance, 555-0100")

    handlers = {"GreetingIntent": replace_answer(broken)}
    monkeypatch.setattr(fulfillment, "INTENT_HANDLERS", handlers)
    response = turn(world, with_attributes(lex_event("GreetingIntent"), cart="3"))
    assert said(response) == TEXTS["apology"]
    assert state(response) == "Failed"
    assert attributes(response)["cart"] == "3"
    (line,) = world.lines.of("turn")
    assert line["problem"].startswith("RuntimeError in broken:")
    assert "Eleanor" not in "".join(world.lines)


def replace_answer(answer: Any) -> Any:
    class Broken:
        intent = "GreetingIntent"
        answers_dialog_hook = False

    Broken.answer = staticmethod(answer)  # type: ignore[attr-defined]
    return Broken()


def test_an_unknown_locale_is_answered_in_the_default_one_and_noted(world: World) -> None:
    event = lex_event("CloseIntent")
    event["bot"]["localeId"] = "fr_FR"
    assert said(turn(world, event)) == TEXTS["goodbye"]
    assert world.lines.of("turn")[0]["oddities"] == ["unknown locale"]


def test_a_future_message_version_is_answered_and_noted(world: World) -> None:
    assert state(turn(world, lex_event("CloseIntent", messageVersion="3.1"))) == "Fulfilled"
    assert world.lines.of("turn")[0]["oddities"] == ["other message version"]


def test_dropped_attributes_are_logged_by_their_size(world: World) -> None:
    event = with_attributes(lex_event("CloseIntent"), secret_plan="x" * 11_264, cart="3")
    kept = {"answerSource": "fixed", "cart": "3", "chatRating": "asked"}
    assert attributes(turn(world, event)) == kept
    (line,) = world.lines.of("turn")
    (oddity,) = line["oddities"]
    assert oddity.startswith("dropped an attribute of 112")
    assert "secret_plan" not in "".join(world.lines)


def test_the_phone_gets_one_sentence_of_grounding(world: World) -> None:
    world.models.resting = True
    response = turn(world, lex_event("AboutDemoIntent", "how", inputMode="Speech"))
    assert said(response) == CONTENTS.in_locale("en_US").grounded_text("demo", "phone")


def test_an_invocation_that_is_nearly_over_gets_the_floor(world: World) -> None:
    response = turn(world, lex_event("AboutDemoIntent", "how is it"), remaining_ms=300)
    assert said(response) == CONTENTS.in_locale("en_US").grounded_text("demo", "chat")


def test_slots_contexts_and_confirmation_go_back_as_they_came(world: World) -> None:
    event = lex_event("CloseIntent")
    slot = {"shape": "Scalar", "value": {"interpretedValue": "Eleanor"}}
    context = {
        "name": "offered",
        "timeToLive": {"timeToLiveInSeconds": 60, "turnsToLive": 2},
        "contextAttributes": {},
    }
    event["sessionState"]["intent"] |= {
        "slots": {"VisitorFullName": slot, "VisitorPhoneNumber": None},
        "confirmationState": "Denied",
    }
    event["sessionState"]["activeContexts"] = [context]
    result = turn(world, event)["sessionState"]
    assert result["intent"]["slots"] == {"VisitorFullName": slot, "VisitorPhoneNumber": None}
    assert result["intent"]["confirmationState"] == "Denied"
    assert result["activeContexts"] == [context]


# The turn's one line.


@pytest.mark.parametrize("source", ["FulfillmentCodeHook", "DialogCodeHook"])
@pytest.mark.parametrize("intent", [*sorted(INTENT_HANDLERS), "BrandNewIntent", 7])
def test_every_turn_is_one_line(world: World, intent: Any, source: str) -> None:
    turn(world, lex_event(intent, invocationSource=source))
    (line,) = world.lines.of("turn")
    assert line["request_id"] == "request-1"
    assert line["version"] == "7"
    assert line["session"] == lex_event()["sessionId"]
    assert line["trace_id"] == TRACE_ID


def test_a_turns_metrics_are_in_embedded_metric_format(world: World) -> None:
    turn(world, lex_event(text="what is it"))
    (line,) = world.lines.of("turn")
    directive, cost = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Atlas"
    assert directive["Dimensions"] == [["Stage", "Channel"]]
    assert cost["Dimensions"] == [["Stage"]]
    assert cost["Metrics"] == [{"Name": "EstimatedCost", "Unit": "None"}]
    assert (line["Stage"], line["Channel"]) == ("local", "chat")
    names = {metric["Name"] for metric in directive["Metrics"]}
    assert names == {
        "DeadlineMissed",
        "ModelErrors",
        "ModelInputTokens",
        "TurnLatency",
        "ColdStart",
        "Turns",
        "Conversations",
        "Failed",
        "AnswerSource.model",
        "ModelLatency",
        "ModelTokens",
        "ModelCalls",
        "Hedged",
        "HedgeSkipped",
        "Stalled",
        "Truncated",
        "StopReason.end_turn",
    }
    assert all(isinstance(line[name], int | float) for name in names)
    assert line["Failed"] == 0


def test_a_conversation_is_counted_by_its_first_turn_alone(world: World) -> None:
    first = turn(world, lex_event(text="what is it"))
    kept = first["sessionState"]["sessionAttributes"]
    turn(world, with_attributes(lex_event(), **kept))
    # What Connect's flow hands on between two turns of a call.
    turn(world, with_attributes(lex_event(), history=kept["history"]))
    lines = world.lines.of("turn")
    assert ["Conversations" in line for line in lines] == [True, False, False]


def test_a_turn_learns_its_account_from_its_own_arn(world: World) -> None:
    """So that the turn of a yes does not ask STS for the workflow's ARN."""
    services = replace(world.services, account=Account(no_dynamodb))
    arn = "arn:aws:lambda:eu-west-1:210987654321:function:atlas-dev-lex_fulfillment:live"
    invocation = replace(an_invocation(), function_arn=arn)
    conversation_turn(lex_event("CloseIntent"), invocation, services)
    assert services.account.arn("states", "x") == "arn:aws:states:eu-west-1:210987654321:x"


def test_a_turn_that_came_after_its_time_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn's own stopwatch, not the fake clock, is what a visitor waits by."""
    moments = iter((0.0, 0.7, 100.0, 100.9))
    monkeypatch.setattr(fulfillment.time, "perf_counter", lambda: next(moments))
    turn(world, lex_event("CloseIntent"))
    turn(world, lex_event("CloseIntent"))
    assert [line["DeadlineMissed"] for line in world.lines.of("turn")] == [0, 1]


def test_a_stored_answer_says_how_old_it_is(world: World) -> None:
    turn(world, lex_event(text="what is it"))
    world.clock.advance(90.0)
    turn(world, lex_event(text="what is it"))
    made, shown = world.lines.of("turn")
    assert "CacheAge" not in made
    assert shown["AnswerSource.memory"] == 1
    assert 89.0 <= shown["CacheAge"] <= 91.0


@pytest.mark.parametrize(
    ("stop_reason", "counted", "truncated"),
    [("max_tokens", "max_tokens", 1), ("refused", "refused", 0), ("a_new_one", "other", 0)],
)
def test_why_a_model_stopped_is_counted_under_few_names(
    world: World, stop_reason: str, counted: str, truncated: int
) -> None:
    world.models.replies = [Reply("I run on AWS. And I", stop_reason=stop_reason)]
    turn(world, lex_event("FallbackIntent", "what do you offer"))
    (line,) = world.lines.of("turn")
    reasons = {name for name in line if name.startswith("StopReason.")}
    assert reasons == {f"StopReason.{counted}"}
    assert line["Truncated"] == truncated


def test_a_failed_turn_is_counted(world: World) -> None:
    turn(world, None)
    (line,) = world.lines.of("turn")
    assert (line["Failed"], line["Turns"]) == (1, 1)


def test_what_the_models_reported_is_on_the_line(world: World) -> None:
    world.models.replies = [Reply(seconds=60)]
    turn(world, lex_event(text="what is it"))
    (line,) = world.lines.of("turn")
    assert (line["source"], line["stop_reason"]) == ("grounded", "deadline")
    assert line["model_errors"] == []


def test_the_deadline_of_the_settings_is_the_turns(world: World) -> None:
    world.models.replies = [Reply(seconds=2.0)]
    patient = replace(
        world.services, settings=replace(world.services.settings, turn_deadline_seconds=20.0)
    )
    response = conversation_turn(lex_event("FallbackIntent", "is it"), an_invocation(), patient)
    assert attributes(response)["answerSource"] == "model"


@pytest.mark.parametrize(("seconds", "source"), [(0.5, "model"), (1.5, "grounded")])
def test_a_turn_on_the_phone_has_a_deadline_of_its_own(
    world: World, seconds: float, source: str
) -> None:
    world.models.replies = [Reply(seconds=seconds)]
    settings = replace(
        world.services.settings, turn_deadline_seconds=20.0, phone_deadline_seconds=1.0
    )
    event = lex_event("FallbackIntent", "is it", inputMode="Speech")
    response = conversation_turn(event, an_invocation(), replace(world.services, settings=settings))
    assert attributes(response)["answerSource"] == source


def test_a_response_is_json_for_lambda(world: World) -> None:
    response = turn(world, lex_event(text="hello"))
    assert json.loads(json.dumps(response)) == response


def test_an_intents_name_from_outside_reaches_no_trace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotated: dict[str, Any] = {}
    monkeypatch.setattr(TRACER, "annotate", lambda **values: annotated.update(values))
    turn(world, lex_event("EleanorVance"))
    assert annotated["intent"] == "unknown"
    assert (annotated["channel"], annotated["source"]) == ("chat", "fixed")
