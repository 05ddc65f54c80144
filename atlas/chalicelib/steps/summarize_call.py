"""A transcript is there, or will not be: the summary on the lead, and the workflow goes on once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from chalicelib import call_summary
from chalicelib.deadline import Deadline
from chalicelib.errors import RejectedByDependencyError, RetryableDependencyError
from chalicelib.lead import CallOutcome, Lead, Summary
from chalicelib.pending_work import CARRIED_OUT_LATER_SECONDS
from chalicelib.recordings import ATTEMPTS, bucket_name, transcript_key
from chalicelib.steps.call_ended import detail_of, how_it_ended, resume, summary_due_at, text_of
from chalicelib.steps.payloads import StepResult, UpdateLeadInput
from chalicelib.steps.start_transcription import transcribe
from chalicelib.transcription import whose_job

if TYPE_CHECKING:
    from chalicelib.services import Services

ROUTE = "scenario"
STORING_SECONDS = 5.0
"""Kept back from the model, for what has to be written after it."""


@dataclass(frozen=True, slots=True)
class JobStateChange:
    """A "Transcribe Job State Change", as far as Atlas reads it; `account`: twelve digits."""

    job_name: str
    status: str
    account: str

    @classmethod
    def parse(cls, event: object) -> Self:
        """Raises InvalidRequestError, which names the field."""
        detail = detail_of(event)
        return cls(
            text_of(detail, "TranscriptionJobName"),
            text_of(detail, "TranscriptionJobStatus"),
            str(event.get("account") or "") if isinstance(event, dict) else "",
        )


def summarize_call(task: JobStateChange, deadline: Deadline, services: Services) -> StepResult:
    """Idempotent. RetryableDependencyError when the model fails: Lambda tries the event again,

    and behind that stands the pending row, which resumes the workflow without a summary.
    """
    ours = whose_job(services.settings.stage, task.job_name)
    if ours is None:
        return StepResult("other_job")
    if task.status not in ("COMPLETED", "FAILED"):
        return StepResult("not_finished")
    interaction_id, attempt = ours
    services.note_whose(interaction_id)
    lead = services.leads.get(interaction_id)
    if lead is None or lead.status != "consented":
        return StepResult(_erased(task, interaction_id, attempt, services))
    if lead.summary is not None:
        # Nothing on the item says whether Salesforce was told; telling it twice is harmless.
        may_be_late = lead.call_outcome == CallOutcome.DROPPED or _is_overdue(lead, services)
        late = _told(lead, deadline, services, may_be_late=may_be_late)
        return StepResult(late or "already_summarized")
    if task.status == "FAILED":
        return StepResult(_failed(lead, attempt, services))
    return StepResult(_summarized(lead, attempt, deadline, services))


def _summarized(lead: Lead, attempt: int, deadline: Deadline, services: Services) -> str:
    try:
        lines = _transcript(lead, attempt, services)
    except (RejectedByDependencyError, ValueError) as exc:
        services.log.warning("transcript not readable", error=type(exc).__name__)
        return _without_summary(lead, "unreadable_transcript", services)
    summary = _written(lines, deadline, services) if lines else call_summary.SILENT
    is_overdue = _is_overdue(lead, services)
    once = {"summary": summary, **how_it_ended(CallOutcome.COMPLETED, services)}
    stored = services.leads.update(lead.interaction_id, once=once)
    if stored is None or stored.status != "consented":
        return "erased"
    late = _told(stored, deadline, services, may_be_late=is_overdue)
    return late or ("summarized" if lines else "silent")


def _transcript(lead: Lead, attempt: int, services: Services) -> tuple[str, ...]:
    key = transcript_key(lead.interaction_id, attempt)
    document = json.loads(services.recordings.read(lead.recording_bucket, key))
    if not isinstance(document, dict):
        raise ValueError("no object")
    return call_summary.spoken_lines(document)


def _is_overdue(lead: Lead, services: Services) -> bool:
    """Whether recovery has told the workflow to wait no longer."""
    return services.clock() >= summary_due_at(lead, services)


def _written(lines: tuple[str, ...], deadline: Deadline, services: Services) -> Summary:
    generated = services.models.complete(
        call_summary.prompt(lines),
        services.settings.routes[ROUTE],
        deadline.keeping_back(STORING_SECONDS),
    )
    summary = call_summary.parse(generated.text) if generated.is_whole else None
    if summary is None:
        reason = "UnreadableSummary" if generated.is_whole else generated.stop_reason
        raise RetryableDependencyError("bedrock-runtime", reason)
    return summary


def _told(lead: Lead, deadline: Deadline, services: Services, *, may_be_late: bool) -> str:
    """The workflow hears of the summary; Salesforce does where the workflow went on without it.

    `summarized_late` in that case, else "". The branch may have ended in any outcome, such as
    `not_placed` after Connect's answer was lost, though the call took place.
    """
    was_dropped = lead.call_outcome == CallOutcome.DROPPED
    outcome = str(CallOutcome.DROPPED if was_dropped else CallOutcome.COMPLETED)
    resumed = resume(lead, outcome, services)
    if resumed == "left_to_recovery":
        return ""
    is_late = resumed == "gone_on" and (may_be_late or lead.call_outcome != outcome)
    if is_late:
        _tell_salesforce(lead.interaction_id, outcome, deadline, services)
    elif lead.call_outcome != outcome:
        services.leads.update(lead.interaction_id, {"call_outcome": outcome})
    services.pending.done("summary", lead.interaction_id)
    return "summarized_late" if is_late else ""


def _tell_salesforce(
    interaction_id: str, outcome: str, deadline: Deadline, services: Services
) -> None:
    """The row first: from here on recovery brings it there, however long Salesforce is down.

    Until it is there the item may not expire, whatever an earlier update said.
    """
    due_at = services.clock() + CARRIED_OUT_LATER_SECONDS
    services.pending.put("update", interaction_id, due_at, reason="late_summary")
    services.leads.update(interaction_id, {"call_outcome": outcome, "expires_at": 0.0})
    task = UpdateLeadInput(interaction_id)
    services.background.invoke(services.settings.update_lead_function, task.to_json(), deadline)


def _failed(lead: Lead, attempt: int, services: Services) -> str:
    """Job names are unique for ever, so a new attempt has a new one: which makes it safe twice."""
    if attempt >= ATTEMPTS:
        return _without_summary(lead, "not_transcribed", services)
    begun = transcribe(lead, attempt + 1, services)
    return {"started": "another_attempt", "already_started": "already_retried"}.get(begun, begun)


def _without_summary(lead: Lead, outcome: str, services: Services) -> str:
    once = how_it_ended(CallOutcome.COMPLETED_WITHOUT_SUMMARY, services)
    stored = services.leads.update(lead.interaction_id, once=once)
    if stored is None or stored.status != "consented":
        return "erased"
    if resume(stored, stored.call_outcome, services) != "left_to_recovery":
        services.pending.done("summary", lead.interaction_id)
    return outcome


def _erased(task: JobStateChange, interaction_id: str, attempt: int, services: Services) -> str:
    """What comes after a deletion is deleted too."""
    bucket = bucket_name(services.settings.stage, task.account)
    services.recordings.delete(bucket, transcript_key(interaction_id, attempt))
    services.transcriber.delete(task.job_name)
    return "erased"
