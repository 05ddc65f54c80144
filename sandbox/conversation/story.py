"""What the demo's chapters share: whom they talk to, and what has happened so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.conversation.backstage import Backstage, Execution, Record, wait_for
from sandbox.conversation.layout import WIDTH, heading
from sandbox.conversation.phone import Phone, PhoneTurn
from sandbox.conversation.talk import Control, Conversation, Turn

_T = TypeVar("_T")


class StoryEndedError(Exception):
    """The story cannot go on; `str()` says in one sentence why."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Whom the demo talks to; `clock` in epoch seconds, as the sandbox's own times are."""

    conversation: Conversation
    phone: Phone
    backstage: Backstage
    control: Control
    tell: Callable[[str], None]
    width: int = WIDTH
    colour: bool = False
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep

    def begin(self, title: str, about: str = "") -> None:
        """A new chapter."""
        self.tell(heading(title, about, self.width, self.colour))

    def wait(self, look: Callable[[], _T | None], seconds: float) -> _T | None:
        """What `look` finds within `seconds`, else None."""
        return wait_for(look, seconds, self.clock, self.sleep)


@dataclass(slots=True)
class Story:
    """What has happened; times in epoch seconds, 0.0 for not yet."""

    turns: list[Turn] = field(default_factory=list)
    phone_turns: list[PhoneTurn] = field(default_factory=list)
    interaction_id: str = ""
    consent_at: float = 0.0
    lead: Record = field(default_factory=dict)
    call: Record = field(default_factory=dict)
    recorded_at: float = 0.0
    execution: Execution | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def yes_to_ring_ms(self) -> float:
        return self.since_consent(float(self.call["ring"])) * 1000

    def since_consent(self, moment: float) -> float:
        """Seconds from the yes to a moment."""
        return moment - self.consent_at

    def check(self, is_good: bool, sentence: str) -> None:
        """Note what did not happen, and go on."""
        if not is_good:
            self.faults.append(sentence)
