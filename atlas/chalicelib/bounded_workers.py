"""Threads for calls beside a turn, with a bound on how many calls may wait for one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from chalicelib.errors import RetryableDependencyError

_P = ParamSpec("_P")
_T = TypeVar("_T")

QUEUE_FULL = "QueueFull"
WAITING = 16
"""More than any turn begins; only an outage that outlasts several turns gets there."""


class BoundedWorkers(ThreadPoolExecutor):
    """At most `threads` calls of a service at once and WAITING more in the queue.

    A call beyond that is not made: its future holds RetryableDependencyError `QueueFull`, as if
    the service had refused it.
    """

    def __init__(self, threads: int, service: str) -> None:
        super().__init__(threads, thread_name_prefix=service)
        self._service = service

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        # A private name, but there is no other way to see what was cancelled and still waits.
        if self._work_queue.qsize() < WAITING:
            return super().submit(fn, *args, **kwargs)
        refused: Future[_T] = Future()
        refused.set_exception(RetryableDependencyError(self._service, QUEUE_FULL))
        return refused
