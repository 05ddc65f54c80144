"""The workflow's third branch: the phone rings, once, and nothing stands before it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from chalicelib.calling_hours import earliest_call
from chalicelib.deadline import Deadline
from chalicelib.errors import CallNotYetDueError, RejectedByDependencyError
from chalicelib.lead import CallOutcome, Lead
from chalicelib.phone_numbers import PhoneNumber, classified
from chalicelib.steps.call_ended import end_call, resume, summary_due_at
from chalicelib.steps.payloads import InvokeCallInput, StepResult

if TYPE_CHECKING:
    from chalicelib.services import Services

CALL_KEY_BYTES = 16
FRESH_CONSENT_SECONDS = 2.0
"""The consent's own transaction has looked at the do-not-call list; until then it is as good."""
OLDEST_CONSENT_SECONDS = 26 * 3_600.0
"""Nobody who agreed longer ago expects the call. The longest planned wait, a night in several
zones, is looked at for 25 h (NightRetrySeconds, NightRetryAttempts in infra/lead_workflow.yaml)."""
_DESTINATION_REFUSED = frozenset(
    ("DestinationNotAllowedException", "OutboundContactNotPermittedException")
)


def invoke_call(task: InvokeCallInput, deadline: Deadline, services: Services) -> StepResult:
    """`placed`, `already_placed`, how far the call has come since, or why there is none.

    One write stores the token and reads the lead; the key of a call that may have been placed
    stays. Safe to repeat: Connect knows the call by its ClientToken.
    """
    lead = services.leads.update(
        task.interaction_id,
        {"task_token": task.task_token},
        once={"call_key": secrets.token_hex(CALL_KEY_BYTES)},
    )
    if lead is None or lead.status != "consented":
        services.workflow.resume(task.task_token, CallOutcome.ERASED)
        return StepResult(CallOutcome.ERASED)
    if lead.call_outcome or lead.contact_id:
        return StepResult(_gone_on(lead, services))
    if refusal := _refusal(lead, services):
        return StepResult(end_call(lead.interaction_id, refusal, services))
    _check_hours(lead, services)
    return StepResult(_placed(lead, services))


def _gone_on(lead: Lead, services: Services) -> str:
    """A task that is tried again while its call rings, or after its call, places none."""
    if not lead.call_ended_at and not lead.call_outcome:
        return "already_placed"
    has_words = lead.summary is None and lead.call_outcome in ("", CallOutcome.DROPPED)
    if has_words and services.clock() < (due_at := summary_due_at(lead, services)):
        services.pending.put("summary", lead.interaction_id, due_at)
        return "awaiting_summary"
    untold = {"call_outcome": str(CallOutcome.COMPLETED_WITHOUT_SUMMARY)}
    ended = services.leads.update(lead.interaction_id, once=untold)
    if ended is not None:
        resume(ended, ended.call_outcome, services)
    return "already_ended"


def _refusal(lead: Lead, services: Services) -> str:
    if lead.call_refused:
        return CallOutcome.HOURLY_LIMIT
    age = services.clock() - lead.consented_at
    if age > OLDEST_CONSENT_SECONDS:
        return CallOutcome.NOT_PLACED
    is_fresh = 0 <= age <= FRESH_CONSENT_SECONDS
    may_call = is_fresh or services.call_limits.may_call(lead.phone_hash)
    return "" if may_call else CallOutcome.DO_NOT_CALL


def _check_hours(lead: Lead, services: Services) -> None:
    if _is_quiet(lead, services.clock(), services):
        raise CallNotYetDueError("the number's quiet hours are not over")


def _is_quiet(lead: Lead, moment: float, services: Services) -> bool:
    if services.settings.quiet_hours is None:
        return False
    phone = classified(lead.phone) or PhoneNumber(lead.phone, "", "")
    return earliest_call(phone, moment, services.settings.quiet_hours) > moment


def _report(lead: Lead, services: Services) -> None:
    """From the yes to Connect's word that it rings; a call that waited for the day is not late."""
    if _is_quiet(lead, lead.consented_at, services):
        return
    waited_ms = max(0.0, services.clock() - lead.consented_at) * 1000
    services.log.metrics(
        "call placed",
        {"ConsentToRing": (waited_ms, "Milliseconds")},
        {"Stage": services.settings.stage},
    )


def _placed(lead: Lead, services: Services) -> str:
    try:
        contact_id = services.telephony.place_call(lead)
    except RejectedByDependencyError as exc:
        services.log.warning("call refused", error=str(exc))
        is_destination = exc.reason in _DESTINATION_REFUSED
        outcome = CallOutcome.NOT_ALLOWED if is_destination else CallOutcome.NOT_PLACED
        return end_call(lead.interaction_id, outcome, services)
    _report(lead, services)
    # One after the other on the one connection that is open: a second one would take longer.
    ended = services.contacts.placed(contact_id, lead.interaction_id)
    services.leads.update(lead.interaction_id, {"contact_id": contact_id})
    return end_call(lead.interaction_id, ended, services) if ended else "placed"
