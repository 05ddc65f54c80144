"""What X-Ray really gets inside Lambda, by a real datagram or with the sender replaced."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.lambda_launcher import LambdaContext
from botocore.awsrequest import AWSResponse

from chalicelib import workflow
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.observability import TRACER, Tracer
from chalicelib.observability.aws_calls import AwsCalls
from tests.fakes import TRACE_HEADER as HEADER
from tests.fakes import TRACE_ID, World, an_invocation, lex_event
from tests.xray_daemon import Daemon

PARENT = "53995c3f42cd8ad8"


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    daemon = Daemon()
    monkeypatch.setattr(TRACER, "_send", daemon)
    yield daemon
    assert TRACER.open is None


def test_a_turn_is_annotated_with_what_an_operator_searches_for(daemon: Daemon) -> None:
    services = World().services
    conversation_turn(lex_event(), an_invocation(), services)
    assert daemon.named("turn")["annotations"] == {
        "intent": "AboutTechnologyIntent",
        "channel": "chat",
        "source": "model",
        "model": services.settings.routes["simple"].models[0],
        "stage": "local",
        "start": "warm",
    }


def test_a_span_is_the_document_that_the_sdk_sends(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sender:
        def send_entity(self, entity: Any) -> None:
            sent.append(json.loads(entity.serialize()))

    sent: list[dict[str, Any]] = []
    xray_recorder.emitter._socket.close()
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    monkeypatch.setattr(xray_recorder, "_context", LambdaContext())
    monkeypatch.setattr(xray_recorder, "_emitter", Sender())
    monkeypatch.setattr(xray_recorder, "streaming_threshold", 0)
    with xray_recorder.in_subsegment("turn", namespace="remote") as subsegment:
        subsegment.put_annotation("source", "memory")
        subsegment.put_http_meta("status", 429)
    xray_recorder.clear_trace_entities()
    with TRACER.invocation("turn", HEADER) as span:
        span.document["namespace"] = "remote"
        span.annotate(source="memory")
        span.answered(429, "Throttling")
    ((theirs,), (ours,)) = sent, daemon.documents
    for document in (theirs, ours):
        assert document.pop("start_time") <= document.pop("end_time")
    assert len(theirs.pop("id")) == len(ours.pop("id"))
    # The SDK says so too, where it is not followed by a parent's state.
    assert theirs.pop("in_progress", False) is False
    assert ours == theirs
    assert (ours["trace_id"], ours["parent_id"]) == (TRACE_ID, PARENT)


def test_a_span_reaches_the_daemon_as_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        tracer = Tracer()
        tracer.start(f"tcp:127.0.0.1:1 udp:127.0.0.1:{receiver.getsockname()[1]}")
        with tracer.invocation("turn", HEADER):
            pass
        head, _, document = receiver.recv(65_536).partition(b"\n")
    assert json.loads(head) == {"format": "json", "version": 1}
    assert json.loads(document)["name"] == "turn"
    tracer.stop()


@pytest.mark.parametrize(
    "header", [HEADER[:-1] + "0", "Root=1;Sampled=1", f"Root={TRACE_ID};Parent={PARENT}", ""]
)
def test_what_is_not_sampled_is_not_sent(daemon: Daemon, header: str) -> None:
    with TRACER.invocation("turn", header), TRACER.span("inner"), TRACER.leaf("Salesforce") as leaf:
        TRACER.annotate(source="memory")
        leaf.annotate(asked="GET Lead")
    assert daemon.documents == []
    assert TRACER.header == header


def test_a_span_within_a_span_is_its_child_and_gives_way_to_it_again(daemon: Daemon) -> None:
    with TRACER.invocation("outer", HEADER):
        with TRACER.span("inner"):
            TRACER.annotate(place="inner")
            with TRACER.leaf("deep"):
                TRACER.annotate(also="inner")
        TRACER.annotate(place="outer")
    deep, inner, outer = daemon.documents
    ids = [deep["parent_id"], inner["parent_id"], outer["parent_id"]]
    assert ids == [inner["id"], outer["id"], PARENT]
    assert inner["annotations"] == {"place": "inner", "also": "inner"}
    assert outer["annotations"] == {"place": "outer"}


def test_what_is_passed_on_hangs_below_the_open_span(daemon: Daemon) -> None:
    with TRACER.invocation("turn", HEADER):
        passed = TRACER.header
    assert passed == f"Root={TRACE_ID};Parent={daemon.named('turn')['id']};Sampled=1"


def test_an_error_is_a_fault_of_its_type_and_says_no_word(daemon: Daemon) -> None:
    with pytest.raises(ValueError, match="0147"), TRACER.invocation("create_lead", HEADER):
        raise ValueError("Eleanor Vance, +1 212 555 0147")
    (span,) = daemon.documents
    assert span["fault"] is True
    assert [each["type"] for each in span["cause"]["exceptions"]] == ["ValueError"]
    assert "0147" not in json.dumps(span)


def test_a_daemon_that_cannot_be_reached_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(data: bytes) -> None:
        raise OSError("no route")

    monkeypatch.setattr(TRACER, "_send", unreachable)
    response = conversation_turn(lex_event(), an_invocation(), World().services)
    assert response["messages"][0]["content"] == "The model wrote this. It is whole."


def test_the_words_of_an_error_in_a_turn_reach_no_trace(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        intent = "AboutTechnologyIntent"
        answers_dialog_hook = False

        def answer(self, *_: object) -> None:
            raise ValueError("Eleanor Vance, +1 212 555 0147")

    handlers = dict(INTENT_HANDLERS) | {"AboutTechnologyIntent": Broken()}
    monkeypatch.setattr("chalicelib.fulfillment.INTENT_HANDLERS", handlers)
    conversation_turn(lex_event(), an_invocation(), World().services)
    span = daemon.named("turn")
    assert span["annotations"]["source"] == "fixed"
    assert not {"Eleanor", "0147"} & set(json.dumps(span).split())


# Calls to AWS, by botocore's own events.


class Aws:
    """Answers a session's requests without a network; `headers` are those of the last one."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status, self._body = status, body
        self.headers: dict[str, str] = {}
        self.error: Exception | None = None

    def send(self, request: Any, **_: Any) -> AWSResponse:
        self.headers = {
            k: v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()
        }
        if self.error is not None:
            raise self.error
        response = AWSResponse(request.url, self._status, {"x-amzn-RequestId": "r-1"}, None)
        response._content = self._body
        return response


