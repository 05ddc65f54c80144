"""A recording has come: whose it is, and the job that turns it into text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from chalicelib.deadline import Deadline
from chalicelib.errors import InvalidRequestError
from chalicelib.lead import Lead
from chalicelib.recordings import transcript_key
from chalicelib.steps.call_ended import detail_of, text_of
from chalicelib.steps.payloads import StepResult
from chalicelib.transcription import Transcription, job_name

if TYPE_CHECKING:
    from chalicelib.services import Services

ROWS_LOOKED_AT = 10
"""Calls without a recording that are asked about; Connect describes two contacts a second."""
FIRST_ATTEMPT = 1
Begun = Literal["started", "already_started", "erased"]


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """EventBridge's "Object Created": the key is as S3 spells it, nothing in it is encoded."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, event: object) -> Self:
        """Raises InvalidRequestError, which names the field."""
        detail = detail_of(event)
        bucket, created = detail.get("bucket"), detail.get("object")
        if not isinstance(bucket, dict) or not isinstance(created, dict):
            raise InvalidRequestError("detail.bucket", "and detail.object must be objects")
        return cls(text_of(bucket, "name"), text_of(created, "key"))


def start_transcription(task: ObjectCreated, deadline: Deadline, services: Services) -> StepResult:
    """`started`, `already_started`, or why nothing is: `not_a_recording`, `unknown_contact`, ...

    Idempotent: a second event asks for the same job, and job names work once.
    """
    found = services.settings.recording_key_pattern.fullmatch(task.key)
    if found is None:
        return StepResult("not_a_recording")
    interaction_id = services.contacts.interaction_of(found["contact"]) or _by_location(
        task, services
    )
    if not interaction_id:
        return StepResult("unknown_contact")
    services.note_whose(interaction_id)
    return StepResult(_started(interaction_id, task, services))


def transcribe(lead: Lead, attempt: int, services: Services) -> Begun:
    """Start that attempt for the lead's recording.

    The item is written first, so that whoever erases the lead knows of the job; the recording of
    one that is being erased is deleted instead.
    """
    job = Transcription(
        name=job_name(services.settings.stage, lead.interaction_id, attempt),
        bucket=lead.recording_bucket,
        recording_key=lead.recording_key,
        transcript_key=transcript_key(lead.interaction_id, attempt),
        language=lead.locale.replace("_", "-"),
    )
    known = services.leads.update(
        lead.interaction_id,
        {
            "transcription_job": job.name,
            "transcript_key": job.transcript_key,
            "transcription_attempts": attempt,
        },
    )
    if known is None or known.status != "consented":
        services.recordings.delete(job.bucket, job.recording_key)
        return "erased"
    return "started" if services.transcriber.start(job) else "already_started"


def _started(interaction_id: str, task: ObjectCreated, services: Services) -> str:
    lead = services.leads.get(interaction_id)
    if lead is None or lead.status != "consented":
        # What comes after a deletion is deleted too.
        services.recordings.delete(task.bucket, task.key)
        return "erased"
    once = {"recording_bucket": task.bucket, "recording_key": task.key}
    lead = services.leads.update(interaction_id, once=once)
    if lead is None or lead.status != "consented":
        services.recordings.delete(task.bucket, task.key)
        return "erased"
    if (lead.recording_bucket, lead.recording_key) != (task.bucket, task.key):
        return "another_recording"
    if lead.summary is not None:
        return "already_started"
    attempt = max(FIRST_ATTEMPT, lead.transcription_attempts)
    return transcribe(lead, attempt, services)


def _by_location(task: ObjectCreated, services: Services) -> str:
    """The name need not hold the contact's id; the contact's own record says where it is.

    Source: "Contact records data model", `Recording.Location`.
    """
    place = f"{task.bucket}/{task.key}"
    for lead in _without_recording(services):
        if place in services.telephony.recording_locations(lead.contact_id):
            return lead.interaction_id
    return ""


def _without_recording(services: Services) -> Iterator[Lead]:
    """The calls that ended last and whose recording has not come."""
    rows = sorted(services.pending.all("summary"), key=lambda work: -work.due_at)
    for work in rows[:ROWS_LOOKED_AT]:
        lead = services.leads.get(work.interaction_id)
        if lead is not None and lead.contact_id and not lead.recording_key:
            yield lead
