"""Whether a last name is that of a stored name, however it is typed. Pure.

Accents, case, apostrophes, hyphens and suffixes do not count, and of several last names the last
ones are enough: Lopez Garcia is also a Garcia.
"""

from __future__ import annotations

import unicodedata

from chalicelib.name_parts import SUFFIXES, split

_FIRST_ACCENT, _LAST_ACCENT = "\u0300", "\u036f"
# Letters that Unicode does not take apart, as people type them without such a keyboard.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "\u0131": "i"})


def is_last_name_of(given: str, full: str) -> bool:
    """Whether `given` ends the full name; the whole name counts too."""
    wanted, stored = _words(given), _words(full)
    return bool(wanted) and stored[-len(wanted) :] == wanted


def _words(name: str) -> list[str]:
    """The name's words in the order first name, last name, without suffixes, as compared."""
    words = _comparable(" ".join(split(name))).split()
    while len(words) > 1 and words[-1] in SUFFIXES:
        del words[-1]
    return words


def _comparable(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in apart if not _FIRST_ACCENT <= c <= _LAST_ACCENT)
    spelled = plain.casefold().translate(_PLAIN)
    return "".join(map(_kept, unicodedata.normalize("NFC", spelled)))


def _kept(character: str) -> str:
    kind = unicodedata.category(character)
    if kind[0] in "LMN":
        return character
    return " " if kind in ("Pd", "Zs") else ""
