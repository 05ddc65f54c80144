"""Every call that is kept: all that are under way, and the last ones that ended."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from sandbox.aws_api import ApiError
from sandbox.connect.call import Call, Recording

TOKEN_SECONDS = 7 * 24 * 3600.0
"""How long a ClientToken answers with the contact that it made (StartOutboundVoiceContact)."""
KEPT_CALLS = 2_000
UNDER_WAY = 500


class Ledger:
    """Thread-safe; the oldest ended calls and the oldest tokens go first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: OrderedDict[str, Call] = OrderedDict()
        self._tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def add(self, call: Call) -> None:
        """ApiError LimitExceededException when too many calls are under way."""
        with self._lock:
            if sum(not each.is_over() for each in self._calls.values()) >= UNDER_WAY:
                raise ApiError("LimitExceededException", "Too many calls are under way.", 429)
            self._calls[call.id] = call
            self._forget()

    def find(self, contact_id: str) -> Call | None:
        with self._lock:
            return self._calls.get(contact_id)

    def all(self) -> list[Call]:
        """Oldest first."""
        with self._lock:
            return list(self._calls.values())

    def recorded_at(self, bucket: str, key: str) -> Call | None:
        """The call whose recording that object is."""
        wanted = Recording(bucket, key)
        return next((call for call in self.all() if call.recording == wanted), None)

    def remember_token(self, token: str, contact_id: str) -> None:
        with self._lock:
            self._tokens[token] = (contact_id, self._clock())
            while len(self._tokens) > KEPT_CALLS:
                self._tokens.popitem(last=False)

    def by_token(self, token: str) -> str | None:
        """The contact that this token made, while the token is valid."""
        with self._lock:
            contact_id, made = self._tokens.get(token, ("", 0.0))
        return contact_id if contact_id and self._clock() - made < TOKEN_SECONDS else None

    def forget_ended(self) -> None:
        with self._lock:
            for name in [call.id for call in self._calls.values() if call.is_over()]:
                del self._calls[name]

    def _forget(self) -> None:
        ended = (call.id for call in list(self._calls.values()) if call.is_over())
        while len(self._calls) > KEPT_CALLS:
            del self._calls[next(ended)]
