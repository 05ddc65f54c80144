"""A Lex client, the alias, the provisioned environment, the caches: the path a visitor takes."""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from served_sandbox import FULFILLMENT, Sandbox

from chalicelib.canonical_questions import fold
from chalicelib.content import Contents

Until = Callable[[Callable[[], Any]], Any]

QUESTION = "what technology do you use"


ORDINARY = ("folks", "people", "visitor", "caller", "everybody", "somebody", "others", "anyone")
PURPOSES = itertools.permutations(ORDINARY, 2)


def _fresh_question() -> str:
    """Ordinary words that no earlier test asked; Lex knows the intent, and no sample fits."""
    question = "what technology do you use for {} or {}".format(*next(PURPOSES))
    content = Contents.load().in_locale("en_US")
    assert fold(question, "AboutTechnologyIntent", content) is None
    return question


def test_every_turn_is_answered_by_live_from_a_provisioned_environment(sandbox: Sandbox) -> None:
    conversation = sandbox.conversation()
    for words in ("hello", QUESTION, "what happens in the demo", "goodbye"):
        turn = conversation.say(words)
        assert (turn.served.start, turn.served.alias) == ("provisioned", "live"), words
        assert not turn.served.on_latest
        assert not turn.served.errors
    assert all(record["version"] != "$LATEST" for record in sandbox.get("invocations"))


def test_lex_calls_the_alias_and_the_alias_points_to_the_ready_version(sandbox: Sandbox) -> None:
    lex, functions = sandbox.client("lexv2-models"), sandbox.client("lambda")
    alias = lex.describe_bot_alias(
        botId=sandbox.address.bot_id, botAliasId=sandbox.address.bot_alias_id
    )
    hook = alias["botAliasLocaleSettings"]["en_US"]["codeHookSpecification"]["lambdaCodeHook"]
    assert hook["lambdaARN"].endswith(f":{FULFILLMENT}:live")
    assert alias["botVersion"] != "DRAFT"
    version = functions.get_alias(FunctionName=FULFILLMENT, Name="live")["FunctionVersion"]
    provisioned = functions.get_provisioned_concurrency_config(
        FunctionName=FULFILLMENT, Qualifier=version
    )
    assert version != "$LATEST"
    assert provisioned["Status"] == "READY"


def test_a_question_with_other_than_ordinary_words_is_stored_nowhere(sandbox: Sandbox) -> None:
    question = "what technology do you use for Featherstonehaugh"
    answers = [sandbox.conversation().say(question) for _ in range(2)]
    assert [turn.source for turn in answers] == ["model", "model"]
    assert sandbox.count("dynamodb") == 0


def test_a_question_is_answered_by_the_model_once_and_then_from_memory(sandbox: Sandbox) -> None:
    question = _fresh_question()
    first = sandbox.conversation().say(question)
    models = sandbox.count("bedrock-runtime")
    again = [sandbox.conversation().say(question) for _ in range(4)]
    assert (first.source, models) == ("model", 1)
    # Two provisioned environments: each asks the table once at most, then its own memory.
    assert {turn.source for turn in again} <= {"memory", "table"}
    assert again[-1].answer == first.answer
    assert sandbox.count("bedrock-runtime") == 1


def test_paraphrases_share_the_answer_of_one_sample_utterance(sandbox: Sandbox) -> None:
    first = sandbox.conversation().say(QUESTION)
    models = sandbox.count("bedrock-runtime")
    again = [sandbox.conversation().say(f"hey, {QUESTION} please") for _ in range(3)]
    assert {turn.answer for turn in again} == {first.answer}
    assert sandbox.count("bedrock-runtime") == models


def test_another_environment_finds_the_answer_in_the_table(sandbox: Sandbox) -> None:
    question = _fresh_question()
    turn = sandbox.conversation().say(question)
    assert turn.source == "model"
    reply = sandbox.in_new_environment(_question(question))
    assert _source(reply) == "table"
    assert reply["messages"][0]["content"] == turn.answer


def test_the_answer_comes_from_the_grounding_in_the_prompt(sandbox: Sandbox) -> None:
    answer = sandbox.conversation().say("which cloud services do you run on").answer
    assert re.search(r"Amazon|AWS", answer)


