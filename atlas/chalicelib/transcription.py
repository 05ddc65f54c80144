"""Amazon Transcribe: jobs by names that say whose recording it is and which attempt."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.account import Account
from chalicelib.aws_errors import translated
from chalicelib.errors import DependencyError, ThrottledError

SPEAKERS = 2
_MISSING = frozenset(("NotFoundException", "BadRequestException"))
_NAME = re.compile(r"(?P<interaction>[0-9a-f]{32})-(?P<attempt>[1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class Transcription:
    """One job. `language` as Transcribe spells it: en-US. Names are unique for ever."""

    name: str
    bucket: str
    recording_key: str
    transcript_key: str
    language: str


class Transcriber(Protocol):
    """Whoever turns recordings into text."""

    def start(self, job: Transcription) -> bool: ...

    def delete(self, name: str) -> None: ...


class TranscribeJobs:
    """Every call raises DependencyError when Transcribe does not answer or refuses.

    `key_alias` names the KMS key of the transcripts: `alias/...`.
    """

    def __init__(self, client: Callable[[], Any], account: Account, key_alias: str) -> None:
        self._client, self._account, self._key_alias = client, account, key_alias

    def start(self, job: Transcription) -> bool:
        """Queue the job; False when one of that name is there already.

        The key goes into the address as it is: Transcribe takes S3's own spelling. Without a KMS
        key the transcript would be under S3's own, whatever the bucket's default says
        ("Data encryption" in Transcribe's guide).
        """
        request = {
            "TranscriptionJobName": job.name,
            "LanguageCode": job.language,
            "Media": {"MediaFileUri": f"s3://{job.bucket}/{job.recording_key}"},
            "OutputBucketName": job.bucket,
            "OutputKey": job.transcript_key,
            "OutputEncryptionKMSKeyId": self._account.arn("kms", self._key_alias),
            "Settings": {"ShowSpeakerLabels": True, "MaxSpeakerLabels": SPEAKERS},
        }
        return self._call("start_transcription_job", ("ConflictException",), **request)

    def delete(self, name: str) -> None:
        """Remove the job's record; no error when there is none."""
        self._call("delete_transcription_job", _MISSING, TranscriptionJobName=name)

    def _call(self, operation: str, harmless: Any, **request: Any) -> bool:
        try:
            getattr(self._client(), operation)(**request)
        except (ClientError, BotoCoreError) as exc:
            error = translated("transcribe", exc)
            if error.reason in harmless:
                return False
            raise _busy_or(error) from exc
        return True


def job_name(stage: str, interaction_id: str, attempt: int) -> str:
    """`atlas-<stage>-<interaction id>-<attempt>`: the same attempt can only be started once."""
    return f"{_prefix(stage)}{interaction_id}-{attempt}"


def whose_job(stage: str, name: str) -> tuple[str, int] | None:
    """Interaction id and attempt of a job of ours; None for any other job."""
    prefix = _prefix(stage)
    found = _NAME.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
    return (found["interaction"], int(found["attempt"])) if found else None


def key_alias(stage: str) -> str:
    """The stage's own KMS key, as infra/lead_workflow.yaml names it."""
    return f"alias/atlas-{stage}"


def _prefix(stage: str) -> str:
    return f"atlas-{stage}-"


def _busy_or(error: DependencyError) -> DependencyError:
    if error.reason == "LimitExceededException":
        return ThrottledError("transcribe", error.reason)
    return error
