"""From whatever was answered to "what is your name?" to a name, or to why it is none. Pure.

Lex takes the whole answer for the name. A name may be in any script and hold almost anything that
people are called, so what is cut and refused here is what surely is no part of one; what stays is
data, and whoever writes it into a query or a page quotes it there.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from chalicelib.name_parts import APOSTROPHES, LAST_NAME_CHARACTERS, STRAIGHT, SUFFIXES, bare, split
from chalicelib.refusals import is_question, is_refusal

__all__ = ["Name", "Problem", "Reason", "read", "split"]

_READ_CHARACTERS = 1_024
_NUMERAL_DIGITS = 2
"""A numeral belongs to some names: John Smith 3rd."""

Reason = Literal["missing", "refused", "question", "number", "address", "too_long", "not_a_name"]


@dataclass(frozen=True, slots=True)
class Name:
    """A visitor's name as they write it, on one line, without what was said around it."""

    full: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer holds no name."""

    reason: Reason


_IS = rf"(?:[{APOSTROPHES}]?s| is| would be)"
_I_AM = "|".join(
    [
        rf"(?:my|the|full|first|last|his|her) (?:(?:full|first|last|own) )?name{_IS}?",
        r"(?:full )?name(?: is)?(?=\s*[:=-])",
        r"name is",
        rf"i(?:[{APOSTROPHES}]?m| am)(?: called| named)?",
        rf"(?:it|that){_IS}",
        r"this is",
        r"(?:you (?:can|may|could) |(?:just|please) |people |they |friends |everyone )?calls? me",
        r"i go by",
        r"i am known as",
        rf"(?:here(?:[{APOSTROPHES}]s| is)|put(?: down)?|use|write)(?: my name)?",
    ]
)
_LEAD = re.compile(rf"(?:{_I_AM})(?:\s*[:=,-])?\s+|(?:{_I_AM})\s*[:=-]\s*", re.IGNORECASE)
_INTERJECTION = re.compile(
    r"(?:hi|hello|hey|hi there|hello there|good (?:morning|afternoon|evening|day)|yes|yeah|yep|sure"
    r"|sure thing|ok|okay|well|so|oh|um+|uh+|erm?|of course|no problem|certainly|alright|all right"
    r"|great|please|no|and|fine|right)\b",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s,.;:!-]+(?:please|thanks?|thank you|thx|cheers|many thanks|here|speaking|sir|madam"
    r"|ma'am|mate|by the way|for short|of course|nice to meet you|is (?:my|the) name"
    r"|(?:thanks|thank you) (?:so much|very much|a lot))$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?:\s*[,;.:]\s*|\s+)(?:(?:and|but)\s+)?(?:(?:my|the)\s+(?:phone|number|cell|mobile|telephone"
    rf"|e-?mail)\b|(?:but|and)\s+(?:i|i[{APOSTROPHES}]?m|you|please|my|everyone|people|call)\b"
    r"|(?:you can )?call me\b).*$",
    re.IGNORECASE,
)
_TRAILING_NUMBER = re.compile(r"[\s,;:-]+[+(]?\d[\d\s().+-]{5,}$")
_ADDRESS = re.compile(r"@|://|\bwww\.|\b[\w-]+\.(?:com|net|org|io|de|uk|info|biz)\b", re.IGNORECASE)
_MARKS = frozenset(
    APOSTROPHES + ' .,"()&-\u00b7\u30fb\u060c\u201c\u201d\u201e\u2010\u2011\u2013\u200c\u200d'
)
"""What stands in names besides letters, their marks and numerals."""
_WORDS_OF_SENTENCES = """
i i'm im you your we they want wanna need know tell give because would should could can't cannot
isn't not don't dont about before first help price on at my name is it's hi hello hey yes yeah sure
ok okay please thanks
"""
_NOT_IN_NAMES = frozenset(_WORDS_OF_SENTENCES.split())
_EDGES = ' ,;:!"\u201c\u201d\u201e-'


def read(text: str) -> Name | Problem:
    """The name in an answer, or why there is none."""
    line = _one_line(text[:_READ_CHARACTERS])
    if not line:
        return Problem("missing")
    if is_refusal(line):
        return Problem("refused")
    if is_question(line):
        return Problem("question")
    name = _without_tail(_without_lead(line))
    if name != line:
        # "My name is none of your business."
        result = read(name)
        return Problem("number") if _is_number(line, result) else result
    reason = _problem_of(name)
    return Problem(reason) if reason else Name(name)


def _one_line(text: str) -> str:
    """On one line, without control characters, invisible marks, emoji and outer quotes."""
    kept = "".join(_kept(each) for each in unicodedata.normalize("NFC", text))
    return " ".join(kept.split())


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z" or category == "Cc":
        return " "
    if category in ("Cs", "Co", "Cn", "So", "Sk") and character not in APOSTROPHES:
        return ""
    # Joiners are part of names in Persian and Indian scripts; other invisible marks are not.
    return "" if category == "Cf" and character not in "\u200c\u200d" else character


def _without_lead(line: str) -> str:
    """Without greetings and "my name is"; an interjection goes only where a name surely follows."""
    rest = line
    while True:
        if (lead := _LEAD.match(rest)) and rest[lead.end() :].strip():
            rest = rest[lead.end() :].lstrip()
        elif interjection := _INTERJECTION.match(rest):
            after = rest[interjection.end() :]
            plain = after.lstrip(" ,.!;:-")
            if not plain or not (after[:1] in (",", ".", "!", ";", ":", "-") or _LEAD.match(plain)):
                return rest
            rest = plain
        else:
            return rest


def _without_tail(line: str) -> str:
    rest = _cut(_CLAUSE, line)
    rest = _cut(_TRAILING_NUMBER, rest)
    while True:
        bare = (
            rest.strip(' ,;:!"\u201c\u201d\u201e-').rstrip(".") if not _ends_short(rest) else rest
        )
        shorter = _cut(_TAIL, bare)
        if shorter == rest:
            return rest
        rest = shorter


def _ends_short(line: str) -> bool:
    """Whether the last full stop belongs to an abbreviation: Jr., or an initial."""
    words = line.split()
    return (
        bool(words) and line.endswith(".") and (len(words[-1]) == 2 or bare(words[-1]) in SUFFIXES)
    )


def _cut(pattern: re.Pattern[str], line: str) -> str:
    """The line without the match, unless no name could be left."""
    match = pattern.search(line)
    is_left = match is not None and any(map(str.isalpha, line[: match.start()]))
    return line[: match.start()] if match and is_left else line


def _is_number(line: str, result: Name | Problem) -> bool:
    return isinstance(result, Problem) and _digits(line) > _NUMERAL_DIGITS


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def _problem_of(name: str) -> Reason | None:
    digits = _digits(name)
    letters = sum(character.isalpha() for character in name)
    if _ADDRESS.search(name):
        return "address"
    if digits > _NUMERAL_DIGITS:
        return "number"
    if len(name) > LAST_NAME_CHARACTERS:
        return "too_long"
    if not letters or digits >= letters or not all(map(_may_stand, name)):
        return "not_a_name"
    return None if _is_plausible(name) else "not_a_name"


def _may_stand(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in _MARKS


def _is_plausible(name: str) -> bool:
    words = name.split()
    if not all(word in ("-", "&", "\u2013") or any(map(str.isalpha, word)) for word in words):
        return False
    if name.count("(") != name.count(")"):
        return False
    spelled = [word.strip(".,").casefold().translate(STRAIGHT) for word in words]
    strange = sum(word in _NOT_IN_NAMES for word in spelled)
    return strange < min(2, len(words))
