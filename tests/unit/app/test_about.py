"""What an environment says of itself: counted at a real socket, and told to nobody by mistake."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib import conversation, lex, scenario
from chalicelib.about import ABOUT_EVENT, answers_about
from chalicelib.background import Background
from chalicelib.clients import AwsClients
from chalicelib.deadline import Deadline
from chalicelib.observability import Log
from chalicelib.secret_store import CACHE_SECONDS, SecretStore
from chalicelib.services import Services
from tests.fakes import FakeContext, FakeSecretsManager


class _Service(BaseHTTPRequestHandler):
    """DynamoDB without items, and Lambda's queue, over connections that stay open."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = (202, b"") if "/invocations" in self.path else (200, b"{}")
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield "served"
    server.shutdown()
    server.server_close()
    serving.join()


def test_requests_and_the_connections_for_them_are_counted(endpoint: str) -> None:
    clients = AwsClients()
    assert clients.connections() == {}
    for _ in range(3):
        clients.dynamodb.get_item(TableName="any", Key={"key": {"S": "one"}})
    clients.dynamodb_writing.get_item(TableName="any", Key={"key": {"S": "one"}})
    assert clients.connections() == {"dynamodb": {"opened": 2, "requests": 4}}
    clients.dynamodb.close()
    clients.dynamodb_writing.close()


def test_events_go_over_one_connection(endpoint: str) -> None:
    clients = AwsClients()
    background = Background(lambda: clients.lambda_, "generate:live", Log(write=pytest.fail))
    for _ in range(3):
        assert background.invoke("update:live", {}, Deadline.after(10.0))
    assert clients.connections() == {"lambda": {"opened": 1, "requests": 3}}
    clients.lambda_.close()


def test_bounds_and_counts_are_told() -> None:
    services = SimpleNamespace(
        secrets=SecretStore(lambda: FakeSecretsManager(one={"key": "hidden"})),
        connections=lambda: {"sts": {"opened": 1, "requests": 2}},
    )
    assert [services.secrets.get("one") for _ in range(3)] == [{"key": "hidden"}] * 3
    asked: Any = answers_about(lambda: cast(Services, services))
    told = asked(_reached)(dict(ABOUT_EVENT), FakeContext())
    assert told["about"].pop("seconds") > 0
    assert told == {
        "ok": True,
        "about": {
            "history_bytes": conversation.BYTES,
            "scenario_bytes": scenario.BYTES,
            "session_bytes": lex.SESSION_BYTES,
            "secret_cache_seconds": CACHE_SECONDS,
            "secrets": {"reads": 3, "fetches": 1},
            "connections": {"sts": {"opened": 1, "requests": 2}},
        },
    }


def _reached(event: Any, context: Any) -> Any:
    return ["reached", event]


@pytest.mark.parametrize("event", [{}, None, {"atlas": "health"}, {**ABOUT_EVENT, "more": 1}])
def test_any_other_event_reaches_the_function_without_services(event: Any) -> None:
    guarded = answers_about(lambda: pytest.fail("nobody asked"))(_reached)
    assert guarded(event, FakeContext()) == ["reached", event]
