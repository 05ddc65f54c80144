"""DeleteMyInfoIntent, on both channels: a number, a last name, a yes, and always the same words.

What is asked is checked as it arrives, and once more when it is carried out. Nothing of it goes
into the history, and no model ever writes a word of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib import conversation, visitor_names
from chalicelib.answer import Answer, Source
from chalicelib.content import Content
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents import demo_session
from chalicelib.intents.deletion import Claimed, carry_out
from chalicelib.intents.number_answer import NUMBER_SLOT, REFUSED, read_number
from chalicelib.intents.outcome import (
    DELEGATED,
    MAX_TRIES,
    ConfirmIntent,
    ElicitSlot,
    NextStep,
    Outcome,
    given_up,
)
from chalicelib.lex import Turn
from chalicelib.phone_numbers import PhoneNumber, classified
from chalicelib.phone_session import ATTRIBUTE as SCENARIO
from chalicelib.phone_session import verified_lead
from chalicelib.session_attributes import BOOKED
from chalicelib.visitor_names import Name

if TYPE_CHECKING:
    from chalicelib.services import Services

LAST_NAME_SLOT = "VisitorLastName"
TRIES = "deletionTries"
NUMBER, LAST_NAME, YES = range(3)

_ENDED: Mapping[str, str | None] = {TRIES: None}
_FORGOTTEN: Mapping[str, str | None] = dict.fromkeys(
    (TRIES, *demo_session.ENDED, BOOKED, conversation.ATTRIBUTE, SCENARIO)
)
_PROGRESS = re.compile(r"[0-3]{3}")
# Other problems concern calls, and nobody is called here.
_NUMBER_PROBLEMS = frozenset(
    (
        *("not_a_number", "too_short", "too_long", "unknown_country_code"),
        *("not_valid", "several", "letters"),
    )
)


@dataclass(frozen=True, slots=True)
class DeleteMyInfo:
    """Asks for what is missing, then hands over to `deletion`."""

    intent: str = "DeleteMyInfoIntent"
    answers_dialog_hook: bool = True

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome:
        content = services.contents.in_locale(turn.locale)
        if turn.confirmation == "Denied":
            return _ended("delete_kept", content)
        if turn.confirmation == "Confirmed" and turn.source == "DialogCodeHook":
            return DELEGATED
        return _Asking(turn, content, deadline, services, _tries(turn)).next_step()


@dataclass(slots=True)
class _Asking:
    """One turn of it. `tries` counts answers in vain; a client that forges it gets more of them."""

    turn: Turn
    content: Content
    deadline: Deadline
    services: Services
    tries: list[int]
    slots: dict[str, str | None] = field(default_factory=dict)

    def next_step(self) -> Outcome:
        """Whatever was answered wrongly is asked again first; then what is missing, in order."""
        number, name = self._number(), _last_name(self.turn)
        if REFUSED in (number, name):
            return _ended("delete_kept", self.content)
        self.slots = {
            NUMBER_SLOT: number.e164 if isinstance(number, PhoneNumber) else None,
            LAST_NAME_SLOT: name.full if isinstance(name, Name) else None,
        }
        if isinstance(number, str):
            return self._again(NUMBER, NUMBER_SLOT, self._problem_of(number), number)
        if isinstance(name, str):
            return self._again(LAST_NAME, LAST_NAME_SLOT, self._text("delete_name_again"), name)
        if number is None:
            return self._going_on(ElicitSlot(NUMBER_SLOT), self._text("delete_ask_number"))
        if name is None:
            return self._going_on(ElicitSlot(LAST_NAME_SLOT), self._text("delete_ask_name"))
        if self.turn.confirmation == "Confirmed":
            return self._carried_out(Claimed(self.turn, number.e164, name.full))
        return self._asked_for_a_yes(number)

    def _carried_out(self, claimed: Claimed) -> Outcome:
        text, is_erased = carry_out(claimed, self.deadline, self.services)
        answer = Answer(self._text(text), Source.FIXED)
        attributes = _FORGOTTEN if is_erased else _ENDED
        if text == "delete_requested":
            return Outcome(answer, attributes=attributes)
        return Outcome(answer, "Failed", problem=text, attributes=attributes)

    def _asked_for_a_yes(self, number: PhoneNumber) -> Outcome:
        if self.turn.invocation_label.endswith("-ConfirmationRetry"):
            self.tries[YES] += 1
            if self.tries[YES] >= MAX_TRIES:
                return _ended("delete_kept", self.content, "no clear answer")
        said = self.content.said("delete_confirm", number=number.readable)
        return self._going_on(ConfirmIntent(), said)

    def _number(self) -> PhoneNumber | str | None:
        """As given; in a call of ours it is the call's own unless another one was given."""
        given = read_number(self.turn, self.services.settings.default_country, None)
        if given is not None or self.turn.channel != "phone":
            return given
        try:
            lead = verified_lead(self.turn, self.deadline, self.services)
        except DependencyError as exc:
            self.services.log.warning("call's number not read", error=str(exc))
            return None
        return classified(lead.phone) if lead is not None else None

    def _problem_of(self, reason: str) -> str:
        if reason in _NUMBER_PROBLEMS:
            return self.content.number_problems[reason]
        return self._text("delete_number_again")

    def _again(self, what: int, slot: str, said: str, reason: str) -> Outcome:
        """Say what was wrong and ask once more, or stop after the last try."""
        self.tries[what] += 1
        problem = f"{slot} {reason}"
        if self.tries[what] >= MAX_TRIES:
            return _ended("delete_too_many_tries", self.content, problem)
        return self._going_on(ElicitSlot(slot), said, problem)

    def _going_on(self, step: NextStep, said: str, problem: str = "") -> Outcome:
        return Outcome(
            Answer(said, Source.FIXED),
            problem=problem,
            next_step=step,
            slots=self.slots,
            attributes={TRIES: "".join(map(str, self.tries))},
        )

    def _text(self, name: str) -> str:
        return self.content.texts[name]


def _last_name(turn: Turn) -> Name | str | None:
    """The name, or the word for what is wrong with the answer; None where none was given yet."""
    given = turn.slot(LAST_NAME_SLOT)
    is_answer = turn.invocation_label == f"{turn.intent}-{LAST_NAME_SLOT}Retry"
    if not given and not is_answer:
        return None
    result = visitor_names.read(given or turn.text)
    return result if isinstance(result, Name) else result.reason


def _tries(turn: Turn) -> list[int]:
    known = turn.attributes.get(TRIES, "")
    is_new = turn.invocation_label == f"{turn.intent}Start" or not _PROGRESS.fullmatch(known)
    return [0, 0, 0] if is_new else list(map(int, known))


def _ended(text: str, content: Content, problem: str = "") -> Outcome:
    """Nothing is deleted, and the next request begins anew."""
    return given_up(content.texts[text], problem, _ENDED)


DELETE_MY_INFO = DeleteMyInfo()
