"""Every metric's values by time: whole seconds for three hours, minutes for fifteen days.

AWS keeps one-minute values for 15 days, and seconds for three hours where a metric asks for them
(CloudWatch user guide, "Metrics retention"). Here every metric has seconds, so that tests and
shows may look at periods shorter than a minute.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.cloudwatch.buckets import Bucket

SECONDS_KEPT = 3 * 3600
MINUTES_KEPT = 15 * 24 * 3600
MAX_SERIES = 10_000
_COMPACT_ABOVE = 4_096

Dimensions = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name; equal whatever the order of its dimensions."""

    namespace: str
    name: str
    dimensions: Dimensions = frozenset()


@dataclass(frozen=True, slots=True)
class Datum:
    """Some equal values of one metric at one time, in epoch seconds."""

    metric: Metric
    value: float
    at: float
    unit: str = "None"
    count: float = 1.0


class _Series:
    """One metric in one unit."""

    def __init__(self) -> None:
        self.seconds: dict[int, Bucket] = {}
        self.minutes: dict[int, Bucket] = {}
        self.latest = 0.0

    def bucket(self, at: float) -> Bucket:
        self.latest = max(self.latest, at)
        if len(self.seconds) > _COMPACT_ABOVE:
            self._compact()
        bucket = self.seconds.get(int(at))
        if bucket is None:
            bucket = self.seconds[int(at)] = Bucket()
        return bucket

    def _compact(self) -> None:
        newest = max(self.seconds)
        for second in [one for one in self.seconds if one < newest - SECONDS_KEPT]:
            minute = self.minutes.setdefault(second - second % 60, Bucket())
            minute.merge(self.seconds.pop(second))
        for old in [one for one in self.minutes if one < newest - MINUTES_KEPT]:
            del self.minutes[old]

    def within(self, start: float, end: float) -> Iterator[tuple[int, Bucket]]:
        for times in (self.minutes, self.seconds):
            if end - start < len(times):
                span = range(int(-(-start // 1)), int(-(-end // 1)))
                yield from ((second, times[second]) for second in span if second in times)
            else:
                yield from (item for item in times.items() if start <= item[0] < end)


class MetricStore:
    """Bounded: values of a metric beyond MAX_SERIES are counted in `refused`, and lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[Metric, dict[str, _Series]] = {}
        self._size = 0
        self.refused = 0

    def put(self, data: Iterable[Datum]) -> None:
        with self._lock:
            for datum in data:
                bucket = self._bucket(datum.metric, datum.unit, datum.at)
                if bucket is not None:
                    bucket.add(datum.value, datum.count)

    def put_set(
        self, metric: Metric, unit: str, at: float, numbers: tuple[float, float, float, float]
    ) -> None:
        """A statistic set: sample count, sum, minimum and maximum."""
        with self._lock:
            bucket = self._bucket(metric, unit, at)
            if bucket is not None:
                bucket.add_set(*numbers)

    def _bucket(self, metric: Metric, unit: str, at: float) -> Bucket | None:
        series = self._series.get(metric, {}).get(unit) or self._new(metric, unit)
        return series.bucket(at) if series else None

    def _new(self, metric: Metric, unit: str) -> _Series | None:
        if self._size >= MAX_SERIES:
            self.refused += 1
            return None
        self._size += 1
        return self._series.setdefault(metric, {}).setdefault(unit, _Series())

    def periods(
        self,
        metric: Metric,
        start: float,
        end: float,
        seconds: float,
        unit: str | None = None,
        *,
        with_values: bool = True,
    ) -> dict[float, Bucket]:
        """By the start of each period from `start` on, in order; only those that hold something."""
        found: dict[float, Bucket] = {}
        with self._lock:
            for name, series in self._series.get(metric, {}).items():
                if unit in (None, name):
                    for at, bucket in series.within(start, end):
                        place = start + (at - start) // seconds * seconds
                        whole = found.setdefault(place, Bucket())
                        whole.merge(bucket, with_values=with_values)
        return dict(sorted(found.items()))

    def unit_of(self, metric: Metric) -> str:
        with self._lock:
            return next(iter(self._series.get(metric, {})), "None")

    def metrics(self, since: float = 0.0) -> list[Metric]:
        """Those with values at or after `since`."""
        with self._lock:
            return [
                metric
                for metric, units in self._series.items()
                if any(series.latest >= since for series in units.values())
            ]

    def clear(self) -> None:
        with self._lock:
            self._series.clear()
            self._size = self.refused = 0
