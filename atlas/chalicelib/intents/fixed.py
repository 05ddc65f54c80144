"""Intents that are answered with the content's fixed words, and never with a model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.answer import Answer, Source
from chalicelib.deadline import Deadline
from chalicelib.intents.outcome import Outcome
from chalicelib.lex import IntentState, Turn

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(frozen=True, slots=True)
class Fixed:
    """`text` names the content's text. Failed tells Lex that what was asked was not done."""

    intent: str
    text: str
    state: IntentState = "Fulfilled"
    answers_dialog_hook: bool = False

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        text = services.contents.in_locale(turn.locale).texts[self.text]
        return Outcome(Answer(text, Source.FIXED), self.state)


CLOSE = Fixed(intent="CloseIntent", text="goodbye")
