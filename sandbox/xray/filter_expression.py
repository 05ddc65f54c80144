"""X-Ray's filter expressions as far as they are used here: terms that `AND` joins.

`annotation.key = "text"` (also `annotation[key]`, numbers, true, false, != < <= > >=),
`service("name")`, `duration` and `responsetime` against a number, `fault`, `error`, `throttle` and
`ok`.
Grammar: "Using filter expressions" in X-Ray's guide.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws_api import ApiError

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_TERM = re.compile(
    r"""\s*(?:
    annotation(?:\.(?P<key>\w+)|\[(?P<braced>\w+)\])\s*(?P<how>!=|<=|>=|=|<|>)\s*
        (?P<value>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false)
    |service\(\s*(?P<service>"[^"]*")\s*\)
    |(?P<time>duration|responsetime)\s*(?P<compare>!=|<=|>=|=|<|>)\s*(?P<seconds>\d+(?:\.\d+)?)
    |(?P<flag>fault|error|throttle|ok)
    )\s*""",
    re.VERBOSE,
)
_AND = re.compile(r"AND\b")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a filter looks at of one trace."""

    annotations: Mapping[str, list[str | float | bool]]
    services: frozenset[str]
    flags: frozenset[str]
    seconds: float


Filter = Callable[[Facts], bool]


def parse(expression: str) -> Filter:
    """A test of a trace; ApiError InvalidRequestException for what is not understood."""
    terms: list[Filter] = []
    at = 0
    while at < len(expression):
        found = _TERM.match(expression, at)
        if found is None:
            raise _unknown(expression)
        terms.append(_term(found))
        at = found.end()
        if at == len(expression):
            break
        joint = _AND.match(expression, at)
        if joint is None or joint.end() == len(expression):
            raise _unknown(expression)
        at = joint.end()
    return lambda facts: all(term(facts) for term in terms)


def _term(found: re.Match[str]) -> Filter:
    if flag := found["flag"]:
        return lambda facts: flag in facts.flags
    if found["service"]:
        name = json.loads(found["service"])
        return lambda facts: name in facts.services
    if found["time"]:
        compare, seconds = _OPERATORS[found["compare"]], float(found["seconds"])
        return lambda facts: compare(facts.seconds, seconds)
    return _annotation(found["key"] or found["braced"], found["how"], json.loads(found["value"]))


def _annotation(key: str, how: str, wanted: Any) -> Filter:
    compare = _OPERATORS[how]

    def holds(facts: Facts) -> bool:
        values = facts.annotations.get(key, [])
        alike = [v for v in values if isinstance(v, str) == isinstance(wanted, str)]
        return any(compare(value, wanted) for value in alike)

    return holds


def _unknown(expression: str) -> ApiError:
    return ApiError("InvalidRequestException", f"Invalid filter expression: {expression}")
