"""A yes, a no, or a question, where something was asked for; in English. Pure.

A slot of free form takes every answer as its value, so nobody but Atlas can tell.
"""

from __future__ import annotations

import re

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc`\u00b4", "'"))
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SOFTENERS = frozenset(
    ["well", "um", "uh", "sorry", "actually", "please", "just", "ok", "okay", "oh", "hmm", "but"]
)
_POLITE_ENDS = re.compile(r"(?: (?:thanks|thank you|please|sorry|now|then|today|yet|for now))+$")
_NO_ALONE = frozenset(
    [
        *("no", "nope", "nah", "not", "never", "none", "nothing", "nobody", "skip", "pass"),
        *("quit", "exit", "bye", "goodbye", "cancel", "stop", "abort", "end", "anonymous"),
        *("no no", "no way", "not me", "n a", "thanks", "thank you", "i refuse", "no name"),
        *("not interested", "leave me alone", "rather not", "i'm out", "hang up", "go away"),
        *("go back", "start over", "not telling", "not saying", "cancel it", "cancel this"),
        *("cancel that", "cancel demo", "cancel the demo", "stop it", "stop this", "stop that"),
    ]
)
_NO_BEGINNINGS = re.compile(
    r"(?:no )?(?:"
    r"(?:i'd|i would|i'll|i will) (?:rather|prefer) (?:not|to not|no)\b"
    r"|(?:i )?(?:prefer|rather) not\b"
    r"|(?:i )?(?:do not|don't|dont) (?:want|like|wish|care|feel|think)\b"
    r"|(?:i )?(?:will not|won't|wont|can't|cannot) (?:give|tell|say|share|provide)\b"
    r"|i'm not (?:giving|telling|sharing|interested|going|comfortable|sure)\b"
    r"|i am not (?:giving|telling|sharing|interested|going|comfortable|sure)\b"
    r"|i (?:have )?changed my mind\b"
    r"|not (?:now|today|interested|telling|giving|anymore|any more)\b"
    r"|never ?mind\b|forget (?:it|about it|that|this)\b|none of your\b|that's private\b"
    r"|(?:do not|don't|dont) (?:call|phone|ring|bother|contact|have|know)\b"
    r"|(?:please )?(?:cancel|stop) (?:the|this|that|it|calling|asking|now|everything)\b"
    r"|leave me alone\b|let's (?:stop|leave it|not)\b|maybe later\b|(?:some )?other time\b"
    r"|i (?:do not|don't|dont) have (?:one|a|any)\b|i want to (?:stop|cancel|quit)\b"
    r"|(?:(?:thanks|thank you|ok|okay) (?:and )?)?good ?bye\b"
    r")"
)
_YES_ONLY = frozenset(
    [
        *("yes", "yeah", "yep", "yup", "yea", "y", "sure", "ok", "okay", "absolutely", "agreed"),
        *("definitely", "certainly", "correct", "confirm", "confirmed", "agree", "alright"),
    ]
)
_YES = _YES_ONLY | {
    "please",
    "i",
    "do",
    "thanks",
    "thank",
    "you",
    "of",
    "course",
    "that",
    "is",
    "it",
}
_QUESTION = re.compile(
    r"(?:why|what|who|whose)$"
    r"|why (?:do|does|did|would|should|is|are|not|my|a)\b"
    r"|what(?:'s| (?:is|are|do|does|did|for|if|about|happens|will|kind|name|number|would|else))\b"
    r"|how (?:do|does|did|is|are|can|come|much|many|long|will|about|would|should)\b"
    r"|who(?:'s| (?:is|are|will|am|wants|needs|gets))\b"
    r"|(?:when|where|which) (?:is|are|do|does|did|will|can|number|name|one)\b"
    r"|(?:do|can|could|will|would|should|may) (?:you|i|we|it|they|this) "
    r"|(?:is|are|was) (?:this|that|it|there|you|my) "
)


def is_refusal(text: str) -> bool:
    """Whether somebody who was asked for something says no, stop, or never mind."""
    words = _words(text)
    while words and words[0] in _SOFTENERS:
        del words[0]
    said = " ".join(words)
    return _POLITE_ENDS.sub("", said) in _NO_ALONE or bool(_NO_BEGINNINGS.match(said))


def is_assent(text: str) -> bool:
    """Whether the words are a plain yes and nothing else."""
    words = _words(text)
    return bool(words) and _YES.issuperset(words) and not _YES_ONLY.isdisjoint(words)


def is_question(text: str) -> bool:
    """Whether the words ask something back."""
    words = _words(text)
    while words and words[0] in _SOFTENERS:
        del words[0]
    # The Greek question mark looks like a semicolon; Arabic and full-width ones turn or widen.
    ends = text.rstrip(" .!'\"").endswith(("?", "\uff1f", "\u061f"))
    return bool(words) and (ends or bool(_QUESTION.match(" ".join(words))))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.translate(_APOSTROPHES).casefold())
