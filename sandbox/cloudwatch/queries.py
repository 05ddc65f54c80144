"""What a query of metrics comes to: values of metrics, then of expressions over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.cloudwatch import metric_math
from sandbox.cloudwatch.buckets import needs_values, statistic
from sandbox.cloudwatch.metric_math import Calculation, Series, Value
from sandbox.cloudwatch.metric_store import Metric, MetricStore

_FINE_PERIODS = (1, 5, 10, 20, 30)
Query = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to before `end`, in epoch seconds; `pace` seconds pass per second of a period.

    A pace below 1 lets a period of a minute be over in less, which is for shows and tests.
    """

    start: float
    end: float
    pace: float = 1.0

    def timeline(self, period: float) -> list[float]:
        step = period * self.pace
        return [self.start + n * step for n in range(round((self.end - self.start) / step))]


def metric_of(members: Query) -> Metric:
    dimensions = ((one["Name"], one["Value"]) for one in members.get("Dimensions") or ())
    return Metric(members["Namespace"], members["MetricName"], frozenset(dimensions))


def check_period(seconds: int) -> None:
    """ValueError for a period that no metric has."""
    if seconds not in _FINE_PERIODS and (seconds < 60 or seconds % 60):
        raise ValueError(f"Period must be 1, 5, 10, 20, 30 or a multiple of 60, not {seconds}")


def read_metric(store: MetricStore, stat: Query, span: Span) -> Series:
    """The statistic of a metric by the start of each period that has one."""
    read = statistic(stat["Stat"])
    step = stat["Period"] * span.pace
    metric, values = metric_of(stat["Metric"]), needs_values(stat["Stat"])
    found = store.periods(metric, span.start, span.end, step, stat.get("Unit"), with_values=values)
    statistics = {at: read(bucket) for at, bucket in found.items()}
    return {at: value for at, value in statistics.items() if value is not None}


class Evaluation:
    """The queries of one request or alarm, each worked out once."""

    def __init__(self, store: MetricStore, queries: Sequence[Query], span: Span) -> None:
        self._store, self._span = store, span
        self._queries = {query["Id"]: query for query in queries}
        self._done: dict[str, Value] = {}
        if len(self._queries) != len(queries):
            raise ValueError("two queries have the same Id")

    def series(self, query_id: str) -> Series:
        """A scalar becomes a series of itself, as CloudWatch shows it."""
        value = self._value(query_id, ())
        if isinstance(value, dict):
            return value
        return dict.fromkeys(self._span.timeline(self.period(query_id)), value)

    def period(self, query_id: str) -> float:
        """The query's own; of an expression, the longest of what it is made of, else a minute."""
        query = self._queries[query_id]
        if "MetricStat" in query:
            return float(query["MetricStat"]["Period"])
        named = metric_math.names(query["Expression"]) & set(self._queries) - {query_id}
        return max((self.period(name) for name in named), default=query.get("Period") or 60.0)

    def _value(self, query_id: str, above: tuple[str, ...]) -> Value:
        if query_id not in self._done:
            self._done[query_id] = self._work_out(query_id, above)
        return self._done[query_id]

    def _work_out(self, query_id: str, above: tuple[str, ...]) -> Value:
        query = self._queries[query_id]
        if query_id in above:
            raise ValueError(f"{query_id} depends on itself")
        if "MetricStat" in query:
            return read_metric(self._store, query["MetricStat"], self._span)
        if "Expression" not in query:
            raise ValueError(f"{query_id} has neither MetricStat nor Expression")
        wanted = metric_math.names(query["Expression"]) & set(self._queries)
        metrics = [name for name, one in self._queries.items() if "MetricStat" in one]
        if "METRICS" in query["Expression"]:
            wanted |= set(metrics)
        values = {name: self._value(name, (*above, query_id)) for name in wanted}
        timeline = self._span.timeline(self.period(query_id))
        return Calculation(values, metrics, timeline).result(query["Expression"])
