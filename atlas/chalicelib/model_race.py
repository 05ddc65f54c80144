"""Who is asked next, whether a second request joins, and which answer is taken.

A race belongs to one turn's thread. It waits for nothing and asks nobody itself: `next_model`
says whom to ask now, `wakes_at` when to look again although nothing has happened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.bounded_workers import QUEUE_FULL
from chalicelib.breakers import Breakers
from chalicelib.call_budget import CallBudget
from chalicelib.errors import ContentRefusedError, DependencyError, ThrottledError
from chalicelib.latency_estimates import LatencyEstimates
from chalicelib.model_router import RacePolicy, Route, can_say_something, ranked
from chalicelib.model_stream import SERVICE, ModelStream

_NOT_THE_MODELS = frozenset(("ValidationException", QUEUE_FULL))
"""Refused parameters, and a full queue of our own, say nothing about a model's health."""
LATE_FACTOR = 1.15
"""A first token is late when it takes that much longer than 95 of 100 do."""
SENDING_SECONDS = 0.1
"""What a request may take to be on its way, a new connection and a cold process included; only
after that is it the model that is waited for."""
FAIR_SECONDS = 0.3
"""A model that had less time than this to its first word is not counted as late."""


@dataclass(slots=True)
class Runners:
    """What the races of one environment share."""

    breakers: Breakers
    estimates: LatencyEstimates
    policy: RacePolicy
    budget: CallBudget


@dataclass(slots=True)
class Race:
    """One answer's way through the models of a route, until `ends_at`."""

    route: Route
    runners: Runners
    ends_at: float
    streams: list[ModelStream] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_hedged: bool = False
    hedge_was_skipped: bool = False

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for any more."""
        if any(s.is_settled and (s.has_ended_well or s.was_refused) for s in self.streams):
            return True
        return not self.running

    @property
    def running(self) -> list[ModelStream]:
        return [stream for stream in self.streams if not stream.is_settled]

    @property
    def best(self) -> ModelStream | None:
        """The stream whose text is shown; a refused question has none."""
        refused = next((s for s in self.streams if s.was_refused), None)
        return refused or max(self.streams, key=lambda s: s.worth, default=None)

    def look(self, now: float) -> None:
        """Take notice of what has ended or stalled since; raises what is a fault of our own."""
        for stream in self.running:
            if stream.is_over:
                self._settle(stream)
            elif not stream.has_stalled and self._stalls_at(stream) <= now:
                stream.has_stalled = True
                self.errors.append(f"{SERVICE}: Stalled")
                self.runners.breakers.failed(stream.model)

    def next_model(self, now: float) -> str | None:
        """The model to ask now, if any; the caller then adds its stream."""
        if not self.streams:
            self.runners.budget.earn()
            return self._take(self._candidates(now))
        if self.is_over:
            return self._after_failure(now)
        return self._hedge(now)

    def wakes_at(self) -> float:
        """When something is due although no stream has anything new."""
        stalls = (self._stalls_at(s) for s in self.running if not s.has_stalled)
        return min(self.ends_at, self._hedges_at(), *stalls)

    def finish(self, now: float, *, is_cancelled: bool) -> None:
        """Settle what was cut off: who was silent for a fair time has failed."""
        for stream in self.running:
            stream.is_settled = True
            self._note_text(stream)
            if is_cancelled or stream.first_at is not None:
                self.runners.breakers.let_go(stream.model)
            else:
                self._note_silence(stream.model, now - stream.asked_at)

    def _note_silence(self, model: str, seconds: float) -> None:
        self.runners.estimates.note_silence(self.route.model(model), seconds)
        if seconds >= FAIR_SECONDS:
            self.runners.breakers.failed(model)
        else:
            self.runners.breakers.let_go(model)

    def _after_failure(self, now: float) -> str | None:
        """The next one, where all that were asked failed without a word."""
        if any(s.has_ended_well or s.was_refused or s.parts for s in self.streams):
            return None
        if getattr(self.streams[-1].error, "reason", "") == QUEUE_FULL:
            return None
        return self._take(self._useful(now))

    def _hedge(self, now: float) -> str | None:
        if self._hedges_at() > now:
            return None
        model = self._take(self._useful(now))
        if model is not None and self.runners.budget.spend():
            self.is_hedged = True
            return model
        if model is not None:
            self.runners.breakers.let_go(model)
        self.hedge_was_skipped = True
        return None

    def _hedges_at(self) -> float:
        """When the one running stream gets company; never where hedges are off or were had."""
        if self.runners.policy.hedge_share <= 0 or self.is_hedged or self.hedge_was_skipped:
            return math.inf
        running = self.running
        if len(running) != 1:
            return math.inf
        (stream,) = running
        if stream.has_stalled:
            return stream.last_at
        return self._first_token_late_at(stream) if stream.first_at is None else math.inf

    def _first_token_late_at(self, stream: ModelStream) -> float:
        model, estimates = self.route.model(stream.model), self.runners.estimates
        late = estimates.first_token(model, 0.95) * LATE_FACTOR
        latest = max(
            self.runners.policy.hedge_after_seconds, estimates.first_token(model, 0.5) * LATE_FACTOR
        )
        sent_at = stream.asked_at + SENDING_SECONDS if stream.sent_at is None else stream.sent_at
        return sent_at + min(late, latest)

    def _stalls_at(self, stream: ModelStream) -> float:
        if stream.first_at is None:
            return math.inf
        return stream.last_at + self.runners.policy.stall_seconds

    def _candidates(self, now: float) -> list[str]:
        asked = {stream.model for stream in self.streams}
        available = self.runners.breakers.available(self.route)
        untried = [model for model in available if model not in asked]
        return ranked(self.route, untried, self.runners.estimates, self.ends_at - now)

    def _useful(self, now: float) -> list[str]:
        left, estimates = self.ends_at - now, self.runners.estimates
        return [
            model
            for model in self._candidates(now)
            if can_say_something(self.route.model(model), estimates, left)
        ]

    def _take(self, candidates: Sequence[str]) -> str | None:
        """The first whose breaker lets this request through."""
        return next((m for m in candidates if self.runners.breakers.begin(m)), None)

    def _settle(self, stream: ModelStream) -> None:
        stream.is_settled = True
        self._note_text(stream)
        if stream.error is None:
            self.runners.breakers.succeeded(stream.model)
            return
        if not isinstance(stream.error, DependencyError):
            self.runners.breakers.let_go(stream.model)
            raise stream.error
        self.errors.append(str(stream.error))
        self._blame(stream.model, stream.error)

    def _blame(self, model: str, error: DependencyError) -> None:
        if isinstance(error, ThrottledError):
            self.runners.breakers.throttled(model)
        elif isinstance(error, ContentRefusedError) or error.reason in _NOT_THE_MODELS:
            self.runners.breakers.let_go(model)
        else:
            self.runners.breakers.failed(model)

    def _note_text(self, stream: ModelStream) -> None:
        if stream.first_at is None:
            return
        estimates = self.runners.estimates
        begun = stream.asked_at if stream.sent_at is None else stream.sent_at
        estimates.note_first_token(stream.model, stream.first_at - begun)
        later = sum(len(part) for part in stream.parts[1:])
        estimates.note_text(stream.model, stream.last_at - stream.first_at, later)
