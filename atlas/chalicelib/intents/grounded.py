"""Intents that are answered from one grounding; each is data, not a handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.answers import grounded_answer
from chalicelib.deadline import Deadline
from chalicelib.intents.outcome import Outcome
from chalicelib.lex import Channel, Turn
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
        locale = services.contents.in_locale(turn.locale).locale
        question = self.question(turn.text, locale, turn.channel)
        return Outcome(grounded_answer(question, deadline, services), is_remembered=True)

    def question(self, text: str, locale: str, channel: Channel) -> Question:
        """What was asked, in the one spelling that all who ask it share."""
        return Question(self.intent, self.grounding, canonical(text), locale, channel, self.route)


GREETING = Grounded(intent="GreetingIntent", grounding="greeting")
ABOUT_TECHNOLOGY = Grounded(intent="AboutTechnologyIntent", grounding="technology")
ABOUT_DEMO = Grounded(intent="AboutDemoIntent", grounding="demo")
GROUNDED_INTENTS = (GREETING, ABOUT_TECHNOLOGY, ABOUT_DEMO)
