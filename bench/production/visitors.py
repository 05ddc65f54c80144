"""People who go on talking while something happens to the stage, and what they met."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bench.questions import QUESTIONS_BY_INTENT
from bench.site import NotInTimeError, Site
from bench.visitor import UndrivableError, Visitor, number_of
from chalicelib.workflow import execution_name

TURNS_OF_A_VISITOR = 6
PAUSE_SECONDS = 0.15
"""A person's is a hundred times as long; each of these visitors so stands for a hundred."""
# Every sixth question is one that no answer was made for ahead.
OPEN = (
    "can i use this for a dentist with three branches",
    "what happens when my customers call at night",
    "is there a discount for schools",
    "how much would that cost us",
)
QUESTIONS = [
    words
    for made in itertools.zip_longest(*QUESTIONS_BY_INTENT.values(), fillvalue="hello")
    for words in made
]
OVER_SECONDS = 90.0
LINE = {"ring_seconds": 0.2}
_NUMBERS = map(number_of, itertools.count(100))


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as its visitor met it."""

    session: str
    seconds: float
    is_good: bool


@dataclass(slots=True)
class Met:
    """All turns of all visitors, and the leads that they became; thread-safe."""

    turns: list[Said] = field(default_factory=list)
    leads: list[Visitor] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, said: Said) -> None:
        with self._lock:
            self.turns.append(said)

    @property
    def failed(self) -> int:
        return sum(not said.is_good for said in self.turns)

    @property
    def visitors(self) -> int:
        return len({said.session for said in self.turns})

    def with_failure(self) -> set[str]:
        """The visitors of whom a turn failed."""
        return {said.session for said in self.turns if not said.is_good}

    def longer_than(self, seconds: float) -> set[str]:
        """The visitors who waited longer than that for a turn."""
        return {said.session for said in self.turns if said.seconds > seconds}


class Overheard(Site):
    """A site of whose turns each is noted, whoever takes them."""

    def __init__(self, site: Site, met: Met) -> None:
        super().__init__(site.address, site.stage)
        self._met = met

    def client(self, service: str) -> Any:
        client = super().client(service)
        return _Lex(client, self._met) if service == "lexv2-runtime" else client


class _Lex:
    def __init__(self, client: Any, met: Met) -> None:
        self._client, self._met = client, met

    def recognize_text(self, **request: Any) -> Any:
        began, is_good = time.monotonic(), False
        try:
            answer = self._client.recognize_text(**request)
            is_good = answer["sessionState"].get("intent", {}).get("state") != "Failed"
        finally:
            seconds = time.monotonic() - began
            self._met.note(Said(request["sessionId"], seconds, is_good))
        return answer


@contextlib.contextmanager
def talking(site: Site, chatting: int = 4, bookings: int = 0) -> Iterator[Met]:
    """So many chat at a time, each gone after six turns for the next to come.

    `bookings`: leads, one after the other; the `with` ends when the last one's workflow has.
    """
    met, over = Met(), threading.Event()
    with contextlib.closing(Overheard(site, met)) as heard:
        for service in ("lexv2-runtime", "stepfunctions"):
            heard.client(service)
        work: list[Callable[[], None]] = [lambda: _chat(heard, over)] * chatting
        work += [lambda: _book(heard, met, bookings)] * bool(bookings)
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        try:
            yield met
        finally:
            over.set()
            for thread in threads:
                thread.join()


def _chat(site: Site, over: threading.Event) -> None:
    known, unknown = itertools.cycle(QUESTIONS), itertools.cycle(OPEN)
    while not over.is_set():
        # A random id stands in the logs as it is; one that people chose becomes a short label.
        visitor = Visitor(site, "", session_id=secrets.token_hex(16))
        asked = [*itertools.islice(known, TURNS_OF_A_VISITOR - 1), next(unknown)]
        _ask(visitor, asked, over)


def _ask(visitor: Visitor, questions: Sequence[str], over: threading.Event) -> None:
    for words in questions:
        if over.wait(PAUSE_SECONDS):
            return
        with contextlib.suppress(ClientError, BotoCoreError):
            visitor.say(words)


def _book(site: Site, met: Met, count: int) -> None:
    for _ in range(count):
        try:
            met.leads.append(booked(site))
        except (NotInTimeError, UndrivableError, ClientError, BotoCoreError) as error:
            met.problems.append(f"a booking: {error}")


def booked(site: Site) -> Visitor:
    """A visitor whose phone has rung, who has talked, and whose lead has its summary."""
    visitor = Visitor(site, next(_NUMBERS), session_id=secrets.token_hex(16))
    site.post("phone/line", {"number": visitor.number, **LINE})
    visitor.wants_call()
    visitor.say("yes")
    visitor.rung()
    name = execution_name(visitor.interaction_id)

    def is_over() -> bool:
        return name in {run["name"] for run in site.executions("SUCCEEDED")}

    site.wait(f"the end of the workflow of {visitor.interaction_id}", is_over, OVER_SECONDS)
    return visitor
