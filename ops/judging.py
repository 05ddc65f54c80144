"""Whether a version answers as well as the one before it: rules on counted turns, no averages.

A share is too large when, with 99% confidence, it is more than what is allowed, and at least two
turns show it. So two failures among the first ten turns end a release, one among fifty does not.
What is allowed follows the former version's turns, of a quarter of an hour before and since: what a
dependency does to both is not laid on the new version alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ops.turn_logs import Turn

_Z = 2.33
"""99% one-sided: https://www.itl.nist.gov/div898/handbook/eda/section3/eda3671.htm"""
_LEAST = 2
_ALLOWED = {"failed": 0.01, "slow": 0.01, "cold": 0.02, "without a model's words": 0.25}
_OF_FORMER = 1.5
"""A share may be so many times the former version's."""
_ENOUGH_TO_COMPARE = 20
_SLOWER_MEDIAN_MS = 250
"""A quarter of the second in which a turn is to be answered."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Turns of one version, and how many ended outside the app, without a turn's line.

    `slow_ms`: from which latency on a turn counts as slow.
    """

    turns: Sequence[Turn]
    crashes: int
    slow_ms: float

    @property
    def total(self) -> int:
        return len(self.turns) + self.crashes

    def counts(self) -> dict[str, int]:
        """How many turns show each fault; a crash is a failed turn."""
        return {
            "failed": sum(turn.has_failed for turn in self.turns) + self.crashes,
            "slow": sum(turn.milliseconds > self.slow_ms for turn in self.turns),
            "cold": sum(turn.start == "cold" for turn in self.turns),
            "without a model's words": sum(turn.source == "grounded" for turn in self.turns),
        }

    def percentile(self, share: float) -> float:
        """The latency in milliseconds that so many turns are within (nearest rank); 0 of none."""
        ordered = sorted(turn.milliseconds for turn in self.turns)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0

    def to_json(self) -> dict[str, Any]:
        """What a record of the release keeps of it."""
        return {
            "turns": self.total,
            "crashed": self.crashes,
            **self.counts(),
            "p50_ms": round(self.percentile(0.5), 1),
            "p99_ms": round(self.percentile(0.99), 1),
            "sources": dict(Counter(turn.source for turn in self.turns)),
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a version, as one clause of a sentence."""

    kind: str
    text: str


def faults(new: Tally, former: Tally) -> list[Fault]:
    """What the new version does worse than is allowed; none so far when the list is empty."""
    found = []
    usual = former.counts()
    for kind, count in new.counts().items():
        allowed = max(_ALLOWED[kind], _OF_FORMER * usual[kind] / max(1, former.total))
        if is_more(count, new.total, allowed):
            found.append(Fault(kind, _share(kind, count, new, allowed)))
    return found + _slower(new, former)


def _share(kind: str, count: int, new: Tally, allowed: float) -> str:
    what = f"slow (over {new.slow_ms:.0f} ms)" if kind == "slow" else kind
    return (
        f"{count} of {new.total} turns {what} ({100 * count / new.total:.0f}%, "
        f"allowed {100 * allowed:.0f}%)"
    )


def is_more(count: int, total: int, allowed: float) -> bool:
    """Whether so many of so many are surely, with 99% confidence, a larger share than allowed."""
    return count >= _LEAST and _at_least(count, total) > allowed


def _at_least(count: int, total: int) -> float:
    """The lower end of Wilson's interval for a share of `count` in `total`."""
    share, square = count / total, _Z * _Z
    spread = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    return (share + square / (2 * total) - spread) / (1 + square / total)


def _slower(new: Tally, former: Tally) -> list[Fault]:
    """Every turn somewhat slower is no slow turn yet, and still a fault."""
    if min(len(new.turns), len(former.turns)) < _ENOUGH_TO_COMPARE:
        return []
    now, before = new.percentile(0.5), former.percentile(0.5)
    if now <= before + _SLOWER_MEDIAN_MS:
        return []
    return [Fault("slow", f"half of the turns take over {now:.0f} ms, formerly {before:.0f} ms")]


def slow_limit(deadline_ms: float, former: Sequence[Turn]) -> float:
    """From which latency a turn is slow: past its deadline, or what the former version took.

    200 ms beside the deadline are for what follows it: the reply, the log, a busy processor.
    """
    usual = Tally(former, 0, 0.0).percentile(0.99) if len(former) >= _ENOUGH_TO_COMPARE else 0.0
    return max(deadline_ms + 200, _OF_FORMER * usual)


@dataclass(frozen=True, slots=True)
class Noticed:
    """Who met the version's faults. A crash names no session, so each counts as a visitor."""

    visitors: int
    failed: int
    slow: int
    cold: int
    crashed: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)

    def text(self) -> str:
        """As the end of a release's last line."""
        if not self.visitors:
            return "no visitor noticed"
        turns = f"{self.failed} turns failed, {self.slow} were slow, {self.cold} started cold"
        if self.crashed:
            turns += f"; {self.crashed} of them left no session, and count as a visitor each"
        who = "visitor" if self.visitors == 1 else "visitors"
        return f"{self.visitors} {who} noticed ({turns})"


def noticed(new: Tally, synthetic: Collection[str], synthetic_crashes: int) -> Noticed:
    """The visitors with a failed, slow or cold turn; sessions in `synthetic` are nobody's."""
    turns = [turn for turn in new.turns if turn.session not in synthetic]
    crashes = max(0, new.crashes - synthetic_crashes)
    counts = Tally(turns, crashes, new.slow_ms).counts()
    met = {t.session for t in turns if t.has_failed or t.milliseconds > new.slow_ms}
    met |= {turn.session for turn in turns if turn.start == "cold"}
    return Noticed(len(met) + crashes, counts["failed"], counts["slow"], counts["cold"], crashes)
