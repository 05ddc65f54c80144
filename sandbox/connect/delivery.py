"""What the phone sends to other services: events, and objects; tried again a few times, then kept.

AWS emits these events at best effort: they may come twice, late, in any order or not at all. All of
that can be asked for.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.connect.clients import ClientOf
from sandbox.connect.timers import Lanes, Scheduler

PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8)
_KEPT = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """How events come: `reversed` holds those of one lane back and sends the last one first."""

    twice: bool = False
    reversed: bool = False
    lost: bool = False
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of PutEvents for the default bus; `time` in epoch seconds."""

    source: str
    detail_type: str
    detail: dict[str, Any]
    time: float
    resources: tuple[str, ...] = ()

    def entry(self) -> dict[str, Any]:
        return {
            "Source": self.source,
            "DetailType": self.detail_type,
            "Detail": json.dumps(self.detail),
            "Time": self.time,
            "Resources": list(self.resources),
        }


class Ways:
    """How each source's events come, and what was given up, without what it held; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._how: dict[str, Delivered] = {}
        self._undelivered: deque[dict[str, str]] = deque(maxlen=_KEPT)

    def put(self, source: str, how: Delivered) -> None:
        """How the events of a source (`aws.connect`, `aws.transcribe`) come from now on."""
        with self._lock:
            self._how[source] = how

    def of(self, source: str) -> Delivered:
        with self._lock:
            return self._how.get(source, Delivered())

    def give_up(self, service: str, operation: str, error: str) -> None:
        with self._lock:
            self._undelivered.append({"service": service, "operation": operation, "error": error})

    def undelivered(self) -> list[dict[str, str]]:
        """The last requests that were given up, oldest first."""
        with self._lock:
            return [dict(one) for one in self._undelivered]

    def reset(self) -> None:
        with self._lock:
            self._how.clear()
            self._undelivered.clear()


class Delivery:
    """Sends in the background, as `ways` says."""

    def __init__(
        self,
        client_of: ClientOf,
        scheduler: Scheduler,
        ways: Ways,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._client_of, self._scheduler, self._ways = client_of, scheduler, ways
        self._ended = threading.Event()
        self._wait = wait or self._ended.wait
        self._lanes = Lanes(scheduler)
        self._lock = threading.Lock()
        self._held: dict[str, list[Event]] = {}

    def close(self) -> None:
        """Try nothing again from now on."""
        self._ended.set()

    def event(self, lane: str, event: Event, is_last: bool) -> None:
        """Send an event after the earlier ones of its lane, or as `ways` says."""
        how = self._ways.of(event.source)
        if how.lost:
            return
        for each in self._due(lane, event, is_last, how):
            for _ in range(2 if how.twice else 1):
                self._send(lane, each, how.delay_seconds)

    def put_object(self, request: dict[str, Any]) -> bool:
        """Whether the object was stored; to be called from a background thread."""
        return self.attempt("s3", "PutObject", lambda: self._client_of("s3").put_object(**request))

    def attempt(self, service: str, operation: str, call: Callable[[], Any]) -> bool:
        """Whether the call succeeded, at the latest after its last retry; it is listed if not."""
        for pause in (*PAUSES_SECONDS, None):
            try:
                call()
                return True
            except (ClientError, BotoCoreError) as exc:
                if pause is None or self._ended.is_set():
                    self._give_up(service, operation, exc)
                    return False
                self._wait(pause)
        return False

    def _due(self, lane: str, event: Event, is_last: bool, how: Delivered) -> list[Event]:
        if not how.reversed:
            return [event]
        with self._lock:
            held = self._held.setdefault(lane, [])
            held.insert(0, event)
            return self._held.pop(lane) if is_last else []

    def _send(self, lane: str, event: Event, delay_seconds: float) -> None:
        def put() -> None:
            self._lanes.put(lane, lambda: self._put(event))

        if delay_seconds > 0:
            self._scheduler.after(delay_seconds, put)
        else:
            put()

    def _put(self, event: Event) -> None:
        self.attempt("events", "PutEvents", lambda: self._put_once(event))

    def _put_once(self, event: Event) -> None:
        answer = self._client_of("events").put_events(Entries=[event.entry()])
        if answer.get("FailedEntryCount"):
            code = answer["Entries"][0].get("ErrorCode", "InternalFailure")
            raise ClientError({"Error": {"Code": code}}, "PutEvents")

    def _give_up(self, service: str, operation: str, exc: Exception) -> None:
        response = getattr(exc, "response", {})
        code = response.get("Error", {}).get("Code") or type(exc).__name__
        self._ways.give_up(service, operation, code)
