"""How long an answer lives, when it is made anew, and how long a failure counts. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chalicelib.answer import Answer

JITTER = 0.2
"""The part of both ages that chance may take, so that answers of one run do not end together."""
BETA = 1.0
"""How eager early refreshes are; 1 is optimal where making takes about as long each time."""
REFUSED_SECONDS = 60.0
"""For how long a key rests that a model refused, or ended without an answer of its own accord."""
FAILED_SECONDS = 5.0
"""The same where the models failed: as long as a throttled one rests."""
_NOT_THE_MODELS = ("deadline", "cancelled", "resting", "failed")
"""Stop reasons of our own; with any other the model had said all that it was going to say."""


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds for which an answer is fresh, and for which it may be shown at all, at most."""

    fresh_seconds: float = 21_600.0
    stale_seconds: float = 86_400.0

    def ends(self, made_at: float, chance: float) -> tuple[float, float]:
        """Until when it is fresh, and until when it may be shown; `chance` in [0, 1)."""
        part = 1 - JITTER * chance
        return made_at + part * self.fresh_seconds, made_at + part * self.stale_seconds


def is_due(fresh_until: float, making_seconds: float, now: float, chance: float) -> bool:
    """Whether this reader has the answer made anew; `chance` in [0, 1), one draw a reader.

    XFetch, from Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede
    Prevention", VLDB 2015: now - delta * beta * ln(rand) >= expiry. The nearer the end and the
    longer the making, the likelier; one of many readers comes first, long before all would.
    """
    return now - making_seconds * BETA * math.log(1 - chance) >= fresh_until


def refused_seconds(made: Answer, *, is_last: bool = False) -> float:
    """For how long nobody asks a model for this again; 0 where the answer says nothing of that.

    `is_last`: what is late even without a visitor waiting has failed.
    """
    if made.generated is None or made.is_whole:
        return 0.0
    if made.generated.stop_reason not in _NOT_THE_MODELS:
        return REFUSED_SECONDS
    is_late = made.generated.stop_reason == "deadline"
    failed = made.generated.stop_reason == "failed" or (is_late and is_last)
    return FAILED_SECONDS if failed else 0.0
