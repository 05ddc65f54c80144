"""The visitor's phone: rings, is answered or declined, and is spoken into."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.conversation.talk import Control, Served, Watch

CLAIM_SECONDS = 30.0
"""So long a person counts as being there without saying so again."""


@dataclass(frozen=True, slots=True)
class PhoneTurn:
    """What was said into the phone and heard; `milliseconds` is the caller's wait."""

    words: str
    heard: str
    milliseconds: float
    ended: bool
    served: Served


class Phone:
    """One number's phone; ControlError for what the call's state forbids."""

    def __init__(
        self, control: Control, number: str, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._control, self.number, self._clock = control, number, clock
        self._watch: Watch | None = None

    def claim(self, seconds: float = CLAIM_SECONDS) -> None:
        """Be there to take the number's calls for so long; 0 for no longer."""
        self._control.post("phone/claim", {"number": self.number, "seconds": seconds})

    def calls(self) -> list[dict[str, Any]]:
        """The number's calls, oldest first."""
        return [call for call in self._control.get("phone") if call["number"] == self.number]

    def ringing(self) -> dict[str, Any] | None:
        """The call that waits to be answered."""
        return next((call for call in self.calls() if call["state"] == "ringing"), None)

    def call(self, contact_id: str) -> dict[str, Any]:
        """One call as it stands."""
        known: dict[str, Any] = self._control.get(f"phone?id={contact_id}")[0]
        return known

    def answer(self, contact_id: str) -> PhoneTurn:
        self._watch = Watch(self._control)
        return self._turn("answer", contact_id, "")

    def say(self, contact_id: str, words: str) -> PhoneTurn:
        return self._turn("say", contact_id, words)

    def decline(self, contact_id: str) -> None:
        self._control.post("phone/decline", {"id": contact_id})

    def hang_up(self, contact_id: str) -> None:
        self._control.post("phone/hang-up", {"id": contact_id})

    def _turn(self, verb: str, contact_id: str, words: str) -> PhoneTurn:
        body = {"id": contact_id} | ({"words": words} if words else {})
        begin = self._clock()
        answer = self._control.post(f"phone/{verb}", body)
        milliseconds = (self._clock() - begin) * 1000
        served = self._watch.served() if self._watch else Served()
        heard = " ".join(answer["reply"]) or "(nothing)"
        return PhoneTurn(words, heard, milliseconds, bool(answer["ended"]), served)
