"""Event invocations: a bounded queue, workers, Lambda's retries, and what failed for good."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ApiError
from sandbox.lambda_service.admission import throttled
from sandbox.lambda_service.functions import FunctionDirectory
from sandbox.lambda_service.invoker import Finished, Invoker
from sandbox.lambda_service.settings import Tunables
from sandbox.xray.header import TraceHeader, current, under

_JOIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """An event invoke config's limits; the defaults are Lambda's."""

    maximum_retry_attempts: int = 2
    maximum_age_seconds: float = 21_600.0


@dataclass(slots=True, eq=False)
class _Event:
    arn: str
    payload: bytes
    client_context: str | None
    policy: RetryPolicy
    accepted: float
    trace: TraceHeader | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: int = 0
    throttles: int = 0
    error: str | None = None
    answer: bytes = b""


class EventQueue:
    """Accepts at once and runs later; `clock` is in seconds and only ever compared."""

    def __init__(
        self,
        invoker: Invoker,
        directory: FunctionDirectory,
        tunables: Tunables,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._invoker = invoker
        self._directory = directory
        self._tunables = tunables
        self._clock = clock
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, _Event]] = []
        self._order = itertools.count()
        self._busy = 0
        self._closed = False
        self._failed: deque[dict[str, Any]] = deque(maxlen=tunables.failed_events)
        self._threads = [
            threading.Thread(target=self._work, name=f"lambda-event-{n}", daemon=True)
            for n in range(tunables.event_workers)
        ]
        for thread in self._threads:
            thread.start()

    def put(
        self, arn: str, payload: bytes, policy: RetryPolicy, client_context: str | None = None
    ) -> str:
        """Queue an event and return its request id; ApiError TooManyRequestsException when full."""
        event = _Event(arn, payload, client_context, policy, self._clock(), current())
        with self._changed:
            if len(self._due) >= self._tunables.event_capacity:
                raise throttled("ConcurrentInvocationLimitExceeded")
            self._push(event, 0.0)
        return event.request_id

    def failed(self) -> list[dict[str, Any]]:
        """What Lambda gave up, oldest first, with the reason as a destination names it."""
        with self._changed:
            return [dict(one) for one in self._failed]

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Whether all that was queued came to its end within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout_seconds)

    def clear_failed(self) -> None:
        with self._changed:
            self._failed.clear()

    def close(self) -> None:
        """Drop what waits; what runs ends with its environment."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def _push(self, event: _Event, delay: float) -> None:
        heapq.heappush(self._due, (self._clock() + delay, next(self._order), event))
        self._changed.notify_all()

    def _work(self) -> None:
        while (event := self._take()) is not None:
            try:
                self._attempt(event)
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _take(self) -> _Event | None:
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - self._clock() if self._due else None
                if wait is not None and wait <= 0:
                    self._busy += 1
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None

    def _attempt(self, event: _Event) -> None:
        try:
            target = self._directory.target(event.arn)
            with under(event.trace):
                finished = self._invoker.run(
                    target, event.payload, event.request_id, event.client_context
                )
        except ApiError as error:
            self._not_run(event, error)
        except Exception as error:
            # A worker must outlive any one event; the event is kept with what broke it.
            event.error = type(error).__name__
            self._give_up(event, "ServiceException")
        else:
            self._ran(event, finished)

    def _ran(self, event: _Event, finished: Finished) -> None:
        event.attempts += 1
        if finished.error is None:
            return
        event.error, event.answer = finished.error, finished.payload
        if event.attempts > event.policy.maximum_retry_attempts:
            self._give_up(event, "RetriesExhausted")
        else:
            self._later(event, _nth(self._tunables.event_retry_seconds, event.attempts - 1))

    def _not_run(self, event: _Event, error: ApiError) -> None:
        event.error = error.code
        if error.code == "TooManyRequestsException":
            delay = _nth(self._tunables.throttle_retry_seconds, event.throttles)
            event.throttles += 1
            self._later(event, delay)
        else:
            self._give_up(event, error.code)

    def _later(self, event: _Event, delay: float) -> None:
        age = self._clock() - event.accepted
        if age + delay > event.policy.maximum_age_seconds:
            self._give_up(event, "EventAgeExceeded")
            return
        with self._changed:
            if not self._closed:
                self._push(event, delay)

    def _give_up(self, event: _Event, condition: str) -> None:
        with self._changed:
            self._failed.append(
                {
                    "function_arn": event.arn,
                    "request_id": event.request_id,
                    "condition": condition,
                    "attempts": event.attempts,
                    "error": event.error,
                    "payload": event.payload,
                    "answer": event.answer,
                }
            )


def _nth(delays: tuple[float, ...], index: int) -> float:
    return delays[min(index, len(delays) - 1)] if delays else 0.0
