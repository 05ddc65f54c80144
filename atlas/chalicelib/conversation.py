"""The bounded history of a conversation, kept in one session attribute. Pure.

A client can write the attribute, so it is read as input: what does not parse is no history.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.lex import counted_bytes, encodable
from chalicelib.sentences import cut_to

ATTRIBUTE = "history"
BYTES = 2 * 1_024
"""The encoded history's budget as the session counts it; the oldest exchanges go first."""
WORDS_CHARACTERS = 300
"""The longest text of one side of an exchange that is remembered, in UTF-16 units.

At most three bytes each: one exchange in any script fits the budget.
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the visitor said and what Atlas really answered."""

    visitor: str
    atlas: str


def read(attribute: str | None) -> tuple[Exchange, ...]:
    """The exchanges, oldest first; empty when the attribute is missing or not ours."""
    if not attribute or len(attribute) > 2 * BYTES:
        return ()
    try:
        rows = json.loads(attribute)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(rows, list) or not all(_is_exchange(row) for row in rows):
        return ()
    return tuple(Exchange(_remembered(row[0]), _remembered(row[1])) for row in rows)


def carried_bytes(attribute: str) -> int:
    """What an attribute's value takes of the session's budget, as `lex.within_budget` counts it.

    Inside the session's JSON its quotes are escaped once more.
    """
    return counted_bytes(attribute)


def write(history: tuple[Exchange, ...]) -> str:
    """The attribute, at most BYTES of the session: the oldest exchanges are left out."""
    rows = [[_remembered(e.visitor), _remembered(e.atlas)] for e in history]
    while rows and carried_bytes(written := _encode(rows)) > BYTES:
        del rows[0]
    return written if rows else "[]"


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _is_exchange(row: Any) -> bool:
    # Converse refuses blank text, and a refused request would count against the model.
    return isinstance(row, list) and len(row) == 2 and all(map(_has_words, row))


def _has_words(words: Any) -> bool:
    return isinstance(words, str) and bool(words.strip())


def _remembered(words: str) -> str:
    if words.isascii() and len(words) <= WORDS_CHARACTERS:
        return words
    return cut_to(encodable(words), WORDS_CHARACTERS)
