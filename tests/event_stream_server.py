"""Bedrock's side of ConverseStream on a loopback port: real bytes for botocore's own client."""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.config import Config


def frame(event: dict[str, Any]) -> bytes:
    """One event of the stream, `{"messageStop": {...}}` or `{":exception": ...}`, as bytes."""
    ((name, payload),) = event.items()
    kind = "exception" if name.endswith("Exception") else "event"
    headers = _headers(
        {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + body
    return message + struct.pack("!I", crc32(message))


def _headers(values: dict[str, str]) -> bytes:
    return b"".join(
        b"".join(
            (
                bytes([len(name)]),
                name.encode(),
                b"\x07",
                struct.pack("!H", len(value)),
                value.encode(),
            )
        )
        for name, value in values.items()
    )


def words(*texts: str) -> list[dict[str, Any]]:
    return [{"contentBlockDelta": {"delta": {"text": t}, "contentBlockIndex": 0}} for t in texts]


def ending(reason: str = "end_turn") -> list[dict[str, Any]]:
    usage = {"inputTokens": 200, "outputTokens": 12, "totalTokens": 212}
    return [
        {"messageStop": {"stopReason": reason}},
        {"metadata": {"usage": usage, "metrics": {"latencyMs": 300}}},
    ]


@dataclass
class Refusal:
    """An answer that is no stream: an HTTP error with Bedrock's error code."""

    code: str
    status: int


STALL = "stall"
"""In a script: nothing more comes until the test ends, and the connection stays open."""


@dataclass
class Bedrock:
    """What each model says, in order of its calls; and what was asked of it.

    A script is a Refusal or a list of events, raw bytes, STALL or functions to call in between.
    """

    script_by_model: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    stalled: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    connections: int = 0
    closes: bool = False
    """Whether an answer is the last on its connection, and says so in its header."""
    resets_after: float = math.inf
    """So many requests of one connection are answered; the next one resets it."""

    @property
    def asked(self) -> list[str]:
        return [model for model, _ in self.requests]

    def client(self, read_timeout: float = 5.0) -> Any:
        config = Config(
            connect_timeout=2, read_timeout=read_timeout, retries={"total_max_attempts": 1}
        )
        return _session().create_client("bedrock-runtime", endpoint_url=self.url, config=config)


@cache
def _session() -> Any:
    """One session for all clients: it keeps the parsed service models."""
    return botocore.session.get_session()


@contextmanager
def bedrock_on_loopback() -> Iterator[Bedrock]:
    bedrock = Bedrock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bedrock))
    server.daemon_threads = True
    bedrock.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield bedrock
    finally:
        bedrock.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(bedrock: Bedrock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        requests = 0

        def setup(self) -> None:
            super().setup()
            bedrock.connections += 1

        def do_POST(self) -> None:
            self.requests += 1
            if self.requests > bedrock.resets_after:
                _reset(self)
            else:
                _answer(self, bedrock)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _answer(handler: BaseHTTPRequestHandler, bedrock: Bedrock) -> None:
    model = unquote(handler.path.split("/")[2])
    body = handler.rfile.read(int(handler.headers["Content-Length"]))
    bedrock.requests.append((model, json.loads(body)))
    script = bedrock.script_by_model[model]
    if isinstance(script, Refusal):
        _refuse(handler, script)
    elif script == STALL:
        _stall(bedrock)
    else:
        with suppress(ConnectionError):
            _stream(handler, bedrock, script)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(int(handler.headers["Content-Length"]))
    lingering_not_at_all = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering_not_at_all)
    handler.connection.close()
    handler.close_connection = True


def _refuse(handler: BaseHTTPRequestHandler, refusal: Refusal) -> None:
    body = b'{"message": "no"}'
    handler.send_response(refusal.status)
    handler.send_header("x-amzn-ErrorType", refusal.code)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _stream(handler: BaseHTTPRequestHandler, bedrock: Bedrock, script: list[Any]) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/vnd.amazon.eventstream")
    handler.send_header("Transfer-Encoding", "chunked")
    if bedrock.closes:
        handler.send_header("Connection", "close")
    handler.end_headers()
    for step in script:
        if step == STALL:
            _stall(bedrock)
        elif callable(step):
            step()
        else:
            data = step if isinstance(step, bytes) else frame(step)
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
    handler.wfile.write(b"0\r\n\r\n")


def _stall(bedrock: Bedrock) -> None:
    bedrock.stalled.set()
    bedrock.over.wait(30)
