"""The whole phone behind the sandbox's port, with real threads, moto's S3 and boto3's clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from phone_fakes import FLOW, KEY, NUMBER, SHORT_SCRIPT, FakeLex

from sandbox.connect import CONTACT_FLOW_ID, INSTANCE_ID, SOURCE_PHONE_NUMBER, ConnectService
from sandbox.control import Control, Health
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.http_server import HttpServer
from sandbox.latency import Latency
from sandbox.transcribe import TranscribeService

BUCKET = "atlas-local-recordings-123456789012"


class Bus:
    """EventBridge, as far as the phone uses it; `wait` is until an event of a kind has come."""

    service_name = "events"

    def __init__(self) -> None:
        self._came = threading.Condition()
        self.details: list[dict[str, Any]] = []

    @property
    def operations(self) -> dict[str, Any]:
        return {"PutEvents": self._put}

    def wait(self, name: str, value: str) -> dict[str, Any]:
        with self._came:
            assert self._came.wait_for(lambda: self._find(name, value) is not None, 10)
            return self._find(name, value) or {}

    def _put(self, params: dict[str, Any]) -> dict[str, Any]:
        with self._came:
            self.details += [json.loads(entry["Detail"]) for entry in params["Entries"]]
            self._came.notify_all()
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in params["Entries"]]}

    def _find(self, name: str, value: str) -> dict[str, Any] | None:
        return next((each for each in self.details if each.get(name) == value), None)


class FakeBots:
    """The released bot, as `lexv2-models` lists it."""

    service_name = "lexv2-models"
    operations = {  # noqa: RUF012 - as AwsService has it
        "ListBots": lambda _: {"botSummaries": [{"botName": "atlas-local", "botId": "B" * 10}]},
        "ListBotAliases": lambda _: {
            "botAliasSummaries": [{"botAliasName": "live", "botAliasId": "A" * 10}]
        },
    }


class Running:
    def __init__(self) -> None:
        self.server = HttpServer(None, 0, threads=8)
        self.endpoint = f"http://127.0.0.1:{self.server.bind()}"
        self.bus, self.lex = Bus(), FakeLex()
        latency, faults, counters = Latency(), Faults(), CallCounters()
        self.phone = ConnectService(self.endpoint, self.lex, FLOW, "local", latency)
        self.transcribe = TranscribeService(self.endpoint, self.phone.calls)
        control = Control(latency, faults, counters, Health())
        moto = DomainDispatcherApplication(create_backend_app)
        services: list[Any] = [self.phone, self.transcribe, self.bus, FakeBots()]
        self.server.serve(Gateway(services, moto, control, latency, faults, counters))
        self.clients: list[Any] = []

    def client(self, service: str) -> Any:
        client = boto3.client(
            service, endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 1})
        )
        self.clients.append(client)
        return client

    def close(self) -> None:
        for each in (*self.clients, self.phone, self.transcribe, self.server):
            each.close()


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.close()
    moto_api_backend.reset()


def place(client: Any) -> str:
    answer = client.start_outbound_voice_contact(
        DestinationPhoneNumber=NUMBER,
        ContactFlowId=CONTACT_FLOW_ID,
        InstanceId=INSTANCE_ID,
        SourcePhoneNumber=SOURCE_PHONE_NUMBER,
        Attributes={"interactionKey": KEY},
        ClientToken="token",
    )
    return str(answer["ContactId"])


def test_a_call_its_recording_and_its_transcript(running: Running) -> None:
    s3, connect, transcribe = (running.client(n) for n in ("s3", "connect", "transcribe"))
    s3.create_bucket(Bucket=BUCKET)
    running.phone.calls.lines.put(
        {"script": list(SHORT_SCRIPT), "ring_seconds": 0.01, "recording_seconds": 0}
    )
    contact_id = place(connect)
    assert place(connect) == contact_id
    ended = running.bus.wait("eventType", "COMPLETED")
    assert ended["contactId"] == contact_id
    contact = _with_recording(connect, contact_id)
    bucket, _, key = contact["Recordings"][0]["Location"].partition("/")
    assert ":" in key
    _until_stored(s3, bucket, key)
    running.transcribe.runner.put(0, [])
    transcribe.start_transcription_job(
        TranscriptionJobName="job",
        LanguageCode="en-US",
        Media={"MediaFileUri": f"s3://{bucket}/{key}"},
        OutputBucketName=BUCKET,
        OutputKey="transcripts/job.json",
    )
    running.bus.wait("TranscriptionJobStatus", "COMPLETED")
    with s3.get_object(Bucket=BUCKET, Key="transcripts/job.json")["Body"] as stream:
        text = json.load(stream)["results"]["transcripts"][0]["transcript"]
    assert text.startswith("hello? reply to hello?")
    assert running.lex.requests[0]["botId"] == "B" * 10
    transcribe.delete_transcription_job(TranscriptionJobName="job")


def _with_recording(connect: Any, contact_id: str) -> dict[str, Any]:
    contact: dict[str, Any] = {}
    done = threading.Event()
    for _ in range(500):
        params = {"InstanceId": INSTANCE_ID, "ContactId": contact_id}
        contact = connect.describe_contact(**params)["Contact"]
        if "Recordings" in contact:
            return contact
        done.wait(0.01)
    raise AssertionError("no recording came")


def _until_stored(s3: Any, bucket: str, key: str) -> None:
    s3.get_waiter("object_exists").wait(
        Bucket=bucket, Key=key, WaiterConfig={"Delay": 0.01, "MaxAttempts": 500}
    )


def test_errors_reach_clients_as_their_own_types(running: Running) -> None:
    connect, transcribe = running.client("connect"), running.client("transcribe")
    running.phone.calls.lines.put({"mode": "refused"})
    with pytest.raises(connect.exceptions.DestinationNotAllowedException):
        place(connect)
    with pytest.raises(connect.exceptions.InvalidRequestException):
        connect.start_outbound_voice_contact(
            DestinationPhoneNumber="0", ContactFlowId="x", InstanceId=INSTANCE_ID
        )
    with pytest.raises(connect.exceptions.ResourceNotFoundException):
        connect.stop_contact(ContactId="x", InstanceId=INSTANCE_ID)
    with pytest.raises(transcribe.exceptions.NotFoundException):
        transcribe.get_transcription_job(TranscriptionJobName="x")
    with pytest.raises(transcribe.exceptions.BadRequestException):
        transcribe.get_transcription_job(TranscriptionJobName="not a name")


def test_close_ends_every_thread(running: Running) -> None:
    running.phone.close()
    running.transcribe.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("phone", "transcribe"))]
