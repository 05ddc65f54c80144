"""FallbackIntent: what no intent matched is answered from the content's knowledge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib import conversation
from chalicelib.answers import open_answer
from chalicelib.deadline import Deadline
from chalicelib.intents.outcome import Outcome
from chalicelib.lex import Turn

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    intent: str = "FallbackIntent"
    answers_dialog_hook: bool = False

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        history = conversation.read(turn.attributes.get(conversation.ATTRIBUTE))
        answer = open_answer(turn.text, history, turn.locale, turn.channel, deadline, services)
        return Outcome(answer, is_remembered=bool(answer.model))


OPEN_QUESTION = OpenQuestion()
