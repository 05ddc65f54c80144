"""Built-in slot types: from what was said to what Lex makes of it.

Rules: the pages AMAZON.PhoneNumber, AMAZON.LastName and AMAZON.FreeFormInput of the Lex V2 guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.bot_definition import FREE_FORM, LAST_NAME, PHONE_NUMBER

# E.164 allows 15 digits; Lex also takes local numbers, of which the shortest has seven.
MIN_PHONE_DIGITS = 7
MAX_PHONE_DIGITS = 15
MAX_LAST_NAME_WORDS = 3


@dataclass(frozen=True, slots=True)
class SlotValue:
    """`original` is the part of the input that was the value; `interpreted` what Lex made of it."""

    original: str
    interpreted: str

    def wire(self) -> dict[str, Any]:
        """As events and responses carry it."""
        return {
            "shape": "Scalar",
            "value": {
                "originalValue": self.original,
                "interpretedValue": self.interpreted,
                "resolvedValues": [self.interpreted],
            },
        }


def resolve(type_name: str, text: str) -> SlotValue | None:
    """The value that an answer to a slot's prompt has, or None."""
    return RESOLVERS[type_name](text)


def find_phone_number(text: str) -> SlotValue | None:
    """The first phone number inside a text; digits or digit words, without punctuation after."""
    candidates = (_phone_value(match.group()) for match in _PHONE.finditer(text))
    return next((each for each in candidates if each), None)


def _phone_value(original: str) -> SlotValue | None:
    digits = _digits(original)
    if not MIN_PHONE_DIGITS <= len(digits) <= MAX_PHONE_DIGITS:
        return None
    plus = "+" if re.match(r"\s*(\+|plus\b)", original, re.IGNORECASE) else ""
    return SlotValue(
        original.strip(" .,-()") if not plus else original.strip(" .,-"), plus + digits
    )


def _digits(spoken: str) -> str:
    digits, times = [], 1
    for token in re.findall(r"\d|[a-z]+", spoken.casefold()):
        if token in _REPEATS:
            times = _REPEATS[token]
        elif digit := _DIGIT_BY_WORD.get(token, token if token.isdigit() else ""):
            digits.append(digit * times)
            times = 1
    return "".join(digits)


_DIGIT_BY_WORD = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
_REPEATS = {"double": 2, "triple": 3}
_DIGIT = rf"(?:\d|\b(?:{'|'.join([*_DIGIT_BY_WORD, *_REPEATS])})\b)"
_PHONE = re.compile(rf"(?:\+|\bplus\b)?[\s(]*{_DIGIT}(?:[\s().\-/]*{_DIGIT})+", re.IGNORECASE)


def _last_name(text: str) -> SlotValue | None:
    words = _NAME_LEAD.sub("", text.strip()).strip(" .,!?")
    parts = words.split()
    if not 1 <= len(parts) <= MAX_LAST_NAME_WORDS or not all(map(_NAME_WORD.match, parts)):
        return None
    if any(part.casefold() in _NO_NAMES for part in parts):
        return None
    return SlotValue(words, words)


_NAME_LEAD = re.compile(
    r"^(?:(?:well|so|ok|okay|sure|yes)[, ]+)?"
    r"(?:(?:my|the) (?:last |family |sur)?name(?:'s| is)|it's|it is|i'm|i am|this is|"
    r"(?:last name|surname)(?: is)?)\s+",
    re.IGNORECASE,
)
_NAME_WORD = re.compile(r"^[^\W\d_]+(?:['\u2019.-][^\W\d_]+)*\.?$")
_NO_NAMES = frozenset(
    [
        "a",
        "an",
        "the",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "my",
        "your",
        "me",
        "what",
        "why",
        "how",
        "who",
        "when",
        "where",
        "which",
        "is",
        "are",
        "do",
        "does",
        "did",
        "not",
        "no",
        "yes",
        "nope",
        "yeah",
        "please",
        "don't",
        "want",
        "can",
        "could",
        "would",
        "should",
        "idk",
        "know",
        "skip",
    ]
)


def _free_form(text: str) -> SlotValue | None:
    # "The resolved value is the entire input utterance."
    return SlotValue(text, text) if text.strip() else None


RESOLVERS: dict[str, Callable[[str], SlotValue | None]] = {
    PHONE_NUMBER: find_phone_number,
    LAST_NAME: _last_name,
    FREE_FORM: _free_form,
}
