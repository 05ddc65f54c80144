"""Amazon Transcribe's batch jobs, for recordings of the sandbox's own calls."""

from sandbox.transcribe.service import TranscribeService

__all__ = ["TranscribeService"]
