"""Faults set from outside: a call made slow, refused, held or left without its answer."""

from __future__ import annotations

import errno
import math
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.fault_rules import EVERY, problems_of

HANG_LIMIT_SECONDS = 120.0


class FaultsError(ValueError):
    """Names every problem of a list of faults."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class AnswerLostError(ConnectionResetError):
    """The call was carried out and its answer is not sent: the server ends the connection."""

    def __init__(self) -> None:
        # cheroot looks at the number to tell a lost client from a failed application.
        super().__init__(errno.ECONNRESET, "the answer is lost")


@dataclass(frozen=True, slots=True)
class Fault:
    """Exactly one effect; `count` is how often it applies before it stops, None for ever.

    `stall`: the tokens after which a stream hangs, or True for a place of its own each time.
    """

    service: str
    operation: str = EVERY
    latency_ms: float | None = None
    times_slower: float | None = None
    error: str | None = None
    hang: bool | None = None
    lose_answer: bool | None = None
    stall: bool | int | None = None
    rate: float = 1.0
    count: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call meets: a factor and added seconds, then an error, a hang or a lost answer.

    A stream hangs after `stall_tokens`, or after that share of its tokens.
    """

    added_seconds: float = 0.0
    error: str | None = None
    hang: bool = False
    times_slower: float = 1.0
    lose_answer: bool = False
    stall_tokens: int | None = None
    stall_share: float | None = None

    @property
    def answer_is_lost(self) -> bool:
        """Only what was carried out has an answer to lose."""
        return self.lose_answer and not self.hang and not self.error

    def seconds(self, figure: float, spent: float) -> float:
        """How long the call takes in all: of the profile's figure and the seconds of work, the
        longer one counts as what it takes undisturbed."""
        if self.times_slower == 1:
            return figure + self.added_seconds
        return max(figure, spent) * self.times_slower + self.added_seconds

    def stalls_after(self, tokens: int) -> int | None:
        """How many of an answer's tokens are said before its stream hangs; None for no hang."""
        if self.stall_tokens is not None:
            return min(self.stall_tokens, tokens)
        return None if self.stall_share is None else int(self.stall_share * tokens)


_UNDISTURBED = Effect()
_MET: ContextVar[Effect] = ContextVar("met", default=_UNDISTURBED)


def met() -> Effect:
    """What the call in this thread meets, for a service that keeps a time of its own."""
    return _MET.get()


@contextmanager
def meeting(effect: Effect) -> Iterator[None]:
    token = _MET.set(effect)
    try:
        yield
    finally:
        _MET.reset(token)


class Faults:
    """The faults in force, thread-safe; `seed` makes rates repeatable."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        # Not the seed alone: a model's pace is drawn from that, once a call as well, and the calls
        # that a rate picks would always be those with the same pace.
        self._random = random.Random(f"faults {seed}")  # noqa: S311 - a rate is no secret
        self._faults: list[Fault] = []
        self._left: list[int | None] = []
        self._replaced = threading.Event()
        self._ended = threading.Event()

    def replace(self, items: Any) -> None:
        """Put a new list in force and let go of what the former one holds; FaultsError if bad."""
        faults = parse_faults(items)
        with self._lock:
            self._faults = faults
            self._left = [fault.count for fault in faults]
            self._replaced.set()
            self._replaced = threading.Event()

    def close(self) -> None:
        """Let go of everything that is held, and hold nothing from now on."""
        with self._lock:
            self._ended.set()
            self._replaced.set()

    def current(self) -> list[dict[str, Any]]:
        """The list in force, each with the count that is left."""
        with self._lock:
            pairs = zip(self._faults, self._left, strict=True)
            return [fault.to_json() | _without_none({"count": left}) for fault, left in pairs]

    def draw(self, service: str, *names: str) -> Effect:
        """What this call meets, by any of its operation's names; uses up counts."""
        with self._lock:
            found = [f for i, f in enumerate(self._faults) if self._meets(i, f, service, names)]
            share = self._random.random() if any(f.stall is True for f in found) else None
        return Effect(
            added_seconds=sum(fault.latency_ms or 0.0 for fault in found) / 1000,
            error=next((fault.error for fault in found if fault.error), None),
            hang=any(fault.hang for fault in found),
            times_slower=math.prod(fault.times_slower or 1.0 for fault in found),
            lose_answer=any(fault.lose_answer for fault in found),
            stall_tokens=next((f.stall for f in found if type(f.stall) is int), None),
            stall_share=share,
        )

    def hold(self) -> None:
        """Block as a hung service does, until the list is replaced, or two minutes at most."""
        with self._lock:
            replaced = self._replaced
            limit = 0.0 if self._ended.is_set() else HANG_LIMIT_SECONDS
        replaced.wait(limit)

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the end of the sandbox."""
        if seconds > 0:
            self._ended.wait(seconds)

    def _meets(self, index: int, fault: Fault, service: str, names: tuple[str, ...]) -> bool:
        left = self._left[index]
        if fault.service not in (service, EVERY) or fault.operation not in (*names, EVERY):
            return False
        if left == 0 or self._random.random() >= fault.rate:
            return False
        if left is not None:
            self._left[index] = left - 1
        return True


def parse_faults(items: Any) -> list[Fault]:
    """Check a posted list as a whole; FaultsError names every problem in it."""
    if not isinstance(items, list):
        raise FaultsError(["the body must be a list of faults (an empty one clears them)"])
    problems = [
        f"fault {number}: {problem}"
        for number, item in enumerate(items, start=1)
        for problem in problems_of(item)
    ]
    if problems:
        raise FaultsError(problems)
    return [Fault(**_without_none(item)) for item in items]


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
