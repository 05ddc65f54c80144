"""Intents that are answered from one grounding; each is data, not a handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.answers import grounded_answer
from chalicelib.canonical_questions import fold
from chalicelib.content import Content
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
        content = services.contents.in_locale(turn.locale)
        question = self.question(turn.text, content, turn.channel)
        return Outcome(grounded_answer(question, deadline, services), is_remembered=True)

    def question(self, text: str, content: Content, channel: Channel) -> Question:
        """What was asked, in the one wording that as many as possible share."""
        sample = fold(text, self.intent, content)
        return Question(
            intent=self.intent,
            grounding=self.grounding,
            text=sample or canonical(text),
            locale=content.locale,
            channel=channel,
            route=self.route,
            is_folded=sample is not None,
        )


GREETING = Grounded(intent="GreetingIntent", grounding="greeting")
ABOUT_TECHNOLOGY = Grounded(intent="AboutTechnologyIntent", grounding="technology")
ABOUT_DEMO = Grounded(intent="AboutDemoIntent", grounding="demo")
GROUNDED_INTENTS = (GREETING, ABOUT_TECHNOLOGY, ABOUT_DEMO)
