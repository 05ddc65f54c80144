"""Connections that another thread can end in any phase of a request, see decision 63.

botocore offers no way to end a call that has no response yet, and its time-outs belong to the
client. Here a call's connection is known as soon as it has a socket, and its time-outs are never
longer than the call's deadline. A call also learns that it met a kept connection which the other
side had given up, as happens while an environment is frozen.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

from chalicelib.deadline import Deadline

_SHORTEST_SECONDS = 0.001
"""A socket's time-out of 0 means something else: not to wait at all."""


class Call:
    """One request, which `end` breaks off wherever it is; whatever its thread reads then fails.

    `on_sent` is called in its thread when all of the request is on its way. `has_lost_kept`: its
    latest request broke off unanswered, on a connection kept from an earlier one.
    """

    def __init__(self, deadline: Deadline, on_sent: Callable[[], None] = lambda: None) -> None:
        self._deadline = deadline
        self.on_sent = on_sent
        self._lock = threading.Lock()
        self._connection: _Interruptible | None = None
        self.is_ended = False
        self.has_lost_kept = False

    @contextmanager
    def in_this_thread(self) -> Iterator[None]:
        """What is requested here meanwhile, by a client made interruptible, is this call."""
        _threads.call = self
        try:
            yield
        finally:
            _threads.call = None
            with self._lock:
                self._connection = None

    def end(self) -> bool:
        """Whether a connection was broken off; False where there is none, or no handle on it."""
        with self._lock:
            self.is_ended = True
            return self._connection is not None and self._connection.shut_down(self)

    def take(self, connection: _Interruptible) -> None:
        """The request runs on this connection; one that was ended already ends at once."""
        with self._lock:
            self._connection = connection
            if self.is_ended:
                connection.shut_down(self)

    def limited(self, seconds: Any) -> float:
        """A time-out that is not longer than what is left."""
        left = max(_SHORTEST_SECONDS, self._deadline.remaining())
        return min(seconds, left) if isinstance(seconds, (int, float)) else left


class _Threads(threading.local):
    call: Call | None = None


_threads = _Threads()

if TYPE_CHECKING:
    _Connection = AWSHTTPConnection
else:
    _Connection = object


class _Interruptible(_Connection):
    """A second handle on the socket works before, during and after the TLS handshake, which takes
    the first one over; and it cannot meet a socket that was closed and its number used again."""

    _handle: socket.socket | None = None
    _call: Call | None = None
    _is_kept = False
    """Whether it answered before, so that the other side may have given it up since."""

    def connect(self) -> None:
        if _threads.call is not None:
            self.timeout = _threads.call.limited(self.timeout)
        super().connect()

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self._handle, self._is_kept = sock.dup(), False
        self._belongs_to(_threads.call)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> Any:
        self._belongs_to(_threads.call)
        with self._noticing_loss():
            nothing = super().request(*args, **kwargs)
        if self._call is not None:
            self._call.on_sent()
        return nothing

    def getresponse(self) -> Any:
        if self._call is not None:
            self.timeout = self._call.limited(self.timeout)
        with self._noticing_loss():
            response = super().getresponse()
        self._is_kept = True
        return response

    @contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        try:
            yield
        # TLS may find the loss while it still sends, and calls it by a name of its own.
        except (ConnectionError, ssl.SSLError):
            if self._call is not None:
                self._call.has_lost_kept = self._is_kept
            raise

    def close(self) -> None:
        super().close()
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def shut_down(self, call: Call) -> bool:
        """Break off, unless the connection serves another call by now; whether that was done.

        An answer with `Connection: close` closes the connection, and the handle, before its body
        is read.
        """
        handle = self._handle
        if handle is None or self._call is not call:
            return False
        try:
            handle.shutdown(socket.SHUT_RDWR)
        except OSError:
            return False
        return True

    def _belongs_to(self, call: Call | None) -> None:
        self._call = call
        if call is not None:
            call.take(self)


class _PlainConnection(_Interruptible, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Interruptible, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(AWSHTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def make_interruptible(client: Any) -> bool:
    """Let the client's connections from now on be ones that a Call can end.

    False where botocore has changed so that its pools cannot be found: then calls end by the
    client's own time-outs. A contract test fails before such a version ships.
    """
    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    manager = getattr(session, "_manager", None)
    if manager is None:
        return False
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
    return True
