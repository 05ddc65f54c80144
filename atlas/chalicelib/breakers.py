"""Which models are left alone for a while, and for how long. Pure."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.deadline import Clock
from chalicelib.model_router import Route

THROTTLED_REST_SECONDS = 0.25
"""The first one is over with the turn that met it: a model that turns one of three calls away is
still worth asking in the next."""
FAILED_REST_SECONDS = 15.0
LONGEST_REST_SECONDS = 60.0
FAILURES_BEFORE_REST = 2
PROBE_SECONDS = 30.0
"""A probe that nobody reported on is forgotten then: its environment was frozen or is gone."""


@dataclass(slots=True)
class _Breaker:
    rests_until: float = 0.0
    probed_until: float = 0.0
    failures: int = 0
    rests: int = 0

    @property
    def is_open(self) -> bool:
        """Resting, or tried again without a verdict so far."""
        return self.rests > 0

    def may_ask(self, now: float) -> bool:
        return self.rests_until <= now and self.probed_until <= now


class Breakers:
    """Remembers for this environment which model rests after a failure.

    Throttling rests a model at once, since asking again makes it worse; other failures must
    repeat first. Each further rest is twice as long, until a success. After a rest one request
    at a time tries whether the model is back. `jitter` gives numbers from 0 to 1: environments
    that were throttled together must not come back together.
    """

    def __init__(
        self,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._jitter = clock, jitter
        self._lock = threading.Lock()
        self._breakers: dict[str, _Breaker] = {}

    def available(self, route: Route) -> tuple[str, ...]:
        """The route's models that may be asked now, in order; empty when all rest."""
        now = self._clock()
        with self._lock:
            return tuple(m for m in route.models if self._of(m).may_ask(now))

    def begin(self, model_id: str) -> bool:
        """Whether the caller may ask this model; it then owes a verdict, or `let_go`."""
        now = self._clock()
        with self._lock:
            breaker = self._of(model_id)
            if not breaker.may_ask(now):
                return False
            if breaker.is_open:
                breaker.probed_until = now + PROBE_SECONDS
            return True

    def succeeded(self, model_id: str) -> None:
        with self._lock:
            self._breakers.pop(model_id, None)

    def throttled(self, model_id: str) -> None:
        with self._lock:
            self._rest(self._of(model_id), THROTTLED_REST_SECONDS)

    def failed(self, model_id: str) -> None:
        with self._lock:
            breaker = self._of(model_id)
            breaker.failures += 1
            breaker.probed_until = 0.0
            if breaker.is_open or breaker.failures >= FAILURES_BEFORE_REST:
                self._rest(breaker, FAILED_REST_SECONDS)

    def let_go(self, model_id: str) -> None:
        """The request ended without a word about the model's health."""
        with self._lock:
            self._of(model_id).probed_until = 0.0

    def _of(self, model_id: str) -> _Breaker:
        return self._breakers.setdefault(model_id, _Breaker())

    def _rest(self, breaker: _Breaker, seconds: float) -> None:
        longest = min(LONGEST_REST_SECONDS, seconds * 2**breaker.rests)
        breaker.rests_until = self._clock() + longest * (1 + self._jitter()) / 2
        # Past the longest rest there is nothing left to double.
        breaker.rests = min(breaker.rests + 1, 16)
        breaker.failures, breaker.probed_until = 0, 0.0
