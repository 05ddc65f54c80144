"""One transcription job and how the API shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sandbox.aws_api import REGION, Params

Status = Literal["QUEUED", "IN_PROGRESS", "COMPLETED", "FAILED"]


@dataclass(slots=True, eq=False)
class Job:
    """Times are epoch seconds, 0.0 for what has not happened."""

    request: Params
    media: tuple[str, str]
    output: tuple[str, str]
    created_at: float
    status: Status = "QUEUED"
    started_at: float = 0.0
    completed_at: float = 0.0
    failure_reason: str = ""

    @property
    def name(self) -> str:
        return str(self.request["TranscriptionJobName"])

    @property
    def language(self) -> str:
        """English where the service was to find out by itself: nothing else is spoken here."""
        return str(self.request.get("LanguageCode") or "en-US")

    def times(self) -> dict[str, float]:
        known = {
            "CreationTime": self.created_at,
            "StartTime": self.started_at,
            "CompletionTime": self.completed_at,
        }
        return {name: at for name, at in known.items() if at}


_ECHOED = (
    *("TranscriptionJobName", "MediaSampleRateHertz", "Media", "ModelSettings", "Tags"),
    *("JobExecutionSettings", "ContentRedaction", "IdentifyLanguage", "LanguageOptions"),
)


def full(job: Job, media_format: str) -> dict[str, Any]:
    """As Start and Get show it."""
    shown = {name: job.request[name] for name in _ECHOED if name in job.request}
    settings = {"ChannelIdentification": False, "ShowAlternatives": False}
    shown |= {
        "TranscriptionJobStatus": job.status,
        "LanguageCode": job.language,
        "MediaFormat": media_format,
        "Settings": settings | job.request.get("Settings", {}),
        **job.times(),
    }
    if job.status == "COMPLETED":
        shown["Transcript"] = {"TranscriptFileUri": _file_uri(job)}
    if job.failure_reason:
        shown["FailureReason"] = job.failure_reason
    return shown


def summary(job: Job) -> dict[str, Any]:
    """As List shows it."""
    shown: dict[str, Any] = {
        "TranscriptionJobName": job.name,
        "TranscriptionJobStatus": job.status,
        "LanguageCode": job.language,
        "OutputLocationType": "CUSTOMER_BUCKET",
        **job.times(),
    }
    if job.failure_reason:
        shown["FailureReason"] = job.failure_reason
    return shown


def _file_uri(job: Job) -> str:
    bucket, key = job.output
    return f"https://s3.{REGION}.amazonaws.com/{bucket}/{key}"
