"""Salesforce record ids: 15 characters that tell case apart, or 18 that carry a check of the case.

The last three of the 18 encode which of the first 15 are upper case, five to a character.
"""

from __future__ import annotations

import re
import string

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CASES = string.ascii_uppercase + "012345"
_POD = "5g0"
# So that the first ids already use all kinds of digits, as those of an old organisation do.
_FIRST_NUMBER = 62**7
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Z]{3})?", re.ASCII)


def make(prefix: str, number: int) -> str:
    """The 18-character id of the `number`-th record under an object's three-character prefix."""
    fifteen = f"{prefix}{_POD}{_base62(_FIRST_NUMBER + number):0>9}"
    return fifteen + _suffix(fifteen)


def has_shape(text: str) -> bool:
    """Whether it could be an id at all: 15 or 18 letters and digits."""
    return _SHAPE.fullmatch(text) is not None


def normalise(text: str) -> str | None:
    """The 18-character form of an id; None for what is none, or whose last three are wrong."""
    if not has_shape(text):
        return None
    full = text[:15] + _suffix(text[:15])
    return full if full.startswith(text) else None


def _suffix(fifteen: str) -> str:
    return "".join(
        _CASES[sum(1 << bit for bit, char in enumerate(part) if char.isupper())]
        for part in (fifteen[:5], fifteen[5:10], fifteen[10:])
    )


def _base62(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    return text
