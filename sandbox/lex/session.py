"""Sessions in memory: their life, their number, and one request at a time on each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ApiError

Key = tuple[str, str, str, str]  # bot, alias, locale, session id
Wire = dict[str, Any]


@dataclass(slots=True)
class Session:
    """What Lex keeps between two turns; members as the wire has them."""

    attributes: dict[str, str] = field(default_factory=dict)
    intent: Wire | None = None
    dialog_action: Wire | None = None
    active_contexts: list[Wire] = field(default_factory=list)
    runtime_hints: Wire | None = None
    # How often the current prompt was asked again.
    retries: int = 0
    messages: list[Wire] = field(default_factory=list)
    interpretations: list[Wire] = field(default_factory=list)
    originating_request_id: str = ""
    # When the contexts' remaining seconds were last right.
    contexts_at: float = 0.0


def age_contexts(session: Session, now: float) -> None:
    """Take the time since the last turn off every context and drop those whose time is over."""
    elapsed = int(now - session.contexts_at) if session.contexts_at else 0
    session.contexts_at = now
    _reduce(session, "timeToLiveInSeconds", elapsed)


def spend_turn(session: Session, now: float, renewed: bool) -> None:
    """A turn is over; contexts that the code hook has just set keep all their turns."""
    session.contexts_at = now
    if not renewed:
        _reduce(session, "turnsToLive", 1)


def _reduce(session: Session, member: str, by: int) -> None:
    for context in session.active_contexts:
        ttl = context.get("timeToLive") or {}
        context["timeToLive"] = {**ttl, member: ttl.get(member, 0) - by}
    alive = (c for c in session.active_contexts if c["timeToLive"][member] > 0)
    session.active_contexts = list(alive)


class SessionStore:
    """Least recently used sessions go first once there are `limit` of them."""

    def __init__(self, clock: Callable[[], float], limit: int = 10_000) -> None:
        self._clock = clock
        self._limit = limit
        self._sessions: OrderedDict[Key, tuple[Session, float]] = OrderedDict()
        self._busy: set[Key] = set()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Session | None:
        with self._lock:
            session, expires_at = self._sessions.get(key, (None, 0.0))
            if session is not None and expires_at <= self._clock():
                del self._sessions[key]
                return None
            return session

    def put(self, key: Key, session: Session, ttl_seconds: float) -> None:
        """Store the session; its idle time starts anew."""
        with self._lock:
            self._sessions[key] = (session, self._clock() + ttl_seconds)
            self._sessions.move_to_end(key)
            while len(self._sessions) > self._limit:
                self._sessions.popitem(last=False)

    def delete(self, key: Key) -> bool:
        with self._lock:
            return self._sessions.pop(key, None) is not None

    @contextmanager
    def held(self, key: Key) -> Iterator[None]:
        """Lex serves one request of a session at a time and answers others ConflictException."""
        with self._lock:
            if key in self._busy:
                raise ApiError(
                    "ConflictException",
                    f"Concurrent requests for the session {key[3]} are not allowed.",
                    status=409,
                )
            self._busy.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(key)
