"""Who is told of executions; apart from what tells, which takes a second to import."""

from __future__ import annotations

from collections.abc import Callable

Observe = Callable[[str, str, float], None]
"""A state machine's ARN, a status, and how many seconds it took to come to it."""


def unobserved(machine_arn: str, status: str, seconds: float) -> None:
    """Nobody measures."""


# moto's methods are patched once for the process, so whoever measures is the process's, too.
_observers: list[Observe] = [unobserved]


def observe(observer: Observe) -> None:
    """Tell `observer` from now on: `RUNNING` when one begins, then how it ended."""
    _observers[0] = observer


def tell(machine_arn: str, status: str, seconds: float) -> None:
    _observers[0](machine_arn, status, seconds)
