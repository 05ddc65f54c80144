"""What a handler gives back, and what every handler is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from chalicelib.answer import Answer, Source
from chalicelib.deadline import Deadline
from chalicelib.lex import Card, IntentState, Turn

if TYPE_CHECKING:
    from chalicelib.services import Services

MAX_TRIES = 3
"""How often one thing is asked for before a dialog ends."""
OutcomeState = IntentState | Literal["Elicited", "Confirming", "Delegated"]


@dataclass(frozen=True, slots=True)
class ElicitSlot:
    """The dialog goes on: the visitor is asked for that slot."""

    slot: str


@dataclass(frozen=True, slots=True)
class ConfirmIntent:
    """The dialog goes on: the visitor is asked for a yes or a no."""


@dataclass(frozen=True, slots=True)
class Delegate:
    """A dialog hook has nothing left to ask: Lex goes on to fulfilment."""


NextStep = ElicitSlot | ConfirmIntent | Delegate


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said, and what becomes of the intent and the session.

    `state` counts where the intent ends here; `next_step` is there where it goes on. `slots` and
    `attributes` are set, and None empties or deletes one. `is_remembered`: it goes into the
    history, and so into prompts. `problem`: why it failed, for the log, without a visitor's words.
    `card`: buttons below the words where the intent ends.
    """

    answer: Answer
    state: IntentState = "Fulfilled"
    is_remembered: bool = False
    problem: str = ""
    next_step: NextStep | None = None
    slots: Mapping[str, str | None] = field(default_factory=dict)
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    card: Card | None = None

    @property
    def name(self) -> OutcomeState:
        """One word for the log."""
        return self.state if self.next_step is None else _NAMES[type(self.next_step)]


_NAMES: Mapping[type[NextStep], OutcomeState] = {
    ElicitSlot: "Elicited",
    ConfirmIntent: "Confirming",
    Delegate: "Delegated",
}


DELEGATED = Outcome(Answer("", Source.FIXED), next_step=Delegate())
"""The next step is Lex's, and nothing changes."""


def given_up(words: str, problem: str, attributes: Mapping[str, str | None]) -> Outcome:
    """The intent ends here without what it was for."""
    return Outcome(Answer(words, Source.FIXED), "Failed", problem=problem, attributes=attributes)


class Handler(Protocol):
    """One intent. `answers_dialog_hook`: it speaks before Lex has filled the slots."""

    @property
    def intent(self) -> str: ...

    @property
    def answers_dialog_hook(self) -> bool: ...

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome: ...
