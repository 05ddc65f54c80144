"""Calls from the first ring to the last word, whoever is at the other end.

Ringing runs on a thread of its own, so that the moment at which a phone rings is exact whatever
else is going on.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.aws_api import ApiError
from sandbox.connect import lines
from sandbox.connect.aftermath import Aftermath
from sandbox.connect.call import Call, Turn
from sandbox.connect.contact_events import BY_CALLER, BY_FLOW, REASONS
from sandbox.connect.delivery import Ways
from sandbox.connect.flow_run import FlowRun, Said
from sandbox.connect.ledger import Ledger
from sandbox.connect.lines import Claims, Lines, PhoneError
from sandbox.connect.origin import Origin
from sandbox.connect.timers import Scheduler

RING_SECONDS = 0.3
"""How long it rings where somebody answers and nothing else was set."""
SILENCE_SECONDS = 0.2
"""How long the flow waits for a line that says nothing; Lex's own default is 3 to 4 s."""
PERSON_SECONDS = 120.0
"""How long a person may say nothing before the flow ends the call."""
MOST_TURNS = 100
_OUTCOME_BY_ERROR = {"InputTimeLimitExceeded": "silent", "NoMatchingError": "failed"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the calls need of the rest of the phone; `line` rings, `work` may wait for others."""

    aftermath: Aftermath
    line: Scheduler
    work: Scheduler
    ways: Ways
    clock: Callable[[], float]


class Calls:
    """Every method may be called from any thread; PhoneError for what a call's state forbids."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange, self._clock = exchange, exchange.clock
        self.lines = Lines()
        self.claims = Claims(exchange.clock)
        self.ledger = Ledger(exchange.clock)
        self.ways = exchange.ways

    def place(
        self,
        number: str,
        attributes: dict[str, str],
        ring_timeout: float,
        dial_seconds: float,
        origin: Origin,
    ) -> Call:
        """Start a call that rings in `dial_seconds`; ApiError where the line refuses it."""
        line = self.lines.take(number)
        if line.mode == lines.REFUSED:
            raise ApiError(line.error, "The call is not permitted: set so in the sandbox.")
        call = Call(str(uuid.uuid4()), number, attributes, line, ring_timeout, self._clock())
        call.origin = origin
        self.ledger.add(call)
        self._exchange.aftermath.initiated(call)
        self._exchange.line.after(dial_seconds, lambda: self._ring(call))
        return call

    def stop(self, call: Call) -> bool:
        """End a call from outside; whether it was under way."""
        return self._end(call, "stopped", REASONS["stopped"])

    def snapshot(self) -> list[dict[str, Any]]:
        """Every kept call, oldest first."""
        return [call.to_json() for call in self.ledger.all()]

    def heard_in(self, bucket: str, key: str) -> tuple[float, list[Turn]] | None:
        """When a recording begins and what can be heard in it; None if it is none of a call."""
        call = self.ledger.recorded_at(bucket, key)
        return None if call is None else (call.answered_at, call.recorded_turns())

    def answer(self, contact_id: str) -> dict[str, Any]:
        """A person picks the phone up; what they hear."""
        call = self._find(contact_id)
        if not self._pick_up(call):
            raise PhoneError(f"the call is not ringing, it is {call.state}")
        call.by_person = True
        return self._heard(call, self._begin(call))

    def say(self, contact_id: str, words: str) -> dict[str, Any]:
        """A person speaks; what they hear, and whether the call is over."""
        call = self._find(contact_id)
        if not words.strip() or len(words) > 1_024:
            raise PhoneError("words must have 1 to 1024 characters")
        if call.state != "talking":
            raise PhoneError(f"nobody hears that: the call is {call.state}")
        return self._heard(call, self._turn(call, words))

    def hang_up(self, contact_id: str) -> dict[str, Any]:
        """A person ends the call, or declines it while it rings."""
        call = self._find(contact_id)
        if call.state == "ringing":
            return self.decline(contact_id)
        if call.state != "talking" or not self._end(call, "completed", BY_CALLER):
            raise PhoneError(f"there is nothing to hang up: the call is {call.state}")
        return call.to_json()

    def decline(self, contact_id: str) -> dict[str, Any]:
        """A person does not want the call that rings."""
        call = self._find(contact_id)
        if not self._unanswered(call, "declined"):
            raise PhoneError(f"the call is not ringing, it is {call.state}")
        return call.to_json()

    def reset(self) -> None:
        """Forget the ended calls, every line that was set, and how events come."""
        self.lines.reset()
        self.ways.reset()
        self.ledger.forget_ended()

    def _find(self, contact_id: str) -> Call:
        call = self.ledger.find(contact_id)
        if call is None:
            raise PhoneError(f"there is no call {contact_id[:64]!r}")
        return call

    def _heard(self, call: Call, said: list[Said]) -> dict[str, Any]:
        self._watch(call)
        return {"reply": [each.text for each in said], "ended": call.is_over()}

    def _ring(self, call: Call) -> None:
        line = call.line
        if line.mode == lines.BUSY:
            self._end(call, lines.BUSY, REASONS[lines.BUSY])
            return
        with call.lock:
            if call.state != "initiated":
                return
            call.state, call.ring_at = "ringing", self._clock()
            is_there = line.mode == lines.SCRIPT and self.claims.is_there(call.number)
            call.by_person = line.mode == lines.PERSON or is_there
        seconds, happens = self._after_ringing(call)
        self._exchange.line.after(seconds, happens)

    def _after_ringing(self, call: Call) -> tuple[float, Callable[[], object]]:
        line = call.line
        if call.by_person or line.mode == lines.NO_ANSWER:
            is_set = line.ring_seconds is not None and line.mode != lines.SCRIPT
            seconds = line.ring_seconds if is_set else call.ring_timeout_seconds
            return seconds or 0.0, lambda: self._unanswered(call, lines.NO_ANSWER)
        seconds = RING_SECONDS if line.ring_seconds is None else line.ring_seconds
        if line.mode == lines.DECLINED:
            return seconds, lambda: self._unanswered(call, lines.DECLINED)
        return seconds, lambda: self._answered_by_script(call)

    def _unanswered(self, call: Call, outcome: str) -> bool:
        with call.lock:
            return call.state == "ringing" and self._end(call, outcome, REASONS[outcome])

    def _pick_up(self, call: Call) -> bool:
        with call.lock:
            if call.state != "ringing" or call.origin is None:
                return False
            call.state, call.answered_at = "talking", self._clock()
            flow, listen = call.origin.flow, call.origin.listen
            call.run = FlowRun(flow, call.id, call.attributes, listen)
            self._exchange.aftermath.connected(call)
        return True

    def _answered_by_script(self, call: Call) -> None:
        if self._pick_up(call):
            self._exchange.work.after(0.0, lambda: self._perform(call))

    def _perform(self, call: Call) -> None:
        self._begin(call)
        if call.line.mode == lines.SILENT:
            self._exchange.work.after(SILENCE_SECONDS, lambda: self._silence(call))
        else:
            self._perform_line(call, 0)

    def _perform_line(self, call: Call, index: int) -> None:
        script = call.line.script
        if call.is_over():
            return
        if call.line.mode == lines.DROPPED and index >= max(1, len(script) // 2):
            self._end(call, lines.DROPPED, REASONS[lines.DROPPED])
        elif index >= len(script):
            self._end(call, "completed", BY_CALLER)
        else:
            self._turn(call, script[index])
            pause = call.line.pause_seconds
            self._exchange.work.after(pause, lambda: self._perform_line(call, index + 1))

    def _begin(self, call: Call) -> list[Said]:
        return self._play(call, lambda run: run.start())

    def _silence(self, call: Call) -> list[Said]:
        return self._play(call, lambda run: run.silence())

    def _turn(self, call: Call, words: str) -> list[Said]:
        def hear(run: FlowRun) -> list[Said]:
            with call.lock:
                call.heard += 1
                call.turns.append(Turn("caller", words, self._clock(), run.recording))
            return run.hear(words)

        return self._play(call, hear)

    def _play(self, call: Call, step: Callable[[FlowRun], list[Said]]) -> list[Said]:
        """Go one step through the flow; nothing is heard of it where the call ended meanwhile."""
        with call.talking:
            if call.is_over() or call.run is None:
                return []
            said, run = step(call.run), call.run
            with call.lock:
                if call.is_over():
                    return []
                now = self._clock()
                call.turns += [Turn("bot", each.text, now, each.is_recorded) for each in said]
                if run.ended:
                    self._end(call, _OUTCOME_BY_ERROR.get(run.error, "completed"), BY_FLOW)
                elif call.heard >= MOST_TURNS:
                    self._end(call, "completed", BY_CALLER)
            return said

    def _watch(self, call: Call) -> None:
        """End the call as silent when the person says nothing more."""
        heard = call.heard

        def look() -> None:
            if call.heard == heard:
                self._silence(call)

        self._exchange.work.after(PERSON_SECONDS, look)

    def _end(self, call: Call, outcome: str, reason: str) -> bool:
        with call.lock:
            if call.is_over():
                return False
            call.ended_at = self._clock()
            call.state, call.outcome, call.disconnect_reason = "ended", outcome, reason
            self._exchange.aftermath.ended(call)
        return True
