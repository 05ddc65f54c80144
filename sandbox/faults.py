"""Faults set from outside: a call made slow, refused, held or left without its answer."""

from __future__ import annotations

import errno
import math
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.other_services import OPERATIONS_BY_SERVICE
from sandbox.routes import service_model, service_names

EVERY = "*"
HANG_LIMIT_SECONDS = 120.0
_EFFECTS = ("latency_ms", "times_slower", "error", "hang", "lose_answer")
_FIELDS = frozenset(("service", "operation", "rate", "count", *_EFFECTS))


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
    """Exactly one effect; `count` is how often it applies before it stops, None for ever."""

    service: str
    operation: str = EVERY
    latency_ms: float | None = None
    times_slower: float | None = None
    error: str | None = None
    hang: bool | None = None
    lose_answer: bool | None = None
    rate: float = 1.0
    count: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call meets: a factor and added seconds, then an error, a hang or a lost answer."""

    added_seconds: float = 0.0
    error: str | None = None
    hang: bool = False
    times_slower: float = 1.0
    lose_answer: bool = False

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


class Faults:
    """The faults in force, thread-safe; `seed` makes rates repeatable."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - a rate is no secret
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
            met = [f for i, f in enumerate(self._faults) if self._meets(i, f, service, names)]
        return Effect(
            added_seconds=sum(fault.latency_ms or 0.0 for fault in met) / 1000,
            error=next((fault.error for fault in met if fault.error), None),
            hang=any(fault.hang for fault in met),
            times_slower=math.prod(fault.times_slower or 1.0 for fault in met),
            lose_answer=any(fault.lose_answer for fault in met),
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
        for problem in _problems(item)
    ]
    if problems:
        raise FaultsError(problems)
    return [Fault(**_without_none(item)) for item in items]


def _problems(item: Any) -> list[str]:
    if not isinstance(item, dict):
        return ["must be an object"]
    found = [f"unknown field {name!r}" for name in sorted(item.keys() - _FIELDS)]
    found += [text for name, rule in _RULES.items() if (text := rule(item.get(name), item))]
    given = [name for name in _EFFECTS if item.get(name) is not None]
    if len(given) != 1:
        found.append(f"give exactly one of {', '.join(_EFFECTS)}, not {len(given)}")
    return found


def _service_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    if isinstance(value, str) and (
        value in OPERATIONS_BY_SERVICE or value in {EVERY, *service_names()}
    ):
        return None
    return f'service must be named as botocore names it, such as "dynamodb", not {value!r}'


def _operation_problem(value: Any, item: Mapping[str, Any]) -> str | None:
    service = item.get("service")
    if value in (None, EVERY) or not isinstance(service, str) or service == EVERY:
        return None
    if service in OPERATIONS_BY_SERVICE:
        is_good = str(value).rpartition(".")[2] in OPERATIONS_BY_SERVICE[service]
        return None if is_good else f"{service} has no operation {value!r}"
    model = service_model(service) if service in service_names() else None
    if model is None or value in model.operation_names:
        return None
    return f"{service} has no operation {value!r}"


def _latency_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (_is_number(value) and 0 <= value <= 900_000)
    return None if is_good else f"latency_ms must be a number from 0 to 900000, not {value!r}"


def _times_slower_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (_is_number(value) and 1 <= value <= 1000)
    return None if is_good else f"times_slower must be a number from 1 to 1000, not {value!r}"


def _error_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (isinstance(value, str) and value.isidentifier())
    return None if is_good else f"error must be an error code, not {value!r}"


def _true_problem(name: str) -> Callable[[Any, Mapping[str, Any]], str | None]:
    return lambda value, _: None if value in (None, True) else f"{name} must be true, not {value!r}"


def _rate_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (_is_number(value) and 0 <= value <= 1)
    return None if is_good else f"rate must be a number from 0 to 1, not {value!r}"


def _count_problem(value: Any, _: Mapping[str, Any]) -> str | None:
    is_good = value is None or (isinstance(value, int) and _is_number(value) and value >= 1)
    return None if is_good else f"count must be a whole number from 1, not {value!r}"


_RULES: dict[str, Callable[[Any, Mapping[str, Any]], str | None]] = {
    "service": _service_problem,
    "operation": _operation_problem,
    "latency_ms": _latency_problem,
    "times_slower": _times_slower_problem,
    "error": _error_problem,
    "hang": _true_problem("hang"),
    "lose_answer": _true_problem("lose_answer"),
    "rate": _rate_problem,
    "count": _count_problem,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
