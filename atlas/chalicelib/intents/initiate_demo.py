"""InitiateDemo in the chat: a name, a number, and then the question for consent.

Each answer is checked as it arrives, and once more before anything is written: slots come from
Lex, but a client can set them. What a visitor answers here never goes into the history, which
prompts are made of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib import visitor_names
from chalicelib.answer import Answer, Source
from chalicelib.content import Content
from chalicelib.deadline import Deadline
from chalicelib.intents.consent import Demo, answered, ask, ended
from chalicelib.intents.demo_preparation import forget, prepare
from chalicelib.intents.demo_session import CONSENT, NAME, NUMBER, DemoSession
from chalicelib.intents.number_answer import NUMBER_SLOT, REFUSED, read_number
from chalicelib.intents.outcome import DELEGATED, ElicitSlot, Outcome
from chalicelib.lex import Turn
from chalicelib.phone_numbers import PhoneNumber
from chalicelib.visitor_names import Name

if TYPE_CHECKING:
    from chalicelib.services import Services

NAME_SLOT = "VisitorFullName"


@dataclass(frozen=True, slots=True)
class InitiateDemo:
    """Asks for what is missing, then hands over to `consent`."""

    intent: str = "InitiateDemo"
    answers_dialog_hook: bool = True

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        content = services.contents.in_locale(turn.locale)
        if turn.channel == "phone":
            return Outcome(Answer(content.texts["demo_on_phone"], Source.FIXED))
        if turn.confirmation == "Denied":
            forget(turn, deadline, services)
            return ended("denied", content)
        if turn.confirmation == "Confirmed" and turn.source == "DialogCodeHook":
            return DELEGATED
        session = DemoSession.of(turn)
        return _Asking(turn, session, content, deadline, services).next_step()


@dataclass(slots=True)
class _Asking:
    """One turn of it."""

    turn: Turn
    session: DemoSession
    content: Content
    deadline: Deadline
    services: Services

    def next_step(self) -> Outcome:
        """What was answered wrongly is asked again first; then what is missing, in order."""
        settings = self.services.settings
        name = _name_in(self.turn)
        number = read_number(self.turn, settings.default_country, settings.allowed_countries)
        if REFUSED in (name, number):
            return self._stop("declined")
        if isinstance(name, Name):
            self._prepare(name)
        slots = {NAME_SLOT: _spelled(name), NUMBER_SLOT: _spelled(number)}
        if isinstance(name, str):
            return self._again(NAME, name, slots)
        if isinstance(number, str):
            return self._again(NUMBER, number, slots)
        if name is None:
            return self._elicit(NAME_SLOT, self.content.texts["ask_name"], slots)
        if number is None:
            return self._elicit(NUMBER_SLOT, self.content.texts["ask_number"], slots)
        demo = Demo(self.turn, self.session, name.full, number, slots, self.content)
        return self._consent(demo)

    def _consent(self, demo: Demo) -> Outcome:
        if self.turn.confirmation == "Confirmed":
            return answered(demo, self.deadline, self.services)
        if self.turn.invocation_label != f"{self.turn.intent}-ConfirmationRetry":
            return ask(demo, self.deadline, self.services)
        self.session = self.session.tried(CONSENT)
        if self.session.is_enough(CONSENT):
            return self._stop("no_clear_answer", "no clear answer")
        again = replace(demo, session=self.session)
        return ask(again, self.deadline, self.services, before="consent_unclear")

    def _again(self, what: int, reason: str, slots: dict[str, str | None]) -> Outcome:
        """Say what was wrong and ask once more, or stop after the last try."""
        is_name = what == NAME
        slot, texts = (
            (NAME_SLOT, self.content.name_problems)
            if is_name
            else (NUMBER_SLOT, self.content.number_problems)
        )
        problem = f"{slot} {reason}"
        self.session = self.session.tried(what)
        if self.session.is_enough(what):
            return self._stop("too_many_tries", problem)
        return replace(self._elicit(slot, texts[reason], slots), problem=problem)

    def _stop(self, text: str, problem: str = "") -> Outcome:
        forget(self.turn, self.deadline, self.services)
        return ended(text, self.content, problem)

    def _elicit(self, slot: str, text: str, slots: dict[str, str | None]) -> Outcome:
        return Outcome(
            Answer(text, Source.FIXED),
            next_step=ElicitSlot(slot),
            slots=slots,
            attributes=self.session.attributes,
        )

    def _prepare(self, name: Name) -> None:
        """Have the scenario made and the call's path warmed while the visitor still types."""
        if self.session.is_prepared:
            return
        self.session = replace(self.session, is_prepared=True)
        prepare(self.session.interaction_id, name.full, self.turn, self.deadline, self.services)


def _name_in(turn: Turn) -> Name | str | None:
    """The name, or the word for what is wrong with the answer; None where none was given yet."""
    if not (given := turn.slot(NAME_SLOT)):
        is_answer = turn.invocation_label.startswith(f"{turn.intent}-{NAME_SLOT}")
        return "missing" if is_answer else None
    result = visitor_names.read(given)
    return result if isinstance(result, Name) else result.reason


def _spelled(value: Name | PhoneNumber | str | None) -> str | None:
    """How a slot goes back: as it was read, or empty."""
    if isinstance(value, Name):
        return value.full
    return value.e164 if isinstance(value, PhoneNumber) else None


INITIATE_DEMO = InitiateDemo()
