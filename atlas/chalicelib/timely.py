"""A call to another system that a turn waits for no longer than its deadline allows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from typing import TYPE_CHECKING, TypeVar

from chalicelib.deadline import Deadline
from chalicelib.errors import RetryableDependencyError

if TYPE_CHECKING:
    from chalicelib.services import Services

_Result = TypeVar("_Result")


def timely(call: Callable[[], _Result], deadline: Deadline, services: Services) -> _Result:
    """The call's result; RetryableDependencyError `late` where it has none by the deadline.

    A late call may still be carried out: it must be one that does no harm then.
    """
    running = services.scenarios.beside(call)
    if not wait((running,), timeout=deadline.remaining()).done:
        running.cancel()
        raise RetryableDependencyError("dynamodb", "late")
    return running.result()
