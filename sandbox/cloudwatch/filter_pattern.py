"""Filter patterns of CloudWatch Logs: terms, phrases and regular expressions in any line, or JSON.

Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription
filters, filter log events, and Live Tail". Patterns of space-delimited fields are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from sandbox.aws_api import ApiError
from sandbox.cloudwatch import json_pattern

Matches = Callable[[str], bool]

_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([^\s"]+))')


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Matches:
    """Whether a line matches; ApiError InvalidParameterException for what is no pattern."""
    text = pattern.strip()
    if text.startswith("["):
        raise invalid("The sandbox knows no filter patterns of space-delimited fields.")
    if text.startswith("{"):
        try:
            return json_pattern.compiled(text)
        except ValueError as exc:
            raise invalid(f"Invalid filter pattern: {exc}") from exc
    return _unstructured(text)


def _unstructured(text: str) -> Matches:
    """All plain terms and no `-term`; else, where there are only `?terms`, any of them."""
    tests: dict[str, list[Matches]] = {"": [], "?": [], "-": []}
    place = 0
    while place < len(text):
        match = _TERM.match(text, place)
        if match is None:
            raise invalid("Invalid filter pattern: a quotation mark is left open")
        place = match.end()
        tests[match[1]].append(_contains(match))
    required, optional, excluded = tests[""], tests["?"], tests["-"]
    # "The question mark is ignored where it is combined with other terms" (same page).
    only_optional = optional and not required and not excluded

    def matches(line: str) -> bool:
        if only_optional:
            return any(test(line) for test in optional)
        wanted = all(test(line) for test in required)
        return wanted and not any(test(line) for test in excluded)

    return matches


def _contains(term: re.Match[str]) -> Matches:
    _, phrase, expression, word = term.groups()
    if expression is not None:
        search = regular_expression(expression).search
        return lambda line: search(line) is not None
    text = re.sub(r"\\(.)", r"\1", phrase) if phrase is not None else word
    return lambda line: text in line


def regular_expression(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as exc:
        raise invalid(f"Invalid filter pattern: {exc}") from exc


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
