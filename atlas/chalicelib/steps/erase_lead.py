"""What a person asked to have deleted is removed, wherever Atlas put it, and a receipt stays.

It runs twice, two minutes apart: the second time finds what was on its way into another system
when the first one looked. Until then the lead's item stays, without anything of the person, because
it says where the rest is and takes down what still comes. Every part may be gone already, so a
failure in the middle is repeated from the start. The do-not-call list is not touched: whoever asked
not to be called stays uncalled.
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
CREATED_BEFORE_SECONDS = 300.0
"""How much older than the item's stripping a record may be that the search by name missed: two
clocks, and a run of this function."""
RUNS = 10
"""More executions than one interaction ever has."""
OTHER_WORK: tuple[Kind, ...] = ("start", "summary", "update", "callback", "parked")
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
    if is_last:
        found |= _let_go(interaction_id, services)
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
    """Remove everything but the item, which says where it is; how much there was.

    Name and number go first, unless Salesforce has to be searched by them.
    """
    found = {"executions": _stop_workflow(interaction_id, services)}
    by_name = services.salesforce.mode == "at_least_once"
    traces = lead if by_name else services.leads.strip(interaction_id)
    found["salesforce_leads"] = _delete_from_salesforce(interaction_id, traces, deadline, services)
    services.scenarios.delete(interaction_id)
    traces = services.leads.strip(interaction_id) if by_name else traces
    _delete_talk(interaction_id, traces, services)
    for kind in OTHER_WORK:
        services.pending.done(kind, interaction_id)
    return found


def _let_go(interaction_id: str, services: Services) -> dict[str, int]:
    """Remove what was left for the second sweep to find its way; how much that was."""
    lead = services.leads.get(interaction_id)
    if lead is not None and lead.contact_id and not _recording_may_come(lead):
        services.contacts.delete(lead.contact_id)
    services.leads.delete(interaction_id)
    has_recording = lead is not None and bool(lead.recording_key)
    return {"recordings": int(has_recording), "items": int(lead is not None)}


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
    if lead is None:
        return int(services.salesforce.delete_lead(interaction_id))
    if lead.erasing_at:
        since = lead.erasing_at - CREATED_BEFORE_SECONDS
        known = services.salesforce.delete_lead(interaction_id, lead.salesforce_id, None, since)
    else:
        fields = new_lead(lead, services.settings.lead_defaults)
        known = services.salesforce.delete_lead(interaction_id, lead.salesforce_id, fields)
    return int(known)


def _delete_talk(interaction_id: str, lead: Lead | None, services: Services) -> None:
    """Recording, transcripts and the jobs' records, whose names follow from the id."""
    if lead is not None:
        services.recordings.delete_of(lead)
    for attempt in range(1, ATTEMPTS + 1):
        services.transcriber.delete(job_name(services.settings.stage, interaction_id, attempt))


def _recording_may_come(lead: Lead) -> bool:
    """Whether the contact must still be known as ours, so that its recording is deleted on arrival.

    The contact's item holds two random ids and expires by itself.
    """
    return not lead.recording_key and lead.call_outcome not in _NEVER_SPOKEN
