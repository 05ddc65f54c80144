"""One turn's time budget, so that everything that waits shares one clock and one end. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]

LAMBDA_MARGIN_SECONDS = 0.25
"""Kept back from what Lambda has left: building and sending the reply must still fit."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock, in seconds."""

    at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(
        cls,
        seconds: float,
        lambda_remaining_ms: float | None = None,
        clock: Clock = time.monotonic,
    ) -> Deadline:
        """`seconds` from now, or earlier where Lambda itself ends the invocation first."""
        if lambda_remaining_ms is not None:
            seconds = min(seconds, lambda_remaining_ms / 1000 - LAMBDA_MARGIN_SECONDS)
        return cls(clock() + max(0.0, seconds), clock)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock())

    def is_over(self) -> bool:
        return self.remaining() <= 0.0

    def keeping_back(self, seconds: float) -> Deadline:
        """The same deadline, `seconds` earlier, for a part that others must follow."""
        return Deadline(self.at - seconds, self.clock)

    def sooner_of(self, seconds: float) -> float:
        """The seconds that a wait of at most `seconds` may take."""
        return min(seconds, self.remaining())
