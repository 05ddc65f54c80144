"""A call is ended in any phase of it, and leaves no worker, no socket and a usable client.

The clients' own time-outs are a minute here and the deadlines are far away: what ends within the
bound was ended by the other thread.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPSConnection
from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from chalicelib.bedrock import BedrockModels
from chalicelib.breakers import Breakers
from chalicelib.cancellation import Cancellation
from chalicelib.clients import CONNECTIONS
from chalicelib.deadline import Deadline
from chalicelib.interruptible import Call, make_interruptible
from chalicelib.model_router import Route
from chalicelib.prompts import Message, Prompt, request
from tests.event_stream_server import STALL, Bedrock, bedrock_on_loopback, ending, words
from tests.fakes import FakeClock

MODEL = "model"
ROUTE = Route((MODEL,), 150)
PROMPT = Prompt("Be brief.", (Message("user", "what is it"),))
WHOLE = [*words("It is serverless."), *ending()]
BOUND_SECONDS = 10.0


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    with bedrock_on_loopback() as bedrock:
        bedrock.script_by_model = {MODEL: WHOLE}
        yield bedrock


def patient_client(bedrock: Bedrock) -> Any:
    client = bedrock.client(read_timeout=60)
    assert make_interruptible(client)
    return client


def far_deadline() -> Deadline:
    return Deadline.after(3600)


def until_ended(client: Any, call: Call) -> str:
    """What the worker's request came to, by the name of its error."""
    try:
        with call.in_this_thread():
            list(client.converse_stream(**request(MODEL, PROMPT, ROUTE))["stream"])
    except (BotoCoreError, HTTPError, OSError) as exc:
        return type(exc).__name__
    return "whole"


def ended_when(client: Any, begun: Callable[[], bool]) -> str:
    """Start a request, end it from this thread once it has `begun`, and wait for its worker."""
    call = Call(far_deadline())
    with ThreadPoolExecutor(1) as worker:
        future = worker.submit(until_ended, client, call)
        assert begun()
        assert call.end()
        return future.result(BOUND_SECONDS)


@pytest.mark.parametrize(
    "script", [STALL, [{"messageStart": {"role": "assistant"}}, STALL], [*words("It"), STALL]]
)
def test_a_request_ends_before_its_header_and_in_its_stream(bedrock: Bedrock, script: Any) -> None:
    bedrock.script_by_model[MODEL] = script
    client = patient_client(bedrock)
    assert ended_when(client, lambda: bedrock.stalled.wait(BOUND_SECONDS)) != "whole"
    client.close()


def test_a_reused_connection_ends_as_well_and_the_next_call_has_a_fresh_one(
    bedrock: Bedrock,
) -> None:
    client = patient_client(bedrock)
    assert until_ended(client, Call(far_deadline())) == "whole"
    bedrock.script_by_model[MODEL] = STALL
    assert ended_when(client, lambda: bedrock.stalled.wait(BOUND_SECONDS)) != "whole"
    assert bedrock.connections == 1
    bedrock.script_by_model[MODEL] = WHOLE
    assert until_ended(client, Call(far_deadline())) == "whole"
    assert bedrock.connections == 2
    client.close()


@contextmanager
def silent_server() -> Iterator[tuple[int, threading.Event]]:
    """A port that takes a connection and never says a word: TLS waits for its greeting."""
    accepted = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1)
                    accepted.set()
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], accepted
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(BOUND_SECONDS)


def test_a_request_ends_in_the_middle_of_its_tls_handshake(bedrock: Bedrock) -> None:
    with silent_server() as (port, accepted):
        bedrock.url = f"https://127.0.0.1:{port}"
        client = patient_client(bedrock)
        assert ended_when(client, lambda: accepted.wait(BOUND_SECONDS)) != "whole"
        client.close()


def test_a_call_that_was_ended_before_it_began_ends_at_once(bedrock: Bedrock) -> None:
    bedrock.script_by_model[MODEL] = STALL
    call = Call(far_deadline())
    assert not call.end(), "there was no connection yet"
    assert until_ended(patient_client(bedrock), call) != "whole"


def test_the_end_of_an_old_call_leaves_its_connection_to_the_next(bedrock: Bedrock) -> None:
    client, old = patient_client(bedrock), Call(far_deadline())
    assert until_ended(client, old) == "whole"
    bedrock.script_by_model[MODEL] = [old.end, *WHOLE]
    assert until_ended(client, Call(far_deadline())) == "whole"
    assert bedrock.connections == 1
    client.close()


