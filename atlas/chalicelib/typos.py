"""Which known word somebody meant who mistyped it by one letter. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

SWAPPED = 4
DOUBLED = 5
MISSED = 6
REPLACED = 7
"""How long a word must be before two letters that changed places, a letter that is doubled or
single by mistake, one missing or too many, and a wrong one, count as typos of it. Shorter words
are too near to other words."""
_RUN = re.compile(r"(.)\1{2,}")


def meant_word(written: str, known: Collection[str]) -> str | None:
    """The one known word that is meant; None where there is none, or more than one.

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
    near = [
        word
        for word in known
        if len(word) in lengths and word[:1] == written[:1] and _is_typo(written, word)
    ]
    return near[0] if len(near) == 1 else None


def _is_typo(written: str, word: str) -> bool:
    if written == f"{word}s" or word == f"{written}s":
        return False
    if len(word) < SWAPPED:
        return False
    longer = len(written) - len(word)
    at = _first_difference(written, word)
    if longer == 0:
        is_swap = written[at : at + 2] == word[at : at + 2][::-1]
        rest = 2 if is_swap else 1
        return written[at + rest :] == word[at + rest :] and (is_swap or len(word) >= REPLACED)
    more, fewer = (written, word) if longer > 0 else (word, written)
    if more[at + 1 :] != fewer[at:]:
        return False
    is_doubled = at > 0 and more[at] == more[at - 1]
    return len(word) >= (DOUBLED if is_doubled else MISSED)


def _first_difference(one: str, other: str) -> int:
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return at
    return min(len(one), len(other))
