"""What a visitor asked, reduced to what may stand in a prompt that others share. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.errors import InvalidRequestError
from chalicelib.lex import Channel

CHARACTERS = 300
"""The longest question a shared answer is made for; longer ones are answered for one visitor."""

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_EDGES = " \t\n.,;:!?¡¿…-–—\"'“”‘’()[]"  # noqa: RUF001
_APOSTROPHES = str.maketrans(dict.fromkeys("’`´", "'"))  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Question:
    """A grounded question: everything that its prompt is made of, besides the content.

    `is_folded`: the text is a sample utterance that asks the same as the visitor's own words.
    """

    intent: str
    grounding: str
    text: str
    locale: str
    channel: Channel
    route: str = "simple"
    is_folded: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: object) -> Question:
        """The question of a `generate_answer` event; InvalidRequestError names a bad field."""
        if not isinstance(raw, Mapping):
            raise InvalidRequestError("question", "must be an object")
        fields: dict[str, Any] = {name: raw.get(name) for name in cls.__slots__}
        for name, value in fields.items():
            kind, words = (bool, "true or false") if name == "is_folded" else (str, "a string")
            if not isinstance(value, kind):
                raise InvalidRequestError(f"question.{name}", f"must be {words}")
        if fields["channel"] not in ("chat", "phone"):
            raise InvalidRequestError("question.channel", "must be chat or phone")
        return cls(**fields)


def canonical(text: str) -> str:
    """The same words in one spelling: case, spaces, width and outer punctuation folded away."""
    # Before NFKC, which would take an acute accent that stands for an apostrophe apart.
    folded = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold()
    return _SPACE.sub(" ", folded).strip(_EDGES)


def words(text: str) -> list[str]:
    """The words of a text, in canonical spelling."""
    return _WORD.findall(canonical(text))


def has_meaning(text: str) -> bool:
    """Whether there is a word to answer to at all: at least two letters."""
    return sum(1 for character in text if character.isalpha()) >= 2


def may_be_shared(text: str, vocabulary: Collection[str]) -> bool:
    """Whether an answer to these words may be shown to someone else, and be stored.

    The words reach the model, and the model may repeat them. Names, numbers and addresses cannot
    be listed, ordinary words can: every word must be in `vocabulary`, and there may be no digit
    and no @. A question with any other word is still answered, for the one who asked it.
    """
    if len(text) > CHARACTERS or "@" in text or any(c.isdigit() for c in text):
        return False
    return all(word in vocabulary for word in words(text))
