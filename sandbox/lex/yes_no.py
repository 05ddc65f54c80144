"""Yes or no: how a confirmation's answer is understood."""

from __future__ import annotations

import re

_YES = """
yes yeah yep yup yea y sure ok okay alright absolutely definitely certainly correct right fine
agreed confirm confirmed affirmative gladly
"""
_YES_PHRASES = (
    "go ahead",
    "please do",
    "of course",
    "i agree",
    "that is ok",
    "do it",
    "sounds good",
)
_NO = "no nope nah n not never cancel negative don't dont stop"
_NO_PHRASES = ("i would rather", "rather not", "no way", "forget it")
_YES_WORDS = frozenset(_YES.split())
_NO_WORDS = frozenset(_NO.split())
# A long sentence that happens to hold a "no" is a question, not an answer.
_MAX_WORDS = 8


def yes_or_no(text: str) -> bool | None:
    """True, False, or None for anything that is not plainly one of them."""
    plain = re.sub(r"[^\w' ]+", " ", text.casefold().replace("\u2019", "'"))
    words = plain.split()
    if not words or len(words) > _MAX_WORDS:
        return None
    plain = f" {' '.join(words)} "
    says_no = any(w in _NO_WORDS for w in words) or any(f" {p} " in plain for p in _NO_PHRASES)
    says_yes = any(w in _YES_WORDS for w in words) or any(f" {p} " in plain for p in _YES_PHRASES)
    return None if says_yes == says_no else says_yes
