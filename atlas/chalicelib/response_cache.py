"""The response cache, used as a decorator: memory before DynamoDB before making the answer.

The decorator goes on the function that makes an answer and says how long it lives, what its key
is, and what is said when it is not there in time. Tables, leases and refreshes stay in here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cachetools import TTLCache

from chalicelib.answer import Answer, Source
from chalicelib.answer_table import CLOCK_SKEW_SECONDS, AnswerTable, Claim, Entry
from chalicelib.bounded_workers import BoundedWorkers
from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import DependencyError
from chalicelib.questions import Question

if TYPE_CHECKING:
    from chalicelib.services import Services

TABLE_WAIT_SECONDS = 0.12
"""A table that has not answered by then counts as a miss."""
POLL_SECONDS = 0.06
"""How often a caller looks for the answer that another one is making."""
HAND_OFF_SECONDS = 0.05
"""Kept back from the turn's deadline, to pass an unfinished answer on."""
MEMORY_ENTRIES = 512
_WORKERS = 4


class ResponseCache:
    """Both tiers of one environment: a bounded memory, and the table behind a time limit."""

    def __init__(self, table: AnswerTable, clock: Clock = time.time) -> None:
        self.table = table
        self.clock = clock
        self._memory: TTLCache[str, Entry] = TTLCache(MEMORY_ENTRIES, ttl=86_400, timer=clock)
        # Table calls run beside the turn, so that one that is late costs its 120 ms and no more,
        # and still ends by itself with its connection kept.
        self._workers = BoundedWorkers(_WORKERS, "dynamodb")

    def remembered(self, key: str) -> Entry | None:
        """The entry in memory as long as it may be shown, fresh or stale."""
        entry = self._memory.get(key)
        return entry if entry is not None and entry.expires_at > self.clock() else None

    def is_fresh(self, entry: Entry) -> bool:
        return entry.fresh_until > self.clock()

    def remember(self, key: str, entry: Entry) -> None:
        self._memory[key] = entry

    def start_claim(self, key: str) -> Future[Claim]:
        return self._workers.submit(self.table.claim, key)

    def start_read(self, key: str) -> Future[Entry | None]:
        return self._workers.submit(self.table.read, key)

    def start_store(self, key: str, lease: str, entry: Entry) -> Future[bool]:
        return self._workers.submit(self.table.store, key, lease, entry)

    def start_release(self, key: str, lease: str) -> Future[None]:
        return self._workers.submit(self.table.release, key, lease)

    def release_when_claimed(self, key: str, pending: Future[Claim]) -> None:
        """Give back what a claim that nobody waits for any more may still get."""
        if pending.cancel():
            return

        def release(done: Future[Claim]) -> None:
            if done.exception() is None and (lease := done.result().lease):
                self.start_release(key, lease)

        pending.add_done_callback(release)


class Make(Protocol):
    """The function under the decorator: it makes an answer and never raises for a late model."""

    def __call__(self, question: Question, deadline: Deadline, services: Services) -> Answer: ...


@dataclass(frozen=True, slots=True)
class CachedAnswers:
    """What the decorator leaves in the function's place; call it as the function."""

    make: Make
    key: Callable[[Question, Services], str]
    floor: Callable[[Question, Services], Answer]
    shared: Callable[[Question, Services], bool]
    fresh_seconds: float
    stale_seconds: float

    def __call__(self, question: Question, deadline: Deadline, services: Services) -> Answer:
        """The answer by the deadline, from the nearest place that has one."""
        if not self.shared(question, services):
            return self.make(question, deadline, services)
        return _Asked(self, question, deadline, services).answer()

    def make_and_store(
        self, question: Question, claim: Claim, deadline: Deadline, services: Services
    ) -> Answer:
        """Make the answer in the background under `claim`'s lease; stored if it came out whole.

        The floor, and no model call, when the lease would be over before the answer is there.
        """
        cache = services.response_cache
        left = claim.lease_until - CLOCK_SKEW_SECONDS - cache.clock()
        if left <= 0:
            services.log.info("lease over", intent=question.intent)
            return self.floor(question, services)
        within = Deadline.after(deadline.sooner_of(left), clock=deadline.clock)
        made = self.make(question, within, services)
        if not made.is_whole:
            cache.table.release(self.key(question, services), claim.lease)
        else:
            entry = self.entry(made, services)
            stored = cache.table.store(self.key(question, services), claim.lease, entry)
            services.log.info("answer stored" if stored else "lease lost", intent=question.intent)
        return made

    def entry(self, made: Answer, services: Services) -> Entry:
        """What is stored of an answer that was just made."""
        now = services.response_cache.clock()
        fresh, stale = now + self.fresh_seconds, now + self.stale_seconds
        return Entry(made.text, made.model, now, fresh, stale)


