"""Each recording of ours is transcribed once, whatever its key looks like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import (
    InvalidRequestError,
    RejectedByDependencyError,
    RetryableDependencyError,
)
from chalicelib.lead import Summary
from chalicelib.steps.start_transcription import (
    ROWS_LOOKED_AT,
    ObjectCreated,
    start_transcription,
)
from tests.call_fakes import (
    BUCKET,
    CONTACT,
    JOB,
    SECOND_JOB,
    TRANSCRIPT,
    CallWorld,
    aws_event,
    call_world,
)
from tests.lead_world import INTERACTION

STEM = f"CallRecordings/2027/01/15/{CONTACT}_20270115T08:00_UTC.wav"
STRANGER = "0" * 8 + CONTACT[8:]


@pytest.fixture
def calls() -> Iterator[CallWorld]:
    with call_world() as calls:
        yield calls


def created(key: str | None = None, bucket: str = BUCKET) -> Any:
    event = aws_event("recording_created")
    event["detail"]["bucket"]["name"] = bucket
    if key is not None:
        event["detail"]["object"]["key"] = key
    return event


def run(calls: CallWorld, event: Any) -> str:
    task = ObjectCreated.parse(event)
    return start_transcription(task, calls.world.deadline(20), calls.services).outcome


@pytest.mark.parametrize(
    "key",
    [
        f"connect/atlas/{STEM}",
        f"connect/at las/{STEM}",
        f"connect/at+las/{STEM}",
        f"connect/at%20las%2B/{STEM}",
        f"connect/at%las 100%+/{STEM}",
        f"connect/áéß/{STEM}",
    ],
)
def test_a_recordings_key_is_taken_as_it_is(calls: CallWorld, key: str) -> None:
    calls.rings()
    assert run(calls, created(key)) == "started"
    job = calls.transcriber.jobs[JOB]
    assert (job.bucket, job.recording_key) == (BUCKET, key)
    assert (job.transcript_key, job.language) == (TRANSCRIPT, "en-US")
    assert calls.lead.recording_key == key


def test_the_lead_knows_of_all_that_there_is_to_delete(calls: CallWorld) -> None:
    calls.rings()
    run(calls, created())
    lead = calls.lead
    assert (lead.recording_bucket, lead.transcript_key) == (BUCKET, TRANSCRIPT)
    assert (lead.transcription_job, lead.transcription_attempts) == (JOB, 1)


@pytest.mark.parametrize(
    "key",
    [
        "connect/atlas/notes.txt",
        f"connect/atlas/CallRecordings/{CONTACT}.wav.tmp",
        TRANSCRIPT,
        f"connect/atlas/{STEM}/more",
        "connect/atlas/CallRecordings/2027/01/15/not-a-contact_20270115T08:00_UTC.wav",
        " ",
    ],
)
def test_what_is_no_recording_starts_nothing(calls: CallWorld, key: str) -> None:
    calls.rings()
    calls.world.wire.calls.clear()
    assert run(calls, created(key)) == "not_a_recording"
    assert calls.world.wire.calls == []
    assert calls.transcriber.jobs == {}


def test_a_second_event_starts_no_second_job(calls: CallWorld) -> None:
    calls.rings()
    run(calls, created())
    assert run(calls, created()) == "already_started"
    assert list(calls.transcriber.jobs) == [JOB]


def test_a_late_second_event_does_not_disturb_the_second_attempt(calls: CallWorld) -> None:
    calls.recorded(transcription_attempts=2, transcription_job=SECOND_JOB)
    run(calls, created())
    assert list(calls.transcriber.jobs) == [SECOND_JOB]
    assert calls.lead.transcription_job == SECOND_JOB


def test_a_second_event_after_the_summary_starts_nothing(calls: CallWorld) -> None:
    calls.recorded(summary=Summary("a", "b", "c"))
    assert run(calls, created()) == "already_started"
    assert calls.transcriber.jobs == {}


def test_another_recording_of_the_same_call_is_left_alone(calls: CallWorld) -> None:
    calls.rings()
    run(calls, created())
    other = f"connect/atlas/CallRecordings/2027/01/15/{CONTACT}_20270115T08:01_UTC.wav"
    assert run(calls, created(other)) == "another_recording"
    assert list(calls.transcriber.jobs) == [JOB]


def test_a_recording_of_somebody_elses_call_is_left_alone(calls: CallWorld) -> None:
    assert run(calls, created()) == "unknown_contact"
    assert calls.recordings.deleted == []


def test_a_recording_named_otherwise_is_found_by_the_contacts_own_record(calls: CallWorld) -> None:
    calls.rings(call_ended_at=calls.clock())
    calls.services.pending.put("summary", INTERACTION, calls.clock() + 600)
    key = f"connect/atlas/{STEM}".replace(CONTACT, STRANGER)
    calls.telephony.locations[CONTACT] = (f"{BUCKET}/something-else", f"{BUCKET}/{key}")
    assert run(calls, created(key)) == "started"
    assert calls.transcriber.jobs[JOB].recording_key == key


def test_calls_that_have_their_recording_are_not_asked_about(calls: CallWorld) -> None:
    calls.recorded()
    key = f"connect/atlas/{STEM}".replace(CONTACT, STRANGER)
    assert run(calls, created(key)) == "unknown_contact"
    assert calls.telephony.described == []


def test_only_so_many_calls_are_asked_about(calls: CallWorld) -> None:
    lead = calls.rings(call_ended_at=calls.clock())
    for index in range(ROWS_LOOKED_AT + 3):
        other = f"{index:032x}"
        calls.services.leads.offer(calls.world.a_lead(interaction_id=other))
        calls.services.leads.update(
            other,
            {"status": "consented", "contact_id": f"contact-{index}", "expires_at": 0.0},
        )
        calls.services.pending.put("summary", other, calls.clock() + index)
    calls.services.pending.put("summary", lead.interaction_id, calls.clock() + 600)
    key = f"connect/atlas/{STEM}".replace(CONTACT, STRANGER)
    assert run(calls, created(key)) == "unknown_contact"
    assert len(calls.telephony.described) == ROWS_LOOKED_AT
    # The call that ended last is the likeliest.
    assert calls.telephony.described[0] == CONTACT


@pytest.mark.parametrize("status", ["erasing", "withdrawn"])
def test_a_recording_that_comes_after_its_leads_deletion_is_deleted(
    calls: CallWorld, status: str
) -> None:
    calls.rings(status=status)
    key = created()["detail"]["object"]["key"]
    assert run(calls, created()) == "erased"
    calls.services.leads.delete(INTERACTION)
    assert run(calls, created()) == "erased"
    assert calls.recordings.deleted == [key, key]
    assert calls.transcriber.jobs == {}
    assert calls.services.leads.get(INTERACTION) is None


@pytest.mark.parametrize("written", [1, 2])
def test_a_recording_whose_lead_is_marked_in_the_middle_is_deleted(
    calls: CallWorld, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls.rings()
    update = calls.services.leads.update
    writes: list[Any] = []

    def marked_before(interaction_id: str, changes: Any = None, once: Any = None) -> Any:
        writes.append(changes or once)
        if len(writes) == written:
            update(interaction_id, {"status": "erasing"})
        return update(interaction_id, changes, once)

    monkeypatch.setattr(calls.services.leads, "update", marked_before)
    assert run(calls, created()) == "erased"
    assert calls.recordings.deleted == [created()["detail"]["object"]["key"]]
    assert calls.transcriber.jobs == {}


@pytest.mark.parametrize("error", [RetryableDependencyError, RejectedByDependencyError])
def test_a_job_that_could_not_be_started_is_started_when_the_event_comes_again(
    calls: CallWorld, error: type[Exception]
) -> None:
    calls.rings()
    calls.transcriber.error = error("transcribe", "code")  # type: ignore[call-arg]
    with pytest.raises(error):
        run(calls, created())
    calls.transcriber.error = None
    assert run(calls, created()) == "started"
    assert list(calls.transcriber.jobs) == [JOB]


@pytest.mark.parametrize("fault", ["InternalServerError", "lost:InternalServerError"])
@pytest.mark.parametrize("failing", [0, 1])
def test_a_table_that_fails_costs_no_second_job(calls: CallWorld, failing: int, fault: str) -> None:
    calls.rings()
    calls.world.wire.faults["update_item"] = [""] * failing + [fault]
    with pytest.raises(RetryableDependencyError):
        run(calls, created())
    assert run(calls, created()) == "started"
    assert list(calls.transcriber.jobs) == [JOB]


@pytest.mark.parametrize(
    "detail",
    [
        None,
        {},
        {"bucket": {"name": "b"}},
        {"bucket": "b", "object": {"key": "k"}},
        {"bucket": {}, "object": {"key": "k"}},
        {"bucket": {"name": "b"}, "object": {"key": ""}},
        {"bucket": {"name": "b"}, "object": {"key": 1}},
    ],
)
def test_an_event_that_cannot_be_read_names_its_field(detail: Any) -> None:
    with pytest.raises(InvalidRequestError, match="detail"):
        ObjectCreated.parse({"detail": detail})
