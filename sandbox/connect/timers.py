"""Actions at their time on a few threads, and actions of one kind in their order."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

_JOIN_SECONDS = 5.0
_CAPACITY = 20_000

_log = logging.getLogger(__name__)

Action = Callable[[], object]


class Scheduler(Protocol):
    """Who runs something later."""

    def after(self, seconds: float, action: Action) -> None: ...

    def close(self) -> None: ...


class Timers:
    """A Scheduler on threads of its own; what is still due at `close` never runs."""

    def __init__(
        self,
        name: str,
        threads: int,
        capacity: int = _CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity, self._clock = capacity, clock
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Action]] = []
        self._order = itertools.count()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def after(self, seconds: float, action: Action) -> None:
        """Run the action in `seconds`, or nothing after `close`; OverflowError when full."""
        with self._changed:
            if len(self._due) >= self._capacity:
                raise OverflowError(f"{self._capacity} actions are waiting already")
            if not self._closed:
                heapq.heappush(self._due, (self._clock() + seconds, next(self._order), action))
                self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)

    def _work(self) -> None:
        while (action := self._take()) is not None:
            run_safely(action)

    def _take(self) -> Action | None:
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - self._clock() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None


class Lanes:
    """Actions of one lane run one after the other, those of different lanes side by side."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Action]] = {}

    def put(self, lane: str, action: Action) -> None:
        with self._lock:
            waiting = self._waiting.setdefault(lane, deque())
            waiting.append(action)
            is_first = len(waiting) == 1
        if is_first:
            self._scheduler.after(0.0, lambda: self._drain(lane))

    def _drain(self, lane: str) -> None:
        while (action := self._head(lane)) is not None:
            run_safely(action)
            self._done(lane)

    def _head(self, lane: str) -> Action | None:
        with self._lock:
            waiting = self._waiting.get(lane)
            return waiting[0] if waiting else None

    def _done(self, lane: str) -> None:
        with self._lock:
            self._waiting[lane].popleft()
            if not self._waiting[lane]:
                del self._waiting[lane]


def run_safely(action: Action) -> None:
    """Run it; a failure is logged by its type alone, since its text may hold what was said."""
    try:
        action()
    except Exception as exc:
        # A thread must outlive any one action.
        _log.error("an action of the phone failed: %s", type(exc).__name__)
