"""Transcribe under /_sandbox/transcribe: its jobs, how long they take, and which ones fail."""

from __future__ import annotations

from typing import Any

from sandbox.connect.control import json_handler
from sandbox.connect.lines import PhoneError
from sandbox.control import Handler
from sandbox.transcribe.job import summary
from sandbox.transcribe.runner import JOB_SECONDS
from sandbox.transcribe.service import TranscribeService

_NAMES = {"seconds", "failures"}


def control_handlers(service: TranscribeService) -> dict[str, dict[str, Handler]]:
    """The one path of Transcribe, for the control API's table."""

    def put(body: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(body.keys() - _NAMES):
            raise PhoneError(*(f"unknown field {name!r}" for name in unknown))
        service.runner.put(body.get("seconds", JOB_SECONDS), body.get("failures", []))
        return _shown(service)

    return {"transcribe": {"GET": lambda _: _shown(service), "POST": json_handler(put)}}


def _shown(service: TranscribeService) -> dict[str, Any]:
    jobs = [summary(job) for job in service.jobs.newest_first()]
    return {**service.runner.settings(), "jobs": jobs}
