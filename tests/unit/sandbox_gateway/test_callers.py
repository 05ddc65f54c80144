"""Calls and tokens are told apart by the application id that clients send."""

from __future__ import annotations

from typing import Any

from sandbox.bedrock import BedrockRuntime
from sandbox.callers import NOBODY, ModelUsage, app_id, caller, calling
from sandbox.counters import CallCounters
from sandbox.http_message import HttpRequest
from sandbox.latency import TokenTiming

MODEL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"


def request(user_agent: str) -> HttpRequest:
    return HttpRequest("POST", "/", headers={"user-agent": user_agent})


def asking() -> dict[str, Any]:
    message = {"role": "user", "content": [{"text": "Lex understands words. What is Lex?"}]}
    return {"modelId": MODEL, "messages": [message]}


def test_the_application_id_is_read_from_botocores_user_agent() -> None:
    agent = "Botocore/1.44.5 ua/2.1 os/linux app/column-e md/Botocore#1.44.5"
    assert app_id(request(agent)) == "column-e"
    assert app_id(request("Botocore/1.44.5 myapp/none")) == NOBODY


def test_calls_are_counted_by_their_caller() -> None:
    counters = CallCounters()
    with calling("e"):
        counters.add("dynamodb", "GetItem")
    counters.add("dynamodb", "GetItem")
    assert caller() == NOBODY
    assert counters.by_caller() == {"e": {"dynamodb.GetItem": 1}, NOBODY: {"dynamodb.GetItem": 1}}
    assert counters.snapshot() == {"dynamodb": {"GetItem": 2}}
    counters.reset()
    assert counters.by_caller() == {}


def test_an_answer_counts_with_its_tokens() -> None:
    bedrock = BedrockRuntime(TokenTiming())
    with calling("a"):
        usage = bedrock.operations["Converse"](asking())["usage"]
    assert bedrock.usage.snapshot()["a"][MODEL] == {
        "calls": 1,
        "input_tokens": usage["inputTokens"],
        "output_tokens": usage["outputTokens"],
    }


def test_a_stream_that_is_left_counts_what_was_written() -> None:
    bedrock = BedrockRuntime(TokenTiming())
    with calling("a"):
        stream = bedrock.operations["ConverseStream"](asking())["stream"]
    for _ in range(4):
        next(stream)
    stream.close()
    sums = bedrock.usage.snapshot()["a"][MODEL]
    # The first event only begins the message, and the fourth was not taken on.
    assert (sums["calls"], sums["output_tokens"]) == (1, 2)


def test_sums_add_up() -> None:
    usage = ModelUsage()
    usage.add("a", "m", calls=1)
    usage.add("a", "m", calls=1, output_tokens=5)
    assert usage.snapshot() == {"a": {"m": {"calls": 2, "output_tokens": 5}}}
