"""What a call takes: the profiles `none` and `reported`, a scale, and the pace of tokens."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Literal

ModelClass = Literal["haiku", "sonnet"]

PROFILES = ("none", "reported")
REFERENCE_TOKENS = 80
EVERY = "*"

_DYNAMODB_DATA_PLANE = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem"),
    *("BatchWriteItem", "TransactGetItems", "TransactWriteItems", "ExecuteStatement"),
    *("BatchExecuteStatement", "ExecuteTransaction"),
)


@dataclass(frozen=True, slots=True)
class _Milliseconds:
    kept_connection: float
    new_connection: float


def _same(milliseconds: float) -> _Milliseconds:
    return _Milliseconds(milliseconds, milliseconds)


# What the predecessor's dependencies were reported to take; Bedrock's figures are below.
_REPORTED: dict[tuple[str, str], _Milliseconds] = {
    ("secretsmanager", "GetSecretValue"): _same(300),
    ("secretsmanager", "BatchGetSecretValue"): _same(300),
    ("stepfunctions", "StartExecution"): _same(50),
    ("connect", "StartOutboundVoiceContact"): _same(800),
    **{("dynamodb", name): _Milliseconds(50, 200) for name in _DYNAMODB_DATA_PLANE},
    ("salesforce", "token"): _same(500),
    ("salesforce", EVERY): _Milliseconds(200, 800),
}
_ANSWER_SECONDS: dict[ModelClass, tuple[float, float]] = {
    "haiku": (0.5, 1.0),
    "sonnet": (2.0, 4.0),
}


class Latency:
    """The profile in force; it can change while calls run."""

    def __init__(self, profile: str = "none", scale: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._profile, self._scale = "none", 1.0
        self.change(profile, scale)

    def change(self, profile: str, scale: float = 1.0) -> None:
        """ValueError for an unknown profile or a scale that is not a number from 0 to 1,000."""
        if profile not in PROFILES:
            raise ValueError(f"profile must be one of {', '.join(PROFILES)}, not {profile!r}")
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 <= scale <= 1000:
            raise ValueError(f"scale must be a number from 0 to 1000, not {scale!r}")
        with self._lock:
            self._profile, self._scale = profile, float(scale)

    def current(self) -> tuple[str, float]:
        """Name of the profile, scale."""
        with self._lock:
            return self._profile, self._scale

    def seconds(self, service: str, operation: str, connection_is_new: bool) -> float:
        """How long a call takes from its arrival to its answer; 0 where the profile is silent."""
        profile, scale = self.current()
        figure = _REPORTED.get((service, operation)) or _REPORTED.get((service, EVERY))
        if figure is None or profile != "reported":
            return 0.0
        milliseconds = figure.new_connection if connection_is_new else figure.kept_connection
        return milliseconds / 1000 * scale


@dataclass(frozen=True, slots=True)
class Pace:
    """When a model's tokens arrive, in seconds after the request."""

    first_seconds: float
    per_token_seconds: float

    def due(self, tokens: int) -> float:
        """When `tokens` tokens have arrived: T/4 + 3T/4 * n/80."""
        return self.first_seconds + self.per_token_seconds * tokens

    def slower(self, times: float) -> Pace:
        return Pace(self.first_seconds * times, self.per_token_seconds * times)


class TokenTiming:
    """Draws one T per answer, uniform within the model class, from its own seeded source."""

    def __init__(self, latency: Latency | None = None, seed: int = 0) -> None:
        self._latency = latency or Latency()
        self._random = random.Random(seed)  # noqa: S311 - a latency is no secret
        self._lock = threading.Lock()

    def pace(self, model_class: ModelClass) -> Pace:
        profile, scale = self._latency.current()
        with self._lock:
            answer_seconds = self._random.uniform(*_ANSWER_SECONDS[model_class]) * scale
        if profile == "none":
            return Pace(0.0, 0.0)
        return Pace(answer_seconds / 4, answer_seconds * 3 / 4 / REFERENCE_TOKENS)
