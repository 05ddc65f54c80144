"""What is kept of many values of one metric in one stretch of time, and its statistics."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable

MAX_DISTINCT = 1_000
"""Distinct values kept per bucket; more are rounded to two digits, half a percent on average."""
_PERCENTILE = re.compile(r"p(100|\d{1,2}(?:\.\d{1,10})?)")


class Bucket:
    """Values with their counts; percentiles are exact up to MAX_DISTINCT different values."""

    __slots__ = ("count", "high", "is_opaque", "low", "total", "weights")

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.low = math.inf
        self.high = -math.inf
        self.weights: dict[float, float] = {}
        self.is_opaque = False

    def add(self, value: float, count: float = 1.0) -> None:
        self._add_totals(count, value * count, value, value)
        self._weigh(value, count)

    def add_set(self, count: float, total: float, low: float, high: float) -> None:
        """A statistic set; unless all its values are one, no percentile can be told any more."""
        if low == high:
            self.add(low, count)
            return
        self.is_opaque = True
        self._add_totals(count, total, low, high)

    def merge(self, other: Bucket, *, with_values: bool = True) -> None:
        """Without its values there is no percentile, and it costs next to nothing."""
        self.is_opaque = self.is_opaque or other.is_opaque or not with_values
        self._add_totals(other.count, other.total, other.low, other.high)
        if not with_values:
            return
        for value, count in other.weights.items():
            self._weigh(value, count)

    def _add_totals(self, count: float, total: float, low: float, high: float) -> None:
        self.count += count
        self.total += total
        # Every measurement comes by here, and a builtin's call costs more than a comparison.
        if low < self.low:
            self.low = low
        if high > self.high:
            self.high = high

    def _weigh(self, value: float, count: float) -> None:
        if value not in self.weights and len(self.weights) >= MAX_DISTINCT:
            value = float(f"{value:.1e}")
        self.weights[value] = self.weights.get(value, 0.0) + count

    def percentile(self, percent: float) -> float | None:
        """The smallest value that so many percent do not exceed; None after statistic sets."""
        if self.is_opaque:
            return None
        values = sorted(self.weights)
        wanted = self.count * percent / 100
        reached = itertools.accumulate(self.weights[value] for value in values)
        return next((v for v, n in zip(values, reached, strict=True) if n >= wanted), self.high)


Statistic = Callable[[Bucket], float | None]

_STATISTICS: dict[str, Statistic] = {
    "SampleCount": lambda bucket: bucket.count,
    "Sum": lambda bucket: bucket.total,
    "Average": lambda bucket: bucket.total / bucket.count,
    "Minimum": lambda bucket: bucket.low,
    "Maximum": lambda bucket: bucket.high,
}


def needs_values(name: str) -> bool:
    """Whether a statistic is more than a bucket's totals tell."""
    return name not in _STATISTICS


def statistic(name: str) -> Statistic:
    """How to read a statistic off a bucket that holds something; ValueError where unknown here."""
    if name in _STATISTICS:
        return _STATISTICS[name]
    match = _PERCENTILE.fullmatch(name)
    if match is None:
        raise ValueError(f"{name} is no statistic that the sandbox knows")
    percent = float(match[1])
    return lambda bucket: bucket.percentile(percent)
