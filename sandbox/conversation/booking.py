"""One booked demo as the visitor lives through it: the ring, the end of the call, the record."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.conversation.backstage import Backstage
from sandbox.conversation.demo_chat import spoken
from sandbox.conversation.demo_records import purpose, records_text
from sandbox.conversation.layout import WIDTH
from sandbox.conversation.phone import CLAIM_SECONDS, Phone
from sandbox.conversation.talk import ControlError

LOOK_SECONDS = 0.2
RECORD_LIMIT_SECONDS = 60.0
"""So long after the call its summary is waited for."""
UNREACHABLE = (ClientError, BotoCoreError, ControlError, OSError)
"""What a look at the sandbox raises when it is gone, or refuses."""


class Booking:
    """Tells each piece of news once; for any thread."""

    def __init__(
        self,
        interaction_id: str,
        phone: Phone,
        backstage: Backstage,
        clock: Callable[[], float] = time.monotonic,
        width: int = WIDTH,
    ) -> None:
        self.interaction_id, self.phone = interaction_id, phone
        self._backstage, self._clock, self._width = backstage, clock, width
        self._lock = threading.Lock()
        self._earlier = {call["id"] for call in phone.calls()}
        self._told: set[str] = set()
        self._claimed_until, self._over_since = 0.0, 0.0

    def call(self) -> dict[str, Any] | None:
        """The call of this booking, None while there is none."""
        return next((c for c in self.phone.calls() if c["id"] not in self._earlier), None)

    def ringing(self) -> dict[str, Any] | None:
        """The call while it waits to be answered."""
        call = self.call()
        return call if call and call["state"] == "ringing" else None

    @property
    def is_told(self) -> bool:
        """Whether there is nothing more to tell."""
        return "record" in self._told

    def look(self) -> list[str]:
        """Stay there for the call, and return the news; nothing when the sandbox is away."""
        with self._lock, contextlib.suppress(*UNREACHABLE):
            self._keep_claim()
            call = self.call()
            return self._news(call) if call else []
        return []

    def _keep_claim(self) -> None:
        now = self._clock()
        if now > self._claimed_until - CLAIM_SECONDS / 2:
            self.phone.claim()
            self._claimed_until = now + CLAIM_SECONDS

    def _news(self, call: dict[str, Any]) -> list[str]:
        if call["state"] == "ringing" and self._first("ringing"):
            return [f"*** Your phone is ringing ({spoken(self.phone.number)}): /answer or /decline"]
        if call["state"] != "ended":
            return []
        missed = not call["answered"] and self._first("missed")
        news = [f"*** The phone has stopped ringing: {_words(call)}."] if missed else []
        return news + ([] if self.is_told else self._record())

    def _record(self) -> list[str]:
        self._over_since = self._over_since or self._clock()
        leads = self._backstage.lead_records(self.interaction_id)
        tasks = [task for lead in leads for task in self._backstage.tasks_of(lead["Id"])]
        if any(purpose(task) == "call" for task in tasks) and self._first("record"):
            title = "*** The call is summed up. Salesforce has:"
            return ["\n".join([title, *records_text(leads, tasks, self._width)])]
        if self._clock() - self._over_since > RECORD_LIMIT_SECONDS and self._first("record"):
            return ["*** Salesforce knows nothing of the call yet; /lead shows what there is."]
        return []

    def _first(self, piece: str) -> bool:
        is_first = piece not in self._told
        self._told.add(piece)
        return is_first


def _words(call: dict[str, Any]) -> str:
    return str(call["outcome"]).replace("_", " ")


@contextlib.contextmanager
def looking(
    look: Callable[[], list[str]],
    notify: Callable[[str], None],
    seconds: float,
) -> Iterator[None]:
    """Look every so often beside the chat, for the length of a `with`."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(seconds):
            for news in look():
                notify(news)

    thread = threading.Thread(target=work, name="booking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(5)
