"""FilterLogEvents: what is found, in which order, in which pages, and what is refused."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from moto.logs.models import logs_backends

from sandbox import rest_json
from sandbox.aws_api import ACCOUNT, REGION, ApiError
from sandbox.cloudwatch import log_search
from sandbox.cloudwatch.log_search import LogSearch
from sandbox.routes import service_model

GROUP = "/aws/lambda/f"
SEVENTH, EIGHTH = "2026/11/24/[7]abc", "2026/11/24/[8]def"


class Logs:
    """One group over a service; `flushed` counts how often it was brought up to date."""

    def __init__(self) -> None:
        self.flushed = 0
        self.service = LogSearch(self._flush)
        self._backend.ensure_log_group(GROUP)
        self.write(SEVENTH, (10, "first"), (30, '{"message": "turn", "version": "7"}'))
        self.write(EIGHTH, (20, "second"), (40, '{"message": "turn", "version": "8"}'))

    @property
    def _backend(self) -> Any:
        return logs_backends[ACCOUNT][REGION]

    def _flush(self) -> None:
        self.flushed += 1

    def write(self, stream: str, *events: tuple[int, str]) -> None:
        self._backend.ensure_log_stream(GROUP, stream)
        lines = [{"timestamp": at, "message": text} for at, text in events]
        self._backend.groups[GROUP].streams[stream].put_log_events(lines)

    def find(self, **params: Any) -> dict[str, Any]:
        found = self.service.filter_log_events({"logGroupName": GROUP, **params})
        rest_json.check_output(found, _output_shape())
        return found

    def messages(self, **params: Any) -> list[str]:
        return [event["message"] for event in self.find(**params)["events"]]


@functools.cache
def _output_shape() -> Any:
    model = service_model("logs")
    assert model is not None
    return model.operation_model("FilterLogEvents").output_shape


@pytest.fixture
def logs() -> Iterator[Logs]:
    yield Logs()
    logs_backends[ACCOUNT][REGION].groups.clear()


def test_events_of_all_streams_come_oldest_first(logs: Logs) -> None:
    events = logs.find()["events"]
    assert [event["timestamp"] for event in events] == [10, 20, 30, 40]
    assert [event["logStreamName"] for event in events] == [SEVENTH, EIGHTH] * 2
    assert logs.flushed == 1


def test_a_prefix_names_the_streams_of_a_version(logs: Logs) -> None:
    found = logs.find(logStreamNamePrefix="2026/11/24/[7]")["events"]
    assert {event["logStreamName"] for event in found} == {SEVENTH}
    assert logs.messages(logStreamNamePrefix="2026/11/25") == []


def test_streams_can_be_named(logs: Logs) -> None:
    assert {e["logStreamName"] for e in logs.find(logStreamNames=[EIGHTH])["events"]} == {EIGHTH}


def test_a_json_pattern_finds_the_turns_of_one_version(logs: Logs) -> None:
    pattern = '{ $.message = "turn" && $.version = "7" }'
    assert logs.messages(filterPattern=pattern) == ['{"message": "turn", "version": "7"}']


def test_both_ends_of_the_time_are_within(logs: Logs) -> None:
    found = logs.find(startTime=20, endTime=30)["events"]
    assert [event["timestamp"] for event in found] == [20, 30]


def test_pages_give_every_event_once_though_lines_come_between(logs: Logs) -> None:
    first = logs.find(limit=3)
    logs.write(SEVENTH, (5, "late"), (50, "new"))
    second = logs.find(limit=3, nextToken=first["nextToken"])
    times = [event["timestamp"] for event in first["events"] + second["events"]]
    assert times == [10, 20, 30, 40, 50]
    assert "nextToken" not in second


def test_events_of_one_moment_are_not_lost_between_pages(logs: Logs) -> None:
    logs.write(SEVENTH, (60, "a"), (60, "b"), (60, "c"))
    first = logs.find(limit=2, startTime=60)
    second = logs.find(limit=2, startTime=60, nextToken=first["nextToken"])
    assert [event["message"] for event in first["events"] + second["events"]] == ["a", "b", "c"]


def test_a_page_ends_before_it_grows_too_large(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "PAGE_BYTES", 5)
    assert logs.messages() == ["first"]
    monkeypatch.setattr(log_search, "PAGE_BYTES", 1)
    assert logs.messages() == ["first"], "a page of nothing would never end"


def test_a_group_may_be_named_by_its_arn(logs: Logs) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}:*"
    found = logs.service.filter_log_events({"logGroupIdentifier": arn})
    assert len(found["events"]) == 4


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"logGroupName": "/none"}, "ResourceNotFoundException"),
        ({"logStreamNames": ["none"]}, "ResourceNotFoundException"),
        ({"logStreamNames": ["a"], "logStreamNamePrefix": "b"}, "InvalidParameterException"),
        ({"nextToken": "no"}, "InvalidParameterException"),
        ({"filterPattern": "{ $.a ="}, "InvalidParameterException"),
    ],
)
def test_what_cannot_be_searched_is_refused(logs: Logs, params: Any, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        logs.find(**params)
    assert refused.value.code == code
