"""A goodbye, and once a conversation the question whether it was any good: one tap, or none.

The buttons say words that Lex takes for a goodbye, so a rating needs no intent of its own and no
other turn pays for it. A phone has no buttons, and is asked nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.answer import Answer, Source
from chalicelib.content import Content
from chalicelib.deadline import Deadline
from chalicelib.intents.outcome import Outcome
from chalicelib.lex import Card, Turn
from chalicelib.questions import canonical

if TYPE_CHECKING:
    from chalicelib.services import Services

INTENT = "CloseIntent"
RATING = "chatRating"
"""The session attribute: `asked`, then `given`, so that a conversation counts once. A client can
write it, and gains no more than another tap."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The content's `rating` may be left out; then there is the goodbye alone."""

    intent: str = INTENT
    answers_dialog_hook: bool = False

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        content = services.contents.in_locale(turn.locale)
        if (rating := _rating(turn, content)) is not None:
            return _thanked(rating, turn, content, services)
        goodbye = Answer(content.texts["goodbye"], Source.FIXED)
        if turn.channel != "chat" or not content.rating or RATING in turn.attributes:
            return Outcome(goodbye)
        return Outcome(goodbye, attributes={RATING: "asked"}, card=_card(content))


def _card(content: Content) -> Card:
    words = content.rating
    buttons = tuple((words[f"{name}_button"], words[name]) for name in ("helpful", "unhelpful"))
    return Card(words["question"], buttons)


def _rating(turn: Turn, content: Content) -> float | None:
    """1 for helpful and 0 for not; None for words that no button says, or that were not asked for.

    A second tap finds the first one counted.
    """
    if not content.rating or turn.attributes.get(RATING) not in ("asked", "given"):
        return None
    said = canonical(turn.text)
    by_words = {canonical(content.rating[name]): name for name in ("helpful", "unhelpful")}
    name = by_words.get(said)
    return None if name is None else float(name == "helpful")


def _thanked(rating: float, turn: Turn, content: Content, services: Services) -> Outcome:
    if turn.attributes.get(RATING) == "asked":
        services.log.metrics(
            "rating", {"VisitorRating": (rating, "None")}, {"Stage": services.settings.stage}
        )
    thanks = Answer(content.rating["thanks"], Source.FIXED)
    return Outcome(thanks, attributes={RATING: "given"})


CLOSE = Closing()
