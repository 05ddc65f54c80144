"""`ops logs` and `ops warm`: what is asked of AWS, what is shown of it, and where it ends."""

from __future__ import annotations

import argparse
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudformation_fakes import StackWorld
from ops_fakes import FakeClient, client_error

from ops.errors import RefusedError
from ops.log_lines import Search, fields_of, read, seconds, told
from ops.logs import Tail, add_logs, search_of
from ops.stages import FUNCTIONS
from ops.steps import Context
from ops.warm import MOST_RUNS, warm_live

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SESSION = "0f8fad5b-d9cb-469f-a165-70867728950e"


class Logs(FakeClient):
    """Events by log group, two a page."""

    service = "logs"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.events: dict[str, list[dict[str, Any]]] = {}

    def put(self, function: str, second: int, message: str) -> None:
        at = int((NOW + timedelta(seconds=second)).timestamp() * 1000)
        events = self.events.setdefault(f"/aws/lambda/atlas-prod-{function}", [])
        event = {"timestamp": at, "message": message, "eventId": f"{function}-{len(events)}"}
        events.append(event)

    def on_filter_log_events(
        self, logGroupName: str, startTime: int, nextToken: str = "0", filterPattern: str = ""
    ) -> dict[str, Any]:
        if logGroupName not in self.events:
            raise client_error("ResourceNotFoundException", "FilterLogEvents")
        events = [e for e in self.events[logGroupName] if e["timestamp"] >= startTime]
        at = int(nextToken)
        more = {"nextToken": str(at + 2)} if at + 2 < len(events) else {}
        return {"events": events[at : at + 2], **more}


@pytest.fixture
def world() -> StackWorld:
    world = StackWorld()
    world.others["logs"] = Logs(world.world.timeline)
    return world


def context(world: StackWorld) -> Context:
    made = world.context()
    return Context(made.stage, made.clients, made.waiter, now=lambda: NOW)


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_logs(parser)
    return parser.parse_args(["--stage", "prod", *given])


def messages(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for event in events]


def test_lines_of_several_functions_are_in_the_order_of_time(world: StackWorld) -> None:
    logs = world.others["logs"]
    for second, function in ((-3, "keep_warm"), (-2, "create_lead"), (-1, "keep_warm")):
        logs.put(function, second, f"{function} {second}")
    search = Search(("create_lead", "keep_warm"), {})
    found = read(context(world), search, NOW - timedelta(minutes=1), 10)
    assert messages(found) == ["keep_warm -3", "create_lead -2", "keep_warm -1"]


def test_all_pages_are_read_and_the_newest_lines_kept(world: StackWorld) -> None:
    for second in range(-9, 0):
        world.others["logs"].put("keep_warm", second, str(second))
    search = Search(("keep_warm",), {})
    assert messages(read(context(world), search, NOW - timedelta(minutes=1), 3)) == [
        *("-3", "-2", "-1")
    ]


def test_a_function_that_never_ran_has_no_lines(world: StackWorld) -> None:
    assert read(context(world), Search(("keep_warm",), {}), NOW, 10) == []


@pytest.mark.parametrize("line", ["START RequestId: 1", "END RequestId: 1", "REPORT RequestId: 1"])
def test_lambdas_own_lines_are_shown_on_demand(world: StackWorld, line: str) -> None:
    world.others["logs"].put("keep_warm", -1, line)
    begin = NOW - timedelta(minutes=1)
    assert read(context(world), Search(("keep_warm",), {}), begin, 10) == []
    assert read(context(world), Search(("keep_warm",), {}, with_platform=True), begin, 10)


def test_endless_pages_end_with_a_hint(world: StackWorld) -> None:
    for _ in range(101):
        world.others["logs"].put("keep_warm", -1, "x")
    with pytest.raises(RefusedError, match="narrow it down"):
        read(context(world), Search(("keep_warm",), {}), NOW - timedelta(minutes=1), 10)


def test_filters_are_cloudwatchs_own_pattern() -> None:
    chosen = search_of(arguments("--session", SESSION, "--level", "ERROR"))
    assert chosen.pattern() == f'{{ $.session = "{SESSION}" && $.level = "ERROR" }}'
    assert chosen.functions == tuple(function.name for function in FUNCTIONS)
    assert search_of(arguments("--trace", "1-a-b")).pattern() == '{ $.trace_id = "1-a-b" }'
    assert search_of(arguments()).pattern() == ""


