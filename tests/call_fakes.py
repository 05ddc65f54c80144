"""The telephone, the recordings' bucket and Transcribe, in memory, in a world with real tables."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chalicelib.errors import RejectedByDependencyError
from chalicelib.lead import Lead
from chalicelib.recordings import TRANSCRIPT_BYTES
from chalicelib.transcription import Transcription
from tests.lead_world import INTERACTION, LeadWorld, lead_world

EVENTS = Path(__file__).parent / "events" / "aws"
CONTACT = "4f1c2a9e-7b35-4a0e-9d51-6c0b2f8e7a13"
BUCKET = "atlas-local-recordings-123456789012"
JOB = f"atlas-local-{INTERACTION}-1"
SECOND_JOB = f"atlas-local-{INTERACTION}-2"
TRANSCRIPT = f"transcripts/{INTERACTION}/1.json"
TOKEN = "token-1"


def aws_event(name: str, **detail: Any) -> Any:
    """A stored event; `detail` changes members of its detail, None takes one away."""
    event = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    changed = {**event["detail"], **detail}
    event["detail"] = {n: value for n, value in changed.items() if value is not None}
    return event


class FakeTelephony:
    """Places calls that ring for ever; `errors` are raised in order, "lost" ones after the ring."""

    def __init__(self) -> None:
        self.placed: dict[str, str] = {}
        self.requests: list[Lead] = []
        self.errors: list[Exception] = []
        self.lost_answers: list[Exception] = []
        self.locations: dict[str, tuple[str, ...]] = {}
        self.described: list[str] = []

    def prepare(self) -> None:
        pass

    def place_call(self, lead: Lead) -> str:
        self.requests.append(lead)
        if self.errors:
            raise self.errors.pop(0)
        contact_id = self.placed.setdefault(lead.interaction_id, CONTACT)
        if self.lost_answers:
            raise self.lost_answers.pop(0)
        return contact_id

    def recording_locations(self, contact_id: str) -> tuple[str, ...]:
        self.described.append(contact_id)
        return self.locations.get(contact_id, ())


class FakeRecordings:
    """Objects by key, whatever their bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.deleted: list[str] = []

    def read(self, bucket: str, key: str, limit: int = TRANSCRIPT_BYTES) -> bytes:
        if key not in self.objects:
            raise RejectedByDependencyError("s3", "NoSuchKey")
        return self.objects[key]

    def delete(self, bucket: str, key: str) -> None:
        assert bucket == BUCKET
        self.deleted.append(key)
        self.objects.pop(key, None)

    def delete_of(self, lead: Lead) -> None:
        raise AssertionError("no step of a call deletes a whole interaction")


class FakeTranscriber:
    """Jobs by name; each name works once."""

    def __init__(self) -> None:
        self.jobs: dict[str, Transcription] = {}
        self.error: Exception | None = None

    def start(self, job: Transcription) -> bool:
        if self.error is not None:
            raise self.error
        if job.name in self.jobs:
            return False
        self.jobs[job.name] = job
        return True

    def delete(self, name: str) -> None:
        self.jobs.pop(name, None)


class CallWorld:
    """A `LeadWorld` whose calls can be placed, recorded and transcribed."""

    def __init__(self, world: LeadWorld) -> None:
        self.world = world
        self.clock, self.workflow = world.clock, world.workflow
        self.telephony, self.recordings = FakeTelephony(), FakeRecordings()
        self.transcriber = FakeTranscriber()
        self.services = world.with_services(
            telephony=self.telephony, recordings=self.recordings, transcriber=self.transcriber
        )

    @property
    def lead(self) -> Lead:
        return self.world.lead()

    @property
    def resumed(self) -> list[tuple[str, str]]:
        return self.workflow.resumed

    @property
    def due(self) -> list[float]:
        """When the pending rows that wait for a summary are due, from now on, in seconds."""
        return [work.due_at - self.clock() for work in self.services.pending.all("summary")]

    def rings(self, **changes: Any) -> Lead:
        """A lead whose call was placed and is known to be ours."""
        key = {"call_key": "cd" * 16, "task_token": TOKEN, "contact_id": CONTACT}
        lead = self.world.consented(**(key | changes))
        assert self.services.contacts.placed(CONTACT, INTERACTION) == ""
        return lead

    def recorded(self, **changes: Any) -> Lead:
        """A call that has ended and whose first transcription runs; its transcript is there."""
        recording = {
            "recording_bucket": BUCKET,
            "recording_key": aws_event("recording_created")["detail"]["object"]["key"],
            "transcription_job": JOB,
            "transcript_key": TRANSCRIPT,
            "transcription_attempts": 1,
            "call_ended_at": self.clock(),
        }
        given = recording | changes
        lead = self.rings(**{n: value for n, value in given.items() if value is not None})
        self.recordings.objects[TRANSCRIPT] = (EVENTS / "transcript.json").read_bytes()
        self.services.pending.put("summary", INTERACTION, self.clock() + 600)
        return lead


@contextlib.contextmanager
def call_world() -> Iterator[CallWorld]:
    """A world of its own, with empty tables."""
    with lead_world() as world:
        yield CallWorld(world)
