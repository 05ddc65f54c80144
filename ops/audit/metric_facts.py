"""What CloudWatch says of the last hours: the turns' answers, and how full the warm ones were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
_PERIOD_SECONDS = 3600
# GetMetricData takes so many queries at once.
_QUERIES = 500

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One metric with one statistic, added up or, for Maximum, the greatest of the periods."""

    namespace: str
    name: str
    dimensions: Dimensions
    statistic: str = "Sum"


@dataclass(frozen=True, slots=True)
class Warmth:
    """Fulfilment's provisioned concurrency of the last hours; None where nothing was measured.

    `utilisation`: the greatest share in use; `invocations` were answered by it, `spilled` were not
    because all of it was in use.
    """

    utilisation: float | None
    invocations: float | None
    spilled: float | None


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
    """What was measured of `version`, under whichever of its names Lambda gives the metric."""
    utilisation = _of_version(ctx, "ProvisionedConcurrencyUtilization", version)
    invocations = _of_version(ctx, "ProvisionedConcurrencyInvocations", version)
    spilled = _of_version(ctx, "ProvisionedConcurrencySpilloverInvocations", version)
    greatest = [_with(query, "Maximum") for query in utilisation]
    queries = [*greatest, *invocations, *spilled]
    values = dict(zip(queries, read(ctx, queries, end, hours), strict=True))
    return Warmth(
        _greatest(values, greatest), _greatest(values, invocations), _greatest(values, spilled)
    )


def _of_version(ctx: Context, metric: str, version: str) -> list[Query]:
    """The metric's sets of dimensions for the version or its alias.

    They overlap: one invocation counts in several of them. So none is added to another.
    """
    name = function_name(ctx.stage, FULFILLMENT)
    listed = pages(
        ctx.clients.of("cloudwatch").list_metrics,
        "Metrics",
        Namespace=_LAMBDA,
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": name}],
    )
    sets = ({d["Name"]: d["Value"] for d in item["Dimensions"]} for item in listed)
    ours = {"", f"{name}:{LIVE}", f"{name}:{version}"}
    return [
        Query(_LAMBDA, metric, tuple(sorted(dimensions.items())))
        for dimensions in sets
        if dimensions.get("Resource", "") in ours
        and dimensions.get("ExecutedVersion", version) == version
    ]


def _with(query: Query, statistic: str) -> Query:
    return Query(query.namespace, query.name, query.dimensions, statistic)


def _greatest(values: Mapping[Query, float | None], queries: Iterable[Query]) -> float | None:
    return max((v for q in queries if (v := values[q]) is not None), default=None)


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
    return max(values) if query.statistic == "Maximum" else sum(values)