def test_an_open_question_is_answered_from_the_knowledge_and_not_kept(sandbox: Sandbox) -> None:
    before = sandbox.count("dynamodb")
    turn = sandbox.conversation().say("how are the prices of your product calculated")
    assert (turn.intent, turn.source) == ("FallbackIntent", "model")
    assert "conversations" in turn.answer
    assert sandbox.count("dynamodb") == before


def test_nonsense_gets_the_help_text_without_a_model(sandbox: Sandbox) -> None:
    turn = sandbox.conversation().say("?!?! 42 …")
    assert (turn.intent, turn.source) == ("FallbackIntent", "fixed")
    assert sandbox.count("bedrock-runtime") == 0


@pytest.mark.parametrize(
    ("words", "intent", "state", "answer"),
    [
        ("I want to book a demo", "InitiateDemo", "InProgress", "first and last name"),
        ("call me back later", "CallbackIntent", "Failed", "hello@"),
        ("do not call me again", "StopCallingIntent", "InProgress", "Which phone number"),
        ("delete my data", "DeleteMyInfoIntent", "InProgress", "number"),
    ],
)
def test_what_acts_asks_first_and_never_asks_a_model(
    sandbox: Sandbox, words: str, intent: str, state: str, answer: str
) -> None:
    turn = sandbox.conversation().say(words)
    assert (turn.intent, turn.state, turn.source) == (intent, state, "fixed")
    assert answer in turn.answer
    assert sandbox.count("bedrock-runtime") == 0


def test_no_grounded_turn_reads_a_secret(sandbox: Sandbox) -> None:
    for words in ("hello", "what is the demo about", "goodbye"):
        sandbox.conversation().say(words)
    assert sandbox.count("secretsmanager") == 0


def test_attributes_of_the_client_are_kept_and_history_holds_what_was_said(
    sandbox: Sandbox,
) -> None:
    client = sandbox.client("lexv2-runtime")
    reply = client.recognize_text(
        botId=sandbox.address.bot_id,
        botAliasId=sandbox.address.bot_alias_id,
        localeId="en_US",
        sessionId=f"attributes-{secrets.token_hex(4)}",
        text=QUESTION,
        sessionState={"sessionAttributes": {"campaign": "autumn", "history": "not ours"}},
    )
    attributes = reply["sessionState"]["sessionAttributes"]
    assert attributes["campaign"] == "autumn"
    assert json.loads(attributes["history"]) == [[QUESTION, reply["messages"][0]["content"]]]


def test_a_session_that_was_full_takes_the_longest_words_that_lex_takes(sandbox: Sandbox) -> None:
    client, session = sandbox.client("lexv2-runtime"), f"full-{secrets.token_hex(4)}"
    bot = {
        "botId": sandbox.address.bot_id,
        "botAliasId": sandbox.address.bot_alias_id,
        "localeId": "en_US",
        "sessionId": session,
    }
    attributes = {f"k{i}": "x" * 1_800 for i in range(3)}
    state = {"sessionAttributes": attributes}
    client.recognize_text(**bot, text="hello", sessionState=state)
    for _ in range(3):
        reply = client.recognize_text(**bot, text="語" * 1_024)
        kept = reply["sessionState"]["sessionAttributes"]
        assert reply["messages"][0]["content"]
        assert len(attributes.keys() & kept.keys()) >= 1


def test_a_late_model_gives_the_grounding_and_its_answer_is_there_for_the_next(
    sandbox: Sandbox, until: Until
) -> None:
    question = _fresh_question()
    # The second request, made because the first is late, is late as well.
    sandbox.post("faults", [{"service": "bedrock-runtime", "latency_ms": 3_000, "count": 2}])
    late = sandbox.conversation().say(question)
    assert late.source == "grounded"
    until(lambda: [r for r in sandbox.get("invocations") if r["function"].endswith("_answer")])
    made = [r for r in sandbox.get("invocations") if r["function"].endswith("generate_answer")]
    assert [(r["alias"], r["error"]) for r in made] == [("live", None)]
    assert sandbox.conversation().say(question).source == "table"


