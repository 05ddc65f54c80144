"""The sandbox's own API, over HTTP as another process uses it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from gateway_harness import RunningGateway


def test_calls_and_invocations_are_read_and_reset(gateway: RunningGateway) -> None:
    gateway.client("sts").get_caller_identity()
    assert gateway.control("GET", "calls") == (200, {"sts": {"GetCallerIdentity": 1}})
    assert gateway.control("GET", "invocations") == (200, [{"function": "f", "start": "cold"}])
    assert gateway.control("POST", "reset") == (200, {"reset": True})
    assert gateway.control("GET", "calls") == (200, {})
    assert gateway.control("GET", "invocations") == (200, [])


def test_the_profile_changes_while_it_runs(gateway: RunningGateway) -> None:
    expected = {"name": "reported", "scale": 0.1, "profiles": ["none", "reported"]}
    body = {"name": "reported", "scale": 0.1}
    assert gateway.control("POST", "profile", body) == (200, expected)
    assert gateway.control("GET", "profile") == (200, expected)
    assert gateway.latency.current() == ("reported", 0.1)


def test_a_scale_alone_keeps_the_profile(gateway: RunningGateway) -> None:
    gateway.latency.change("reported", 1)
    assert gateway.control("POST", "profile", {"scale": 2})[1]["name"] == "reported"


def test_posting_faults_replaces_the_list(gateway: RunningGateway) -> None:
    fault = {"service": "sts", "operation": "*", "error": "X", "rate": 1.0, "count": 2}
    assert gateway.control("POST", "faults", [fault]) == (200, [fault])
    assert gateway.control("GET", "faults") == (200, [fault])
    assert gateway.control("POST", "faults", []) == (200, [])


def test_quotas_throttle_a_model_of_that_name(gateway: RunningGateway) -> None:
    assert gateway.control("POST", "quotas", {"haiku": 0}) == (200, {"haiku": 0})
    client = gateway.client("bedrock-runtime")
    messages = [{"role": "user", "content": [{"text": "x"}]}]
    with pytest.raises(client.exceptions.ThrottlingException, match="Too many requests"):
        client.converse(modelId="anthropic.claude-haiku-4-5", messages=messages)
    assert gateway.control("POST", "quotas", {}) == (200, {})


def test_health_says_whether_the_bot_can_be_talked_to(gateway: RunningGateway) -> None:
    assert gateway.control("GET", "health") == (200, {"ready": False})
    gateway.health.ready, gateway.health.about = True, {"bot_id": "B"}
    assert gateway.control("GET", "health") == (200, {"ready": True, "bot_id": "B"})


def test_logs_are_of_one_function(gateway: RunningGateway) -> None:
    assert gateway.control("GET", "logs?function=f") == (200, ["a line of f"])
    assert gateway.control("GET", "logs")[0] == 400


BAD: list[tuple[str, str, Any, int, str]] = [
    ("GET", "nothing", None, 404, "There is: calls, faults, health"),
    ("DELETE", "calls", None, 405, "This takes GET"),
    ("POST", "profile", {"name": "slow"}, 400, "one of none, reported, not 'slow'"),
    ("POST", "profile", {"scale": -1}, 400, "scale must be a number"),
    ("POST", "profile", {"scale": True}, 400, "scale must be a number"),
    ("POST", "profile", {"speed": 1}, 400, "unknown field 'speed'"),
    ("POST", "profile", [], 400, "must be an object"),
    ("POST", "faults", {}, 400, "must be a list of faults"),
    ("POST", "quotas", {"m": -1}, 400, "whole number from 0: m"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "words"), BAD)
def test_bad_requests_are_told_what_is_wrong(
    gateway: RunningGateway, method: str, path: str, body: Any, status: int, words: str
) -> None:
    found, answer = gateway.control(method, path, body)
    assert found == status
    assert words in answer["message"]


@pytest.mark.parametrize("path", ["/_sandbox", "/_sandbox/"])
def test_its_root_says_what_there_is(gateway: RunningGateway, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        urllib.request.urlopen(gateway.endpoint + path, timeout=10)
    with caught.value as answer:
        assert json.load(answer)["message"].startswith("There is: calls, faults")


def test_every_problem_of_a_list_of_faults_is_named(gateway: RunningGateway) -> None:
    faults = [
        {"service": "dynamo", "error": "X"},
        {"service": "dynamodb", "operation": "GetItm", "hang": False, "rate": 2, "count": 0},
        {"service": "*", "latency_ms": -1, "error": "A B", "colour": 1},
        7,
        {"service": "salesforce", "operation": "Lead.merge", "times_slower": 0.5},
        {"service": "salesforce", "operation": "Lead.create", "lose_answer": False},
        {"service": "bedrock-runtime", "stall": -1},
        {"service": "dynamodb", "stall": True},
    ]
    status, answer = gateway.control("POST", "faults", faults)
    assert status == 400
    assert answer["problems"] == [
        "fault 1: service must be named as botocore names it, such as \"dynamodb\", not 'dynamo'",
        "fault 2: dynamodb has no operation 'GetItm'",
        "fault 2: hang must be true, not False",
        "fault 2: rate must be a number from 0 to 1, not 2",
        "fault 2: count must be a whole number from 1, not 0",
        "fault 3: unknown field 'colour'",
        "fault 3: latency_ms must be a number from 0 to 900000, not -1",
        "fault 3: error must be an error code, not 'A B'",
        "fault 3: give exactly one of latency_ms, times_slower, error, hang, lose_answer, stall, "
        "not 2",
        "fault 4: must be an object",
        "fault 5: salesforce has no operation 'Lead.merge'",
        "fault 5: times_slower must be a number from 1 to 1000, not 0.5",
        "fault 6: lose_answer must be true, not False",
        "fault 7: stall must be true or a whole number of tokens, not -1",
        "fault 8: only bedrock-runtime has streams that stall",
    ]
    assert gateway.faults.current() == []
