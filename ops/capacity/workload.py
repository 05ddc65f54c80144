"""Who comes, what they do, and how long each turn takes: what the simulation draws from.

Shares and times are those of the turn benchmark; what no benchmark can know is an assumption and
says so. Draws are seeded, so the same arguments give the same figures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ops.cost_results import WARMED, TurnResults
from ops.cost_usage import Traffic, Usage, Used, measured_on_bench
from ops.stages import FULFILLMENT, MODEL_ROUTES, STAGE_SIZES

Source = Literal["memory", "table", "model", "fixed"]
LEAD_TURNS = 4
"""Start, name, number, and a yes or a no."""
VISITS_PER_1000 = 170
"""Assumed: visitors ask 4.4 questions each, so that 750 questions are 170 visits."""
CHAT_GAP_SECONDS = 15.0
"""Assumed: a visitor reads, thinks and types for so long on average between two turns."""
RING_SECONDS = 12.0
"""Assumed: from the first ring to the answer."""
LEX_SECONDS = 0.15
"""Assumed: what Lex takes itself in a turn; AWS names no figure, and the dashboard shows it."""
# Means of the turn benchmark's columns, profile `reported`, in seconds.
_FIXED_SECONDS, _MEMORY_SECONDS, _TABLE_SECONDS = 0.066, 0.001, 0.055
# The profile's pace of the Haiku class: T between these, a quarter of it until the first token,
# the rest spread over 80 tokens (sandbox/README.md).
_MODEL_SECONDS, _PACE_TOKENS = (0.5, 1.0), 80


@dataclass(frozen=True, slots=True)
class Workload:
    """One steady traffic; shares are of questions in the chat, times in seconds.

    `dynamodb_*`: units of a chat turn and of a whole lead, from bench/results/usage.json.
    """

    turns_per_second: float
    model_share: float
    table_share: float
    capture_share: float
    consent_share: float
    questions_per_visit: float
    phone_turns_per_call: float
    call_seconds: float
    deadline_seconds: float
    input_tokens: float
    output_tokens: float
    turn_writes: float
    lead_writes: float
    lead_reads: float
    lead_seconds: float
    chat_gap_seconds: float = CHAT_GAP_SECONDS
    only_chat: bool = False

    @property
    def turns_per_visit(self) -> float:
        """On average, the phone's included: what a visitor who comes brings."""
        if self.only_chat:
            return self.questions_per_visit
        captured = self.capture_share * LEAD_TURNS
        called = self.capture_share * self.consent_share * self.phone_turns_per_call
        return self.questions_per_visit + captured + called

    @property
    def calls_per_turn(self) -> float:
        return self.capture_share * self.consent_share / self.turns_per_visit

    @property
    def visits_per_second(self) -> float:
        return self.turns_per_second / self.turns_per_visit

    @property
    def longest_seconds(self) -> float:
        """After so long a visit that began is over, but for one in thousands."""
        chat = (self.questions_per_visit * 6 + LEAD_TURNS) * self.chat_gap_seconds
        return chat if self.only_chat else chat + RING_SECONDS + self.call_seconds * 1.5


@dataclass(frozen=True, slots=True)
class Turn:
    """`at`: seconds after the visit's begin; tokens are what a model reads and writes."""

    at: float
    source: Source
    seconds: float
    input_tokens: float = 0.0
    output_tokens: float = 0.0


