"""AWS/Lambda, as Lambda measures every invocation.

Names and dimensions: Lambda developer guide, "Types of metrics for Lambda functions" (across all
functions; FunctionName; FunctionName and Resource; and, where an alias was invoked, FunctionName,
Resource and ExecutedVersion). The guide does not say under which Resource the provisioned
concurrency of a version is measured that an alias leads to; here under both, since the scaling of
a version looks at the version's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from sandbox.cloudwatch.collector import Collector
from sandbox.cloudwatch.embedded_metrics import extract
from sandbox.cloudwatch.metric_store import Datum, Dimensions, Metric
from sandbox.lambda_service.functions import Target
from sandbox.lambda_service.records import Provision, Report

NAMESPACE = "AWS/Lambda"


class LambdaMetrics:
    """The Lambda service's observer; `clock` gives epoch seconds."""

    def __init__(self, collector: Collector, clock: Callable[[], float] = time.time) -> None:
        self._collector, self._clock = collector, clock

    def invoked(self, report: Report) -> None:
        at = self._clock()
        self._collector.take(lambda: _invocation(report, at))

    def throttled(self, target: Target) -> None:
        at = self._clock()
        self._collector.take(lambda: _counts({"Throttles": 1.0}, _places(target), at))

    def wrote(self, function: str, lines: list[str]) -> None:
        self._collector.take(lambda: (datum for line in lines for datum in extract(line)))


def _invocation(report: Report, at: float) -> Iterator[Datum]:
    places = _places(report.target)
    failed = 1.0 if report.error else 0.0
    yield from _counts({"Invocations": 1.0, "Errors": failed, "Throttles": 0.0}, places, at)
    for place in places:
        yield Datum(_metric("Duration", place), report.run_ms, at, "Milliseconds")
    yield from _counts({"ConcurrentExecutions": float(report.load.running)}, places[:3], at)
    if report.load.provision is not None:
        yield from _provisioned(report, report.load.provision, places, at)


def _provisioned(
    report: Report, provision: Provision, places: list[Dimensions], at: float
) -> Iterator[Datum]:
    function = report.target.version.function
    own = _resource(function, provision.qualifier)
    everywhere = [*places, own] if own not in places else places
    is_provisioned = report.start == "provisioned"
    counts = {
        "ProvisionedConcurrencyInvocations": float(is_provisioned),
        "ProvisionedConcurrencySpilloverInvocations": float(not is_provisioned),
    }
    yield from _counts(counts, everywhere, at)
    busy = float(provision.busy)
    levels = {
        "ProvisionedConcurrentExecutions": busy,
        "ProvisionedConcurrencyUtilization": busy / max(1, provision.requested),
    }
    yield from _counts(levels, everywhere[1:], at)


def _counts(values: Mapping[str, float], places: list[Dimensions], at: float) -> Iterator[Datum]:
    for name, value in values.items():
        for place in places:
            yield Datum(_metric(name, place), value, at, "Count")


@lru_cache(maxsize=2_048)
def _metric(name: str, place: Dimensions) -> Metric:
    return Metric(NAMESPACE, name, place)


def _places(target: Target) -> list[Dimensions]:
    """Where an invocation counts, the widest first."""
    version = target.version
    executed = version.version if target.alias else None
    return _places_of(version.function, target.reference.qualifier, executed)


@lru_cache(maxsize=256)
def _places_of(function: str, qualifier: str | None, executed: str | None) -> list[Dimensions]:
    resource = _resource(function, qualifier)
    places = [frozenset[tuple[str, str]](), frozenset({("FunctionName", function)}), resource]
    return [*places, resource | {("ExecutedVersion", executed)}] if executed else places


@lru_cache(maxsize=256)
def _resource(function: str, qualifier: str | None) -> Dimensions:
    resource = f"{function}:{qualifier}" if qualifier else function
    return frozenset({("FunctionName", function), ("Resource", resource)})