def test_a_session_that_a_person_named_is_found_by_its_label() -> None:
    by_name = search_of(arguments("--session", "bob")).fields["session"]
    assert by_name.startswith("h-")
    assert search_of(arguments("--session", by_name)).fields["session"] == by_name


def test_a_filter_cannot_break_out_of_its_quotes() -> None:
    with pytest.raises(RefusedError, match="trace_id holds no quotation mark"):
        search_of(arguments("--trace", '" || $.level = "INFO')).pattern()


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259_200)]
)
def test_durations(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "given", [("--since", "15"), ("--since", "0m"), ("--limit", "0"), ("--function", "none")]
)
def test_wrong_usage_is_told(given: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        arguments(*given)


def test_a_line_is_told_with_all_but_what_metrics_need() -> None:
    line = {"level": "INFO", "message": "turn", "trace_id": "1-a", "_aws": {"x": 1}, "n": 2}
    event = {"timestamp": 1_000, "function": "keep_warm", "message": json.dumps(line)}
    assert told(event) == "00:00:01.000 keep_warm        INFO    turn trace_id=1-a n=2"
    assert fields_of(event | {"message": "[ERROR] boom\n"}) == {"message": "[ERROR] boom"}
    assert fields_of(event | {"message": "[1]"}) == {"message": "[1]"}


def test_following_shows_each_line_once(world: StackWorld) -> None:
    shown: list[str] = []
    logs = world.others["logs"]
    logs.put("keep_warm", -2, "a")
    search = Search(("keep_warm",), {})
    tail = Tail(context(world), search, 10, lambda event: shown.append(event["message"]))
    tail.show(timedelta(minutes=1))
    logs.put("keep_warm", -1, "b")
    tail.show(timedelta(seconds=20))
    assert shown == ["a", "b"]


def answers(world: StackWorld, *counts: dict[str, Any], error: str = "") -> list[str]:
    """Has keep_warm give these, one an invocation; the qualifiers that were asked."""
    asked: list[str] = []
    left = list(counts)
    world.world.lambda_.aliases["atlas-prod-keep_warm"] = {"FunctionVersion": "7"}

    def invoke(FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:
        asked.append(f"{FunctionName}:{Qualifier}")
        told = left.pop(0) if len(left) > 1 else left[0]
        answer: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(told).encode())}
        return answer | ({"FunctionError": error} if error else {})

    world.world.lambda_.on_invoke = invoke  # type: ignore[method-assign]
    return asked


def test_live_is_warmed_until_nothing_is_left(world: StackWorld) -> None:
    asked = answers(
        world,
        {"made": 100, "fresh": 0, "failed": 0, "left": 54},
        {"made": 54, "fresh": 100, "failed": 0, "left": 0},
    )
    counts = warm_live(world.context(), world.world.steps())
    assert asked == ["atlas-prod-keep_warm:live"] * 2
    assert counts == {"made": 154, "fresh": 100, "failed": 0, "left": 0}


def test_warming_that_gets_nowhere_ends(world: StackWorld) -> None:
    asked = answers(world, {"made": 1, "fresh": 0, "failed": 0, "left": 9})
    with pytest.raises(RefusedError, match=r"9 answers are not made: .*ops logs"):
        warm_live(world.context(), world.world.steps())
    assert len(asked) == MOST_RUNS


def test_answers_that_fail_are_a_refusal(world: StackWorld) -> None:
    asked = answers(world, {"made": 0, "fresh": 100, "failed": 3, "left": 0})
    with pytest.raises(RefusedError, match="3 answers are not made"):
        warm_live(world.context(), world.world.steps())
    assert len(asked) == 1


def test_a_function_that_fails_is_told_by_its_errors_type(world: StackWorld) -> None:
    answers(world, {"errorType": "ConfigError", "errorMessage": "x"}, error="Unhandled")
    with pytest.raises(RefusedError, match="keep_warm:live failed: ConfigError"):
        warm_live(world.context(), world.world.steps())


def test_a_dry_run_of_warming_invokes_nothing_and_needs_live(world: StackWorld) -> None:
    with pytest.raises(RefusedError, match="has no alias live"):
        warm_live(world.context(dry_run=True), world.world.steps())
    asked = answers(world, {"made": 0})
    warm_live(world.context(dry_run=True), world.world.steps())
    assert asked == []
