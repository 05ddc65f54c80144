"""The response cache, used as a decorator: memory before DynamoDB before making the answer.

The decorator goes on the function that makes an answer and says how long it lives, what its key
is, and what is said when it is not there in time. Tables, leases and refreshes stay behind it:
`single_flight.py` is a question's way through them, `refreshing.py` what happens beside it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from chalicelib.answer import Answer
from chalicelib.answer_ages import Ages, is_due, refused_seconds
from chalicelib.answer_memory import AnswerMemory, TableRest
from chalicelib.answer_table import CLOCK_SKEW_SECONDS, AnswerTable, Claim, Entry, Found
from chalicelib.bounded_workers import BoundedWorkers
from chalicelib.cancellation import Cancellation
from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import DependencyError
from chalicelib.questions import Question
from chalicelib.refreshing import Refreshes
from chalicelib.single_flight import Asked

if TYPE_CHECKING:
    from chalicelib.services import Services

_WORKERS = 4
_Result = TypeVar("_Result")


class ResponseCache:
    """Both tiers of one environment: a bounded memory, and the table behind a time limit."""

    def __init__(
        self,
        table: AnswerTable,
        clock: Clock = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.table = table
        self.clock = clock
        self.chance = chance
        self.memory = AnswerMemory(clock)
        self.rest = TableRest(clock)
        self.refreshes = Refreshes(clock)
        # Table calls run beside the turn, so that one that is late costs its 120 ms and no more,
        # and still ends by itself with its connection kept.
        self._workers = BoundedWorkers(_WORKERS, "dynamodb")

    def is_fresh(self, entry: Entry) -> bool:
        return entry.fresh_until > self.clock()

    def is_due(self, entry: Entry) -> bool:
        """Whether who reads this now has it made anew: always past its fresh time."""
        return is_due(entry.fresh_until, entry.making_seconds, self.clock(), self.chance())

    def start_claim(self, key: str) -> Future[Claim]:
        return self._workers.submit(self.table.claim, key)

    def start_read(self, key: str) -> Future[Found]:
        return self._workers.submit(self.table.read, key)

    def start_store(self, key: str, lease: str, entry: Entry) -> Future[bool]:
        return self._workers.submit(self.table.store, key, lease, entry)

    def start_fill(self, keys: Sequence[str]) -> Future[None]:
        """Read these into memory, as far as the table has them."""
        return self._workers.submit(self._fill, keys)

    def _fill(self, keys: Sequence[str]) -> None:
        for key, entry in self.table.read_many(keys).items():
            self.memory.fill(key, entry)

    def start_release(self, key: str, lease: str, refused_seconds: float = 0.0) -> Future[None]:
        return self._workers.submit(self.table.release, key, lease, refused_seconds)

    def release_when_claimed(self, key: str, pending: Future[Claim], seconds: float = 0.0) -> None:
        """Give back what a claim that nobody waits for any more may still get."""
        if pending.cancel():
            return

        def release(done: Future[Claim]) -> None:
            if done.exception() is None and (lease := done.result().lease):
                self.start_release(key, lease, seconds)

        pending.add_done_callback(release)

    def settled(
        self, pending: Future[_Result], seconds: float, services: Services
    ) -> _Result | None:
        """The table's answer within `seconds`; None when it is late or failed, which is noted."""
        try:
            result = pending.result(timeout=seconds)
        except FutureTimeoutError:
            self.rest.failed()
            return None
        except DependencyError as exc:
            self.rest.failed()
            services.log.warning("table failed", error=str(exc))
            return None
        self.rest.answered()
        return result


class Make(Protocol):
    """The function under the decorator: it makes an answer and never raises for a late model."""

    def __call__(
        self,
        question: Question,
        deadline: Deadline,
        services: Services,
        cancellation: Cancellation | None = None,
    ) -> Answer: ...


@dataclass(frozen=True, slots=True)
class CachedAnswers:
    """What the decorator leaves in the function's place; call it as the function."""

    make: Make
    key: Callable[[Question, Services], str]
    floor: Callable[[Question, Services], Answer]
    shared: Callable[[Question, Services], bool]
    ages: Callable[[Services], Ages]

    def __call__(self, question: Question, deadline: Deadline, services: Services) -> Answer:
        """The answer by the deadline, from the nearest place that has one."""
        if not self.shared(question, services):
            return self.make(question, deadline, services)
        return Asked(self, question, deadline, services).answer()

    def make_and_store(
        self, question: Question, claim: Claim, deadline: Deadline, services: Services
    ) -> Answer:
        """Make the answer in the background under `claim`'s lease; stored if it came out whole.

        The floor, and no model call, when the lease would be over before the answer is there.
        """
        cache, key = services.response_cache, self.key(question, services)
        left = claim.lease_until - CLOCK_SKEW_SECONDS - cache.clock()
        if left <= 0:
            services.log.info("lease over", intent=question.intent)
            return self.floor(question, services)
        within = Deadline.after(deadline.sooner_of(left), clock=deadline.clock)
        made = self.make(question, within, services)
        if not made.is_whole:
            cache.table.release(key, claim.lease, refused_seconds(made, is_last=True))
        else:
            stored = cache.table.store(key, claim.lease, self.entry(made, services))
            services.log.info("answer stored" if stored else "lease lost", intent=question.intent)
        return made

    def entry(self, made: Answer, services: Services) -> Entry:
        """What is stored of an answer that was just made."""
        cache = services.response_cache
        now = cache.clock()
        fresh, stale = self.ages(services).ends(now, cache.chance())
        seconds = made.generated.seconds if made.generated else 0.0
        return Entry(made.text, made.model, now, fresh, stale, seconds)


def response_cache(
    *,
    key: Callable[[Question, Services], str],
    floor: Callable[[Question, Services], Answer],
    shared: Callable[[Question, Services], bool],
    ages: Callable[[Services], Ages],
) -> Callable[[Make], CachedAnswers]:
    """Cache what the decorated function makes, under `key`, for everyone who asks the same.

    `ages` says how long an answer is served, and how long it is served while it is made anew.
    `floor` is what is said when another caller is making the answer and the deadline comes first,
    or when no model had one lately. Where `shared` says no, nothing is cached.
    """

    def decorate(make: Make) -> CachedAnswers:
        return CachedAnswers(make, key, floor, shared, ages)

    return decorate
