"""One shared question on its way through memory, table and model, so that one caller asks a model.

Whoever gets the table's lease makes the answer; the others look again until their deadline. A
question that stands for many (`Question.is_folded`) waits for the table before it asks a model.
One that few will ask again does not: its model starts beside the look-up, and whoever is first
wins.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.answer import Answer, Source
from chalicelib.answer_ages import refused_seconds
from chalicelib.answer_table import LEASE_SECONDS, Claim, Entry
from chalicelib.cancellation import Cancellation
from chalicelib.deadline import Deadline
from chalicelib.questions import Question
from chalicelib.refreshing import refresh

if TYPE_CHECKING:
    from chalicelib.response_cache import CachedAnswers
    from chalicelib.services import Services

TABLE_WAIT_SECONDS = 0.12
"""A table that has not answered by then keeps nobody from asking a model."""
BESIDE_SECONDS = 0.02
"""How long the look-up is alone where the model may start beside it."""
POLL_SECONDS = 0.06
"""How often a caller looks for the answer that another one is making."""
FIRST_LOOK_SECONDS = 0.25
"""No look is worth its read so soon after a lease began: the fastest answers under the latencies
`reported`, 40 tokens of a Haiku-class model, take 0.31 s."""
HAND_OFF_SECONDS = 0.05
"""What passing an answer's making on may cost a turn; kept back from an unfinished one's."""


class Asked:
    """One question of one turn, with the lease it may get."""

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
        """From memory at once, fresh or stale; else from whoever is nearest."""
        if (entry := self._cache.memory.entry(self._key)) is not None:
            return self._shown(entry, Source.MEMORY)
        if self._cache.memory.is_refused(self._key):
            return self._floor()
        if not self._cache.rest.is_over():
            return self._made_alone()
        return self._looked_up()

    def _looked_up(self) -> Answer:
        pending = self._cache.start_claim(self._key)
        claim = self._claimed(pending)
        if claim is None:
            return self._beside(pending)
        if _says_something(claim):
            return self._found(claim)
        if self._question.is_folded and not claim.lease:
            return self._awaited(claim)
        made = self._make()
        self._keep(made, claim, pending)
        return made

    def _claimed(self, pending: Future[Claim]) -> Claim | None:
        """What the table says in the time that it has alone; None when it is late or failed."""
        if self._question.is_folded:
            within = self._deadline.sooner_of(TABLE_WAIT_SECONDS)
            return self._cache.settled(pending, within, self._services)
        wait((pending,), self._deadline.sooner_of(BESIDE_SECONDS))
        # A table that is not waited for is not late, and does not come to rest for that.
        return self._cache.settled(pending, 0, self._services) if pending.done() else None

    def _beside(self, pending: Future[Claim]) -> Answer:
        """Ask a model without waiting longer for the table, whose answer wins if it is first."""
        if pending.done() and pending.exception() is not None:
            return self._made_alone()
        cancellation = Cancellation()
        pending.add_done_callback(lambda done: _cancel_if_found(done, cancellation))
        made = self._make(cancellation)
        # A claim that came too late may hold the lease all the same: use it, do not leave it.
        claim = self._brought(pending)
        if not made.is_whole and claim is not None and claim.entry is not None:
            return replace(self._found(claim), generated=made.generated)
        self._keep(made, claim, pending)
        return made

    def _make(self, cancellation: Cancellation | None = None) -> Answer:
        within = self._deadline.keeping_back(HAND_OFF_SECONDS)
        return self._cached.make(self._question, within, self._services, cancellation)

    def _made_alone(self) -> Answer:
        """While the table rests or fails, every environment makes its own and remembers it."""
        made = self._make()
        self._note(made)
        return made

    def _brought(self, pending: Future[Claim]) -> Claim | None:
        """What a look-up that was not waited for any more has brought since."""
        if not pending.done():
            return None
        if (failed := pending.exception()) is not None:
            self._services.log.warning("table failed", error=str(failed))
            return None
        return pending.result()

    def _found(self, claim: Claim) -> Answer:
        """An entry, and a stale one's refresh; or the floor where no model had an answer."""
        if claim.entry is None:
            self._cache.memory.refuse(self._key, claim.refused_until)
            return self._floor()
        self._cache.memory.remember(self._key, claim.entry)
        if claim.lease:
            self._finish_or_give_back(claim)
        elif self._cache.is_fresh(claim.entry):
            return self._shown(claim.entry, Source.TABLE)
        return self._stored(claim.entry, Source.STALE)

    def _shown(self, entry: Entry, source: Source) -> Answer:
        """An entry of which this reader alone may find that it is due."""
        is_refused = self._cache.memory.is_refused(self._key)
        if self._cache.is_due(entry) and not is_refused:
            refresh(self._question, self._key, entry, self._deadline, self._services)
        source = source if self._cache.is_fresh(entry) else Source.STALE
        return self._stored(entry, source)

    def _stored(self, entry: Entry, source: Source) -> Answer:
        # Another environment's clock may be ahead of this one's.
        age = max(0.0, self._cache.clock() - entry.created_at)
        return Answer(entry.text, source, entry.model, age_seconds=age)

    def _awaited(self, claim: Claim) -> Answer:
        """Somebody else is making it: look again until the deadline, then say the floor.

        A lease that is over, or was given back, is anybody's: this caller may take it then.
        """
        first_look_at = claim.lease_until - LEASE_SECONDS + FIRST_LOOK_SECONDS
        # Two clocks may differ: by no more than this is the first look late for that.
        pause = min(first_look_at - self._cache.clock(), FIRST_LOOK_SECONDS)
        while not self._deadline.is_over():
            self._services.sleep(self._deadline.sooner_of(max(pause, POLL_SECONDS)))
            pause = POLL_SECONDS
            pending = self._cache.start_read(self._key)
            found = self._cache.settled(pending, self._deadline.remaining(), self._services)
            if found is None:
                break
            if found.entry is not None or found.refused_until > self._cache.clock():
                return self._found(Claim(found.entry, refused_until=found.refused_until))
            if found.leased_until <= self._cache.clock() and not self._deadline.is_over():
                return self._looked_up()
        return self._floor()

    def _keep(self, made: Answer, claim: Claim | None, pending: Future[Claim]) -> None:
        """Remember and store what came out whole; pass on what may yet."""
        entry, seconds = self._note(made)
        if claim is None:
            self._cache.release_when_claimed(self._key, pending, seconds)
        elif claim.lease and entry is not None:
            storing = self._cache.start_store(self._key, claim.lease, entry)
            within = self._deadline.sooner_of(TABLE_WAIT_SECONDS)
            self._cache.settled(storing, within, self._services)
        elif claim.lease and seconds:
            self._cache.start_release(self._key, claim.lease, seconds)
        elif claim.lease:
            self._finish_or_give_back(claim)

    def _note(self, made: Answer) -> tuple[Entry | None, float]:
        """Remember a whole answer, or for how many seconds there is none to be had."""
        if made.is_whole:
            entry = self._cached.entry(made, self._services)
            self._cache.memory.remember(self._key, entry)
            return entry, 0.0
        if seconds := refused_seconds(made):
            self._cache.memory.refuse(self._key, self._cache.clock() + seconds)
        return None, seconds

    def _finish_or_give_back(self, claim: Claim) -> None:
        """Leave no lease behind that nobody works under: others would wait for it in vain."""
        background, question = self._services.background, self._question
        # What is to be said is known by now: it waits for the hand-off as long as is kept back.
        seconds = self._deadline.sooner_of(HAND_OFF_SECONDS)
        within = Deadline.after(seconds, clock=self._deadline.clock)
        is_asked = self._services.may_ask_models(question.route)
        if not (is_asked and background.generate(question, claim, within)):
            self._cache.start_release(self._key, claim.lease)

    def _floor(self) -> Answer:
        return self._cached.floor(self._question, self._services)


def _says_something(claim: Claim) -> bool:
    """Whether the look-up alone settles what is said."""
    return claim.entry is not None or claim.refused_until > 0


def _cancel_if_found(done: Future[Claim], cancellation: Cancellation) -> None:
    if not done.cancelled() and done.exception() is None and done.result().entry is not None:
        cancellation.cancel()
