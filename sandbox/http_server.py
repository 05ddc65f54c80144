"""A cheroot server set up for the sandbox: kept connections, streams and many waiting callers."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from pathlib import Path
from typing import Any

from cheroot import wsgi
from cheroot.errors import FatalSSLAlert, NoSSLError
from cheroot.server import HTTPConnection
from cheroot.ssl.builtin import BuiltinSSLAdapter

from sandbox.gateway import CONNECTION_IS_NEW, WsgiApp

# Latencies and hangs are waited out in the worker threads, so there must be as many as callers at
# one time: the pool begins with these and grows, or a hung service would keep out even the request
# that ends the hang.
WORKER_THREADS = 96
_MORE_THREADS = 32
_MOST_THREADS = 2000
# Above the 60 s that botocore keeps trying, and long enough that a frozen environment comes back.
IDLE_CONNECTION_SECONDS = 300
_KEPT_CONNECTIONS = 2000
# The thread that accepts everybody's connections shakes hands with each.
_HANDSHAKE_SECONDS = 5

_log = logging.getLogger(__name__)


class PortInUseError(Exception):
    """The port is taken; the message is what the person at the keyboard needs."""


class _ConnectionAwareGateway(wsgi.Gateway_10):
    """Tells the application whether a request is the first of its TCP connection."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        connection = self.req.conn
        environ[CONNECTION_IS_NEW] = not getattr(connection, "sandbox_has_served", False)
        connection.sandbox_has_served = True
        return environ


class _Connection(HTTPConnection):
    """Forgets at its end what the client did not take."""

    def close(self) -> None:
        # cheroot leaves the rest to the garbage collector, which writes it to the closed socket:
        # from Python 3.13 on that is an exception nobody can catch.
        self.wfile.raw.close()
        super().close()


class _Tls(BuiltinSSLAdapter):
    """As cheroot's, but a client that stays silent cannot keep the others waiting for long."""

    def wrap(self, sock: socket.socket) -> Any:
        sock.settimeout(_HANDSHAKE_SECONDS)
        try:
            return super().wrap(sock)  # type: ignore[no-untyped-call]
        except NoSSLError as error:
            # cheroot would write its answer to a socket that is closed by now: see _Connection.
            raise FatalSSLAlert(*error.args) from error


class _QuietServer(wsgi.Server):
    """cheroot prints what clients do to their connections; here it is a debug record."""

    ConnectionClass = _Connection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._growing = threading.Lock()

    def process_conn(self, conn: HTTPConnection) -> None:
        """As cheroot; adds threads when every one there is has work."""
        super().process_conn(conn)
        if self.requests.idle <= self.requests.qsize and self._growing.acquire(blocking=False):
            # Not here: growing waits for its threads, and this one accepts everybody's connections.
            threading.Thread(target=self._grow, name="http-grow", daemon=True).start()

    def _grow(self) -> None:
        try:
            self.requests.grow(_MORE_THREADS)
        finally:
            self._growing.release()

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        _log.debug("%s", msg, exc_info=traceback)

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        """As cheroot, which leaves open the socket that it could not bind."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_


class HttpServer:
    """Serves a WSGI application on 127.0.0.1; `port` 0 takes any free one.

    `tls` is a certificate's file and its key's; without it the server speaks plain HTTP.
    """

    def __init__(
        self,
        app: WsgiApp | None,
        port: int,
        threads: int = WORKER_THREADS,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self._server = _QuietServer(
            ("127.0.0.1", port),
            app,
            numthreads=threads,
            max=_MOST_THREADS,
            request_queue_size=256,
            timeout=IDLE_CONNECTION_SECONDS,
            shutdown_timeout=2,
        )
        self._server.gateway = _ConnectionAwareGateway
        if tls is not None:
            self._server.ssl_adapter = _Tls(*(str(path) for path in tls))
        self._server.keep_alive_conn_limit = _KEPT_CONNECTIONS
        # How long the accepting loop sleeps, and so how long an orderly end takes.
        self._server.expiration_interval = 0.05
        self._thread: threading.Thread | None = None

    def bind(self) -> int:
        """Take the port and return it; PortInUseError when somebody else has it."""
        port = self._server.bind_addr[1]
        try:
            self._server.prepare()
        except OSError as exc:
            if _is_taken(exc):
                raise PortInUseError(
                    f"port {port} is in use; choose another with --port, or 0 for any free one "
                    '(`make run RUN_ARGS="--port 0"`)'
                ) from exc
            raise PortInUseError(f"port {port} cannot be used: {_reason(exc)}") from exc
        bound: int = self._server.bind_addr[1]
        return bound

    def serve(self, app: WsgiApp) -> None:
        """Answer with `app` from now on, in threads of its own."""
        self._server.wsgi_app = app
        self._thread = threading.Thread(target=self._server.serve, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the port; requests in flight get two seconds."""
        self._server.stop()
        if self._thread is not None:
            self._thread.join(5)


def _is_taken(exc: OSError) -> bool:
    return errno.EADDRINUSE in _error_numbers(exc) or "in use" in str(exc)


def _error_numbers(exc: BaseException | None) -> set[int | None]:
    found: set[int | None] = set()
    while exc is not None:
        found.add(getattr(exc, "errno", None))
        exc = exc.__cause__ or exc.__context__
    return found


def _reason(exc: OSError) -> str:
    return exc.strerror or str(exc)
