"""Which model answers, how it must be asked, and which one is left alone for a while. Pure."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.deadline import Clock

THROTTLED_REST_SECONDS = 5.0
FAILED_REST_SECONDS = 15.0
FAILURES_BEFORE_REST = 2


@dataclass(frozen=True, slots=True)
class Route:
    """The models of one intent class, the preferred first, and the longest answer in tokens."""

    models: tuple[str, ...]
    max_tokens: int


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


class Breakers:
    """Remembers, per model and for this environment, who is resting after a failure.

    Throttling rests a model at once, since asking again makes it worse; other failures must
    repeat first. When the rest is over the model is simply tried again.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rests_until: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def available(self, route: Route) -> tuple[str, ...]:
        """The route's models that are not resting, in order; empty when all rest."""
        now = self._clock()
        with self._lock:
            return tuple(m for m in route.models if self._rests_until.get(m, 0.0) <= now)

    def succeeded(self, model_id: str) -> None:
        with self._lock:
            self._failures.pop(model_id, None)
            self._rests_until.pop(model_id, None)

    def throttled(self, model_id: str) -> None:
        self._rest(model_id, THROTTLED_REST_SECONDS)

    def failed(self, model_id: str) -> None:
        with self._lock:
            self._failures[model_id] = self._failures.get(model_id, 0) + 1
            is_enough = self._failures[model_id] >= FAILURES_BEFORE_REST
        if is_enough:
            self._rest(model_id, FAILED_REST_SECONDS)

    def _rest(self, model_id: str, seconds: float) -> None:
        with self._lock:
            self._rests_until[model_id] = self._clock() + seconds
            self._failures.pop(model_id, None)
