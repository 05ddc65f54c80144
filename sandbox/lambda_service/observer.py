"""What the Lambda service tells whoever measures it; every call returns at once."""

from __future__ import annotations

from typing import Protocol

from sandbox.lambda_service.functions import Target
from sandbox.lambda_service.records import Report


class Observer(Protocol):
    def invoked(self, report: Report) -> None:
        """An invocation ended."""
        ...

    def throttled(self, target: Target) -> None:
        """An invocation was refused for want of concurrency."""
        ...

    def wrote(self, function: str, lines: list[str]) -> None:
        """A function wrote these lines; called behind the invocations, by the logs' thread."""
        ...


class Observers:
    """Several, told one after the other."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def invoked(self, report: Report) -> None:
        for observer in self._observers:
            observer.invoked(report)

    def throttled(self, target: Target) -> None:
        for observer in self._observers:
            observer.throttled(target)

    def wrote(self, function: str, lines: list[str]) -> None:
        for observer in self._observers:
            observer.wrote(function, lines)


class Unobserved:
    """Nobody measures."""

    def invoked(self, report: Report) -> None:
        return

    def throttled(self, target: Target) -> None:
        return

    def wrote(self, function: str, lines: list[str]) -> None:
        return
