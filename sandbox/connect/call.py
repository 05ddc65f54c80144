"""One call: what was asked for, how far it is, and what was said. Pure but for its locks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.connect.flow_run import FlowRun
from sandbox.connect.lines import Line
from sandbox.connect.names import INSTANCE, Instance
from sandbox.connect.origin import Origin

State = Literal["initiated", "ringing", "talking", "ended"]
Speaker = Literal["bot", "caller"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said; `at` in epoch seconds."""

    speaker: Speaker
    text: str
    at: float
    is_recorded: bool = True

    def to_json(self) -> dict[str, Any]:
        return {"speaker": self.speaker, "text": self.text, "at": round(self.at, 3)}


@dataclass(frozen=True, slots=True)
class Recording:
    """Where the recording of a call is stored."""

    bucket: str
    key: str

    @property
    def location(self) -> str:
        """As a contact record states it: bucket and key in one."""
        return f"{self.bucket}/{self.key}"


@dataclass(slots=True, eq=False)
class Call:
    """A contact. Times are epoch seconds, 0.0 for what has not happened.

    `lock` guards the state; `talking` is held through a turn, so that turns do not overlap.
    """

    id: str
    number: str
    attributes: dict[str, str]
    line: Line
    ring_timeout_seconds: float
    started_at: float
    state: State = "initiated"
    outcome: str = ""
    by_person: bool = False
    ring_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    disconnect_reason: str = ""
    recording: Recording | None = None
    turns: list[Turn] = field(default_factory=list)
    run: FlowRun | None = None
    origin: Origin | None = None
    heard: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    talking: threading.Lock = field(default_factory=threading.Lock)

    @property
    def instance(self) -> Instance:
        return self.origin.instance if self.origin else INSTANCE

    def is_over(self) -> bool:
        return self.state == "ended"

    def recorded_turns(self) -> list[Turn]:
        """What a transcript of the recording holds: nothing when the caller said nothing."""
        with self.lock:
            turns = [turn for turn in self.turns if turn.is_recorded]
        return turns if any(turn.speaker == "caller" for turn in turns) else []

    def to_json(self) -> dict[str, Any]:
        """What people and tests see; of the contact's attributes, only that they are there."""
        with self.lock:
            return {
                "id": self.id,
                "number": self.number,
                "state": self.state,
                "outcome": self.outcome,
                "mode": "person" if self.by_person else self.line.mode,
                "started": _time(self.started_at),
                "ring": _time(self.ring_at),
                "answered": _time(self.answered_at),
                "ended": _time(self.ended_at),
                "disconnect_reason": self.disconnect_reason,
                "attributes": {name: bool(value) for name, value in self.attributes.items()},
                "recording": self.recording.location if self.recording else None,
                "transcript": [turn.to_json() for turn in self.turns],
            }


def _time(value: float) -> float | None:
    return round(value, 3) if value else None
