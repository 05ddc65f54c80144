"""Conversation by channel: on the phone it is led by the call's scenario and shared with nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib import conversation
from chalicelib.answer import Answer, Source
from chalicelib.answers import spoken_answer
from chalicelib.deadline import Deadline
from chalicelib.intents.grounded import GREETING
from chalicelib.intents.open_question import OPEN_QUESTION
from chalicelib.intents.outcome import Handler, Outcome
from chalicelib.lex import Turn
from chalicelib.phone_session import PhoneScenario, phone_scenario
from chalicelib.scenario import opening_of

if TYPE_CHECKING:
    from chalicelib.services import Services

EARLY_EXCHANGES = 2
"""After so many nobody is greeted any more: the first words may have met a late table."""


@dataclass(frozen=True, slots=True)
class ByChannel:
    """One intent that is two things: `chat` on a screen, `phone` in a call."""

    chat: Handler
    phone: Handler

    @property
    def intent(self) -> str:
        return self.chat.intent

    @property
    def answers_dialog_hook(self) -> bool:
        return self.chat.answers_dialog_hook

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        handler = self.phone if turn.channel == "phone" else self.chat
        return handler.answer(turn, deadline, services)


@dataclass(frozen=True, slots=True)
class PhoneTalk:
    """Whatever is said freely in a call."""

    intent: str = "FallbackIntent"
    answers_dialog_hook: bool = False

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        found = phone_scenario(turn, deadline, services)
        return _talk(turn, found, deadline, services)


@dataclass(frozen=True, slots=True)
class PhoneGreeting:
    """The first words of a call: by name where its key was good, else as for anyone.

    Said once and early; a later hello is part of the conversation.
    """

    intent: str = "GreetingIntent"
    answers_dialog_hook: bool = False

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        found = phone_scenario(turn, deadline, services)
        if not found.text:
            outcome = GREETING.answer(turn, deadline, services)
            return replace(outcome, attributes=found.attributes)
        opening = opening_of(found.text)
        history = conversation.read(turn.attributes.get(conversation.ATTRIBUTE))
        is_said = any(exchange.atlas == opening for exchange in history)
        if is_said or len(history) >= EARLY_EXCHANGES:
            return _talk(turn, found, deadline, services)
        source = Source.TABLE if found.state == "made" else Source.GROUNDED
        answer = Answer(opening, source)
        return Outcome(answer, is_remembered=True, attributes=found.attributes)


def _talk(turn: Turn, found: PhoneScenario, deadline: Deadline, services: Services) -> Outcome:
    history = conversation.read(turn.attributes.get(conversation.ATTRIBUTE))
    answer = spoken_answer(turn.text, history, found.text, turn.locale, deadline, services)
    is_remembered = answer.source is not Source.FIXED
    return Outcome(answer, is_remembered=is_remembered, attributes=found.attributes)


GREETING_BY_CHANNEL = ByChannel(chat=GREETING, phone=PhoneGreeting())
CONVERSATION = ByChannel(chat=OPEN_QUESTION, phone=PhoneTalk())
