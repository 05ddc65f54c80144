"""Who is at the other end of a number, and whether a person wants to take the calls."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

SCRIPT, PERSON, NO_ANSWER, DECLINED = "script", "person", "no_answer", "declined"
BUSY, REFUSED, DROPPED, SILENT = "busy", "refused", "dropped", "silent"
MODES = (SCRIPT, PERSON, NO_ANSWER, DECLINED, BUSY, REFUSED, DROPPED, SILENT)
REFUSALS = (
    "DestinationNotAllowedException",
    "OutboundContactNotPermittedException",
    "LimitExceededException",
    "InternalServiceException",
)
DEFAULT_SCRIPT = (
    "Hello?",
    "In the chat I asked you how it works. What makes it so fast?",
    "How much would that cost us?",
    "Can someone from your team call me back?",
    "Thank you, goodbye.",
)

_E164 = re.compile(r"\+[1-9]\d{1,14}")
_MOST_NUMBERS = 1_000
_MOST_NEXT = 100
_MOST_LINES = 50
_MOST_CHARACTERS = 1_024
_MOST_SECONDS = 3_600.0
_MOST_CLAIM_SECONDS = 600.0


class PhoneError(ValueError):
    """What a person or a test asked of the phone and cannot have; one sentence per problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Line:
    """How a number behaves.

    `ring_seconds` is how long it rings before that happens: None for a moment where somebody
    answers, and for the request's RingTimeoutInSeconds where nobody does. `recorded` is whether a
    recording arrives, `recording_seconds` how long after the call. `error` is what `refused` says.
    """

    mode: str = SCRIPT
    script: tuple[str, ...] = DEFAULT_SCRIPT
    ring_seconds: float | None = None
    recording_seconds: float = 0.2
    pause_seconds: float = 0.0
    recorded: bool = True
    error: str = REFUSALS[0]

    def to_json(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"script": list(self.script)}


def is_number(value: object) -> bool:
    """Whether it is a phone number in E.164."""
    return isinstance(value, str) and _E164.fullmatch(value) is not None


class Lines:
    """What was set for the next calls, for single numbers and for all the others; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._default = Line()
        self._by_number: dict[str, Line] = {}
        self._next: deque[tuple[str | None, Line]] = deque()

    def put(self, settings: Mapping[str, Any]) -> None:
        """Set a line: of one `number`, else of all; for the next `calls` alone, if that is given.

        Members left out take their defaults. PhoneError names every problem.
        """
        number, calls = settings.get("number"), settings.get("calls")
        line = _parsed(settings)
        with self._lock:
            if calls is not None:
                self._put_next([(number, line)] * calls)
            elif number is None:
                self._default = line
            else:
                self._put_number(number, line)

    def take(self, number: str) -> Line:
        """How this call goes; uses up what was set for the next calls."""
        with self._lock:
            for index, (wanted, line) in enumerate(self._next):
                if wanted in (None, number):
                    del self._next[index]
                    return line
            return self._by_number.get(number, self._default)

    def current(self) -> dict[str, Any]:
        with self._lock:
            return {
                "all": self._default.to_json(),
                "numbers": {number: line.to_json() for number, line in self._by_number.items()},
                "next": [{"number": number, **line.to_json()} for number, line in self._next],
            }

    def reset(self) -> None:
        with self._lock:
            self._default = Line()
            self._by_number.clear()
            self._next.clear()

    def _put_next(self, lines: list[tuple[str | None, Line]]) -> None:
        if len(self._next) + len(lines) > _MOST_NEXT:
            raise PhoneError(f"at most {_MOST_NEXT} next calls can be set")
        self._next.extend(lines)

    def _put_number(self, number: str, line: Line) -> None:
        if number not in self._by_number and len(self._by_number) >= _MOST_NUMBERS:
            raise PhoneError(f"at most {_MOST_NUMBERS} numbers can be set")
        self._by_number[number] = line


class Claims:
    """Until when a person is there, for one number or (None) for every one; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str | None, float] = {}

    def claim(self, number: str | None, seconds: float) -> float:
        """Be there for `seconds` from now, or (0) no longer; until when, in epoch seconds."""
        problems = [] if number is None or is_number(number) else [_NUMBER_RULE]
        if not _is_seconds(seconds) or seconds > _MOST_CLAIM_SECONDS:
            problems.append(f"seconds must be a number from 0 to {_MOST_CLAIM_SECONDS:g}")
        if problems:
            raise PhoneError(*problems)
        now = self._clock()
        with self._lock:
            self._until = {n: until for n, until in self._until.items() if until > now}
            self._until[number] = now + seconds
        return now + seconds

    def is_there(self, number: str) -> bool:
        now = self._clock()
        with self._lock:
            return any(self._until.get(name, 0.0) > now for name in (None, number))


_NUMBER_RULE = "number must be a phone number in E.164, such as +14155550123"
_NAMES = frozenset({field.name for field in fields(Line)} | {"number", "calls"})


def _parsed(settings: Mapping[str, Any]) -> Line:
    unknown = sorted(settings.keys() - _NAMES)
    problems = [f"unknown field {name!r}" for name in unknown]
    problems += [rule for name, (is_good, rule) in _RULES.items() if not is_good(settings, name)]
    if problems:
        raise PhoneError(*problems)
    values = {name: settings[name] for name in settings.keys() - {"number", "calls"}}
    if "script" in values:
        values["script"] = tuple(values["script"])
    return Line(**values)


def _is_seconds(value: object) -> bool:
    is_numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_numeric and 0 <= value <= _MOST_SECONDS  # type: ignore[operator]


def _is_script(value: object) -> bool:
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= _MOST_LINES:
        return False
    return all(isinstance(one, str) and 0 < len(one.strip()) <= _MOST_CHARACTERS for one in value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_NEXT


def _optional(is_good: Callable[[object], bool]) -> Callable[[Mapping[str, Any], str], bool]:
    return lambda settings, name: name not in settings or is_good(settings[name])


_SECONDS_RULE = f"must be a number from 0 to {_MOST_SECONDS:g}"
_RULES: dict[str, tuple[Callable[[Mapping[str, Any], str], bool], str]] = {
    "number": (_optional(lambda value: value is None or is_number(value)), _NUMBER_RULE),
    "calls": (
        _optional(lambda value: value is None or _is_count(value)),
        f"calls must be a whole number from 1 to {_MOST_NEXT}",
    ),
    "mode": (_optional(lambda value: value in MODES), f"mode must be one of {', '.join(MODES)}"),
    "script": (
        _optional(_is_script),
        f"script must be a list of 1 to {_MOST_LINES} texts of at most {_MOST_CHARACTERS} "
        "characters",
    ),
    "ring_seconds": (
        _optional(lambda value: value is None or _is_seconds(value)),
        f"ring_seconds {_SECONDS_RULE}",
    ),
    "recording_seconds": (_optional(_is_seconds), f"recording_seconds {_SECONDS_RULE}"),
    "pause_seconds": (_optional(_is_seconds), f"pause_seconds {_SECONDS_RULE}"),
    "recorded": (
        _optional(lambda value: isinstance(value, bool)),
        "recorded must be true or false",
    ),
    "error": (
        _optional(lambda value: value in REFUSALS),
        f"error must be one of {', '.join(REFUSALS)}",
    ),
}
