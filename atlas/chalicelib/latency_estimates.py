"""How long each model takes, as this environment has seen it lately. Pure.

What was seen ages: a sample counts half after HALF_LIFE_SECONDS, so that a model which was slow
this morning is judged by its configured figures again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.deadline import Clock

if TYPE_CHECKING:
    from chalicelib.model_router import Model

SAMPLES = 64
HALF_LIFE_SECONDS = 300.0
PRIOR_WEIGHT = 20.0
"""The configured figures count as much as this many fresh samples: one late call proves nothing."""
SHORTEST_PACED = 40
"""Characters after the first chunk; fewer say nothing about a pace."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """What is known of a duration in seconds before it was measured."""

    p50: float
    p95: float

    def weighted(self) -> list[tuple[float, float]]:
        """Half of the prior's weight at its median, the rest towards its p95 and just beyond."""
        middle = (self.p50 + self.p95) / 2
        shares = ((self.p50, 0.5), (middle, 0.25), (self.p95, 0.25))
        return [(value, share * PRIOR_WEIGHT) for value, share in shares]


@dataclass(frozen=True, slots=True)
class Prior:
    """A model's configured figures: until the first text, and for each character after it.

    The defaults are the Haiku class of the profile `reported`: T uniform from 0.5 to 1.0 s, the
    first token after T/4, 80 tokens of four characters in the rest of T.
    """

    first: Quantiles = Quantiles(0.190, 0.245)
    character: Quantiles = Quantiles(0.00176, 0.00229)


@dataclass(slots=True)
class _Seen:
    first: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    character: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=SAMPLES))


class LatencyEstimates:
    """One environment's; safe to use from several threads."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def first_token(self, model: Model, quantile: float) -> float:
        """Seconds from the request to the first text."""
        return self._quantile(self._samples(model.id).first, model.prior.first, quantile)

    def seconds(self, model: Model, quantile: float, characters: int) -> float:
        """Seconds from the request to the end of that many characters.

        The sum of two quantiles: too long rather than too short, unless a slow start and a slow
        pace go together, as they do when a model is busy.
        """
        pace = self._quantile(self._samples(model.id).character, model.prior.character, quantile)
        return self.first_token(model, quantile) + pace * characters

    def note_first_token(self, model_id: str, seconds: float) -> None:
        self._note(self._samples(model_id).first, seconds)

    def note_silence(self, model: Model, seconds: float) -> None:
        """Nothing had come after so long: worth knowing only where more was to be expected."""
        if seconds > self.first_token(model, 0.5):
            self.note_first_token(model.id, seconds)

    def note_text(self, model_id: str, seconds: float, characters: int) -> None:
        """So many characters came in that time after the first chunk."""
        if characters >= SHORTEST_PACED:
            self._note(self._samples(model_id).character, seconds / characters)

    def _samples(self, model_id: str) -> _Seen:
        with self._lock:
            return self._seen.setdefault(model_id, _Seen())

    def _note(self, samples: deque[tuple[float, float]], value: float) -> None:
        with self._lock:
            samples.append((self._clock(), value))

    def _quantile(
        self, samples: deque[tuple[float, float]], prior: Quantiles, quantile: float
    ) -> float:
        now = self._clock()
        with self._lock:
            seen = list(samples)
        aged = [(value, 0.5 ** ((now - at) / HALF_LIFE_SECONDS)) for at, value in seen]
        return weighted_quantile([*aged, *prior.weighted()], quantile)


def weighted_quantile(pairs: Iterable[tuple[float, float]], quantile: float) -> float:
    """The smallest value that has at least that share of the weight at or below it."""
    ordered = sorted(pairs)
    wanted = quantile * sum(weight for _, weight in ordered)
    reached = 0.0
    for value, weight in ordered:
        reached += weight
        if reached >= wanted:
            return value
    return ordered[-1][0]
