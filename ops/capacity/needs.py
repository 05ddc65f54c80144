"""From counts to needs: how much of each quota a traffic takes, and where the first one ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.capacity.quotas import Quota
from ops.capacity.simulation import BURST_SECONDS, Result

TIME_SHARE = 0.999
"""A need is the level that is not exceeded for this share of the time."""
UTILIZATION = 0.7
"""What Application Auto Scaling aims at, so a rise finds room until it has acted."""
TURNS_PER_ENVIRONMENT = 10
"""Lambda takes ten requests a second for each environment, however short they are:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"""
# Needs that have not their quota's own name; open sessions are the stricter reading of Lex's.
QUOTA_OF = {"lex_sessions": "lex_text", "lambda": "lambda_concurrency"}


@dataclass(frozen=True, slots=True)
class Need:
    """`mean` over the run, `need` for 99.9% of the time or in the worst window."""

    name: str
    mean: float
    need: float
    quota: Quota

    @property
    def used(self) -> float:
        """As a share of the quota; above 1 it is too little."""
        return self.need / self.quota.value

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "mean": round(self.mean, 3),
            "need": round(self.need, 3),
            "quota": self.quota.value,
            "used": round(self.used, 4),
        }


@dataclass(frozen=True, slots=True)
class Breaks:
    """At how many turns a second a quota is used up.

    Outside the simulated rates it is extrapolated in proportion. From below that is too low: peaks
    grow more slowly than the traffic.
    """

    name: str
    turns_per_second: float
    quota: Quota
    is_extrapolated: bool


def provisioned(result: Result) -> int:
    """Fulfilment environments to keep warm, with room for a rise."""
    return max(1, math.ceil(_environments(result) / UTILIZATION))


def needs(result: Result, quotas: Mapping[str, Quota]) -> list[Need]:
    """One need a quota, and the stricter reading of Lex's beside it."""
    gauges = {
        name: Need(name, gauge.mean, gauge.quantile(TIME_SHARE), quotas[QUOTA_OF.get(name, name)])
        for name, gauge in result.gauges.items()
        if QUOTA_OF.get(name, name) in quotas
    }
    rates = {name: _rate_need(name, result, quotas[name]) for name in result.rates}
    functions = result.gauges["functions"]
    at_once = _environments(result) + functions.quantile(TIME_SHARE)
    mean = result.gauges["fulfillment"].mean + functions.mean
    environments = Need("lambda", mean, at_once, quotas["lambda_concurrency"])
    return [environments, *gauges.values(), *rates.values()]


def _rate_need(name: str, result: Result, quota: Quota) -> Need:
    rate, burst = result.rates[name], BURST_SECONDS.get(name, 1)
    return Need(name, rate.mean(result.seconds) / burst, rate.peak / burst, quota)


def breaks(by_rate: Mapping[float, Sequence[Need]]) -> list[Breaks]:
    """For each quota the traffic that uses it up, the lowest first."""
    found = []
    for name in [need.name for need in next(iter(by_rate.values()))]:
        row = {rate: _of(each, name) for rate, each in sorted(by_rate.items())}
        points = [(rate, need.need) for rate, need in row.items() if need.need > 0]
        if points:
            quota = next(iter(row.values())).quota
            at = _crossing(points, quota.value)
            is_outside = not points[0][0] <= at <= points[-1][0]
            found.append(Breaks(name, at, quota, is_outside))
    return sorted(found, key=lambda each: each.turns_per_second)


def _crossing(points: Sequence[tuple[float, float]], value: float) -> float:
    """Where the need passes the value: between two rates on a logarithmic scale, and beyond the
    first or last in proportion."""
    below = [point for point in points if point[1] <= value]
    above = [point for point in points if point[1] > value]
    if not below or not above:
        rate, need = above[0] if above else below[-1]
        return rate * value / need
    (low, low_need), (high, high_need) = below[-1], above[0]
    part = math.log(value / low_need) / math.log(high_need / low_need)
    return float(low * (high / low) ** part)


def _environments(result: Result) -> float:
    """Enough to hold the turns at once, and to be allowed their number."""
    at_once = result.gauges["fulfillment"].quantile(TIME_SHARE)
    return max(at_once, result.turn_rate.peak / TURNS_PER_ENVIRONMENT)


def _of(needs_: Sequence[Need], name: str) -> Need:
    return next(need for need in needs_ if need.name == name)
