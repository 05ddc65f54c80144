"""Requests a minute per model, as Bedrock's quotas count them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping

from sandbox.aws_api import ApiError


class Quotas:
    """Requests in the last minute per model, against the limit set for it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limits: dict[str, int] = {}
        self._times: dict[str, deque[float]] = {}

    def replace(self, limits: Mapping[str, int]) -> None:
        with self._lock:
            self._limits, self._times = dict(limits), {}

    def current(self) -> dict[str, int]:
        with self._lock:
            return dict(self._limits)

    def take(self, model_id: str) -> None:
        """ApiError (ThrottlingException, 429) when the minute is used up."""
        now = self._clock()
        with self._lock:
            for name, limit in self._limits.items():
                if name in model_id:
                    self._take(name, limit, now)

    def _take(self, name: str, limit: int, now: float) -> None:
        times = self._times.setdefault(name, deque())
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= limit:
            message = "Too many requests, please wait before trying again."
            raise ApiError("ThrottlingException", message, 429)
        times.append(now)
