"""What the simulation counts: how many are at once, by share of time, and how many a second."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable


class Gauge:
    """How many of something are at once; time before 0 is the simulation's run-up.

    With a quota, `enter` says False and counts a refusal where it is used up.
    """

    def __init__(self, clock: Callable[[], float], quota: float = math.inf) -> None:
        self._clock, self._quota = clock, quota
        self._level, self._since = 0, clock()
        self._seconds: dict[int, float] = defaultdict(float)
        self.entered = self.refused = 0

    @property
    def level(self) -> int:
        return self._level

    def enter(self) -> bool:
        is_counted = self._clock() >= 0
        if self._level >= self._quota:
            self.refused += is_counted
            return False
        self.entered += is_counted
        self._change(1)
        return True

    def leave(self) -> None:
        self._change(-1)

    def close(self) -> None:
        """Count the time until now."""
        self._change(0)

    @property
    def mean(self) -> float:
        whole = sum(self._seconds.values())
        return sum(level * n for level, n in self._seconds.items()) / whole if whole else 0.0

    @property
    def peak(self) -> int:
        return max(self._seconds, default=0)

    def quantile(self, share: float) -> int:
        """The least level that is not exceeded for that share of the time."""
        left = share * sum(self._seconds.values())
        for level in sorted(self._seconds):
            left -= self._seconds[level]
            if left <= 1e-9:
                return level
        return self.peak

    def _change(self, by: int) -> None:
        now = self._clock()
        if (passed := now - max(self._since, 0.0)) > 0:
            self._seconds[self._level] += passed
        self._since, self._level = now, self._level + by


class Rate:
    """How much of something in each whole second, or in each window of more.

    With a quota for a window, `take` says False and counts a refusal where it is used up.
    """

    def __init__(
        self, clock: Callable[[], float], window_seconds: int = 1, quota: float = math.inf
    ) -> None:
        self._clock, self._window, self._quota = clock, window_seconds, quota
        self._amounts: dict[int, float] = defaultdict(float)
        self.refused = 0

    def take(self, amount: float = 1.0) -> bool:
        now = self._clock()
        if now < 0:
            return True
        second = int(now)
        if self._quota < math.inf and self._in_window(second) + amount > self._quota:
            self.refused += 1
            return False
        self._amounts[second] += amount
        return True

    def mean(self, seconds: float) -> float:
        """Of a window, over so many seconds."""
        return sum(self._amounts.values()) * self._window / seconds

    @property
    def peak(self) -> float:
        """The most in any window."""
        return max((self._in_window(second) for second in self._amounts), default=0.0)

    def _in_window(self, second: int) -> float:
        first = second - self._window + 1
        return sum(self._amounts.get(s, 0.0) for s in range(first, second + 1))
