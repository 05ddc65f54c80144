"""What a visitor asked, reduced to what may stand in a prompt that others share. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.errors import InvalidRequestError
from chalicelib.lex import Channel

CHARACTERS = 300
"""The longest question a shared answer is made for; longer ones are answered for one visitor."""

_SPACE = re.compile(r"\s+")
_EDGES = " \t\n.,;:!?¡¿…-–—\"'“”‘’()[]"  # noqa: RUF001
_INTRODUCTION = re.compile(
    r"\b(?:my name|name's|name is|i am|i'm|im|it's me|this is|here is|my address|i live|"
    r"(?:i|we) work (?:at|for))\b|\bcall me (?!back|again|now|later|any|when|if|in|on|at|to|for)\w"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A grounded question: everything that its prompt is made of, besides the content."""

    intent: str
    grounding: str
    text: str
    locale: str
    channel: Channel
    route: str = "simple"

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: object) -> Question:
        """The question of a `generate_answer` event; InvalidRequestError names a bad field."""
        if not isinstance(raw, Mapping):
            raise InvalidRequestError("question", "must be an object")
        fields: dict[str, Any] = {name: raw.get(name) for name in cls.__slots__}
        for name, value in fields.items():
            if not isinstance(value, str):
                raise InvalidRequestError(f"question.{name}", "must be a string")
        if fields["channel"] not in ("chat", "phone"):
            raise InvalidRequestError("question.channel", "must be chat or phone")
        return cls(**fields)


def canonical(text: str) -> str:
    """The same words in one spelling: case, spaces, width and outer punctuation folded away."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")  # noqa: RUF001
    return _SPACE.sub(" ", folded).strip(_EDGES)


def has_meaning(text: str) -> bool:
    """Whether there is a word to answer to at all: at least two letters."""
    return sum(1 for character in text if character.isalpha()) >= 2


def may_be_shared(text: str) -> bool:
    """Whether an answer to these words may be shown to someone else.

    The words reach the model, and the model may repeat them. So whatever could name a person or
    a number stays with the one who wrote it: digits, addresses, and people introducing
    themselves. It errs on the side of not sharing.
    """
    if len(text) > CHARACTERS or "@" in text or any(character.isdigit() for character in text):
        return False
    return _INTRODUCTION.search(text) is None
