"""Takes what happened off the request's path: one append there, everything else in a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from sandbox.cloudwatch.metric_store import Datum, MetricStore

CAPACITY = 100_000
"""Happenings that may wait; with more the oldest are lost."""
_TICK_SECONDS = 0.5

Happening = Callable[[], Iterable[Datum]]

_log = logging.getLogger(__name__)


class Collector:
    """`take` never waits; `settle` brings the store up to date, as whoever reads it must."""

    def __init__(self, store: MetricStore, tick_seconds: float = _TICK_SECONDS) -> None:
        self._store, self._tick_seconds = store, tick_seconds
        self._waiting: deque[Happening] = deque(maxlen=CAPACITY)
        self._settling = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, happening: Happening) -> None:
        """What `happening` then tells is measured; it is called later, in another thread."""
        self._waiting.append(happening)

    def settle(self, *, politely: bool = False) -> None:
        """Put into the store what has been taken so far; `politely` lets requests go first."""
        with self._settling:
            for _ in range(len(self._waiting)):
                self._put(self._waiting.popleft())
                if politely:
                    # It gives the interpreter away, for which a request would wait 5 ms else.
                    time.sleep(0)

    def _put(self, happening: Happening) -> None:
        try:
            self._store.put(happening())
        except Exception:
            # One odd happening must not end all measuring.
            _log.exception("a measurement was lost")

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(5)

    def _work(self) -> None:
        while not self._closing.wait(self._tick_seconds):
            self.settle(politely=True)
