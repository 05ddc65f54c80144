"""Bounded waiting for AWS, with the clock and the sleep given, so that tests never wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ops.errors import UnavailableError

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Waiter:
    """Polls until a probe says that it is done."""

    progress: Progress
    longest_pause_seconds: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until(self, what: str, limit_seconds: float, probe: Callable[[], str]) -> None:
        """Return when `probe` answers "" (its answer is otherwise the progress to show).

        A pause is a fifth of the time waited so far, so at most that much is waited in vain.

        Raises UnavailableError after `limit_seconds`; whatever `probe` raises passes through.
        """
        end = self.clock() + limit_seconds
        shown, pause = "", 0.05
        while state := probe():
            if self.clock() >= end:
                raise UnavailableError(f"{what}: still {state} after {limit_seconds:.0f} s")
            if state != shown:
                self.progress(f"{what}: {state}")
            shown = state
            self.sleep(pause)
            pause = min(1.25 * pause, self.longest_pause_seconds)
