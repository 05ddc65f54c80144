"""Counts what runs and refuses what Lambda would throttle."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.aws_api import ApiError
from sandbox.lambda_service.functions import FunctionDirectory


def throttled(reason: str) -> ApiError:
    """TooManyRequestsException (429) as Invoke gives it."""
    return ApiError("TooManyRequestsException", "Rate Exceeded.", 429, Type="User", Reason=reason)


class Admission:
    """The running invocations of each function against its reservation and the account's quota."""

    def __init__(self, directory: FunctionDirectory, account_concurrency: int) -> None:
        self._directory = directory
        self._account_concurrency = account_concurrency
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def running(self, function: str) -> int:
        with self._lock:
            return self._running[function]

    @contextmanager
    def slot(self, function: str) -> Iterator[int]:
        """Hold one unit of concurrency, and say how many are held; ApiError when there is none."""
        reservations = self.reservations()
        with self._lock:
            self._check(function, reservations)
            self._running[function] += 1
            running = self._running[function]
        try:
            yield running
        finally:
            with self._lock:
                self._running[function] -= 1

    def _check(self, function: str, reservations: dict[str, int]) -> None:
        if function in reservations:
            if self._running[function] >= reservations[function]:
                raise throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
            return
        shared = self._account_concurrency - sum(reservations.values())
        running = sum(n for name, n in self._running.items() if name not in reservations)
        if running >= shared:
            raise throttled("ConcurrentInvocationLimitExceeded")

    def reservations(self) -> dict[str, int]:
        """The reserved concurrency of every function that has one; 0 switches a function off."""
        return {
            function.function_name: int(function.reserved_concurrency)
            for function in self._directory.functions()
            if function.reserved_concurrency is not None
        }