class Draws:
    """A seeded source of visits and turns."""

    def __init__(self, workload: Workload, seed: int) -> None:
        self._workload, self._rng = workload, random.Random(seed)  # noqa: S311 - no secret

    def until_next_visit(self) -> float:
        """Visitors come independently of one another."""
        return self._rng.expovariate(self._workload.visits_per_second)

    def questions(self) -> Iterator[Turn]:
        """A visit's questions, at least one, the number geometric."""
        at, more = 0.0, 1 - 1 / self._workload.questions_per_visit
        while True:
            yield self._question(at)
            if self._rng.random() >= more:
                return
            at += self.gap()

    def capture(self) -> Iterator[Turn]:
        """The lead capture's turns, from the first on."""
        at = 0.0
        for _ in range(LEAD_TURNS):
            yield Turn(at, "fixed", _FIXED_SECONDS)
            at += self.gap()

    def phone(self, call_seconds: float) -> Iterator[Turn]:
        """A call's turns, spread over it; every one is answered by a model."""
        wanted = self._workload.phone_turns_per_call
        whole = int(wanted) + (self._rng.random() < wanted % 1)
        for number in range(whole):
            yield self._modelled(call_seconds * (number + self._rng.random()) / max(whole, 1))

    def gap(self) -> float:
        return self._rng.expovariate(1 / self._workload.chat_gap_seconds)

    def wants_demo(self) -> bool:
        return not self._workload.only_chat and self._is(self._workload.capture_share)

    def says_yes(self) -> bool:
        return self._is(self._workload.consent_share)

    def call_seconds(self) -> float:
        """Around the mean, by a third."""
        return self._workload.call_seconds * self._rng.uniform(2 / 3, 4 / 3)

    def _is(self, share: float) -> bool:
        return self._rng.random() < share

    def _question(self, at: float) -> Turn:
        drawn = self._rng.random()
        if drawn < self._workload.model_share:
            return self._modelled(at)
        if drawn < self._workload.model_share + self._workload.table_share:
            return Turn(at, "table", _TABLE_SECONDS)
        return Turn(at, "memory", _MEMORY_SECONDS)

    def _modelled(self, at: float) -> Turn:
        """Tokens are exponential around their mean up to the route's limit; time follows."""
        most = MODEL_ROUTES["conversation"]["max_tokens"]
        tokens = min(math.ceil(self._rng.expovariate(1 / self._workload.output_tokens)), most)
        pace = self._rng.uniform(*_MODEL_SECONDS)
        seconds = pace / 4 + pace * 3 / 4 * tokens / _PACE_TOKENS
        within = min(seconds, self._workload.deadline_seconds)
        return Turn(at, "model", within, self._workload.input_tokens, tokens)


def measured_workload(
    stage: str, turns_per_second: float, call_seconds: float, model_share: float | None = None
) -> Workload:
    """The benchmarks' shares, times and units at so many turns a second on a stage."""
    usage, traffic = measured_on_bench(), Traffic()
    shares = TurnResults.read().column(WARMED).shares
    questions = 1000 * (1 - traffic.phone_share) - traffic.captures_per_1000 * LEAD_TURNS
    asked = max(shares["model"] - traffic.phone_share, 0) * 1000 / questions
    return Workload(
        turns_per_second=turns_per_second,
        model_share=asked if model_share is None else model_share,
        table_share=shares.get("table", 0.0) * 1000 / questions,
        capture_share=traffic.captures_per_1000 / VISITS_PER_1000,
        consent_share=traffic.consents_per_1000 / traffic.captures_per_1000,
        questions_per_visit=questions / VISITS_PER_1000,
        phone_turns_per_call=traffic.phone_share * 1000 / traffic.consents_per_1000,
        call_seconds=call_seconds,
        deadline_seconds=STAGE_SIZES[stage].turn_deadline_ms / 1000,
        input_tokens=usage.turn.input_tokens / usage.turn.calls,
        output_tokens=usage.turn.output_tokens / usage.turn.calls,
        turn_writes=usage.chat_turn.write_units,
        lead_writes=sum(work.write_units for work in _lead(usage)),
        lead_reads=sum(work.read_units for work in _lead(usage)),
        lead_seconds=sum(work.seconds_without(FULFILLMENT) for work in _lead(usage)),
    )


def _lead(usage: Usage) -> tuple[Used, Used]:
    return usage.capture, usage.lead
