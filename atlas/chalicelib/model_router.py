"""Which model answers, and how it must be asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.latency_estimates import LatencyEstimates, Prior

SENTENCE_CHARACTERS = 80
"""About 20 tokens: with less than the time for one sentence a model can say nothing of use."""
ON_TIME = 0.9
"""A model fits when so large a share of its answers is expected before the deadline. The slowest
5% of calls, which a hedge is for, then do not move the traffic to another model."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model through one inference profile, as MODEL_TABLE describes it.

    `strength`: the team's verdict, the greater the better its answers. Prices are USD per million
    tokens as of the day `priced_on`; 0.0 where nobody said.
    """

    id: str
    strength: int = 1
    usd_in: float = 0.0
    usd_out: float = 0.0
    priced_on: str = ""
    prior: Prior = field(default_factory=Prior)

    def usd(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.usd_in + output_tokens * self.usd_out) / 1e6


@dataclass(frozen=True, slots=True)
class Route:
    """The models of one intent class, the preferred first, and the longest answer in tokens.

    `answer_characters`: how long its answers are expected to be. `table` describes the models.
    """

    models: tuple[str, ...]
    max_tokens: int
    answer_characters: int = 2 * SENTENCE_CHARACTERS
    table: tuple[Model, ...] = ()

    def model(self, model_id: str) -> Model:
        """Its description; a plain one where the table has none."""
        return next((model for model in self.table if model.id == model_id), Model(model_id))


@dataclass(frozen=True, slots=True)
class RacePolicy:
    """When a second request may join the first.

    `hedge_share`: extra calls per call, 0 for none. `hedge_after_seconds`: the latest moment at
    which a missing first token brings one. `stall_seconds`: the gap between two chunks that
    counts as a stall.
    """

    hedge_share: float = 0.05
    hedge_after_seconds: float = 0.28
    stall_seconds: float = 0.15


def ranked(
    route: Route, candidates: Sequence[str], estimates: LatencyEstimates, seconds_left: float
) -> list[str]:
    """The candidates, best first: who is expected in time by strength, then price, then order.

    Who is not expected in time follows, the fastest first: something may still arrive.
    """

    def expected(model_id: str) -> float:
        return estimates.seconds(route.model(model_id), ON_TIME, route.answer_characters)

    def preference(model_id: str) -> tuple[int, float, int]:
        model = route.model(model_id)
        return -model.strength, model.usd_in + model.usd_out, route.models.index(model_id)

    fitting = [m for m in candidates if expected(m) <= seconds_left]
    late = [m for m in candidates if m not in fitting]
    return [*sorted(fitting, key=preference), *sorted(late, key=lambda m: (expected(m), m))]


def can_say_something(model: Model, estimates: LatencyEstimates, seconds_left: float) -> bool:
    """Whether one sentence is as likely as not before the time is over."""
    return estimates.seconds(model, 0.5, SENTENCE_CHARACTERS) <= seconds_left


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """How a family of models must be asked: what one takes, another refuses.

    `sampling` goes into Converse's inferenceConfig, `extra` into additionalModelRequestFields.
    """

    marker: str
    sampling: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


# Source: the Bedrock model cards as checked on 2026-11-23. Haiku 5.5 refuses sampling parameters
# and thinks unless told not to; Haiku 4.5 takes temperature or topP, never both; whether Sonnet
# 5.5 lets its thinking be switched off is unverified, so nothing is sent.
FAMILIES = (
    ModelFamily("claude-haiku-5-5", extra={"thinking": {"type": "disabled"}}),
    ModelFamily("claude-haiku-4-5", sampling={"temperature": 0.2}),
    ModelFamily("claude-sonnet-5-5"),
    ModelFamily("claude-sonnet-4-6", sampling={"temperature": 0.2}),
)
_PLAIN = ModelFamily("")


def family_of(model_id: str) -> ModelFamily:
    """The quirks of a model id, with or without a geography prefix; unknown ones get none."""
    return next((family for family in FAMILIES if family.marker in model_id), _PLAIN)
