"""The issue's aims, each with the figure that was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.figures import table
from bench.turns.figures import asked, cpu_of, percentile, seconds_of, share_of
from bench.turns.rounds import Measured, Turns

NOT_WHOLE = ("partial", "grounded")
CACHED = ("memory", "table", "stale")


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure of the issue's table; `limit` None where it is only reported."""

    what: str
    value: float
    limit: float | None
    unit: str = ""
    is_least: bool = False

    @property
    def is_reached(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.is_least else self.value <= self.limit

    def row(self) -> list[str]:
        bound = "at least" if self.is_least else "at most"
        limit = "reported" if self.limit is None else f"{bound} {self._said(self.limit)}"
        verdict = "-" if self.limit is None else "reached" if self.is_reached else "MISSED"
        return [self.what, self._said(self.value), limit, verdict]

    def _said(self, value: float) -> str:
        if self.unit == "%":
            return f"{value:.2%}"
        return f"{value:.4g}{f' {self.unit}' if self.unit else ''}"


def aims(found: Mapping[str, Measured], deadline: float) -> list[Aim]:
    """The issue's aims that turns can tell; `found` by the columns' names, times in seconds."""
    means = {name: statistics.fmean(seconds_of(each.turns)) for name, each in found.items()}
    grounded = {name: _grounded_mean(each.turns) for name, each in found.items()}
    warmed = found["e"].turns
    values = seconds_of(warmed)
    made = [
        Aim("mean, warmed, of (a)'s", means["e"] / means["a"], 1 / 18),
        Aim("mean, warmed, of (c)'s", means["e"] / means["c"], 1 / 3.3),
        Aim("mean of grounded turns, warmed, of (a)'s", grounded["e"] / grounded["a"], 1 / 100),
        Aim("p99, warmed", percentile(values, 0.99), 0.7 * deadline / 0.8, "s"),
        Aim("p99.9, warmed", percentile(values, 0.999), deadline + 0.05, "s"),
        Aim("grounded or partial, warmed", share_of(warmed, NOT_WHOLE), 0.01, "%"),
        Aim("mean, cold cache, of (a)'s", means["d"] / means["a"], 1 / 7),
        Aim("mean, warmed, of (0)'s", means["e"] / means["0"], None),
        Aim("p99, warmed, of (0)'s", _p99(warmed) / _p99(found["0"].turns), None),
        Aim("model calls per 1,000 turns, warmed", asked(found["e"]) * 1000 / len(warmed), 290),
        Aim("grounded turns served without a model", _without_model(warmed), 0.94, "%", True),
    ]
    return made + _cpu_aims(warmed) + _condition_aims(found, deadline)


def _cpu_aims(turns: Turns) -> list[Aim]:
    """Reported: beside other processes CPU costs more, and `bench.cpu_per_turn` judges it."""
    return [
        Aim(f"CPU per turn from {source}, median", statistics.median(cpu) * 1000, None, "ms")
        for source in ("memory", "table")
        if (cpu := cpu_of(turns, source))
    ]


def _condition_aims(found: Mapping[str, Measured], deadline: float) -> list[Aim]:
    made = []
    if slow := found.get("es"):
        made.append(Aim("5% slow: slowest turn", max(seconds_of(slow.turns)), deadline + 0.05, "s"))
        share = share_of(slow.turns, NOT_WHOLE)
        made.append(Aim("5% slow: grounded or partial", share, 0.02, "%"))
    for name, what in (("e4", "four sentences"), ("et", "30% throttled")):
        if each := found.get(name):
            share = share_of(each.turns, NOT_WHOLE)
            made.append(Aim(f"{what}: p99", _p99(each.turns), None, "s"))
            made.append(Aim(f"{what}: grounded or partial", share, None, "%"))
    if throttled := found.get("et"):
        extra = (asked(throttled) - asked(found["e"])) * 1000 / len(throttled.turns)
        made.append(Aim("30% throttled: extra calls per 1,000 turns", extra, None))
    return made


def _p99(turns: Turns) -> float:
    return percentile(seconds_of(turns), 0.99)


def _grounded_mean(turns: Turns) -> float:
    return statistics.fmean(t["seconds"] for t in turns if t["kind"] == "grounded")


def _without_model(turns: Turns) -> float:
    """The share of the grounded turns that a cache served."""
    grounded = [turn for turn in turns if turn["kind"] == "grounded"]
    return share_of(grounded, CACHED)


def aims_table(found: Iterable[Aim]) -> str:
    return table(("figure", "measured", "aim", ""), (aim.row() for aim in found))
