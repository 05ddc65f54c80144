"""What is known of one interaction, from the offer of a call to its summary. Pure.

One item of the leads table is one `Lead`. Every step reads and writes it by its interaction id,
so that payloads, logs and the workflow's history hold nothing of the person.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

LeadStatus = Literal["offered", "consented", "withdrawn", "erasing"]
"""`withdrawn`: a consent that could not be confirmed in time was taken back; nothing follows."""

ASKED_QUESTIONS = 5
ASKED_CHARACTERS = 200
OFFER_SECONDS = 3_600.0
"""How long a question for consent may wait for its answer."""


_ID = re.compile(r"[0-9a-f]{32}")


class CallOutcome(StrEnum):
    """How the call went, in the words of the workflow, the lead and the metrics."""

    COMPLETED = "completed"
    COMPLETED_WITHOUT_SUMMARY = "completed_without_summary"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    BUSY = "busy"
    DROPPED = "dropped"
    NOT_ALLOWED = "not_allowed"
    DO_NOT_CALL = "do_not_call"
    HOURLY_LIMIT = "hourly_limit"
    NOT_PLACED = "not_placed"
    TIMED_OUT = "timed_out"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Summary:
    """The call in three parts, each a sentence or two."""

    topics: str
    outcome: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Lead:
    """Times are seconds since the epoch, 0.0 for not yet; "" stands for not yet as well.

    `asked`: what the visitor wanted to know, oldest first. `session`: see `session_hash`.
    `do_not_call_at`: when a stop of all calls was asked for; `do_not_call_told_at`: when Salesforce
    had been told. `call_key`: the secret half of the call's `interactionKey`. `erasing_at`: when
    its erasure began; from then on there is nothing of the person in it (`LeadTable.strip`).
    """

    interaction_id: str
    status: LeadStatus
    name: str
    phone: str
    phone_hash: str
    locale: str
    session: str
    asked: tuple[str, ...] = ()
    consent_words: str = ""
    consent_version: str = ""
    offered_at: float = 0.0
    consented_at: float = 0.0
    consent_attempt: str = ""
    call_refused: str = ""
    call_key: str = ""
    task_token: str = ""
    contact_id: str = ""
    call_outcome: str = ""
    call_ended_at: float = 0.0
    salesforce_id: str = ""
    salesforce_mode: str = ""
    recording_bucket: str = ""
    recording_key: str = ""
    transcript_key: str = ""
    transcription_job: str = ""
    transcription_attempts: int = 0
    summary: Summary | None = None
    callback_requested_at: float = 0.0
    callback_task_id: str = ""
    callback_notified_at: float = 0.0
    do_not_call_at: float = 0.0
    do_not_call_told_at: float = 0.0
    erasing_at: float = 0.0
    expires_at: float = 0.0

    @property
    def call_is_open(self) -> bool:
        """Whether the call's key still opens anything: placed or ringing, and not over."""
        return self.status == "consented" and bool(self.call_key) and not self.call_ended_at

    @property
    def interaction_key(self) -> str:
        """What the contact flow carries: the interaction id and the call's own secret."""
        return self.interaction_id + self.call_key


def is_interaction_id(value: object) -> bool:
    """Whether `value` has the form of the ids that Atlas mints: 128 random bits in hex."""
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def session_hash(session_id: str) -> str:
    """A Lex session's name in the leads table; clients choose session ids, even phone numbers."""
    return hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()[:32]
