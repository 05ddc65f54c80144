"""PutMetricData, GetMetricData, GetMetricStatistics and ListMetrics over the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.cloudwatch.buckets import needs_values, statistic
from sandbox.cloudwatch.metric_store import Datum, Metric, MetricStore
from sandbox.cloudwatch.queries import Evaluation, Span, check_period, metric_of

PAGE_METRICS = 500
MAX_DATAPOINTS = 1_440
_RECENT_SECONDS = 3 * 3600


class MetricOperations:
    """`fresh` brings the store up to date before it is read; `clock` gives epoch seconds."""

    def __init__(
        self,
        store: MetricStore,
        fresh: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._fresh, self._clock = store, fresh, clock
        self.operations: dict[str, Operation] = {
            "PutMetricData": self.put_metric_data,
            "GetMetricData": self.get_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "ListMetrics": self.list_metrics,
        }

    def put_metric_data(self, params: Params) -> Params:
        """What the namespaces of AWS's own services refuse is refused here."""
        namespace = params["Namespace"]
        if namespace.startswith("AWS/"):
            raise invalid("The value AWS/ for parameter Namespace is invalid.")
        for entry in params.get("MetricData") or ():
            self._put(namespace, entry)
        return {}

    def _put(self, namespace: str, entry: Params) -> None:
        metric = metric_of({"Namespace": namespace, **entry})
        unit = entry.get("Unit", "None")
        at = seconds(entry["Timestamp"]) if "Timestamp" in entry else self._clock()
        if one := entry.get("StatisticValues"):
            numbers = (one["SampleCount"], one["Sum"], one["Minimum"], one["Maximum"])
            self._store.put_set(metric, unit, at, numbers)
            return
        values = entry.get("Values") or [entry["Value"]] if _has_values(entry) else []
        counts = entry.get("Counts") or [1.0] * len(values)
        if not values or len(values) != len(counts):
            raise invalid(f"The metric {metric.name} has no values, or not as many as counts.")
        pairs = zip(values, counts, strict=True)
        self._store.put(Datum(metric, value, at, unit, count) for value, count in pairs)

    def get_metric_data(self, params: Params) -> Params:
        """All at once: the answer has no further page."""
        self._fresh()
        queries = params["MetricDataQueries"]
        periods = [query["MetricStat"]["Period"] for query in queries if "MetricStat" in query]
        try:
            for period in periods:
                check_period(period)
            span = _span(params, min(periods, default=60))
            found = Evaluation(self._store, queries, span)
            shown = [query for query in queries if query.get("ReturnData", True)]
            ascending = params.get("ScanBy") == "TimestampAscending"
            return {
                "MetricDataResults": [_result(query, found, ascending) for query in shown],
                "Messages": [],
            }
        except ValueError as exc:
            raise ApiError("ValidationError", str(exc)) from exc

    def get_metric_statistics(self, params: Params) -> Params:
        self._fresh()
        names = [*(params.get("Statistics") or ()), *(params.get("ExtendedStatistics") or ())]
        if not names:
            raise missing("At least one of Statistics and ExtendedStatistics must be given.")
        try:
            check_period(params["Period"])
            statistics = {name: statistic(name) for name in names}
        except ValueError as exc:
            raise invalid(str(exc)) from exc
        span = _span(params, params["Period"])
        wanted = (span.end - span.start) / params["Period"]
        if wanted > MAX_DATAPOINTS:
            raise ApiError(
                "InvalidParameterCombination",
                f"You have requested up to {wanted:,.0f} datapoints, which exceeds the limit of "
                f"{MAX_DATAPOINTS:,}.",
            )
        metric = metric_of(params)
        found = self._store.periods(
            *(metric, span.start, span.end, params["Period"], params.get("Unit")),
            with_values=any(map(needs_values, names)),
        )
        unit = params.get("Unit") or self._store.unit_of(metric)
        points = []
        for at, bucket in found.items():
            values = {name: read(bucket) for name, read in statistics.items()}
            points.append({"Timestamp": moment(at), "Unit": unit, **_by_kind(values)})
        return {"Label": metric.name, "Datapoints": points}

    def list_metrics(self, params: Params) -> Params:
        """Those with values in the last two weeks, or in three hours where that is asked."""
        self._fresh()
        recent = self._clock() - _RECENT_SECONDS if params.get("RecentlyActive") else 0.0
        listed = [metric for metric in self._store.metrics(recent) if _fits(metric, params)]
        listed.sort(key=lambda one: (one.namespace, one.name, sorted(one.dimensions)))
        start = int(params.get("NextToken") or 0)
        end = start + PAGE_METRICS
        more = {"NextToken": str(end)} if end < len(listed) else {}
        return {"Metrics": [described(metric) for metric in listed[start:end]], **more}


def described(metric: Metric) -> Params:
    dimensions = [{"Name": name, "Value": value} for name, value in sorted(metric.dimensions)]
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": dimensions,
    }


def _has_values(entry: Params) -> bool:
    return "Value" in entry or bool(entry.get("Values"))


def _fits(metric: Metric, params: Params) -> bool:
    own = dict(metric.dimensions)
    return (
        params.get("Namespace", metric.namespace) == metric.namespace
        and params.get("MetricName", metric.name) == metric.name
        and all(
            one["Name"] in own and one.get("Value", own[one["Name"]]) == own[one["Name"]]
            for one in params.get("Dimensions") or ()
        )
    )


def _span(params: Params, period: int) -> Span:
    """Starts are rounded down to the minute (API reference), or to a period that is shorter."""
    start, end = seconds(params["StartTime"]), seconds(params["EndTime"])
    if start >= end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    return Span(start - start % min(period, 60), end)


def _result(query: Params, found: Evaluation, ascending: bool) -> Params:
    series = found.series(query["Id"])
    times = sorted(series, reverse=not ascending)
    label = query.get("Label") or query.get("MetricStat", {}).get("Metric", {}).get("MetricName")
    return {
        "Id": query["Id"],
        "Label": label or query["Id"],
        "Timestamps": [moment(at) for at in times],
        "Values": [series[at] for at in times],
        "StatusCode": "Complete",
    }


def _by_kind(values: dict[str, float | None]) -> Params:
    known = {name: value for name, value in values.items() if value is not None}
    plain = {name: value for name, value in known.items() if not name.startswith("p")}
    extended = {name: value for name, value in known.items() if name.startswith("p")}
    return {**plain, **({"ExtendedStatistics": extended} if extended else {})}


def seconds(value: Any) -> float:
    """Epoch seconds of a timestamp, which is UTC where it names no zone."""
    if not isinstance(value, datetime):
        return float(value)
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)


def missing(message: str) -> ApiError:
    return ApiError("MissingParameter", message)
