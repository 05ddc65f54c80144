"""What S3 holds of a call: its recording and its transcripts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import translated
from chalicelib.errors import RejectedByDependencyError
from chalicelib.lead import Lead

TRANSCRIPT_BYTES = 8 * 1_024 * 1_024
"""About ten hours of talk as Transcribe writes it down, word by word."""
ATTEMPTS = 2
"""How often a recording is transcribed before the workflow goes on without a summary."""


class Recordings(Protocol):
    """Whoever keeps recordings and transcripts."""

    def read(self, bucket: str, key: str, limit: int = TRANSCRIPT_BYTES) -> bytes: ...

    def delete(self, bucket: str, key: str) -> None: ...

    def delete_of(self, lead: Lead) -> None: ...


class S3Recordings:
    """Every call raises DependencyError when S3 does not answer or refuses."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = client

    def read(self, bucket: str, key: str, limit: int = TRANSCRIPT_BYTES) -> bytes:
        """The object; RejectedByDependencyError where there is none or it passes `limit` bytes."""
        try:
            answer = self._client().get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as body:
                content: bytes = body.read(limit + 1)
        except (ClientError, BotoCoreError) as exc:
            raise translated("s3", exc) from exc
        if len(content) > limit:
            raise RejectedByDependencyError("s3", "ObjectTooLarge")
        return content

    def delete(self, bucket: str, key: str) -> None:
        """Remove the object; no error when it is not there."""
        try:
            self._client().delete_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as exc:
            raise translated("s3", exc) from exc

    def delete_of(self, lead: Lead) -> None:
        """Remove the recording and every attempt's transcript; again is no error."""
        if lead.recording_bucket:
            for key in (lead.recording_key, *transcript_keys(lead.interaction_id)):
                self.delete(lead.recording_bucket, key)


def bucket_name(stage: str, account: str) -> str:
    """As infra/lead_workflow.yaml names it, for where no item says it any more."""
    return f"atlas-{stage}-recordings-{account}"


def transcript_key(interaction_id: str, attempt: int) -> str:
    """Where an attempt's transcript is written, in the recording's own bucket."""
    return f"transcripts/{interaction_id}/{attempt}.json"


def transcript_keys(interaction_id: str) -> tuple[str, ...]:
    """The keys of all attempts that an interaction may have."""
    return tuple(transcript_key(interaction_id, attempt) for attempt in range(1, ATTEMPTS + 1))
