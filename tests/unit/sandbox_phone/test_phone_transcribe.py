"""Transcription jobs: their course, the file they write, and every way they can go wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from phone_fakes import Phone, run

from sandbox.aws_api import ApiError
from sandbox.connect.delivery import Delivered
from sandbox.connect.lines import PhoneError
from sandbox.connect.recordings import wav

BUCKET = "atlas-local-recordings-123456789012"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:alias/atlas-local"


def start(phone: Phone, location: str, name: str = "job-1", **more: Any) -> dict[str, Any]:
    params = {
        "TranscriptionJobName": name,
        "LanguageCode": "en-US",
        "Media": {"MediaFileUri": f"s3://{location}"},
        "OutputBucketName": BUCKET,
        "OutputKey": "transcripts/",
        **more,
    }
    params = {name: value for name, value in params.items() if value is not None}
    answer: dict[str, Any] = run(phone.transcribe, "StartTranscriptionJob", **params)
    return answer["TranscriptionJob"]


def get(phone: Phone, name: str = "job-1") -> dict[str, Any]:
    answer = run(phone.transcribe, "GetTranscriptionJob", TranscriptionJobName=name)
    return dict(answer["TranscriptionJob"])


def results(phone: Phone, key: str = "transcripts/job-1.json") -> dict[str, Any]:
    document = json.loads(phone.aws.objects[BUCKET, key])
    assert (document["status"], document["accountId"]) == ("COMPLETED", "123456789012")
    return dict(document["results"])


def stored(phone: Phone, key: str, body: bytes) -> str:
    phone.aws.objects[BUCKET, key] = body
    return f"{BUCKET}/{key}"


def test_a_job_goes_from_the_queue_to_its_transcript(phone: Phone) -> None:
    call = phone.finished()
    assert start(phone, call["recording"])["TranscriptionJobStatus"] == "QUEUED"
    phone.pass_seconds(0.15)
    assert get(phone)["TranscriptionJobStatus"] == "IN_PROGRESS"
    assert "Transcript" not in get(phone)
    phone.pass_seconds(1)
    job = get(phone)
    assert job["TranscriptionJobStatus"] == "COMPLETED"
    assert job["CreationTime"] < job["StartTime"] < job["CompletionTime"]
    uri = job["Transcript"]["TranscriptFileUri"]
    assert uri == f"https://s3.us-east-1.amazonaws.com/{BUCKET}/transcripts/job-1.json"


def test_the_transcript_is_what_was_recorded_of_the_call(phone: Phone) -> None:
    start(phone, phone.finished()["recording"])
    phone.pass_seconds(1)
    found = results(phone)
    assert found["transcripts"] == [
        {
            "transcript": "hello? reply to hello? tell me more reply to tell me more "
            "goodbye reply to goodbye"
        }
    ]
    words = [item["alternatives"][0]["content"] for item in found["items"]]
    assert words[:7] == ["hello", "?", "reply", "to", "hello", "?", "tell"]
    assert found["items"][1]["type"] == "punctuation"
    assert "start_time" not in found["items"][1]
    assert "speaker_labels" not in found
    assert len(found["audio_segments"]) == 6


def test_times_never_run_backwards(phone: Phone) -> None:
    start(phone, phone.finished()["recording"])
    phone.pass_seconds(1)
    times = [float(i["start_time"]) for i in results(phone)["items"] if "start_time" in i]
    assert times == sorted(times)
    assert times[0] == pytest.approx(0)


@pytest.mark.parametrize(
    ("settings", "labels", "name"),
    [
        ({"ShowSpeakerLabels": True, "MaxSpeakerLabels": 2}, "speaker_labels", "spk_"),
        ({"ChannelIdentification": True}, "channel_labels", "ch_"),
    ],
)
def test_speakers_are_told_apart_where_the_job_asks(
    phone: Phone, settings: dict[str, Any], labels: str, name: str
) -> None:
    start(phone, phone.finished()["recording"], Settings=settings)
    phone.pass_seconds(1)
    found = results(phone)
    label = labels.removesuffix("s")
    shown = [segment[label] for segment in found["audio_segments"]]
    assert shown == [f"{name}0", f"{name}1"] * 3
    assert found["items"][0][label] == f"{name}0"
    assert found[labels]


@pytest.mark.parametrize("mode", ["silent", "script"])
def test_a_caller_who_said_nothing_leaves_an_empty_transcript(phone: Phone, mode: str) -> None:
    call = phone.finished(mode=mode)
    location = call["recording"]
    if mode == "script":
        # Sound that is no call of this sandbox.
        location = stored(phone, "connect/other.wav", wav(1))
    start(phone, location)
    phone.pass_seconds(1)
    assert results(phone)["transcripts"] == [{"transcript": ""}]
    assert results(phone)["items"] == []
    assert get(phone)["TranscriptionJobStatus"] == "COMPLETED"


def test_the_end_of_a_job_is_an_event(phone: Phone) -> None:
    call = phone.finished()
    phone.aws.events.clear()
    start(phone, call["recording"])
    phone.pass_seconds(1)
    (event,) = phone.aws.events
    assert (event["Source"], event["DetailType"]) == (
        "aws.transcribe",
        "Transcribe Job State Change",
    )
    assert phone.aws.details() == [
        {"TranscriptionJobName": "job-1", "TranscriptionJobStatus": "COMPLETED"}
    ]


def test_the_event_can_come_twice(phone: Phone) -> None:
    call = phone.finished()
    phone.aws.events.clear()
    phone.calls.ways.put("aws.transcribe", Delivered(twice=True))
    start(phone, call["recording"])
    phone.pass_seconds(1)
    assert len(phone.aws.events) == 2


def test_the_transcript_is_there_before_its_event(phone: Phone) -> None:
    call = phone.finished()
    phone.aws.failures["put_object"] = 1
    start(phone, call["recording"])
    phone.aws.events.clear()
    phone.pass_seconds(1)
    assert (BUCKET, "transcripts/job-1.json") in phone.aws.objects
    assert len(phone.aws.events) == 1


FAILED: list[tuple[str, bytes, dict[str, Any], str]] = [
    ("connect/a.wav", b"GIF89a", {}, "Unsupported media format"),
    ("connect/a.mp3", wav(1), {}, "does not match the detected"),
    ("connect/a.wav", wav(1), {"MediaFormat": "flac"}, "does not match the detected"),
]


@pytest.mark.parametrize(("key", "body", "more", "reason"), FAILED)
def test_what_is_no_recording_fails(
    phone: Phone, key: str, body: bytes, more: dict[str, Any], reason: str
) -> None:
    start(phone, stored(phone, key, body), **more)
    phone.pass_seconds(1)
    job = get(phone)
    assert job["TranscriptionJobStatus"] == "FAILED"
    assert reason in job["FailureReason"]
    (detail,) = phone.aws.details()
    assert detail["FailureReason"] == job["FailureReason"]
    assert (BUCKET, "transcripts/job-1.json") not in phone.aws.objects


def test_a_failure_that_was_set_meets_one_job(phone: Phone) -> None:
    location = stored(phone, "a.wav", wav(1))
    phone.transcribe.runner.put(0.3, ["Internal error"])
    start(phone, location)
    start(phone, location, "job-2")
    phone.pass_seconds(1)
    assert get(phone)["FailureReason"] == "Internal error"
    assert get(phone, "job-2")["TranscriptionJobStatus"] == "COMPLETED"


@pytest.mark.parametrize(
    ("method", "reason"), [("get_object", "could not be read"), ("put_object", "could not be wri")]
)
def test_a_failing_s3_fails_the_job_after_some_tries(
    phone: Phone, method: str, reason: str
) -> None:
    location = stored(phone, "a.wav", wav(1))
    phone.aws.failures[method] = 5
    start(phone, location)
    phone.pass_seconds(1)
    assert reason in get(phone)["FailureReason"]


def test_a_name_is_used_up_for_ever(phone: Phone) -> None:
    location = stored(phone, "a.wav", wav(1))
    start(phone, location)
    phone.pass_seconds(1)
    run(phone.transcribe, "DeleteTranscriptionJob", TranscriptionJobName="job-1")
    with pytest.raises(ApiError, match="ConflictException"):
        start(phone, location)
    with pytest.raises(ApiError, match="NotFoundException"):
        get(phone)


@pytest.mark.parametrize("key", ["a b.wav", "a+b.wav", "100%.wav", "a%20b.wav", "c:d.wav"])
def test_keys_are_taken_as_they_are(phone: Phone, key: str) -> None:
    start(phone, stored(phone, key, wav(1)))
    phone.pass_seconds(1)
    assert get(phone)["TranscriptionJobStatus"] == "COMPLETED"


def test_an_address_of_s3s_web_site_is_an_address(phone: Phone) -> None:
    location = stored(phone, "a.wav", wav(1))
    uri = f"https://s3.us-east-1.amazonaws.com/{location}"
    start(phone, location, Media={"MediaFileUri": uri})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"LanguageCode": None}, "Exactly one of"),
    ({"IdentifyLanguage": True}, "Exactly one of"),
    ({"Media": {"MediaFileUri": "https://example.com/a.wav"}}, "doesn't point to an S3 object"),
    ({"Media": {"MediaFileUri": f"s3://{BUCKET}/none.wav"}}, "can't be accessed"),
    ({"OutputBucketName": None}, "OutputBucketName"),
    ({"OutputKey": "a b.json"}, "OutputKey"),
    ({"Settings": {"ShowSpeakerLabels": True}}, "MaxSpeakerLabels together"),
    ({"Settings": {"MaxAlternatives": 2}}, "ShowAlternatives and"),
    ({"OutputEncryptionKMSKeyId": "atlas-local"}, "names no key"),
]


@pytest.mark.parametrize(("params", "words"), REFUSED)
def test_what_transcribe_refuses_is_refused(
    phone: Phone, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(ApiError, match=words) as raised:
        start(phone, stored(phone, "a.wav", wav(1)), **params)
    assert raised.value.code == "BadRequestException"


def test_a_format_that_nothing_tells_is_refused(phone: Phone) -> None:
    with pytest.raises(ApiError, match="Specify a MediaFormat"):
        start(phone, stored(phone, "recording", wav(1)))


@pytest.mark.parametrize(
    ("output", "key"),
    [(None, "job-1.json"), ("a/", "a/job-1.json"), ("a/b.json", "a/b.json")],
)
def test_the_output_goes_where_the_job_says(phone: Phone, output: str | None, key: str) -> None:
    start(phone, stored(phone, "a.wav", wav(1)), OutputKey=output)
    phone.pass_seconds(1)
    assert results(phone, key)["items"] == []


@pytest.mark.parametrize(
    ("key", "encryption"),
    [
        (None, {"ServerSideEncryption": "AES256"}),
        (KEY_ARN, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY_ARN}),
        ("alias/a", {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/a"}),
    ],
)
def test_the_transcript_is_under_the_jobs_key_and_never_under_the_buckets(
    phone: Phone, key: str | None, encryption: dict[str, str]
) -> None:
    start(phone, stored(phone, "a.wav", wav(1)), OutputEncryptionKMSKeyId=key)
    phone.pass_seconds(1)
    request = phone.aws.stored[-1]
    names = ("ServerSideEncryption", "SSEKMSKeyId")
    assert {name: request[name] for name in names if name in request} == encryption


def test_jobs_are_listed_newest_first_by_pages(phone: Phone) -> None:
    location = stored(phone, "a.wav", wav(1))
    for number in range(7):
        start(phone, location, f"job-{number}")
    first = run(phone.transcribe, "ListTranscriptionJobs")
    names = [job["TranscriptionJobName"] for job in first["TranscriptionJobSummaries"]]
    assert names == ["job-6", "job-5", "job-4", "job-3", "job-2"]
    rest = run(phone.transcribe, "ListTranscriptionJobs", NextToken=first["NextToken"])
    assert len(rest["TranscriptionJobSummaries"]) == 2
    assert "NextToken" not in rest
    one = run(phone.transcribe, "ListTranscriptionJobs", JobNameContains="-3", Status="QUEUED")
    assert len(one["TranscriptionJobSummaries"]) == 1
    with pytest.raises(ApiError, match="NextToken"):
        run(phone.transcribe, "ListTranscriptionJobs", NextToken="x")


@pytest.mark.parametrize(("seconds", "failures"), [(-1, []), (True, []), (1, [""]), (1, [1])])
def test_bad_settings_are_refused(phone: Phone, seconds: Any, failures: Any) -> None:
    with pytest.raises(PhoneError):
        phone.transcribe.runner.put(seconds, failures)
