"""A phone whose time stands still until a test moves it, with fakes for all that it talks to."""

from __future__ import annotations

import heapq
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from sandbox.connect import CONTACT_FLOW_ID, INSTANCE_ID, SOURCE_PHONE_NUMBER, ConnectService
from sandbox.latency import Latency
from sandbox.transcribe import TranscribeService

FLOW = Path(__file__).parents[3] / "infra" / "connect_flow.json"
NUMBER = "+14155550123"
KEY = "0123456789abcdef" * 4
START = 1_790_000_000.0
ENDPOINT = "http://127.0.0.1:9"
SHORT_SCRIPT = ("hello?", "tell me more", "goodbye")

_SESSION = botocore.session.get_session()


class Time:
    """A clock and a Scheduler in one: actions run in `pass_seconds`, in the order of their time."""

    def __init__(self) -> None:
        self.now = START
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.closed = False

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), action))

    def close(self) -> None:
        self.closed = True

    def pass_seconds(self, seconds: float) -> None:
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            due, _, action = heapq.heappop(self._due)
            self.now = max(self.now, due)
            action()
        self.now = end


@dataclass
class FakeLex:
    """Closes GreetingIntent with a sentence; `goodbye` closes CloseIntent; `replies` come first."""

    seconds: float = 0.0
    time: Time | None = None
    replies: dict[str, dict[str, Any] | Exception] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    before: Callable[[str], object] = lambda _: None

    def recognize_speech(self, params: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(params)
        self.before(params["text"])
        if self.time is not None:
            self.time.now += self.seconds
        reply = self.replies.get(params["text"])
        if isinstance(reply, Exception):
            raise reply
        if reply is not None:
            return reply
        intent = "CloseIntent" if "goodbye" in params["text"] else "GreetingIntent"
        sent = params.get("sessionState", {}).get("sessionAttributes")
        return closed(intent, f"reply to {params['text']}", sent or {"interactionKey": KEY})


def closed(
    intent: str, words: str, attributes: dict[str, str] | None = None, state: str = "Fulfilled"
) -> dict[str, Any]:
    return lex_reply("Close", intent, words, attributes, state)


def lex_reply(
    action: str, intent: str, words: str, attributes: dict[str, str] | None, state: str
) -> dict[str, Any]:
    return {
        "messages": [{"contentType": "PlainText", "content": words}],
        "sessionState": {
            "dialogAction": {"type": action},
            "intent": {"name": intent, "state": state},
            "sessionAttributes": attributes or {},
        },
    }


class FakeAws:
    """The clients of the endpoint: S3 and EventBridge that remember, and one released bot."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.stored: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.failures: dict[str, int] = {}
        self.refused_entries = 0

    def __call__(self, service: str) -> Any:
        return self

    def put_object(self, **request: Any) -> dict[str, Any]:
        self._maybe_fail("put_object")
        self.stored.append(request)
        self.objects[request["Bucket"], request["Key"]] = request["Body"]
        return {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self._maybe_fail("get_object")
        return {"Body": io.BytesIO(self._object(Bucket, Key))}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self._object(Bucket, Key)
        return {}

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self._maybe_fail("put_events")
        check_input("events", "PutEvents", {"Entries": Entries})
        if self.refused_entries:
            self.refused_entries -= 1
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        self.events += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def list_bots(self) -> dict[str, Any]:
        return {"botSummaries": [{"botName": "atlas-local", "botId": "BOT"}]}

    def list_bot_aliases(self, botId: str) -> dict[str, Any]:
        return {"botAliasSummaries": [{"botAliasName": "live", "botAliasId": "ALIAS"}]}

    def details(self) -> list[dict[str, Any]]:
        return [json.loads(event["Detail"]) for event in self.events]

    def types(self) -> list[str]:
        return [detail["eventType"] for detail in self.details()]

    def _object(self, bucket: str, key: str) -> bytes:
        if (bucket, key) not in self.objects:
            raise client_error("NoSuchKey")
        return self.objects[bucket, key]

    def _maybe_fail(self, method: str) -> None:
        if self.failures.get(method, 0) > 0:
            self.failures[method] -= 1
            raise client_error("ServiceUnavailable")


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "Operation")


def check_input(service: str, operation: str, params: dict[str, Any]) -> None:
    shape = _SESSION.get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(params, shape)
    assert not report.has_errors(), report.generate_report()


def run(service: Any, operation: str, **params: Any) -> dict[str, Any]:
    """Call an operation, and hold input and output against botocore's model of it."""
    check_input(service.service_name, operation, params)
    output: dict[str, Any] = service.operations[operation](params)
    model = _SESSION.get_service_model(service.service_name).operation_model(operation)
    if model.output_shape is not None:
        report = ParamValidator().validate(output, model.output_shape)
        assert not report.has_errors(), report.generate_report()
    return output


class Phone:
    """Both services on one standing clock, and short words for what tests do with them."""

    def __init__(self, latency: Latency | None = None) -> None:
        self.time, self.lex, self.aws = Time(), FakeLex(), FakeAws()
        self.waits: list[float] = []
        shared: dict[str, Any] = {
            "clock": self.time,
            "client_of": self.aws,
            "work": self.time,
            "wait": self.waits.append,
        }
        self.service = ConnectService(
            ENDPOINT, self.lex, FLOW, "local", latency, line=self.time, **shared
        )
        self.calls = self.service.calls
        self.transcribe = TranscribeService(ENDPOINT, self.calls, **shared)

    def line(self, **settings: Any) -> None:
        self.calls.lines.put({"script": list(SHORT_SCRIPT), **settings})

    def place(self, **more: Any) -> str:
        params = {
            "DestinationPhoneNumber": NUMBER,
            "ContactFlowId": CONTACT_FLOW_ID,
            "InstanceId": INSTANCE_ID,
            "SourcePhoneNumber": SOURCE_PHONE_NUMBER,
            "Attributes": {"interactionKey": KEY},
            **more,
        }
        return str(run(self.service, "StartOutboundVoiceContact", **params)["ContactId"])

    def pass_seconds(self, seconds: float) -> None:
        self.time.pass_seconds(seconds)

    def call(self, contact_id: str) -> dict[str, Any]:
        (found,) = (call for call in self.calls.snapshot() if call["id"] == contact_id)
        return found

    def spoken(self, contact_id: str) -> list[tuple[str, str]]:
        return [(t["speaker"], t["text"]) for t in self.call(contact_id)["transcript"]]

    def finished(self, **settings: Any) -> dict[str, Any]:
        """One call on a line with these settings, to its end."""
        self.line(**settings)
        return self.finished_without_setting()

    def finished_without_setting(self) -> dict[str, Any]:
        contact_id = self.place()
        self.pass_seconds(100)
        return self.call(contact_id)

    def close(self) -> None:
        self.service.close()
        self.transcribe.close()
