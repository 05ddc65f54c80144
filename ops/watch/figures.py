"""A stage's figures over some hours, as CloudWatch has them: turns by channel, and what failed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ops.audit.metric_facts import MADE, SHARED
from ops.aws import pages
from ops.stages import FULFILLMENT, function_name
from ops.steps import Context

CHANNELS = ("chat", "phone")
_NAMESPACE = "Atlas"
_HOUR = 3600
SOURCES = (*SHARED, *MADE, "fixed")
"""Where an answer can come from; see chalicelib.answer.Source."""

# One metric with one statistic: namespace, name, dimensions, statistic.
Wanted = tuple[str, str, tuple[tuple[str, str], ...], str]
Series = Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """One channel's turns; counts, and milliseconds.

    `p99_ms` is the mean of the hours' own, weighted by their turns: a percentile of many hours
    cannot be had from those of each.
    """

    turns: float
    failed: float
    cold: float
    average_ms: float
    p99_ms: float
    sources: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """The stage's hours; `crashed`: invocations of fulfilment that ended without an answer.

    `model_usd`: what all models cost in that time, those that no visitor waited for included.
    """

    channels: Mapping[str, ChannelFigures]
    crashed: float
    model_usd: float

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Figures:
        """What `to_json` told."""
        channels = {name: ChannelFigures(**each) for name, each in told["channels"].items()}
        return cls(channels, told["crashed"], told["model_usd"])

    def to_json(self) -> dict[str, Any]:
        """As a record's facts."""
        return asdict(self)

    @property
    def turns(self) -> float:
        """Of all channels, and those that crashed, which left no line."""
        return sum(each.turns for each in self.channels.values()) + self.crashed

    @property
    def failed(self) -> float:
        return sum(each.failed for each in self.channels.values()) + self.crashed

    @property
    def cold(self) -> float:
        return sum(each.cold for each in self.channels.values())

    def source(self, name: str) -> float:
        """How many turns were answered from there."""
        return sum(each.sources.get(name, 0.0) for each in self.channels.values())

    def text(self) -> str:
        """One line for a person."""
        parts = [f"{self.turns:.0f} turns, {self.failed:.0f} failed, {self.cold:.0f} cold"]
        parts += [
            f"{name} {each.average_ms:.0f} ms, p99 {each.p99_ms:.0f} ms"
            for name, each in self.channels.items()
            if each.turns
        ]
        return "; ".join([*parts, f"models {self.model_usd:.4f} USD"])


def figures(ctx: Context, begin: datetime, end: datetime) -> Figures:
    """What was measured from `begin` until `end`; CloudWatch takes the whole minute of each.

    Raises botocore's errors.
    """
    seconds = (end - begin).total_seconds()
    period = min(_HOUR, 60 * max(1, math.ceil(seconds / 60)))
    wanted = list(_wanted(ctx.stage))
    read = dict(zip(wanted, _read(ctx, wanted, begin, end, period), strict=True))
    channels = {name: _channel(read, ctx.stage, name) for name in CHANNELS}
    return Figures(
        channels,
        _sum(read[_errors(ctx.stage)]),
        round(_sum(read[_cost(ctx.stage)]), 6),
    )


def _turn(stage: str, channel: str, name: str, statistic: str = "Sum") -> Wanted:
    return _NAMESPACE, name, (("Stage", stage), ("Channel", channel)), statistic


def _errors(stage: str) -> Wanted:
    name = function_name(stage, FULFILLMENT)
    return "AWS/Lambda", "Errors", (("FunctionName", name),), "Sum"


def _cost(stage: str) -> Wanted:
    return _NAMESPACE, "EstimatedCost", (("Stage", stage),), "Sum"


def _wanted(stage: str) -> Iterator[Wanted]:
    yield _errors(stage)
    yield _cost(stage)
    for channel in CHANNELS:
        for name in ("Turns", "Failed", "ColdStart", "TurnLatency"):
            yield _turn(stage, channel, name)
        yield _turn(stage, channel, "TurnLatency", "p99")
        for source in SOURCES:
            yield _turn(stage, channel, f"AnswerSource.{source}")


def _channel(read: Mapping[Wanted, Series], stage: str, channel: str) -> ChannelFigures:
    def series(name: str, statistic: str = "Sum") -> Series:
        return read[_turn(stage, channel, name, statistic)]

    counts = {source: _sum(series(f"AnswerSource.{source}")) for source in SOURCES}
    turns = _sum(series("Turns"))
    return ChannelFigures(
        turns=turns,
        failed=_sum(series("Failed")),
        cold=_sum(series("ColdStart")),
        average_ms=round(_sum(series("TurnLatency")) / turns, 1) if turns else 0.0,
        p99_ms=round(_weighted(series("TurnLatency", "p99"), series("Turns")), 1),
        sources={source: count for source, count in counts.items() if count},
    )


def _sum(series: Series) -> float:
    return sum(series.values())


def _weighted(series: Series, weights: Series) -> float:
    total = sum(weights.get(at, 0.0) for at in series)
    return sum(value * weights.get(at, 0.0) for at, value in series.items()) / total if total else 0


def _read(
    ctx: Context, wanted: Sequence[Wanted], begin: datetime, end: datetime, period: int
) -> list[Series]:
    found: dict[str, dict[datetime, float]] = {f"m{n}": {} for n in range(len(wanted))}
    results = pages(
        ctx.clients.of("cloudwatch").get_metric_data,
        "MetricDataResults",
        MetricDataQueries=[_query(f"m{n}", one, period) for n, one in enumerate(wanted)],
        StartTime=begin,
        EndTime=end,
    )
    for result in results:
        found[result["Id"]].update(zip(result["Timestamps"], result["Values"], strict=True))
    return list(found.values())


def _query(query_id: str, wanted: Wanted, period: int) -> dict[str, Any]:
    namespace, name, dimensions, statistic = wanted
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
    }
    stat = {"Metric": metric, "Period": period, "Stat": statistic}
    return {"Id": query_id, "MetricStat": stat, "ReturnData": True}
