"""Cuts SOQL into tokens, takes the escapes out of its strings, and words its errors."""

from __future__ import annotations

import re
from typing import NamedTuple

from sandbox.salesforce.errors import SalesforceError

_PATTERN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<datetime>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))
    |(?P<date>\d{4}-\d\d-\d\d)
    |(?P<number>[+-]?\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z][A-Za-z0-9_.]*)
    |(?P<sign><=|>=|!=|<>|[=<>(),])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {
    **{"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"'},
    **{"N": "\n", "R": "\r", "T": "\t", "B": "\b", "F": "\f"},
}


class Token(NamedTuple):
    kind: str
    text: str
    position: int


def tokens(text: str) -> list[Token]:
    found, position = [], 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise malformed(text, position, f"unexpected token: '{text[position]}'")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], position))
        position = match.end()
    return [*found, Token("end", "", len(text))]


def unescape(text: str, inner: str, position: int) -> tuple[str, str]:
    """A string as a value, and as a pattern for LIKE; MALFORMED_QUERY for an unknown escape."""
    try:
        value = _ESCAPE.sub(lambda match: _unescaped(match[1]), inner)
        return value, _ESCAPE.sub(lambda match: _for_like(match[1]), inner)
    except KeyError:
        raise malformed(text, position, f"Illegal string literal: '{inner}'") from None


def _unescaped(code: str) -> str:
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return code if code in "%_" else _ESCAPES[code]


def _for_like(code: str) -> str:
    """As unescaped, but a backslash stays before what LIKE would take for a wildcard or escape."""
    text = _unescaped(code)
    return f"\\{text}" if text in "%_\\" else text


def malformed(text: str, position: int, problem: str) -> SalesforceError:
    return SalesforceError("MALFORMED_QUERY", located(text, position, problem))


def located(text: str, position: int, problem: str) -> str:
    """Salesforce's way to point: the text around, a caret below, row and column."""
    start = max(0, position - 40)
    around = " ".join(text[start : position + 40].splitlines())
    row = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    caret = " " * (position - start) + "^"
    return f"\n{around}\n{caret}\nERROR at Row:{row}:Column:{column}\n{problem}"
