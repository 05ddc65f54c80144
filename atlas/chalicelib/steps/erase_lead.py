"""What a person asked to have deleted is removed, wherever Atlas put it, and a receipt stays.

It runs twice, two minutes apart: the second time finds what was on its way into another system
when the first one looked. Every part may be gone already, so a failure in the middle is repeated
from the start. The do-not-call list is not touched: whoever asked not to be called stays uncalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.deadline import Deadline
from chalicelib.deletions import SWEEPS
from chalicelib.lead import CallOutcome, Lead
from chalicelib.lead_fields import new_lead
from chalicelib.pending_work import Kind
from chalicelib.recordings import ATTEMPTS
from chalicelib.steps.payloads import InteractionInput, StepResult
from chalicelib.transcription import job_name

if TYPE_CHECKING:
    from chalicelib.services import Services

SECOND_SWEEP_SECONDS = 120.0
"""Longer than any function of the workflow runs, the slowest of them for 60 s."""
RUNS = 10
"""More executions than one interaction ever has."""
OTHER_WORK: tuple[Kind, ...] = ("start", "summary", "callback", "parked")
_NEVER_SPOKEN = frozenset(CallOutcome) - {
    CallOutcome.COMPLETED,
    CallOutcome.COMPLETED_WITHOUT_SUMMARY,
    CallOutcome.DROPPED,
    CallOutcome.TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class Erased(StepResult):
    """`outcome`: swept (a second sweep follows), erased, already_erased or not_requested."""

    sweeps: int = 0


def erase_lead(task: InteractionInput, deadline: Deadline, services: Services) -> Erased:
    """Idempotent. DependencyError when any part fails: the pending row brings it back.

    A lead that nobody marked as `erasing` is left alone, whatever the event says.
    """
    interaction_id = task.interaction_id
    lead = services.leads.get(interaction_id)
    if lead is not None and lead.status in ("offered", "consented"):
        return Erased("not_requested")
    receipt = services.deletions.receipt(interaction_id)
    if receipt is not None and receipt.sweeps >= SWEEPS and lead is None:
        services.pending.done("erase", interaction_id)
        return Erased("already_erased", receipt.sweeps)
    is_last = receipt is not None and services.clock() >= receipt.first_at + SECOND_SWEEP_SECONDS
    sweeps = SWEEPS if is_last else 1
    found = _swept(interaction_id, lead, deadline, services)
    services.deletions.note(interaction_id, sweeps, found)
    if is_last:
        services.pending.done("erase", interaction_id)
        return Erased("erased", sweeps)
    first_at = services.clock() if receipt is None else receipt.first_at
    services.pending.put("erase", interaction_id, first_at + SECOND_SWEEP_SECONDS, "second_sweep")
    return Erased("swept", sweeps)


def _swept(
    interaction_id: str, lead: Lead | None, deadline: Deadline, services: Services
) -> dict[str, int]:
    """Remove everything, the item last, because it says where the rest is; how much there was."""
    found = {
        "executions": _stop_workflow(interaction_id, services),
        "salesforce_leads": _delete_from_salesforce(interaction_id, lead, deadline, services),
        "recordings": _delete_talk(interaction_id, lead, services),
        "items": int(lead is not None),
    }
    services.scenarios.delete(interaction_id)
    if lead is not None and lead.contact_id and not _recording_may_come(lead):
        services.contacts.delete(lead.contact_id)
    for kind in OTHER_WORK:
        services.pending.done(kind, interaction_id)
    services.leads.delete(interaction_id)
    return found


def _stop_workflow(interaction_id: str, services: Services) -> int:
    """How many executions there were; one that has ended counts as well."""
    for run in range(RUNS):
        if not services.workflow.stop(interaction_id, run):
            return run
    return RUNS


def _delete_from_salesforce(
    interaction_id: str, lead: Lead | None, deadline: Deadline, services: Services
) -> int:
    """The lead and with it its tasks; an offered one that was never sent is looked for too."""
    services.salesforce.until(deadline)
    fields = new_lead(lead, services.settings.lead_defaults) if lead is not None else None
    salesforce_id = lead.salesforce_id if lead is not None else ""
    return int(services.salesforce.delete_lead(interaction_id, salesforce_id, fields))


def _delete_talk(interaction_id: str, lead: Lead | None, services: Services) -> int:
    """Recording, transcripts and the jobs' records, whose names follow from the id."""
    if lead is not None:
        services.recordings.delete_of(lead)
    for attempt in range(1, ATTEMPTS + 1):
        services.transcriber.delete(job_name(services.settings.stage, interaction_id, attempt))
    return int(lead is not None and bool(lead.recording_key))


def _recording_may_come(lead: Lead) -> bool:
    """Whether the contact must still be known as ours, so that its recording is deleted on arrival.

    The contact's item holds two random ids and expires by itself.
    """
    return not lead.recording_key and lead.call_outcome not in _NEVER_SPOKEN
