"""Filter patterns for JSON lines: `{ $.message = "turn" && ($.ms > 800 || $.late IS TRUE) }`.

Rules and examples: CloudWatch Logs user guide, "Using filter patterns to match terms in JSON log
events". What the guide leaves open is taken strictly: a quoted value is compared with text, a
number with numbers, and a comparison with a field that is missing never holds, `!=` included.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Matches = Callable[[str], bool]
_Test = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<path>\$(?:\.[\w\-:/@]+|\[\d+\]|\[\*\]|\['[^']*'\]|\["[^"]*"\]|\.\*)*)
    | (?P<operator><=|>=|!=|=|<|>)
    | (?P<join>&&|\|\|)
    | (?P<bracket>[(){}])
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<regex>%[^%]+%)
    | (?P<word>[^\s"%(){}=<>!&|]+)
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([\w\-:/@*]+)|\[(\d+|\*)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_EQUALS_WORD = re.compile(r'(?<![!<>])=\s*("[A-Za-z0-9_-]+")')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compiled(pattern: str) -> Matches:
    """Whether a line is JSON and matches; ValueError says where the pattern is wrong."""
    test, needed = _Parser(pattern).parse(), _needed(pattern)

    def matches(line: str) -> bool:
        if not line.lstrip().startswith("{") or not all(text in line for text in needed):
            return False
        try:
            record = json.loads(line)
        except ValueError:
            return False
        return test(record)

    return matches


def _needed(pattern: str) -> list[str]:
    """What stands in every line that can match, so that most need not be parsed.

    Plain words in quotation marks: nobody writes those with JSON's escapes.
    """
    return [] if "||" in pattern else _EQUALS_WORD.findall(pattern)


class _Parser:
    """One pass over the tokens; `&&` binds closer than `||`."""

    def __init__(self, pattern: str) -> None:
        self._tokens = list(_tokens(pattern))
        self._at = 0

    def parse(self) -> _Test:
        self._expect("bracket", "{")
        test = self._any()
        self._expect("bracket", "}")
        if self._at != len(self._tokens):
            raise ValueError("there is more after the closing brace")
        return test

    def _any(self) -> _Test:
        tests = [self._all()]
        while self._accept("||"):
            tests.append(self._all())
        return lambda record: any(test(record) for test in tests)

    def _all(self) -> _Test:
        tests = [self._one()]
        while self._accept("&&"):
            tests.append(self._one())
        return lambda record: all(test(record) for test in tests)

    def _one(self) -> _Test:
        if self._accept("("):
            test = self._any()
            self._expect("bracket", ")")
            return test
        path = _steps(self._expect("path"))
        kind, text = self._next()
        if kind == "word":
            return _is(path, text.upper(), self._expect("word").upper())
        if kind != "operator":
            raise ValueError(f"an operator must follow a field, not {text!r}")
        return _comparison(path, text, *self._next())

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise ValueError("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, text: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at][1] == text
        self._at += found
        return found

    def _expect(self, kind: str, text: str | None = None) -> str:
        found, said = self._next()
        if found != kind or text not in (None, said):
            raise ValueError(f"{said!r} stands where {text or f'a {kind}'} must")
        return said


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    place, text = 0, pattern.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise ValueError(f"{text[place:].strip()!r} is not understood")
        place = match.end()
        yield match.lastgroup, match[match.lastgroup]


_Steps = tuple[str | int, ...]
_EVERY = "*"


def _steps(path: str) -> _Steps:
    steps: list[str | int] = []
    for match in _STEP.finditer(path):
        name, index, *quoted = match.groups()
        if index is not None:
            steps.append(_EVERY if index == "*" else int(index))
        else:
            steps.append(next(text for text in (name, *quoted) if text is not None))
    return tuple(steps)


def _values(record: Any, steps: _Steps) -> Iterator[Any]:
    """Every value that the selector reaches; none where a step is missing."""
    if not steps:
        yield record
        return
    step, *rest = steps
    if step == _EVERY and isinstance(record, list | dict):
        items = record if isinstance(record, list) else list(record.values())
        for item in items:
            yield from _values(item, tuple(rest))
    elif _has(record, step):
        yield from _values(record[step], tuple(rest))


def _has(record: Any, step: str | int) -> bool:
    if isinstance(record, list):
        return isinstance(step, int) and step < len(record)
    return isinstance(record, dict) and step in record


def _is(steps: _Steps, first: str, second: str) -> _Test:
    """`IS TRUE`, `IS FALSE`, `IS NULL`, `NOT EXISTS`."""
    if (first, second) == ("NOT", "EXISTS"):
        return lambda record: not any(True for _ in _values(record, steps))
    wanted: dict[str, Any] = {"TRUE": True, "FALSE": False, "NULL": None}
    if first != "IS" or second not in wanted:
        raise ValueError(f"{first} {second} is no condition")
    return lambda record: any(value is wanted[second] for value in _values(record, steps))


def _comparison(steps: _Steps, sign: str, kind: str, text: str) -> _Test:
    holds = _holds(sign, kind, text)
    return lambda record: any(holds(value) for value in _values(record, steps))


def _holds(sign: str, kind: str, text: str) -> _Test:
    if kind not in ("quoted", "regex", "word"):
        raise ValueError(f"{text!r} is no value")
    if kind == "word" and _NUMBER.fullmatch(text):
        return _numeric(sign, float(text))
    if sign not in ("=", "!="):
        raise ValueError(f"{sign} needs a number, not {text}")
    matches = _text_test(kind, text)
    if sign == "=":
        return lambda value: isinstance(value, str) and matches(value)
    return lambda value: not (isinstance(value, str) and matches(value))


def _numeric(sign: str, number: float) -> _Test:
    if sign == "!=":
        return lambda value: not (_is_number(value) and value == number)
    compare = _ORDER[sign]
    return lambda value: _is_number(value) and compare(value, number)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text_test(kind: str, text: str) -> Callable[[str], bool]:
    """Equal, but for `*`, which stands for any text; a regular expression may match anywhere."""
    if kind == "regex":
        search = _expression(text[1:-1]).search
        return lambda value: search(value) is not None
    wanted = re.sub(r"\\(.)", r"\1", text[1:-1]) if kind == "quoted" else text
    if "*" not in wanted:
        return lambda value: value == wanted
    fits = re.compile(".*".join(map(re.escape, wanted.split("*"))), re.DOTALL).fullmatch
    return lambda value: fits(value) is not None


def _expression(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as exc:
        raise ValueError(str(exc)) from exc
