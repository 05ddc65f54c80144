"""What CloudWatch says of the last hours: the turns' answers, and how full the warm ones were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.aws import pages
from ops.stages import FULFILLMENT, LIVE, function_name
from ops.steps import Context

NAMESPACE = "Atlas"
CHANNELS = ("chat", "phone")
SHARED = ("memory", "table", "stale")
"""Sources of an answer that no model was asked for; see chalicelib.answer.Source."""
MADE = ("model", "partial", "grounded")
"""Sources of one that a model was asked for, in time or not."""
_LAMBDA = "AWS/Lambda"
_UTILISATION = "ProvisionedConcurrencyUtilization"
_SPILLED = "ProvisionedConcurrencySpilloverInvocations"
_PROVISIONED = "ProvisionedConcurrencyInvocations"
_INVOCATIONS = "Invocations"
_WARMTH = {_UTILISATION: "Average", _SPILLED: "Sum", _PROVISIONED: "Sum", _INVOCATIONS: "Sum"}
_PERIOD_SECONDS = 3600
# GetMetricData takes so many queries at once.
_QUERIES = 500

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One metric with one statistic: added up, or for an average the greatest of the hours."""

    namespace: str
    name: str
    dimensions: Dimensions
    statistic: str = "Sum"


@dataclass(frozen=True, slots=True)
class Warmth:
    """Fulfilment's last hours; None where nothing was measured.

    `utilisation`: the share of the live version's provisioned concurrency that was in use, the
    average of its fullest hour. `spilled`: invocations of that version that found all in use.
    `provisioned`: of all the function's `invocations`, those that met any provisioned environment.
    """

    utilisation: float | None
    spilled: float | None
    provisioned: float | None
    invocations: float | None


def read_atlas(ctx: Context, end: datetime, hours: int) -> dict[tuple[str, str], float]:
    """The app's own sums by metric and channel; a metric that was never written is missing."""
    names = ["Turns", *(f"AnswerSource.{source}" for source in (*SHARED, *MADE))]
    names += [f"PhoneScenario.{state}" for state in ("made", "grounded", "anonymous")]
    keys = [(name, channel) for name in names for channel in CHANNELS]
    queries = [
        Query(NAMESPACE, name, (("Stage", ctx.stage), ("Channel", channel)))
        for name, channel in keys
    ]
    values = read(ctx, queries, end, hours)
    return {key: value for key, value in zip(keys, values, strict=True) if value is not None}


def read_warmth(ctx: Context, version: str, end: datetime, hours: int) -> Warmth:
    """What was measured, under whichever of its names Lambda gives each metric.

    Sets of dimensions overlap, since one invocation counts in several: of them the greatest holds.
    """
    name = function_name(ctx.stage, FULFILLMENT)
    listed = {metric: _listed(ctx, metric, name) for metric in _WARMTH}
    queries = [query for found in listed.values() for query in found]
    values = dict(zip(queries, read(ctx, queries, end, hours), strict=True))

    def greatest(metric: str, is_ours: Callable[[Query], bool]) -> float | None:
        found = (values[query] for query in listed[metric] if is_ours(query))
        return max((value for value in found if value is not None), default=None)

    def is_live(query: Query) -> bool:
        dimensions = dict(query.dimensions)
        executed = dimensions.get("ExecutedVersion", "")
        ours = {(f"{name}:{version}", ""), (f"{name}:{LIVE}", version)}
        return (dimensions.get("Resource", ""), executed) in ours

    return Warmth(
        greatest(_UTILISATION, is_live),
        greatest(_SPILLED, is_live),
        greatest(_PROVISIONED, lambda query: True),
        greatest(_INVOCATIONS, lambda query: True),
    )


def _listed(ctx: Context, metric: str, name: str) -> list[Query]:
    """The metric with every set of dimensions of the function that it was measured with."""
    listed = pages(
        ctx.clients.of("cloudwatch").list_metrics,
        "Metrics",
        Namespace=_LAMBDA,
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": name}],
    )
    sets = (tuple(sorted((d["Name"], d["Value"]) for d in m["Dimensions"])) for m in listed)
    return [Query(_LAMBDA, metric, dimensions, _WARMTH[metric]) for dimensions in sets]


def read(ctx: Context, queries: Sequence[Query], end: datetime, hours: int) -> list[float | None]:
    """Each query's value over the hours, None where nothing was measured."""
    found: dict[str, list[float]] = {}
    for first in range(0, len(queries), _QUERIES):
        batch = queries[first : first + _QUERIES]
        results = pages(
            ctx.clients.of("cloudwatch").get_metric_data,
            "MetricDataResults",
            MetricDataQueries=[_as_query(f"m{first + i}", q) for i, q in enumerate(batch)],
            StartTime=end - timedelta(hours=hours),
            EndTime=end,
        )
        for result in results:
            found.setdefault(result["Id"], []).extend(result["Values"])
    return [_value(query, found.get(f"m{i}", [])) for i, query in enumerate(queries)]


def _as_query(query_id: str, query: Query) -> dict[str, Any]:
    metric = {
        "Namespace": query.namespace,
        "MetricName": query.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
    }
    stat = {"Metric": metric, "Period": _PERIOD_SECONDS, "Stat": query.statistic}
    return {"Id": query_id, "MetricStat": stat, "ReturnData": True}


def _value(query: Query, values: Sequence[float]) -> float | None:
    if not values:
        return None
    return max(values) if query.statistic == "Average" else sum(values)
