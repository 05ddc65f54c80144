"""Which known word somebody meant who mistyped it by one letter. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

SWAPPED = 4
DOUBLED = 5
MISSED = 5
ADDED = 6
REPLACED = 7
"""How long a word must be before two letters that changed places, a letter that is doubled or
single by mistake, one missing, one too many, and a wrong one, count as typos of it. Shorter words
are too near to other words."""
_LIKELY = sorted({SWAPPED, DOUBLED, MISSED, ADDED, REPLACED})
_RUN = re.compile(r"(.)\1{2,}")


def meant_word(written: str, known: Collection[str]) -> str | None:
    """The one known word that is meant, by the likeliest slip; None if there is none, or more.

    Digits, signs and letters of other languages are meant as they stand.

    >>> meant_word("techonlogy", {"technology"})
    'technology'
    """
    if not (written.isascii() and written.isalpha()):
        return None
    for once in dict.fromkeys((_RUN.sub(r"\1", written), _RUN.sub(r"\1\1", written))):
        if once != written and once in known:
            return once
    lengths = range(len(written) - 1, len(written) + 2)
    near: dict[int, list[str]] = {}
    for word in known:
        if len(word) in lengths and word[:1] == written[:1]:
            near.setdefault(_likelihood(written, word), []).append(word)
    likely = next((near[kind] for kind in _LIKELY if kind in near), [])
    return likely[0] if len(likely) == 1 else None


def _likelihood(written: str, word: str) -> int:
    """How long a word must be for this slip to be one, as above; 0 where it is none."""
    if written == f"{word}s" or word == f"{written}s":
        return 0
    kind = _slip(written, word)
    return kind if len(word) >= kind else 0


def _slip(written: str, word: str) -> int:
    longer = len(written) - len(word)
    at = _first_difference(written, word)
    if longer == 0:
        is_swap = written[at : at + 2] == word[at : at + 2][::-1]
        rest = 2 if is_swap else 1
        if written[at + rest :] != word[at + rest :]:
            return 0
        return SWAPPED if is_swap else REPLACED
    more, fewer = (written, word) if longer > 0 else (word, written)
    if more[at + 1 :] != fewer[at:]:
        return 0
    is_doubled = at > 0 and more[at] == more[at - 1]
    if is_doubled:
        return DOUBLED
    return ADDED if longer > 0 else MISSED


def _first_difference(one: str, other: str) -> int:
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return at
    return min(len(one), len(other))
