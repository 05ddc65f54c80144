"""What is read behind a conversation, and how the sandbox's own API is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conversation_fakes import (
    ADDRESS,
    CONSENT_AT,
    ID,
    NUMBER,
    FakeControl,
    Time,
    job,
    lead_record,
    notification,
    record,
    task,
)

from sandbox.conversation.backstage import Backstage, wait_for
from sandbox.conversation.phone import Phone
from sandbox.conversation.talk import Control, ControlError


class FakeClient:
    """Any boto3 client: answers by operation, and tells who registered of each request."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, []  # type: ignore[var-annotated]
        self.handlers: list[Callable[..., None]] = []
        register = lambda event, handler: self.handlers.append(handler)  # noqa: E731
        self.meta = SimpleNamespace(events=SimpleNamespace(register=register))

    def request(self, operation: str, **params: Any) -> Any:
        for handler in self.handlers:
            handler(operation_name=operation, request=None)
        self.asked.append((operation, params))
        answer = self.answers[operation]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def get_item(self, **params: Any) -> Any:
        return self.request("GetItem", **params)

    def describe_execution(self, **params: Any) -> Any:
        return self.request("DescribeExecution", **params)

    def get_paginator(self, name: str) -> Any:
        assert name == "get_execution_history"
        pages = lambda **params: self.request("GetExecutionHistory", **params)  # noqa: E731
        return SimpleNamespace(paginate=pages)


def event(number: int, seconds: float, kind: str, **details: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp(CONSENT_AT + seconds, UTC)
    return {
        "id": number,
        "previousEventId": number - 1,
        "type": kind,
        "timestamp": moment,
    } | details


PAGES = [
    {"events": [event(1, 0, "PassStateEntered", stateEnteredEventDetails={"name": "Done"})]},
    {
        "events": [
            event(
                *(2, 1.5, "PassStateExited"),
                stateExitedEventDetails={"name": "Done", "output": '{"outcome": "made"}'},
            )
        ]
    },
]


class Desk:
    def __init__(self, **answers: Any) -> None:
        self.control = FakeControl()
        self.client = FakeClient(answers)
        self.backstage = Backstage(ADDRESS, self.control, lambda address, service: self.client)


def test_lead_item_is_read_consistently_and_plain() -> None:
    item = {"name": {"S": "Maria"}, "summary": {"M": {"topics": {"S": "x"}}}}
    desk = Desk(GetItem={"Item": item})
    assert desk.backstage.lead(ID) == {"name": "Maria", "summary": {"topics": "x"}}
    ((_, params),) = desk.client.asked
    assert params["TableName"] == "atlas-local-leads"
    assert params["ConsistentRead"] is True


def test_lead_that_is_not_there_is_none() -> None:
    assert Desk(GetItem={}).backstage.lead(ID) is None


def test_execution_is_found_by_the_hash_of_the_interaction_and_read_to_the_last_page() -> None:
    desk = Desk(DescribeExecution={"status": "SUCCEEDED"}, GetExecutionHistory=PAGES)
    execution = desk.backstage.execution(ID)
    assert execution is not None
    assert execution.is_closed
    ((run,), (_, described)) = execution.runs, desk.client.asked[0]
    assert (run.state, run.seconds, run.output) == ("Done", 1.5, '{"outcome": "made"}')
    name = described["executionArn"].rpartition(":")[2]
    assert len(name) == 34
    assert name.endswith("-0")
    assert ID not in name


def test_execution_that_was_never_started_is_none_and_other_errors_pass() -> None:
    def error(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": ""}}, "DescribeExecution")

    missing = Desk(DescribeExecution=error("ExecutionDoesNotExist"))
    assert missing.backstage.execution(ID) is None
    with pytest.raises(ClientError, match="InvalidArn"):
        Desk(DescribeExecution=error("InvalidArn")).backstage.execution(ID)


def test_own_calls_are_counted_by_operation() -> None:
    desk = Desk(GetItem={})
    desk.backstage.lead(ID)
    desk.backstage.lead(ID)
    assert desk.backstage.own_calls["dynamodb"] == {"GetItem": 2}


def test_records_and_jobs_of_others_are_left_out() -> None:
    desk = Desk()
    other = {"Atlas_Interaction_Id__c": "other"}
    desk.control.leads = [lead_record(Id="00Q0", **other), lead_record()]
    desk.control.tasks = [task("call"), task("call", WhoId="00Q0")]
    desk.control.told = [notification(), notification() | {"message": "other"}]
    desk.control.jobs = [job() | {"TranscriptionJobName": "atlas-local-other-1"}, job()]
    assert [lead["Id"] for lead in desk.backstage.lead_records(ID)] == ["00Q1"]
    assert [each["WhoId"] for each in desk.backstage.tasks_of("00Q1")] == ["00Q1"]
    assert len(desk.backstage.notifications(ID)) == 1
    assert desk.backstage.transcription(ID) == job()
    assert desk.backstage.transcription("nobody") is None


def test_waiting_ends_with_what_is_found_or_with_the_time() -> None:
    time = Time()
    begin = time.now
    found = wait_for(lambda: "there" if time.now > begin + 1 else None, 5, time, time.sleep)
    assert (found, time.now < begin + 1.1) == ("there", True)
    assert wait_for(lambda: None, 5, time, time.sleep) is None
    assert time.now < begin + 6.2


def test_phone_turn_has_its_wait_and_who_served_it() -> None:
    control, ticks = FakeControl(), iter(range(100))
    phone = Phone(control, NUMBER, lambda: next(ticks) / 10)
    control.ring()
    phone.answer("call-1")
    control.phone_records["Hello?"] = [record(start="cold", version="7")]
    turn = phone.say("call-1", "Hello?")
    assert (turn.heard, turn.ended) == ("Heard Hello?", False)
    assert turn.milliseconds == pytest.approx(100)
    assert (turn.served.start, turn.served.version) == ("cold", "7")


@pytest.fixture
def answering() -> Iterator[Callable[[int, bytes], Control]]:
    """A control API that gives one answer to everything."""
    servers: list[HTTPServer] = []

    def serve(status: int, body: bytes) -> Control:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Nobody reads it."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return Control(f"http://127.0.0.1:{server.server_port}")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_control_gives_the_answer_to_a_post(
    answering: Callable[[int, bytes], Control],
) -> None:
    control = answering(200, json.dumps({"until": 1}).encode())
    assert control.post("phone/claim", {"seconds": 1}) == {"until": 1}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [(b'{"message": "no such call"}', "no such call"), (b"<html>", "HTTP Error 400")],
)
def test_refusal_of_the_control_is_its_own_sentence(
    answering: Callable[[int, bytes], Control], body: bytes, sentence: str
) -> None:
    with pytest.raises(ControlError, match=sentence):
        answering(400, body).post("phone/say", {})
