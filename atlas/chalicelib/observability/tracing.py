"""X-Ray subsegments below Lambda's own segment, each a datagram to the daemon that Lambda runs.

Written without the SDK, whose support ends in February 2027 and which reads and parses the trace
header anew for every subsegment: the documents' form is X-Ray's own and stable ("Sending trace
data to X-Ray" and "X-Ray segment documents" in its guide). Where a trace is not sampled a span
costs one look.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Self

from chalicelib.aws_errors import THROTTLING

Send = Callable[[bytes], object]
Annotation = str | int | float | bool

_HEADER = b'{"format": "json", "version": 1}\n'
_OWN = frozenset(("Root", "Parent", "Sampled"))
_encode = json.JSONEncoder(ensure_ascii=True).encode


class Span:
    """One subsegment, from its making until the block ends, however it ends.

    `place` is the trace's id and the parent's; `rest` what else the trace header said.
    """

    __slots__ = ("_outer", "_rest", "_tracer", "document", "send")

    def __init__(
        self, tracer: Tracer, send: Send, name: str, place: tuple[str, str], rest: str, **facts: Any
    ) -> None:
        self._tracer = tracer
        self._outer: Span | None = None
        self._rest = rest
        self.send = send
        trace_id, parent_id = place
        self.document: dict[str, Any] = {
            "name": name,
            "id": secrets.token_hex(8),
            "trace_id": trace_id,
            "parent_id": parent_id,
            "type": "subsegment",
            "start_time": time.time(),
            **facts,
        }

    @property
    def header(self) -> str:
        """What makes others' segments children of this one.

        With Lambda's `Lineage`, by which it notices functions that call themselves in a circle.
        """
        place = f"Root={self.document['trace_id']};Parent={self.document['id']}"
        return f"{place};Sampled=1{self._rest}"

    def child(self, name: str, **facts: Any) -> Span:
        place = self.document["trace_id"], self.document["id"]
        return Span(self._tracer, self.send, name, place, self._rest, **facts)

    def annotate(self, **annotations: Annotation) -> None:
        """Add searchable values."""
        self.document.setdefault("annotations", {}).update(annotations)

    def answered(self, status: int, code: str = "") -> None:
        """Note an HTTP status; `code` is the service's word for what was wrong, "" for nothing."""
        self.document["http"] = {**self.document.get("http", {}), "response": {"status": status}}
        if code:
            self.document |= _flags(status, code)

    def end(self, error: BaseException | None = None) -> None:
        """Send it. Of an error only its type: its words may quote a visitor."""
        if error is not None:
            kind = {"id": secrets.token_hex(8), "type": type(error).__name__}
            self.document |= {"fault": True, "cause": {"exceptions": [kind]}}
        self.document["end_time"] = time.time()
        # A daemon that is full or gone must change nothing for the visitor.
        with suppress(OSError):
            self.send(_HEADER + _encode(self.document).encode())

    def __enter__(self) -> Self:
        self._outer, self._tracer.open = self._tracer.open, self
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._tracer.open = self._outer
        self.end(error)


class Leaf:
    """A subsegment that nothing is nested in, so that any thread may have one."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        return self._span

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._span.end(error)


class Untraced:
    """What stands for a span where nothing is sampled: every method does nothing."""

    __slots__ = ()

    def annotate(self, **annotations: Annotation) -> None:
        pass

    def answered(self, status: int, code: str = "") -> None:
        pass

    def end(self, error: BaseException | None = None) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


UNTRACED = Untraced()


class Tracer:
    """The invocation's open span, which new ones hang below; one invocation at a time.

    Does nothing until `start`. `open` is the span of the thread that handles the invocation;
    worker threads read it when they begin a leaf.
    """

    def __init__(self) -> None:
        self._send: Send | None = None
        self._socket: socket.socket | None = None
        self._header = ""
        self.open: Span | None = None

    def start(self, daemon_address: str) -> None:
        """Send to the daemon at `host:port` from now on; nowhere where it is empty."""
        self.stop()
        if daemon_address:
            self._socket, there = _sender(daemon_address)
            self._send = partial(_sent, self._socket, there)

    def stop(self) -> None:
        """Send nothing any more."""
        self._send = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def invocation(self, name: str, header: str) -> Span | Untraced:
        """A span around the whole invocation whose trace header Lambda gave."""
        self._header, self.open = header, None
        if self._send is None or "Sampled=1" not in header:
            return UNTRACED
        parts = dict(part.partition("=")[::2] for part in header.split(";"))
        if not (parts.get("Root") and parts.get("Parent")):
            return UNTRACED
        rest = "".join(f";{key}={parts[key]}" for key in parts if key not in _OWN)
        return Span(self, self._send, name, (parts["Root"], parts["Parent"]), rest)

    def span(self, name: str) -> Span | Untraced:
        """A span on the invocation's own thread, which others may be nested in."""
        return UNTRACED if self.open is None else self.open.child(name)

    def leaf(self, name: str, **facts: Any) -> Leaf | Untraced:
        """A span on any thread, below the one that is open now."""
        return UNTRACED if self.open is None else Leaf(self.open.child(name, **facts))

    def annotate(self, **annotations: Annotation) -> None:
        """Add searchable values to the open span, where there is one."""
        if self.open is not None:
            self.open.annotate(**annotations)

    @property
    def header(self) -> str:
        """The trace header to pass on: below the open span, or as Lambda gave it."""
        return self._header if self.open is None else self.open.header


def _sender(address: str) -> tuple[socket.socket, tuple[str, int]]:
    """A socket that never waits; `address` may name TCP and UDP, as the SDKs' variable may."""
    place = next((p[4:] for p in address.split() if p.startswith("udp:")), address)
    host, _, port = place.rpartition(":")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setblocking(False)
    return sender, (host, int(port))


def _sent(sender: socket.socket, there: tuple[str, int], data: bytes) -> int:
    return sender.sendto(data, there)


def _flags(status: int, code: str) -> dict[str, bool]:
    """X-Ray's own words for a status: fault from 500 on, error below, and throttle for 429.

    Throttle too for what AWS calls so with another status: DynamoDB and Step Functions say 400.
    """
    is_throttled = status == 429 or code in THROTTLING
    if status >= 500 and not is_throttled:
        return {"fault": True}
    return {"error": True, "throttle": True} if is_throttled else {"error": True}


TRACER = Tracer()
