"""First and last names, as Salesforce keeps them apart. Pure."""

from __future__ import annotations

APOSTROPHES = "'\u2018\u2019\u02bb\u02bc`\u00b4\uff07"
STRAIGHT = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
FIRST_NAME_CHARACTERS = 40
LAST_NAME_CHARACTERS = 80
"""Salesforce's limits for FirstName and LastName of a lead."""

_TITLES = frozenset(
    ["mr", "mrs", "ms", "mx", "miss", "dr", "prof", "professor", "sir", "madam", "herr", "frau"]
)
SUFFIXES = frozenset(
    ["jr", "sr", "2nd", "3rd", "4th", "ii", "iii", "iv", "phd", "md", "esq", "junior", "senior"]
)
_BEFORE_LAST_NAMES = """
de da do dos das del della dello di du des la le van von der den ter ten te zu zum bin ibn bint al
el st 't san
"""
_PARTICLES = frozenset(_BEFORE_LAST_NAMES.split())


def split(full: str) -> tuple[str, str]:
    """First and last name for Salesforce, within its limits; a name of one word is a last name."""
    words = _reordered(full).split()
    while len(words) > 1 and bare(words[0]) in _TITLES:
        del words[0]
    at = _last_name_at(words)
    first, last = " ".join(words[:at]), " ".join(words[at:])
    return first[:FIRST_NAME_CHARACTERS].rstrip(), last[:LAST_NAME_CHARACTERS].rstrip()


def _reordered(full: str) -> str:
    """`Lopez, Maria` as `Maria Lopez`; a comma before a suffix says nothing."""
    last, comma, first = full.partition(",")
    if not comma or not first.strip() or not last.strip():
        return full.replace(",", " ")
    if all(bare(word) in SUFFIXES for word in first.split()):
        return f"{last} {first}"
    return f"{first} {last}".replace(",", " ")


def _last_name_at(words: list[str]) -> int:
    """Where the last name begins: at its particles, and before a suffix."""
    at = len(words) - 1
    while at > 0 and bare(words[at]) in SUFFIXES:
        at -= 1
    while at > 1 and bare(words[at - 1]) in _PARTICLES:
        at -= 1
    # Van Johnson has a first name; van Gogh has given none.
    is_particle = at == 1 and words[0].translate(STRAIGHT) in _PARTICLES
    return 0 if is_particle else max(at, 0)


def bare(word: str) -> str:
    """A word without case, full stops and brackets, with a straight apostrophe."""
    return word.strip(".,()").casefold().translate(STRAIGHT)
