"""Lambda's Runtime API for one environment, served by the thread that waits for that environment.

There is no server thread: whoever invokes the environment also reads its sockets, its output and
its end from one selector, so an invocation costs no hand-over between threads. Each environment
has a loopback port of its own because awslambdaric's error path takes a bare host and port.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

_BASE = "/2018-06-01/runtime/"
_SEND_SECONDS = 5.0
_DRAIN_TURNS = 256
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
"""6 MB and a little, as Lambda's own error message counts it (6291556)."""


class Kind(Enum):
    """What an environment's process can do that its owner waits for."""

    NEXT = auto()
    RESPONSE = auto()
    ERROR = auto()
    INIT_ERROR = auto()
    EXITED = auto()


@dataclass(frozen=True, slots=True)
class Happening:
    """One of the above; `body` as posted, `request_id` where the path names one."""

    kind: Kind
    body: bytes = b""
    request_id: str = ""


@dataclass(slots=True)
class _Request:
    method: str
    path: str
    body: bytes


class _Connection:
    """One HTTP/1.1 connection of the runtime client, read as bytes arrive."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._promised = False

    def read(self) -> _Request | None:
        """A complete request if there is one now; EOFError when the client has closed."""
        received = self.sock.recv(262_144)
        if not received:
            raise EOFError
        self._buffer += received
        return self._complete()

    def _complete(self) -> _Request | None:
        head, separator, _ = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in _split(lines[1:])}
        if headers.get("expect", "").lower() == "100-continue" and not self._promised:
            self._promised = True
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = len(head) + 4 + int(headers.get("content-length", "0"))
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[len(head) + 4 : size])
        del self._buffer[:size]
        self._promised = False
        method, path, _ = lines[0].split(" ", 2)
        return _Request(method, path, body)

    def answer(self, status: str, headers: Mapping[str, str], body: bytes) -> None:
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
        self.sock.sendall(head.encode("latin-1") + body)


def _split(lines: list[str]) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in lines]


class RuntimeApi:
    """The port of one environment; only the thread that holds it may call a method."""

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._happenings: deque[Happening] = deque()
        self._parked: _Connection | None = None
        self._output_fd: int | None = None
        self._exit_fd: int | None = None
        self._expected = ""
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def watch(self, pid: int, output_fd: int) -> None:
        """Follow the process's output and, where the system can tell (pidfd), its end."""
        self._output_fd = output_fd
        self._selector.register(output_fd, selectors.EVENT_READ, self._read_output)
        if hasattr(os, "pidfd_open"):
            self._exit_fd = os.pidfd_open(pid)
            self._selector.register(self._exit_fd, selectors.EVENT_READ, None)

    def wait(self, timeout: float) -> Happening | None:
        """What happens next within `timeout` seconds; None also when only output arrived."""
        if not self._happenings:
            self._turn(timeout)
        return self._happenings.popleft() if self._happenings else None

    def hand_over(self, request_id: str, headers: Mapping[str, str], payload: bytes) -> None:
        """Answer the waiting `/next`; OSError when the process is gone."""
        parked, self._parked = self._parked, None
        if parked is None:
            raise ConnectionError("the runtime is not waiting for an invocation")
        self._expected = request_id
        parked.answer("200 OK", headers, payload)

    def drain(self) -> None:
        """Take in all that the process has written and sent so far."""
        for _ in range(_DRAIN_TURNS):
            if not self._turn(0):
                return

    def close(self) -> None:
        for key in list((self._selector.get_map() or {}).values()):
            self._forget(key.fileobj)
        self._selector.close()

    def _turn(self, timeout: float) -> bool:
        ready = self._selector.select(timeout)
        exited = False
        for key, _ in ready:
            if key.fd == self._exit_fd:
                exited = True
            else:
                key.data(key.fileobj)
        if exited and self._exit_fd is not None:
            self._forget(self._exit_fd)
            self._exit_fd = None
            self.drain()
            self._happenings.append(Happening(Kind.EXITED))
        return bool(ready)

    def _accept(self, _: Any) -> None:
        sock, _address = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_SEND_SECONDS)
        connection = _Connection(sock)
        self._selector.register(
            sock, selectors.EVENT_READ, lambda _: self._read_connection(connection)
        )

    def _read_output(self, fd: int) -> None:
        data = os.read(fd, 65_536)
        if data:
            self._on_output(data)
        else:
            self._output_fd = None
            self._forget(fd)

    def _read_connection(self, connection: _Connection) -> None:
        try:
            request = connection.read()
            if request is not None:
                self._serve(connection, request)
        except (EOFError, OSError, ValueError):
            self._forget(connection.sock)

    def _serve(self, connection: _Connection, request: _Request) -> None:
        if (request.method, request.path) == ("GET", f"{_BASE}invocation/next"):
            self._parked = connection
            self._happenings.append(Happening(Kind.NEXT))
            return
        happening = _parse_post(request)
        if happening is None or happening.request_id not in ("", self._expected):
            connection.answer("400 Bad Request", {}, b'{"errorType":"InvalidRequestID"}')
            return
        self._happenings.append(happening)
        if len(happening.body) > MAX_RESPONSE_BYTES:
            connection.answer("413 Payload Too Large", {}, b'{"errorType":"RequestEntityTooLarge"}')
        else:
            connection.answer(
                "202 Accepted", {"Content-Type": "application/json"}, b'{"status":"OK"}'
            )

    def _forget(self, fileobj: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fileobj)
        if isinstance(fileobj, int):
            os.close(fileobj)
        else:
            fileobj.close()


def _parse_post(request: _Request) -> Happening | None:
    parts = request.path.removeprefix(_BASE).split("/")
    if request.method != "POST":
        return None
    if parts == ["init", "error"]:
        return Happening(Kind.INIT_ERROR, request.body)
    if len(parts) == 3 and parts[0] == "invocation" and parts[2] in ("response", "error"):
        kind = Kind.RESPONSE if parts[2] == "response" else Kind.ERROR
        return Happening(kind, request.body, parts[1])
    return None
