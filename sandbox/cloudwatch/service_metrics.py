"""AWS/Lex and AWS/States, by what the two services tell of each request and execution.

Lex: Lex V2 developer guide, "Measuring operational metrics with Amazon CloudWatch"; RecognizeText
has no InputMode there, the spoken operations have. Step Functions: its developer guide,
"Monitoring Step Functions metrics using Amazon CloudWatch".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from sandbox.cloudwatch.collector import Collector
from sandbox.cloudwatch.metric_store import Datum, Metric
from sandbox.lex.measured import LexRequest

_LEX_ERRORS = {
    "ThrottlingException": "RuntimeThrottledEvents",
    "DependencyFailedException": "RuntimeLambdaErrors",
    "ValidationException": "RuntimeUserErrors",
    "ResourceNotFoundException": "RuntimeUserErrors",
    "ConflictException": "RuntimeUserErrors",
}
_INVALID_REPLY = "Invalid Lambda Response:"
_FAILED = ("Received error response", "timed out")
_EXECUTION_ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}


class ServiceMetrics:
    """What Lex and Step Functions call; `clock` gives epoch seconds."""

    def __init__(self, collector: Collector, clock: Callable[[], float] = time.time) -> None:
        self._collector, self._clock = collector, clock

    def lex(self, request: LexRequest) -> None:
        at = self._clock()
        self._collector.take(lambda: _lex(request, at))

    def execution(self, machine_arn: str, status: str, seconds: float) -> None:
        """`RUNNING` for one that began, else how it ended and after how long."""
        at = self._clock()
        self._collector.take(lambda: _execution(machine_arn, status, seconds, at))


def _lex(request: LexRequest, at: float) -> Iterator[Datum]:
    place = {
        ("Operation", request.operation),
        ("BotId", request.bot_id),
        ("LocaleId", request.locale_id),
    }
    if request.input_mode:
        place.add(("InputMode", request.input_mode))
    values = {"RuntimeRequestCount": (1.0, "Count")}
    if request.error:
        values[_lex_error(request)] = (1.0, "Count")
    else:
        latency = (request.seconds * 1000, "Milliseconds")
        values["RuntimeSuccessfulRequestLatency"] = latency
    for one in (("BotAliasId", request.bot_alias_id), ("BotVersion", request.bot_version)):
        for name, (value, unit) in values.items():
            yield Datum(Metric("AWS/Lex", name, frozenset(place | {one})), value, at, unit)


def _lex_error(request: LexRequest) -> str:
    """A reply that Lex could not read counts apart from a function that failed."""
    message = request.message or ""
    if message.startswith(_INVALID_REPLY) and not any(w in message for w in _FAILED):
        return "RuntimeInvalidLambdaResponses"
    return _LEX_ERRORS.get(request.error or "", "RuntimeSystemErrors")


def _execution(machine_arn: str, status: str, seconds: float, at: float) -> Iterator[Datum]:
    place = frozenset({("StateMachineArn", machine_arn)})
    name = _EXECUTION_ENDS.get(status, "ExecutionsStarted")
    yield Datum(Metric("AWS/States", name, place), 1.0, at, "Count")
    if status in _EXECUTION_ENDS:
        time_taken = Metric("AWS/States", "ExecutionTime", place)
        yield Datum(time_taken, seconds * 1000, at, "Milliseconds")
