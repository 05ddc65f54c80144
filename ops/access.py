"""What each function calls, and on what: the one table behind its IAM policy.

A function that is not in a row's column may not do it. `ops/policies.py` turns rows into policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.stages import (
    CALL_ENDED,
    CREATE_LEAD,
    ERASE_LEAD,
    FULFILLMENT,
    GENERATE_ANSWER,
    GENERATE_SCENARIO,
    INVOKE_CALL,
    KEEP_WARM,
    RECOVER_LEADS,
    START_TRANSCRIPTION,
    SUMMARIZE_CALL,
    UPDATE_LEAD,
)

Verbs = tuple[str, ...]
BY_PHONE = "leads/index/by-phone"

_GET: Verbs = ("GetItem",)
_WORK: Verbs = ("GetItem", "UpdateItem")
_CACHED = {"response-cache": _WORK}
_CACHED_TOGETHER = {"response-cache": (*_WORK, "BatchGetItem")}


@dataclass(frozen=True, slots=True)
class Access:
    """One row. `tables`: DynamoDB actions by table (or index); `objects`: S3 actions by prefix.

    `routes`: model routes; `invokes`: functions whose `live` it invokes; `workflow`: Step
    Functions, `calls`: Connect, `transcription`: Transcribe actions.
    """

    tables: Mapping[str, Verbs]
    routes: Verbs = ()
    invokes: Verbs = ()
    secrets: Verbs = ()
    workflow: Verbs = ()
    calls: Verbs = ()
    transcription: Verbs = ()
    objects: Mapping[str, Verbs] = field(default_factory=dict)
    tells_the_team: bool = False


ACCESS = {
    GENERATE_ANSWER: Access(_CACHED, routes=("simple",)),
    KEEP_WARM: Access(_CACHED_TOGETHER, routes=("simple",)),
    CREATE_LEAD: Access({"leads": _WORK}, secrets=("salesforce",)),
    GENERATE_SCENARIO: Access(
        {"leads": _GET, "scenario-cache": ("GetItem", "UpdateItem", "DeleteItem")},
        routes=("scenario",),
    ),
    INVOKE_CALL: Access(
        {
            "leads": _WORK,
            "call-limits": _GET,
            "contacts": ("UpdateItem",),
            "pending-work": ("PutItem",),
        },
        workflow=("SendTaskSuccess",),
        calls=("StartOutboundVoiceContact",),
    ),
    UPDATE_LEAD: Access(
        {"leads": _WORK, "pending-work": ("DeleteItem",)},
        secrets=("salesforce",),
        tells_the_team=True,
    ),
    # Transcribe reads the recording and writes the transcript with the rights of whoever starts
    # the job. A recording or transcript that comes after a deletion is deleted too.
    START_TRANSCRIPTION: Access(
        {"leads": _WORK, "contacts": _GET, "pending-work": ("Query",)},
        calls=("DescribeContact",),
        transcription=("StartTranscriptionJob",),
        objects={"connect": ("GetObject", "DeleteObject"), "transcripts": ("PutObject",)},
    ),
    SUMMARIZE_CALL: Access(
        {"leads": _WORK, "pending-work": ("PutItem", "DeleteItem")},
        routes=("scenario",),
        invokes=(UPDATE_LEAD,),
        workflow=("SendTaskSuccess",),
        transcription=("StartTranscriptionJob", "DeleteTranscriptionJob"),
        objects={
            "connect": ("GetObject",),
            "transcripts": ("GetObject", "PutObject", "DeleteObject"),
        },
    ),
    CALL_ENDED: Access(
        {"leads": _WORK, "contacts": ("UpdateItem",), "pending-work": ("PutItem",)},
        workflow=("SendTaskSuccess",),
    ),
    RECOVER_LEADS: Access(
        {"leads": _WORK, "pending-work": ("Query", "PutItem", "UpdateItem", "DeleteItem")},
        invokes=(UPDATE_LEAD, ERASE_LEAD),
        workflow=("StartExecution", "SendTaskSuccess"),
        tells_the_team=True,
    ),
    ERASE_LEAD: Access(
        {
            "leads": ("GetItem", "UpdateItem", "DeleteItem"),
            "scenario-cache": ("DeleteItem",),
            "contacts": ("DeleteItem",),
            "pending-work": ("PutItem", "DeleteItem"),
            "deletions": _WORK,
        },
        secrets=("salesforce",),
        workflow=("StopExecution",),
        transcription=("DeleteTranscriptionJob",),
        objects={"connect": ("DeleteObject",), "transcripts": ("DeleteObject",)},
    ),
    FULFILLMENT: Access(
        _CACHED_TOGETHER
        | {
            "leads": ("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
            BY_PHONE: ("Query",),
            "scenario-cache": ("GetItem", "UpdateItem", "DeleteItem"),
            "call-limits": ("GetItem", "PutItem", "UpdateItem", "ConditionCheckItem"),
            "pending-work": ("PutItem", "DeleteItem"),
            "deletions": ("PutItem",),
        },
        routes=("simple", "conversation"),
        invokes=(GENERATE_ANSWER, GENERATE_SCENARIO, INVOKE_CALL, UPDATE_LEAD, ERASE_LEAD),
        secrets=("phone-hash",),
        workflow=("StartExecution",),
        tells_the_team=True,
    ),
}
