"""Has answers that are due made anew, beside turns that have already been answered from memory.

A Lambda environment is frozen as soon as its turn's reply is out, so what a turn begins beside
itself may stop midway, for minutes. Nothing of it is lost for good: a claim that thaws too late
gives up, its lease expires by itself, and the next turn that meets the answer finishes what was
begun, or begins again, and this time waits for it. What failed without a freeze would fail again:
it is left alone for a while, and no turn waits for it.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from chalicelib.answer_table import CLOCK_SKEW_SECONDS, GENERATION_SECONDS, Entry
from chalicelib.bounded_workers import BoundedWorkers
from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import DependencyError
from chalicelib.questions import Question

if TYPE_CHECKING:
    from chalicelib.services import Services

AGAIN_SECONDS = 3.0
"""How long an environment leaves a refresh to whoever makes it, or what failed, to itself."""
LOST_SECONDS = 2.5
"""An attempt that takes longer than all its time-outs was frozen: the table's client gives up
after 1.5 s, Lambda's after 0.8 s."""
WAIT_SECONDS = 0.17
"""What the attempt after a lost one may cost its turn: the table's 120 ms and the hand-off's 50."""
ATTEMPTS = 512
_WORKERS = 2
_USEFUL_SECONDS = GENERATION_SECONDS / 2
"""A lease with less left than this is not worth a model call."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """`ended` brings the moment from which another may follow, None when a freeze ruined it."""

    begun_at: float
    ended: Future[float | None]

    def is_pending(self, now: float) -> bool:
        """Whether it is under way, or has settled the matter for now."""
        if not self.ended.done():
            return now < self.begun_at + LOST_SECONDS
        if self.ended.exception() is not None:
            return now < self.begun_at + AGAIN_SECONDS
        return (self.ended.result() or 0.0) > now

    def is_lost(self) -> bool:
        """Whether it was frozen, and is not over yet or came to nothing."""
        if not self.ended.done():
            return True
        return self.ended.exception() is None and self.ended.result() is None


class Refreshes:
    """The attempts of one environment by key, bounded, on two threads of their own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attempts: LRUCache[str, _Attempt] = LRUCache(ATTEMPTS)
        self._workers = BoundedWorkers(_WORKERS, "refresh")

    def last(self, key: str) -> _Attempt | None:
        found: _Attempt | None = self._attempts.get(key)
        return found

    def begin(self, question: Question, key: str, entry: Entry, services: Services) -> _Attempt:
        ended = self._workers.submit(_refreshed, question, key, entry, services)
        self._attempts[key] = attempt = _Attempt(self._clock(), ended)
        return attempt


def refresh(
    question: Question, key: str, entry: Entry, deadline: Deadline, services: Services
) -> None:
    """Have an answer that is being served from memory made anew; waits only after a freeze."""
    cache = services.response_cache
    last = cache.refreshes.last(key)
    if (last is not None and last.is_pending(cache.clock())) or not cache.rest.is_over():
        return
    if last is None or not last.is_lost():
        cache.refreshes.begin(question, key, entry, services)
        return
    # What was frozen goes on by itself now, and its lease may still be worth something.
    wait((last.ended,), deadline.sooner_of(WAIT_SECONDS))
    if last.is_lost():
        again = cache.refreshes.begin(question, key, entry, services)
        wait((again.ended,), deadline.sooner_of(WAIT_SECONDS))


def _refreshed(question: Question, key: str, entry: Entry, services: Services) -> float | None:
    """Claim and hand over; the moment for the next attempt, None when a freeze ruined this one."""
    cache = services.response_cache
    begun_at = cache.clock()
    has_failed = is_settled = False
    try:
        # It may have queued behind those after which the table came to rest.
        is_settled = cache.rest.is_over() and _handed_over(question, key, entry, services)
    except DependencyError as exc:
        has_failed = True
        services.log.warning("table failed", error=str(exc))
    now = cache.clock()
    if not is_settled and now - begun_at >= LOST_SECONDS:
        return None
    if has_failed:
        cache.rest.failed()
    return now + AGAIN_SECONDS


def _handed_over(question: Question, key: str, entry: Entry, services: Services) -> bool:
    """Whether somebody sees to it now, or nobody can; DependencyError when the table fails."""
    cache = services.response_cache
    claim = cache.table.claim(key, max(cache.clock(), entry.fresh_until + 1.0))
    cache.rest.answered()
    if claim.entry is not None and claim.entry.fresh_until > entry.fresh_until:
        cache.memory.remember(key, claim.entry)
    if claim.refused_until:
        cache.memory.refuse(key, claim.refused_until)
    if not claim.lease:
        return True
    if claim.lease_until - CLOCK_SKEW_SECONDS - cache.clock() < _USEFUL_SECONDS:
        return False
    is_asked = services.may_ask_models(question.route)
    within = Deadline.after(LOST_SECONDS)
    if is_asked and services.background.generate(question, claim, within):
        return True
    cache.table.release(key, claim.lease)
    return not is_asked
