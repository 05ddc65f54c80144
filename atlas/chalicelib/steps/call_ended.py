"""A contact has ended: the workflow goes on at once, or waits for the summary of what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError, InvalidRequestError
from chalicelib.lead import CallOutcome, Lead
from chalicelib.steps.payloads import StepResult

if TYPE_CHECKING:
    from chalicelib.services import Services

TALKED = frozenset((CallOutcome.COMPLETED, CallOutcome.DROPPED))
"""Ends of calls that were answered, so that there may be something to summarise."""
CONTACT_ID_CHARACTERS = 256
Resumed = Literal["resumed", "gone_on", "left_to_recovery"]

_OUTBOUND = frozenset(("", "API", "OUTBOUND"))

# Codes of "DisconnectReason" in Connect's contact records data model, for calls that nobody took.
# None of them says that a person turned the call away: what the network brings back before the
# ring's time is over counts as declined, though a phone that is off looks the same.
_BY_REASON = {
    "TELECOM_BUSY": CallOutcome.BUSY,
    "TELECOM_TIMEOUT": CallOutcome.NO_ANSWER,
    "TELECOM_ORIGINATOR_CANCEL": CallOutcome.NO_ANSWER,
    "TELECOM_UNANSWERED": CallOutcome.DECLINED,
    "CUSTOMER_DISCONNECT": CallOutcome.DECLINED,
    "THIRD_PARTY_DISCONNECT": CallOutcome.DECLINED,
    "TELECOM_NUMBER_INVALID": CallOutcome.NOT_ALLOWED,
    "TELECOM_POTENTIAL_BLOCKING": CallOutcome.NOT_ALLOWED,
    "OUTBOUND_DESTINATION_ENDPOINT_ERROR": CallOutcome.NOT_ALLOWED,
}
_LINE_BROKE = "TELECOM_PROBLEM"


@dataclass(frozen=True, slots=True)
class ContactEvent:
    """An "Amazon Connect Contact Event", as far as Atlas reads it; new fields come at any time."""

    event_type: str
    contact_id: str
    disconnect_reason: str = ""
    was_answered: bool = False
    channel: str = ""
    initiation_method: str = ""

    @classmethod
    def parse(cls, event: object) -> Self:
        """Raises InvalidRequestError, which names the field."""
        detail = detail_of(event)
        contact_id = text_of(detail, "contactId")
        if len(contact_id) > CONTACT_ID_CHARACTERS:
            raise InvalidRequestError("detail.contactId", "must have at most 256 characters")
        return cls(
            event_type=text_of(detail, "eventType"),
            contact_id=contact_id,
            disconnect_reason=str(detail.get("disconnectReason") or ""),
            was_answered=bool(detail.get("connectedToSystemTimestamp")),
            channel=str(detail.get("channel") or "").upper(),
            initiation_method=str(detail.get("initiationMethod") or "").upper(),
        )

    @property
    def may_be_ours(self) -> bool:
        """Whether it may be a call that Atlas placed: others may use the Connect instance too."""
        return self.channel in ("", "VOICE") and self.initiation_method in _OUTBOUND

    @property
    def outcome(self) -> CallOutcome:
        """How the call went; a reason that is not known yet counts as a call that never began."""
        if self.was_answered:
            broke = self.disconnect_reason == _LINE_BROKE
            return CallOutcome.DROPPED if broke else CallOutcome.COMPLETED
        return _BY_REASON.get(self.disconnect_reason, CallOutcome.NOT_PLACED)


def call_ended(task: ContactEvent, deadline: Deadline, services: Services) -> StepResult:
    """Idempotent: events come twice, late and before the contact is known to be ours."""
    if task.event_type != "DISCONNECTED":
        return StepResult("other_event")
    if not task.may_be_ours:
        return StepResult("other_contact")
    interaction_id = services.contacts.ended(task.contact_id, task.outcome)
    if not interaction_id:
        # `invoke_call` finds the note when it stores whose call it is.
        return StepResult("unknown_contact")
    services.note_whose(interaction_id)
    return StepResult(end_call(interaction_id, task.outcome, services))


def end_call(interaction_id: str, outcome: str, services: Services) -> str:
    """Note the end on the lead and resume the workflow, or leave that to the summary.

    The outcome, `awaiting_summary`, `already_ended` or `erased`.
    """
    lead = services.leads.get(interaction_id)
    if lead is None or lead.status != "consented":
        return "erased"
    if outcome in TALKED:
        return _await_summary(lead, outcome, services)
    ended = services.leads.update(interaction_id, once=how_it_ended(outcome, services))
    if ended is None or ended.status != "consented":
        return "erased"
    resume(ended, ended.call_outcome, services)
    return "already_ended" if lead.call_outcome else ended.call_outcome


def _await_summary(lead: Lead, outcome: str, services: Services) -> str:
    """The call's key is dead from now on; the row's time depends on the first event alone."""
    once: dict[str, Any] = {"call_ended_at": services.clock()}
    if outcome == CallOutcome.DROPPED:
        once |= how_it_ended(outcome, services)
    ended = services.leads.update(lead.interaction_id, once=once)
    if ended is None or ended.status != "consented":
        return "erased"
    if ended.summary is not None or (ended.call_outcome and ended.call_outcome not in TALKED):
        return "already_ended"
    services.pending.put("summary", ended.interaction_id, summary_due_at(ended, services))
    return "already_ended" if lead.call_ended_at else "awaiting_summary"


def summary_due_at(lead: Lead, services: Services) -> float:
    """When the workflow goes on without a summary, in epoch seconds."""
    return lead.call_ended_at + services.settings.recording_wait_seconds


def resume(lead: Lead, outcome: str, services: Services) -> Resumed:
    """Give the workflow the call's outcome; `gone_on` where it has one already.

    When Step Functions fails, recovery resumes it: Lambda would try only twice more.
    """
    try:
        is_first = bool(lead.task_token) and services.workflow.resume(lead.task_token, outcome)
    except DependencyError as exc:
        services.log.warning("workflow not resumed", error=str(exc))
        services.pending.put("summary", lead.interaction_id, services.clock(), reason="resume")
        return "left_to_recovery"
    return "resumed" if is_first else "gone_on"


def how_it_ended(outcome: str, services: Services) -> dict[str, Any]:
    """What is noted on the item, once; by a summary too, since the contact's event may be lost."""
    return {"call_outcome": str(outcome), "call_ended_at": services.clock()}


def detail_of(event: object) -> Mapping[str, Any]:
    """An EventBridge event's `detail`; InvalidRequestError where there is none."""
    detail = event.get("detail") if isinstance(event, dict) else None
    if not isinstance(detail, dict):
        raise InvalidRequestError("detail", "must be an object")
    return detail


def text_of(detail: Mapping[str, Any], name: str) -> str:
    """A text of the event's detail; InvalidRequestError where it is none, or empty."""
    value = detail.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"detail.{name}", "must be a string that is not empty")
    return value
