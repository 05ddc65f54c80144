"""What is worse than before a release: factors on figures, and each told as one clause.

Shares are judged as a release judges them, with 99% confidence, so that two turns of bad luck are
none; latency and cost by factors on averages of enough turns. Where the time before had too few
turns there is no factor, and the fixed limit holds alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ops.judging import is_more
from ops.watch.figures import Figures

FACTOR = 1.5
"""So many times what was usual, for shares, p99 and cost."""
AVERAGE_FACTOR = 1.25
"""An average is steadier than a share or a percentile, and shows less of the same fault."""
LEAST_TURNS = 20
"""Of fewer nothing is said, for better or worse."""
_ENOUGH_FOR_AVERAGES = 50
_ENOUGH_FOR_P99 = 100
# Below these a factor is noise: a turn from memory takes 3 ms, and four are no news.
_LEAST_MORE_AVERAGE_MS = 50.0
_LEAST_MORE_P99_MS = 150.0
_LEAST_MORE_USD = 0.0005
_MARGIN_MS = 200.0
"""Beside a turn's deadline, for what follows it; the release's own."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the turns: how many now and before, and what is allowed in any case."""

    what: str
    now: float
    before: float
    allowed: float


def worse(now: Figures, before: Figures, deadline_ms: float) -> list[str]:
    """Each thing that is worse; none when the list is empty."""
    if now.turns < LEAST_TURNS:
        return []
    return [*_shares(now, before), *_latencies(now, before, deadline_ms), *_cost(now, before)]


def _shares(now: Figures, before: Figures) -> Iterator[str]:
    usual_turns = before.turns if before.turns >= LEAST_TURNS else 0.0
    for one in (
        Share("failed", now.failed, before.failed, 0.01),
        Share("started cold", now.cold, before.cold, 0.02),
        # As the alarm on it: a tenth without a model's words is what a degraded one looks like.
        Share(
            "were without a model's words",
            now.source("grounded"),
            before.source("grounded"),
            0.1,
        ),
    ):
        usual = one.before / usual_turns if usual_turns else 0.0
        allowed = max(one.allowed, FACTOR * usual)
        if is_more(round(one.now), round(now.turns), allowed):
            yield (
                f"{one.now:.0f} of {now.turns:.0f} turns {one.what} "
                f"({one.now / now.turns:.1%}; before {usual:.1%}, allowed {allowed:.1%})"
            )


def _latencies(now: Figures, before: Figures, deadline_ms: float) -> Iterator[str]:
    for channel, current in now.channels.items():
        usual = before.channels[channel]
        turns = min(current.turns, usual.turns)
        if turns >= _ENOUGH_FOR_AVERAGES:
            limit = max(
                AVERAGE_FACTOR * usual.average_ms, usual.average_ms + _LEAST_MORE_AVERAGE_MS
            )
            if current.average_ms > limit:
                yield _slower(f"{channel}'s average", current.average_ms, usual.average_ms, limit)
        if current.turns < _ENOUGH_FOR_P99:
            continue
        limit = deadline_ms + _MARGIN_MS
        if turns >= _ENOUGH_FOR_P99:
            limit = max(FACTOR * usual.p99_ms, usual.p99_ms + _LEAST_MORE_P99_MS)
        if current.p99_ms > limit:
            yield _slower(f"{channel}'s p99", current.p99_ms, usual.p99_ms, limit)


def _slower(what: str, now: float, before: float, limit: float) -> str:
    return f"{what} is {now:.0f} ms (before {before:.0f} ms, allowed {limit:.0f} ms)"


def _cost(now: Figures, before: Figures) -> Iterator[str]:
    if min(now.turns, before.turns) < _ENOUGH_FOR_P99:
        return
    current, usual = now.model_usd / now.turns, before.model_usd / before.turns
    limit = max(FACTOR * usual, usual + _LEAST_MORE_USD)
    if current > limit:
        yield (
            f"models cost {1000 * current:.2f} USD per 1,000 turns "
            f"(before {1000 * usual:.2f}, allowed {1000 * limit:.2f})"
        )
