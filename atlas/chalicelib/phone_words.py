"""Digits in what a visitor typed or said: which of them may be a phone number together. Pure.

Numbers come with words around them, in other scripts' digits, spelled out, in pieces and in pairs.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

CHARACTERS = 1_024
"""The most of an answer that is read: all that Lex takes."""
LONG_DIGITS = 7
"""A shorter piece is part of a number, or something else: an age, a house, a time."""
E164_DIGITS = 15
_SMALL_DIGITS = 2

_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_DIGITS_BY_WORD = {word: str(number) for number, word in enumerate(_NUMBERS.split())} | {
    word: str(number) for number, word in zip(range(20, 100, 10), _TENS.split(), strict=True)
}
_DIGITS_BY_WORD |= dict.fromkeys(("oh", "o", "nought", "naught"), "0")
_ZEROS_BY_WORD = {"hundred": "00", "thousand": "000"}
_TIMES_BY_WORD = {"double": 2, "triple": 3, "treble": 3}
_BETWEEN = """
dash hyphen dot point period space slash comma area code country number prefix then and the is
it's its my phone cell mobile so uh um er em followed by open close bracket brackets parenthesis
"""
_BETWEEN_PIECES = frozenset(_BETWEEN.split())
"""Words that may stand between the pieces of one number."""

_WORD = re.compile(r"\+|\d+|[^\W\d_]+(?:'[^\W\d_]+)*|[^\w\s]|\n")
_ADDRESS = re.compile(r"\S*(?:@|://|www\.)\S*")
_WITHIN = "-.()[]/·_',"
_EXTENSION = re.compile(
    r"\d[\s,;.)]*(?:ext(?:ension|n)?\b|durchwahl\b|(?:ext|x|#)[\s.:=]*\d{1,7}\b)", re.IGNORECASE
)
_VANITY = re.compile(r"\d[-.)]*[^\W\d_]{3,}|\d[\s\-.)]+[A-Z]{4,}\b")
_DASHES = re.compile(r"[\u2010-\u2015\u2212\uff0d\u30fc]")
_APOSTROPHES = re.compile(r"[\u2018\u2019\u02bc`\u00b4]")


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits that belong together; `has_plus`: they begin with a country's code."""

    digits: str
    has_plus: bool = False


@dataclass(slots=True)
class _Piece:
    digits: str
    has_plus: bool
    is_soft: bool
    """Whether only commas and filler words part it from the piece before."""


def plain(text: str) -> str:
    """One spelling for digits, dashes and apostrophes; without addresses and unseen marks."""
    spelled = _APOSTROPHES.sub("'", _DASHES.sub("-", _ADDRESS.sub(";", text[:CHARACTERS])))
    folded = unicodedata.normalize("NFKC", spelled)
    return "".join(_ascii_digit(each) for each in folded if unicodedata.category(each) != "Cf")


def _ascii_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def has_extension(text: str) -> bool:
    """Whether a plain text holds a number with an extension behind it."""
    return _EXTENSION.search(text) is not None


def has_letters(text: str) -> bool:
    """Whether a plain text has letters in a number's place, as 1-800-FLOWERS does."""
    return _VANITY.search(text) is not None


def candidates(text: str) -> list[Digits] | None:
    """The ways to read a plain text as one number, likeliest first; None when it holds several.

    Empty when there is no digit at all.
    """
    pieces = _pieces(text)
    numbers = {piece.digits for piece in pieces if len(piece.digits) >= LONG_DIGITS}
    joined = _joined(pieces)
    if len(numbers) > 1:
        return None
    if not numbers:
        return [joined] if joined else [_digits(max(pieces, key=_size))] if pieces else []
    number = next(piece for piece in pieces if piece.digits in numbers)
    others = [piece for piece in pieces if piece.digits != number.digits]
    if any(_size(piece) > _SMALL_DIGITS or piece.has_plus for piece in others):
        return [joined] if joined else None
    return [_digits(number), *([joined] if joined and others else [])]


def _joined(pieces: list[_Piece]) -> Digits | None:
    """All pieces as one number, where nothing else stands between them."""
    digits = "".join(piece.digits for piece in pieces)
    if not pieces or len(digits) > E164_DIGITS or not all(piece.is_soft for piece in pieces[1:]):
        return None
    return None if any(p.has_plus for p in pieces[1:]) else Digits(digits, pieces[0].has_plus)


def _digits(piece: _Piece) -> Digits:
    return Digits(piece.digits, piece.has_plus)


def _size(piece: _Piece) -> int:
    return len(piece.digits)


def _pieces(text: str) -> list[_Piece]:
    reader = _Reader()
    for word in _WORD.findall(text):
        reader.take(word.casefold())
    return [piece for piece in reader.pieces if piece.digits]


class _Reader:
    """Collects the pieces of digits, word by word."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self._is_open, self._is_soft = False, True
        self._times, self._after_tens = 1, False

    def take(self, word: str) -> None:
        after_tens, self._after_tens = self._after_tens, False
        if word in _TIMES_BY_WORD:
            self._times = _TIMES_BY_WORD[word]
        elif digits := self._spoken(word, after_tens=after_tens):
            self._add(digits)
        elif word in ("+", "plus"):
            self._open(has_plus=True)
        elif word in (",", "\n") or word not in _WITHIN:
            self._part(word)

    def _spoken(self, word: str, *, after_tens: bool) -> str:
        """The digits that a word stands for; itself, when it is digits."""
        if word.isdecimal():
            return word
        digits = _DIGITS_BY_WORD.get(word, "")
        if after_tens and len(digits) == 1 and digits != "0":
            # "Twenty one" is 21, not 201.
            self.pieces[-1].digits = self.pieces[-1].digits[:-1]
        self._after_tens = word in _TENS.split()
        return digits or (_ZEROS_BY_WORD.get(word, "") if self._is_open else "")

    def _add(self, digits: str) -> None:
        if not self._is_open:
            self._open(has_plus=False)
        self.pieces[-1].digits += digits[0] * (self._times - 1) + digits
        self._times, self._is_soft = 1, True

    def _open(self, *, has_plus: bool) -> None:
        if self.pieces and not self.pieces[-1].digits:
            # A second plus before the first digit says nothing new.
            self.pieces[-1].has_plus |= has_plus
        else:
            self.pieces.append(_Piece("", has_plus, self._is_soft))
        self._is_open = True

    def _part(self, word: str) -> None:
        self._times = 1
        if self.pieces and self.pieces[-1].digits:
            self._is_soft &= word in (",", "\n") or word in _BETWEEN_PIECES
            self._is_open = False
        elif word not in _BETWEEN_PIECES:
            # A plus that no digit follows belongs to no number.
            self.pieces = self.pieces[:-1]
            self._is_open = False