def a_client(service: str, aws: Aws, tracer: Tracer) -> Any:
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    AwsCalls(session, tracer)
    client = session.create_client(service, region_name="us-east-1")
    client.meta.events.register("before-send", aws.send)
    return client


def traced() -> tuple[Tracer, Daemon]:
    tracer, daemon = Tracer(), Daemon()
    tracer._send = daemon
    return tracer, daemon


def test_a_call_to_aws_is_a_subsegment_with_its_operation_and_table() -> None:
    tracer, daemon = traced()
    client = a_client("dynamodb", aws := Aws(200, b"{}"), tracer)
    with tracer.invocation("turn", HEADER):
        client.get_item(TableName="atlas-dev-leads", Key={"key": {"S": "+1 212 555 0147"}})
    call, turn = daemon.documents
    assert (call["name"], call["namespace"], call["parent_id"]) == ("DynamoDB", "aws", turn["id"])
    assert call["aws"] == {
        "operation": "GetItem",
        "table_name": "atlas-dev-leads",
        "request_id": "r-1",
    }
    assert call["http"] == {"response": {"status": 200}}
    assert "0147" not in json.dumps(call)
    header = aws.headers["X-Amzn-Trace-Id"]
    assert header == f"Root={TRACE_ID};Parent={call['id']};Sampled=1"


@pytest.mark.parametrize(
    ("status", "code", "flags"),
    [
        (400, "ConditionalCheckFailedException", set()),
        (400, "ValidationException", {"error"}),
        (429, "ThrottlingException", {"error", "throttle"}),
        (400, "ProvisionedThroughputExceededException", {"error", "throttle"}),
        (500, "InternalServerError", {"fault"}),
    ],
)
def test_a_refused_call_is_what_xray_calls_it(status: int, code: str, flags: set[str]) -> None:
    tracer, daemon = traced()
    client = a_client("dynamodb", Aws(status, json.dumps({"__type": code}).encode()), tracer)
    client.meta.events.unregister("needs-retry.dynamodb", unique_id="retry-config-dynamodb")
    with tracer.invocation("turn", HEADER), pytest.raises(client.exceptions.ClientError):
        client.get_item(TableName="t", Key={})
    (call, _) = daemon.documents
    assert {"error", "fault", "throttle"} & set(call) == flags
    assert call["http"] == {"response": {"status": status}}


def test_a_call_that_breaks_is_a_fault() -> None:
    tracer, daemon = traced()
    aws = Aws(200, b"{}")
    aws.error = ConnectionError("10.0.0.1")
    client = a_client("dynamodb", aws, tracer)
    client.meta.events.unregister("needs-retry.dynamodb", unique_id="retry-config-dynamodb")
    with tracer.invocation("turn", HEADER), pytest.raises(Exception, match=r"10\.0\.0\.1"):
        client.get_item(TableName="t", Key={})
    assert daemon.documents[0]["fault"] is True
    assert "10.0.0.1" not in json.dumps(daemon.documents[0])


def test_lambdas_lineage_goes_on_so_that_circles_are_noticed() -> None:
    tracer, daemon = traced()
    client = a_client("lambda", aws := Aws(202, b""), tracer)
    with tracer.invocation("turn", f"{HEADER};Lineage=a87bd80c:1|68fd508a:5"):
        client.invoke(FunctionName="f", InvocationType="Event")
        assert tracer.header.endswith(";Sampled=1;Lineage=a87bd80c:1|68fd508a:5")
    parent = daemon.documents[0]["id"]
    expected = f"Root={TRACE_ID};Parent={parent};Sampled=1;Lineage=a87bd80c:1|68fd508a:5"
    assert aws.headers["X-Amzn-Trace-Id"] == expected


def test_a_call_outside_a_sampled_trace_is_left_as_it_is() -> None:
    tracer, daemon = traced()
    client = a_client("dynamodb", aws := Aws(200, b"{}"), tracer)
    with tracer.invocation("turn", HEADER[:-1] + "0"):
        client.get_item(TableName="t", Key={"key": {"S": "x"}})
    assert daemon.documents == []
    assert "X-Amzn-Trace-Id" not in aws.headers


@pytest.mark.parametrize("sampled", ["0", "1"])
def test_the_workflow_goes_on_in_the_turns_trace(daemon: Daemon, sampled: str) -> None:
    class StepFunctions:
        def start_execution(self, **request: str) -> None:
            requests.append(request)

    requests: list[dict[str, str]] = []
    world = World()
    leads = workflow.Workflow(StepFunctions, "lead-workflow", world.services.account)
    with TRACER.invocation("turn", HEADER[:-1] + sampled):
        leads.start("0123456789abcdef" * 2)
    (request,) = requests
    assert request["traceHeader"].startswith(f"Root={TRACE_ID};Parent=")
    assert request["traceHeader"].endswith(f"Sampled={sampled}")