class _Asked:
    """One question on its way through memory, table and model, with the lease it may get."""

    def __init__(
        self, cached: CachedAnswers, question: Question, deadline: Deadline, services: Services
    ) -> None:
        self._cached = cached
        self._question = question
        self._deadline = deadline
        self._services = services
        self._cache = services.response_cache
        self._key = cached.key(question, services)

    def answer(self) -> Answer:
        remembered = self._cache.remembered(self._key)
        if remembered is not None and self._cache.is_fresh(remembered):
            return Answer(remembered.text, Source.MEMORY, remembered.model)
        pending = self._cache.start_claim(self._key)
        claim = settled(pending, self._deadline.sooner_of(TABLE_WAIT_SECONDS), self._services)
        # While the table is late, or has lost it, this environment may still know the answer.
        entry = claim.entry if claim is not None and claim.entry is not None else remembered
        if entry is not None:
            return self._found(entry, claim, pending)
        if claim is not None and not claim.lease:
            return self._awaited()
        within = self._deadline.keeping_back(HAND_OFF_SECONDS)
        made = self._cached.make(self._question, within, self._services)
        # A claim that came too late may hold the lease all the same: use it, do not leave it.
        self._keep(made, claim or _late_claim(pending), pending)
        return made

    def _found(self, entry: Entry, claim: Claim | None, pending: Future[Claim]) -> Answer:
        self._cache.remember(self._key, entry)
        if self._cache.is_fresh(entry):
            return Answer(entry.text, Source.TABLE, entry.model)
        self._finish_or_give_back(claim, pending, may_finish=True)
        return Answer(entry.text, Source.STALE, entry.model)

    def _awaited(self) -> Answer:
        """Somebody else is making it: look again until the deadline, then say the floor."""
        while not self._deadline.is_over():
            self._services.sleep(self._deadline.sooner_of(POLL_SECONDS))
            pending = self._cache.start_read(self._key)
            entry = settled(pending, self._deadline.remaining(), self._services)
            if entry is not None:
                self._cache.remember(self._key, entry)
                return Answer(entry.text, Source.TABLE, entry.model)
            if not pending.done() or pending.exception() is not None:
                break
        return self._cached.floor(self._question, self._services)

    def _keep(self, made: Answer, claim: Claim | None, pending: Future[Claim]) -> None:
        """Remember and store what came out whole; pass on what may yet."""
        if not made.is_whole:
            is_refused = made.generated is not None and made.generated.stop_reason == "refused"
            self._finish_or_give_back(claim, pending, may_finish=not is_refused)
            return
        entry = self._cached.entry(made, self._services)
        self._cache.remember(self._key, entry)
        if claim is None:
            self._cache.release_when_claimed(self._key, pending)
        elif claim.lease:
            storing = self._cache.start_store(self._key, claim.lease, entry)
            settled(storing, self._deadline.sooner_of(TABLE_WAIT_SECONDS), self._services)

    def _finish_or_give_back(
        self, claim: Claim | None, pending: Future[Claim], may_finish: bool
    ) -> None:
        """Leave no lease behind that nobody works under: others would wait for it in vain."""
        if claim is None:
            self._cache.release_when_claimed(self._key, pending)
        elif claim.lease and may_finish and self._services.may_ask_models(self._question.route):
            self._services.background.generate(self._question, claim, self._deadline)
        elif claim.lease:
            self._cache.start_release(self._key, claim.lease)


def response_cache(
    *,
    key: Callable[[Question, Services], str],
    floor: Callable[[Question, Services], Answer],
    shared: Callable[[Question, Services], bool],
    fresh_seconds: float,
    stale_seconds: float,
) -> Callable[[Make], CachedAnswers]:
    """Cache what the decorated function makes, under `key`, for everyone who asks the same.

    An answer is served for `fresh_seconds`, then served while it is refreshed until
    `stale_seconds` after it was made. `floor` is what is said when another caller is making the
    answer and the deadline comes first. Where `shared` says no, nothing is cached.
    """

    def decorate(make: Make) -> CachedAnswers:
        return CachedAnswers(make, key, floor, shared, fresh_seconds, stale_seconds)

    return decorate


def settled(pending: Future[Any], seconds: float, services: Services) -> Any:
    """The future's result within `seconds`; None when it is late or its table call failed."""
    try:
        return pending.result(timeout=seconds)
    except FutureTimeoutError:
        return None
    except DependencyError as exc:
        services.log.warning("table failed", error=str(exc))
        return None


def _late_claim(pending: Future[Claim]) -> Claim | None:
    """What a look-up that was not waited for has brought since; a failed one was logged."""
    return pending.result() if pending.done() and pending.exception() is None else None
