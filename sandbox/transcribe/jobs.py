"""Every job that is kept, and every name that was ever used."""

from __future__ import annotations

import threading
from collections import OrderedDict

from sandbox.aws_api import ApiError
from sandbox.transcribe.job import Job

KEPT_JOBS = 2_000
MOST_NAMES = 100_000


class Jobs:
    """Thread-safe; the oldest finished jobs go first, their names stay used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._names: set[str] = set()

    def add(self, job: Job) -> None:
        """ApiError ConflictException for a used name, LimitExceededException when it is full."""
        with self._lock:
            if job.name in self._names:
                raise ApiError("ConflictException", "The requested job name already exists.", 409)
            if len(self._names) >= MOST_NAMES or not self._has_room():
                raise ApiError("LimitExceededException", "Too many transcription jobs.", 429)
            self._names.add(job.name)
            self._jobs[job.name] = job

    def find(self, name: str) -> Job:
        """ApiError NotFoundException for a name that has no job."""
        with self._lock:
            job = self._jobs.get(name)
        if job is None:
            message = "The requested job couldn't be found. Check the job name and try again."
            raise ApiError("NotFoundException", message, 404)
        return job

    def newest_first(self) -> list[Job]:
        with self._lock:
            return list(reversed(self._jobs.values()))

    def delete(self, name: str) -> None:
        with self._lock:
            self._jobs.pop(name, None)

    def _has_room(self) -> bool:
        if len(self._jobs) < KEPT_JOBS:
            return True
        ended = (job.name for job in self._jobs.values() if job.status in ("COMPLETED", "FAILED"))
        oldest = next(ended, None)
        if oldest is not None:
            del self._jobs[oldest]
        return oldest is not None
