"""Intents that are answered from one grounding; each is data, not a handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.answers import grounded_answer
from chalicelib.deadline import Deadline
from chalicelib.intents.outcome import Outcome
from chalicelib.lex import Turn
from chalicelib.questions import Question, canonical

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(frozen=True, slots=True)
class Grounded:
    """`grounding` names the content's text, `route` the class of models that phrases it."""

    intent: str
    grounding: str
    route: str = "simple"
    answers_dialog_hook: bool = False

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        answer = grounded_answer(self.question(turn.text, turn, services), deadline, services)
        return Outcome(answer, is_remembered=True)

    def question(self, text: str, turn: Turn, services: Services) -> Question:
        locale = services.contents.in_locale(turn.locale).locale
        return Question(
            self.intent, self.grounding, canonical(text), locale, turn.channel, self.route
        )


GREETING = Grounded(intent="GreetingIntent", grounding="greeting")
ABOUT_TECHNOLOGY = Grounded(intent="AboutTechnologyIntent", grounding="technology")
ABOUT_DEMO = Grounded(intent="AboutDemoIntent", grounding="demo")
GROUNDED_INTENTS = (GREETING, ABOUT_TECHNOLOGY, ABOUT_DEMO)
