"""Jobs as they run: from the queue to a transcript in S3 and an event, or to a named failure."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.connect.calls import Calls
from sandbox.connect.clients import ClientOf
from sandbox.connect.delivery import Delivery, Event
from sandbox.connect.lines import PhoneError
from sandbox.connect.timers import Scheduler
from sandbox.transcribe.job import Job, Status
from sandbox.transcribe.media import format_of
from sandbox.transcribe.requests import encryption, media_format
from sandbox.transcribe.transcript import transcript_file

SOURCE = "aws.transcribe"
DETAIL_TYPE = "Transcribe Job State Change"
JOB_SECONDS = 0.3
"""How long a job takes unless it is set; a third of it is spent in the queue."""
MOST_SECONDS = 3_600.0
MOST_FAILURES = 100
_MOST_CHARACTERS = 500

# The words of FailureReason in Transcribe's API reference.
UNSUPPORTED = "Unsupported media format"
MISMATCH = "The media format provided does not match the detected media format"
UNREADABLE = "The media file could not be read"
UNWRITABLE = "The transcript could not be written to the output bucket"


class Runner:
    """Runs jobs in the background; thread-safe."""

    def __init__(
        self,
        calls: Calls,
        delivery: Delivery,
        client_of: ClientOf,
        work: Scheduler,
        clock: Callable[[], float],
    ) -> None:
        self._calls, self._delivery, self._client_of = calls, delivery, client_of
        self._work, self._clock = work, clock
        self._lock = threading.Lock()
        self._seconds = JOB_SECONDS
        self._failures: deque[str] = deque()

    def queue(self, job: Job) -> None:
        with self._lock:
            seconds = self._seconds
        self._work.after(seconds / 3, lambda: self._start(job, seconds * 2 / 3))

    def settings(self) -> dict[str, Any]:
        with self._lock:
            return {"seconds": self._seconds, "failures": list(self._failures)}

    def put(self, seconds: float, failures: list[str]) -> None:
        """How long jobs take, and why the next ones fail, one each; PhoneError if that is bad."""
        problems = []
        if not _is_number(seconds) or not 0 <= seconds <= MOST_SECONDS:
            problems.append(f"seconds must be a number from 0 to {MOST_SECONDS:g}")
        if not _are_reasons(failures):
            problems.append(f"failures must be a list of at most {MOST_FAILURES} short texts")
        if problems:
            raise PhoneError(*problems)
        with self._lock:
            self._seconds, self._failures = float(seconds), deque(failures)

    def _start(self, job: Job, seconds: float) -> None:
        job.status, job.started_at = "IN_PROGRESS", self._clock()
        self._work.after(seconds, lambda: self._finish(job))

    def _finish(self, job: Job) -> None:
        reason = self._set_failure() or self._transcribe(job)
        job.failure_reason, job.completed_at = reason, self._clock()
        job.status = "FAILED" if reason else "COMPLETED"
        self._delivery.event(f"transcribe/{job.name}", _event(job, job.status), is_last=True)

    def _set_failure(self) -> str:
        with self._lock:
            return self._failures.popleft() if self._failures else ""

    def _transcribe(self, job: Job) -> str:
        """Write the transcript; why not, or "" when it is there."""
        body = self._media(job)
        if body is None:
            return UNREADABLE
        found = format_of(body)
        if found is None:
            return UNSUPPORTED
        if found != media_format(job.request, job.media[1]):
            return MISMATCH
        # Sound that is no call of this sandbox is heard as silence.
        begun_at, turns = self._calls.heard_in(*job.media) or (0.0, [])
        settings = job.request.get("Settings") or {}
        return self._write(job, transcript_file(job.name, settings, begun_at, turns))

    def _media(self, job: Job) -> bytes | None:
        bucket, key = job.media
        bodies: list[bytes] = []

        def get() -> None:
            with self._client_of("s3").get_object(Bucket=bucket, Key=key)["Body"] as stream:
                bodies.append(stream.read())

        return bodies[0] if self._delivery.attempt("s3", "GetObject", get) else None

    def _write(self, job: Job, document: dict[str, Any]) -> str:
        bucket, key = job.output
        request = {
            "Bucket": bucket,
            "Key": key,
            "Body": json.dumps(document).encode(),
            "ContentType": "application/json",
            **encryption(job.request),
        }
        return "" if self._delivery.put_object(request) else UNWRITABLE


def _event(job: Job, status: Status) -> Event:
    detail = {"TranscriptionJobName": job.name, "TranscriptionJobStatus": status}
    if job.failure_reason:
        detail["FailureReason"] = job.failure_reason
    return Event(SOURCE, DETAIL_TYPE, detail, job.completed_at)


def _are_reasons(values: object) -> bool:
    if not isinstance(values, list) or len(values) > MOST_FAILURES:
        return False
    return all(isinstance(v, str) and 0 < len(v) <= _MOST_CHARACTERS for v in values)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
