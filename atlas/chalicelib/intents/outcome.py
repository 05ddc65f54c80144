"""What a handler gives back, and what every handler is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.answer import Answer
from chalicelib.deadline import Deadline
from chalicelib.lex import IntentState, Turn

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(frozen=True, slots=True)
class Outcome:
    """`is_remembered`: it goes into the history. `problem`: why it Failed, for the log."""

    answer: Answer
    state: IntentState = "Fulfilled"
    is_remembered: bool = False
    problem: str = ""


class Handler(Protocol):
    """One intent. `answers_dialog_hook`: it speaks before Lex has filled the slots."""

    @property
    def intent(self) -> str: ...

    @property
    def answers_dialog_hook(self) -> bool: ...

    def answer(self, turn: Turn, deadline: Deadline, services: Services) -> Outcome: ...
