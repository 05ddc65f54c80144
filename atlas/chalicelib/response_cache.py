"""The response cache, used as a decorator: memory before DynamoDB before making the answer.

The decorator goes on the function that makes an answer and says how long it lives, what its key
is, and what is said when it is not there in time. Tables, leases and refreshes stay in here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cachetools import TTLCache

from chalicelib.answer import Answer, Source
from chalicelib.answer_table import CLOCK_SKEW_SECONDS, AnswerTable, Claim, Entry
from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import DependencyError
from chalicelib.questions import Question

if TYPE_CHECKING:
    from chalicelib.services import Services

TABLE_WAIT_SECONDS = 0.12
"""A table that has not answered by then counts as a miss."""
POLL_SECONDS = 0.06
"""How often a caller looks for the answer that another one is making."""
HAND_OFF_SECONDS = 0.1
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
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="response-cache")

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
        cache, key = services.response_cache, self.key(question, services)
        entry = cache.remembered(key)
        if entry is not None and cache.is_fresh(entry):
            return Answer(entry.text, Source.MEMORY, entry.model)
        pending = cache.start_claim(key)
        claim = settled(pending, deadline.sooner_of(TABLE_WAIT_SECONDS), services)
        if claim is not None and claim.entry is not None:
            return self._found(question, key, claim, claim.entry, deadline, services)
        if entry is not None:
            # The table is late, or has lost what this environment still knows.
            self._give_back(key, claim, pending, services)
            return Answer(entry.text, Source.STALE, entry.model)
        if claim is not None and not claim.lease:
            return self._awaited(question, key, deadline, services)
        made = self.make(question, deadline.keeping_back(HAND_OFF_SECONDS), services)
        # A claim that came too late may hold the lease all the same: use it, do not leave it.
        claim = claim or _late_claim(pending)
        if not self._keep(question, key, made, claim, deadline, services):
            self._give_back(key, claim, pending, services)
        return made

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
            entry = self._entry(made, services)
            stored = cache.table.store(self.key(question, services), claim.lease, entry)
            services.log.info("answer stored" if stored else "lease lost", intent=question.intent)
        return made

    def _found(
        self,
        question: Question,
        key: str,
        claim: Claim,
        entry: Entry,
        deadline: Deadline,
        services: Services,
    ) -> Answer:
        cache = services.response_cache
        cache.remember(key, entry)
        if cache.is_fresh(entry):
            return Answer(entry.text, Source.TABLE, entry.model)
        if claim.lease and services.may_ask_models(question.route):
            services.background.generate(question, claim, deadline)
        elif claim.lease:
            cache.start_release(key, claim.lease)
        return Answer(entry.text, Source.STALE, entry.model)

    def _awaited(
        self, question: Question, key: str, deadline: Deadline, services: Services
    ) -> Answer:
        """Somebody else is making it: look again until the deadline, then say the floor."""
        cache = services.response_cache
        while not deadline.is_over():
            services.sleep(deadline.sooner_of(POLL_SECONDS))
            pending = cache.start_read(key)
            entry = settled(pending, deadline.remaining(), services)
            if entry is not None:
                cache.remember(key, entry)
                return Answer(entry.text, Source.TABLE, entry.model)
            if not pending.done() or pending.exception() is not None:
                break
        return self.floor(question, services)

    def _keep(
        self,
        question: Question,
        key: str,
        made: Answer,
        claim: Claim | None,
        deadline: Deadline,
        services: Services,
    ) -> bool:
        """Remember, store or hand on what was made; False when the lease was of no use."""
        cache, lease = services.response_cache, claim.lease if claim is not None else ""
        if made.is_whole:
            entry = self._entry(made, services)
            cache.remember(key, entry)
            if lease:
                storing = cache.start_store(key, lease, entry)
                settled(storing, deadline.sooner_of(TABLE_WAIT_SECONDS), services)
        elif lease and claim is not None and _is_worth_finishing(question, made, services):
            services.background.generate(question, claim, deadline)
        else:
            return False
        return bool(lease)

    def _give_back(
        self, key: str, claim: Claim | None, pending: Future[Claim], services: Services
    ) -> None:
        """Leave no lease behind that nobody works under: others would wait for it in vain."""
        cache = services.response_cache
        if claim is None:
            cache.release_when_claimed(key, pending)
        elif claim.lease:
            cache.start_release(key, claim.lease)

    def _entry(self, made: Answer, services: Services) -> Entry:
        now = services.response_cache.clock()
        fresh, stale = now + self.fresh_seconds, now + self.stale_seconds
        return Entry(made.text, made.model, now, fresh, stale)


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


def _is_worth_finishing(question: Question, made: Answer, services: Services) -> bool:
    """Not what a model refused to answer, and not while every model is left alone."""
    is_refused = made.generated is not None and made.generated.stop_reason == "refused"
    return not is_refused and services.may_ask_models(question.route)


def _late_claim(pending: Future[Claim]) -> Claim | None:
    """What a look-up that was not waited for has brought since; a failed one was logged."""
    return pending.result() if pending.done() and pending.exception() is None else None