@pytest.mark.parametrize(
    "fault",
    [
        {"service": "bedrock-runtime", "error": "ThrottlingException"},
        {"service": "bedrock-runtime", "error": "AccessDeniedException"},
        {"service": "bedrock-runtime", "hang": True},
        {"service": "dynamodb", "error": "ProvisionedThroughputExceededException"},
        {"service": "dynamodb", "hang": True},
    ],
    ids=lambda fault: f"{fault['service']}-{fault.get('error', 'hang')}",
)
def test_a_failing_dependency_never_fails_a_turn(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    sandbox.post("faults", [fault])
    reply = sandbox.in_new_environment(_question(_fresh_question()))
    assert reply["sessionState"]["intent"]["state"] == "Fulfilled"
    assert _source(reply) == ("grounded" if fault["service"] == "bedrock-runtime" else "model")
    assert "Amazon" in reply["messages"][0]["content"]


def test_a_hand_off_that_fails_costs_the_turn_nothing(sandbox: Sandbox) -> None:
    refused = {"service": "lambda", "operation": "Invoke", "error": "TooManyRequestsException"}
    late = {"service": "bedrock-runtime", "latency_ms": 3_000}
    sandbox.post("faults", [late, refused])
    # On a busy machine a table may be late: then nobody holds a lease to hand off.
    for _ in range(5):
        turn = sandbox.conversation().say(_fresh_question())
        assert (turn.source, turn.state, turn.served.errors) == ("grounded", "Fulfilled", ())
        if sandbox.count("lambda"):
            break
    assert sandbox.get("calls")["lambda"]["Invoke"] == 1


def test_with_a_throttled_first_model_the_second_answers(sandbox: Sandbox) -> None:
    fault = {"service": "bedrock-runtime", "error": "ThrottlingException", "count": 1}
    sandbox.post("faults", [fault])
    assert _source(sandbox.in_new_environment(_question(_fresh_question()))) == "model"
    assert sandbox.count("bedrock-runtime") == 2


def test_a_visitors_number_and_name_reach_no_log(sandbox: Sandbox, until: Until) -> None:
    conversation = sandbox.conversation()
    conversation.say("my name is Wilhelmina Featherstonehaugh and I ask what technology you use")
    conversation.say("call me on +1 415 555 0132 about the zeppelin integration")
    conversation.say("goodbye")
    logs = sandbox.client("logs")

    def lines() -> list[str]:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{FULFILLMENT}", limit=10_000)
        return [event["message"] for event in found["events"]]

    until(lambda: sum('"message": "turn"' in line for line in lines()) >= 3)
    everything = "\n".join(lines()).lower()
    for word in ("wilhelmina", "featherstonehaugh", "555 0132", "5550132", "zeppelin"):
        assert word not in everything


def _question(text: str) -> dict[str, Any]:
    intent = {"name": "AboutTechnologyIntent", "slots": None}
    return _event(text, {"intent": intent, "sessionAttributes": {}})


def _source(reply: dict[str, Any]) -> str:
    source: str = reply["sessionState"]["sessionAttributes"]["answerSource"]
    return source


def _event(text: str, session_state: Any) -> dict[str, Any]:
    return {
        "messageVersion": "1.0",
        "invocationSource": "FulfillmentCodeHook",
        "inputMode": "Text",
        "sessionId": "direct",
        "inputTranscript": text,
        "bot": {"localeId": "en_US"},
        "sessionState": session_state,
    }


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        "hello",
        {"atlas": "hello"},
        {"sessionState": {"intent": {"name": 7}}},
        _event("hi", {"intent": {"name": "NoSuchIntent", "slots": None}}),
        _event("\x00\x1b" + "😀" * 1_024, {"intent": {"name": "FallbackIntent"}}),
        _event(
            "hi", {"intent": {"name": "GreetingIntent"}, "sessionAttributes": {"a": "x" * 11_000}}
        ),
        _event("hi", None),
    ],
    ids=range(10),
)
def test_the_deployed_function_answers_any_event(sandbox: Sandbox, event: Any) -> None:
    reply = sandbox.invoke(event)
    assert reply["sessionState"]["dialogAction"]["type"] == "Close"
    assert 1 <= len(reply["messages"][0]["content"]) <= 1_024
    assert sandbox.get("invocations")[-1]["error"] is None


def test_lex_itself_refuses_what_lex_refuses(sandbox: Sandbox) -> None:
    client = sandbox.client("lexv2-runtime")
    with pytest.raises(ClientError) as refusal:
        client.recognize_text(
            botId=sandbox.address.bot_id,
            botAliasId=sandbox.address.bot_alias_id,
            localeId="en_US",
            sessionId="has spaces",
            text="hello",
        )
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
