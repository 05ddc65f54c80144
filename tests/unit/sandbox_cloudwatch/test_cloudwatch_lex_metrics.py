"""What is measured of Lex's requests, by how they ended."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws_api import ApiError
from sandbox.cloudwatch.collector import Collector
from sandbox.cloudwatch.metric_store import Metric, MetricStore
from sandbox.cloudwatch.service_metrics import ServiceMetrics
from sandbox.lex.measured import LexRequest, measured

NOW = 1_800_000_000.0
PARAMS = {"botId": "BOT", "botAliasId": "LIVE", "localeId": "en_US"}
REPLIED = "Invalid Lambda Response: Received error response from Lambda: Unhandled"
UNREADABLE = "Invalid Lambda Response: Response must have a sessionState"


def request(
    error: str | None, message: str = "", operation: str = "RecognizeText", mode: str | None = None
) -> LexRequest:
    place = (operation, "BOT", "LIVE", "3", "en_US", mode)
    return LexRequest(*place, 0.25, error, message)


def measured_names(*requests: LexRequest, **place: str) -> dict[str, float]:
    """Each metric's sum at that place."""
    store = MetricStore()
    collector = Collector(store)
    for one in requests:
        ServiceMetrics(collector, lambda: NOW).lex(one)
    collector.settle()
    common = {"Operation": "RecognizeText", "BotId": "BOT", "LocaleId": "en_US"}
    dimensions = frozenset({**common, **place}.items())
    return {
        metric.name: store.periods(metric, NOW, NOW + 60, 60)[NOW].total
        for metric in store.metrics()
        if metric == Metric("AWS/Lex", metric.name, dimensions)
    }


@pytest.mark.parametrize("place", [{"BotAliasId": "LIVE"}, {"BotVersion": "3"}])
def test_an_answered_request_has_a_latency(place: dict[str, str]) -> None:
    found = measured_names(request(None), request(None), **place)
    assert found == {"RuntimeRequestCount": 2, "RuntimeSuccessfulRequestLatency": 500}


def test_a_spoken_turn_is_measured_by_its_input_mode() -> None:
    spoken = request(None, operation="StartConversation", mode="Speech")
    place = {"Operation": "StartConversation", "InputMode": "Speech", "BotAliasId": "LIVE"}
    assert measured_names(spoken, **place)["RuntimeRequestCount"] == 1


@pytest.mark.parametrize(
    ("code", "message", "metric"),
    [
        ("ThrottlingException", "", "RuntimeThrottledEvents"),
        ("DependencyFailedException", REPLIED, "RuntimeLambdaErrors"),
        ("DependencyFailedException", "... timed out after 30 seconds", "RuntimeLambdaErrors"),
        ("DependencyFailedException", UNREADABLE, "RuntimeInvalidLambdaResponses"),
        ("ValidationException", "", "RuntimeUserErrors"),
        ("BadGatewayException", "", "RuntimeSystemErrors"),
    ],
)
def test_a_refused_request_counts_by_its_reason(code: str, message: str, metric: str) -> None:
    found = measured_names(request(code, message), BotAliasId="LIVE")
    assert found == {"RuntimeRequestCount": 1, metric: 1}


def test_a_request_is_told_of_when_it_ends_and_its_error_goes_on() -> None:
    told: list[LexRequest] = []
    with measured("RecognizeText", PARAMS, None, lambda bot, alias: "3", told.append):
        assert told == []
    refused = ApiError("ThrottlingException", "slow down", 429)
    with (
        pytest.raises(ApiError),
        measured("RecognizeText", PARAMS, None, lambda bot, alias: "3", told.append),
    ):
        raise refused
    assert [(one.error, one.message) for one in told] == [
        (None, None),
        ("ThrottlingException", "slow down"),
    ]


def test_a_request_to_no_bot_is_told_to_nobody() -> None:
    told: list[LexRequest] = []

    def unknown(bot: str, alias: str) -> Any:
        raise ApiError("ResourceNotFoundException", "no such bot", 404)

    with measured("RecognizeText", PARAMS, None, unknown, told.append):
        pass
    assert told == []
