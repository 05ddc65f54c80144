"""What a visitor answered when they were asked for a phone number. Pure.

Lex hands over the one number that it found. What else was said is read too: a second number, an
extension, a no, or digits that Lex does not know.
"""

from __future__ import annotations

from collections.abc import Collection

from chalicelib import phone_numbers
from chalicelib.lex import Turn
from chalicelib.phone_numbers import PhoneNumber, Problem
from chalicelib.refusals import is_question, is_refusal

NUMBER_SLOT = "VisitorPhoneNumber"
REFUSED, QUESTION = "refused", "question"

_NOT_OVERHEARD = frozenset(("several", "extension", "letters"))
"""Problems that Lex does not see, since it takes the first number and leaves the rest."""


def read_number(
    turn: Turn, default_country: str, allowed_countries: Collection[str] | None
) -> PhoneNumber | str | None:
    """The number, or the word for what is wrong with the answer; None where none was given yet."""
    given = turn.slot(NUMBER_SLOT)
    label = turn.invocation_label.removeprefix(turn.intent)
    is_answer = label in (f"-{NUMBER_SLOT}", f"-{NUMBER_SLOT}Retry")
    if not given and not is_answer:
        return None
    from_slot = phone_numbers.read(given, default_country, allowed_countries)
    if not is_answer and label != "Start":
        return _plain(from_slot)
    from_words = phone_numbers.read(turn.text, default_country, allowed_countries)
    if isinstance(from_words, PhoneNumber) or from_words.reason in _NOT_OVERHEARD:
        return _plain(from_words)
    if given:
        return _plain(from_slot)
    return _answer_without_number(turn.text) or from_words.reason


def _answer_without_number(text: str) -> str:
    if is_refusal(text):
        return REFUSED
    return QUESTION if is_question(text) else ""


def _plain(result: PhoneNumber | Problem) -> PhoneNumber | str:
    return result if isinstance(result, PhoneNumber) else result.reason
