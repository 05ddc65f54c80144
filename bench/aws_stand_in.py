"""DynamoDB, Secrets Manager and Bedrock as far as a turn asks them, for measuring the asker's CPU.

It runs in another process than the turns, so nothing it does is counted with them. It answers at
once, apart from the time between a model's words, and checks nothing. X-Ray's datagrams end here.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox import event_stream

ANSWER = (
    "Atlas is built with Amazon Lex, AWS Lambda and a language model on Amazon Bedrock. "
    "It answers your questions here in the chat, and in the demo it calls you by phone."
)
WORDS_APART_SECONDS = 0.001
USAGE = {"inputTokens": 200, "outputTokens": 40, "totalTokens": 240}
_SET = re.compile(r"(\w+) = (:\w+)")


@dataclass
class StandIn:
    """`has_answers`: a claim finds what was stored under its key before, else it gets the lease.

    `wording` is what the model says to a Converse request; `calls` counts what it was asked.
    """

    has_answers: bool = False
    words_apart_seconds: float = WORDS_APART_SECONDS
    wording: Callable[[dict[str, Any]], str] = lambda _: ANSWER
    calls: Counter[str] = field(default_factory=Counter)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    url: str = ""
    xray_address: str = ""

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of a call whose answer is no stream."""
        if operation == "GetSecretValue":
            return 200, {"SecretString": json.dumps({"key": "5e" * 32})}
        if operation == "DescribeSecret":
            return 200, {"VersionIdsToStages": {"1" * 32: ["AWSCURRENT"]}}
        if operation == "GetItem":
            item = self.items.get(_key(request)) if self.has_answers else None
            return 200, {"Item": item} if item else {}
        if operation == "UpdateItem":
            return self._update(request)
        return 200, {"Items": [], "Count": 0, "Responses": {}, "UnprocessedKeys": {}}

    def _update(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key, values = _key(request), request.get("ExpressionAttributeValues", {})
        if self.has_answers and key in self.items:
            kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
            return 400, {"__type": kind, "message": "no", "Item": self.items[key]}
        written = {n: values[v] for n, v in _SET.findall(request["UpdateExpression"])}
        if "answer" in written:
            self.items[key] = {**request["Key"], **written}
        return 200, {}


def _key(request: dict[str, Any]) -> str:
    return json.dumps(request.get("Key", {}))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever ends a stream early is no error; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Serve on free loopback ports until the block ends."""
    served = StandIn()
    with _Server(("127.0.0.1", 0), _handler(served)) as server, _sink() as port:
        served.url = f"http://127.0.0.1:{server.server_port}"
        served.xray_address = f"127.0.0.1:{port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()


@contextmanager
def _sink() -> Iterator[int]:
    """A UDP port whose buffer fills up and then drops, as a daemon's may."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        threading.Thread(target=_drain, args=(sink,), daemon=True).start()
        yield sink.getsockname()[1]


def _drain(sink: socket.socket) -> None:
    try:
        while True:
            sink.recv(65_536)
    except OSError:
        return


def _handler(served: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
            target = self.headers["X-Amz-Target"] or self.path.replace("/", ".")
            operation = target.rpartition(".")[2]
            served.calls[operation] += 1
            if operation == "converse-stream":
                self._stream(served.wording(request))
            elif operation == "converse":
                self._send(200, _whole(served.wording(request)))
            else:
                self._send(*served.answer(operation, request))

        def _send(self, status: int, body: dict[str, Any]) -> None:
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)
            self.wfile.flush()

        def _stream(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", event_stream.CONTENT_TYPE)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for frame in _frames(text, served.words_apart_seconds):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(frame), frame))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _whole(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": [{"text": text}]}
    metrics = {"latencyMs": 1}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE} | {
        "metrics": metrics
    }


def _frames(text: str, words_apart_seconds: float) -> Iterator[bytes]:
    """The answer word by word, with time between the words as a model needs it."""
    yield _frame("messageStart", {"role": "assistant"})
    for word in text.split(" "):
        time.sleep(words_apart_seconds)
        yield _frame("contentBlockDelta", {"delta": {"text": f"{word} "}, "contentBlockIndex": 0})
    yield _frame("messageStop", {"stopReason": "end_turn"})
    yield _frame("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})


def _frame(kind: str, payload: dict[str, Any]) -> bytes:
    return event_stream.event(kind, json.dumps(payload).encode())