def test_without_a_call_the_client_is_as_it_was(bedrock: Bedrock) -> None:
    client = patient_client(bedrock)
    events = list(client.converse_stream(**request(MODEL, PROMPT, ROUTE))["stream"])
    assert events[-1]["metadata"]["usage"]["outputTokens"] == 12
    client.close()


def test_no_time_out_is_longer_than_what_is_left() -> None:
    clock = FakeClock()
    call = Call(Deadline(clock() + 0.4, clock))
    assert call.limited(1.0) == pytest.approx(0.4)
    assert call.limited(0.1) == 0.1
    assert call.limited(None) == pytest.approx(0.4)
    clock.advance(5)
    assert 0 < call.limited(1.0) < 0.01, "0 would mean not to wait for anything"


def test_a_call_says_when_it_is_on_its_way(bedrock: Bedrock) -> None:
    client, sent = patient_client(bedrock), list[int]()
    assert until_ended(client, Call(far_deadline(), lambda: sent.append(1))) == "whole"
    assert sent == [1]
    client.close()


def test_a_loss_that_shows_while_sending_is_a_kept_connections_too(
    bedrock: Bedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As TLS meets it: OpenSSL's error, and not the connection's."""

    def sends_nothing(*_: Any, **__: Any) -> None:
        raise ssl.SSLError("bad length")

    client, first, second = patient_client(bedrock), Call(far_deadline()), Call(far_deadline())
    assert until_ended(client, first) == "whole"
    monkeypatch.setattr(AWSHTTPConnection, "request", sends_nothing)
    assert until_ended(client, second) == "SSLError"
    assert (first.has_lost_kept, second.has_lost_kept) == (False, True)
    client.close()


def test_the_names_that_are_relied_on_are_there() -> None:
    """Private or nearly: `_endpoint.http_session._manager`, `_new_conn`, `_raw_stream`."""
    assert callable(AWSHTTPConnection._new_conn)
    assert callable(AWSHTTPSConnection._new_conn)
    assert not make_interruptible(object())


def test_botocores_stream_can_be_shut_down_where_its_connection_can_not(bedrock: Bedrock) -> None:
    answer = bedrock.client().converse_stream(**request(MODEL, PROMPT, ROUTE))
    assert callable(answer["stream"]._raw_stream.shutdown)
    answer["stream"].close()


@pytest.mark.parametrize("script", [STALL, [*words("It is. It"), STALL]])
@pytest.mark.parametrize("can_be_found", [True, False])
@pytest.mark.parametrize("closes", [True, False])
def test_no_worker_runs_when_complete_has_returned(
    bedrock: Bedrock,
    monkeypatch: pytest.MonkeyPatch,
    script: Any,
    can_be_found: bool,
    closes: bool,
) -> None:
    """Midway even where the connection could not be found; before headers by the deadline then.

    `closes`: with `Connection: close` nothing of the connection is left but its response.
    """
    bedrock.closes = closes
    if not can_be_found:
        monkeypatch.setattr("chalicelib.bedrock.make_interruptible", lambda _: False)
    bedrock.script_by_model[MODEL] = script
    client = bedrock.client(read_timeout=60 if can_be_found else 1)
    models = BedrockModels(lambda: client, Breakers())
    for _ in range(CONNECTIONS + 2):
        cancellation = Cancellation()
        bedrock.stalled.clear()
        stopper = threading.Thread(target=cancel_once_stalled, args=(bedrock, cancellation))
        stopper.start()
        models.complete(PROMPT, ROUTE, far_deadline(), cancellation=cancellation)
        stopper.join(BOUND_SECONDS)
        if script == STALL and not can_be_found:
            break
    wait_for_idle(models)
    bedrock.script_by_model[MODEL] = WHOLE
    assert models.complete(PROMPT, ROUTE, far_deadline()).is_whole
    models._workers.shutdown()
    client.close()


def cancel_once_stalled(bedrock: Bedrock, cancellation: Cancellation) -> None:
    bedrock.stalled.wait(BOUND_SECONDS)
    cancellation.cancel()


def wait_for_idle(models: BedrockModels) -> None:
    """All workers at once take new work, within the bound."""
    meeting = threading.Barrier(models._workers._max_workers + 1)
    for _ in range(models._workers._max_workers):
        models._workers.submit(meeting.wait, BOUND_SECONDS)
    meeting.wait(BOUND_SECONDS)
