"""Workflow task: the call's outcome, its summary and the person's wishes reach Salesforce.

It also runs alone after a summary that came late, after a request for a callback or for no more
calls, and for what was parked, so it makes up for whatever is missing. Every part is idempotent,
and what people wrote stays as they wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.deadline import Deadline
from chalicelib.errors import RejectedByDependencyError
from chalicelib.lead import CallOutcome, Lead
from chalicelib.lead_fields import (
    CALL,
    CALLBACK,
    call_block,
    call_task,
    callback_block,
    callback_task,
    stop_block,
)
from chalicelib.pending_work import DO_NOT_CALL, Kind
from chalicelib.steps.create_lead import into_salesforce
from chalicelib.steps.payloads import StepResult, UpdateLeadInput

if TYPE_CHECKING:
    from chalicelib.services import Services

RETENTION_SECONDS = 30 * 86_400
"""How long an item stays after Salesforce has all of it (docs/decisions/0051)."""
OWN_WORK: tuple[Kind, ...] = ("update", "callback")
"""The rows that bring this step back until it has carried them out."""
FIELD_REFUSED = frozenset(
    (
        *("INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INSUFFICIENT_ACCESS_OR_READONLY"),
        *("FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION"),
        "FIELD_INTEGRITY_EXCEPTION",
    )
)
"""With which an organisation keeps one field from Atlas, and not the record."""


@dataclass(frozen=True, slots=True)
class UpdateLeadResult(StepResult):
    """`outcome`: updated or erased. `mode`: as the lead was created."""

    mode: str = ""
    salesforce_id: str = ""


def update_lead(task: UpdateLeadInput, deadline: Deadline, services: Services) -> UpdateLeadResult:
    """DependencyError when Salesforce, the table or the team's topic fails."""
    services.salesforce.until(deadline)
    _note_branches(task, services)
    lead = services.leads.get(task.interaction_id)
    if lead is None or lead.status != "consented":
        return _erased(task.interaction_id, services)
    try:
        return _updated(_with_outcome(lead, task.call_outcome, services), task, services)
    except RejectedByDependencyError:
        # An erasure at the same time takes the record away under us.
        current = services.leads.get(task.interaction_id)
        if current is None or current.status != "consented":
            return _erased(task.interaction_id, services)
        raise


def _note_branches(task: UpdateLeadInput, services: Services) -> None:
    """How the workflow's branches ended, side by side; nothing where no workflow asks."""
    branches = {"lead": task.lead_outcome, "scenario": task.scenario_outcome}
    if any(branches.values()):
        services.log.info("workflow branches", **branches, call=task.call_outcome)


def _updated(lead: Lead, task: UpdateLeadInput, services: Services) -> UpdateLeadResult:
    record = into_salesforce(lead, services)
    if record.outcome == "erased":
        return _erased(lead.interaction_id, services)
    outcome = _call_to_tell(lead, task, services.clock() - services.settings.recording_wait_seconds)
    _write_lead(lead, record.salesforce_id, outcome, services)
    if outcome:
        _write_call(lead, record.salesforce_id, outcome, services)
    if lead.callback_requested_at:
        _request_callback(lead, record.salesforce_id, services)
    if lead.do_not_call_at and not lead.do_not_call_told_at:
        _forbid_calls(lead, record.salesforce_id, services)
    if outcome:
        _let_go(lead, services)
    _update_done(lead, services)
    services.pending.done("parked", lead.interaction_id)
    return UpdateLeadResult("updated", record.mode, record.salesforce_id)


def _erased(interaction_id: str, services: Services) -> UpdateLeadResult:
    """Nobody is told of any more, or called back; recovery need not ask again."""
    for kind in OWN_WORK:
        services.pending.done(kind, interaction_id)
    return UpdateLeadResult("erased")


def _call_to_tell(lead: Lead, task: UpdateLeadInput, waited_since: float) -> str:
    """How the call went, "" while it goes on or its summary may still come.

    A call that was cut off has its outcome before its summary; the workflow says when neither is
    to be waited for. A summary that came late makes the call a completed one.
    """
    if lead.summary is not None:
        was_cut = lead.call_outcome == CallOutcome.DROPPED
        return CallOutcome.DROPPED if was_cut else CallOutcome.COMPLETED
    is_awaited = lead.call_outcome == CallOutcome.DROPPED and lead.call_ended_at > waited_since
    return "" if is_awaited and not task.call_outcome else lead.call_outcome


def _with_outcome(lead: Lead, call_outcome: str, services: Services) -> Lead:
    """The lead with the call's outcome on it, so that a replay without a workflow has it too."""
    if not call_outcome or lead.call_outcome:
        return lead
    once = {"call_outcome": call_outcome}
    return services.leads.update(lead.interaction_id, once=once) or lead


def _write_lead(lead: Lead, salesforce_id: str, outcome: str, services: Services) -> None:
    blocks = [call_block(lead, outcome)] if outcome else []
    if lead.callback_requested_at:
        blocks.append(callback_block(lead))
    if lead.do_not_call_at:
        blocks.append(stop_block(lead))
    if blocks:
        services.salesforce.write_blocks("Lead", salesforce_id, blocks)


def _write_call(lead: Lead, salesforce_id: str, outcome: str, services: Services) -> None:
    fields = call_task(lead, outcome, salesforce_id, services.clock())
    task = services.salesforce.upsert_task(fields, lead.interaction_id, CALL)
    if task.outcome == "found":
        # It may have been written before the summary was there.
        services.salesforce.write_blocks("Task", task.id, [call_block(lead, outcome)])


def _request_callback(lead: Lead, salesforce_id: str, services: Services) -> None:
    """A task for the team and one word to it; the row goes last, so a crash repeats the rest."""
    interaction_id = lead.interaction_id
    known: Lead | None = lead
    if not lead.callback_task_id:
        fields = callback_task(lead, salesforce_id)
        task = services.salesforce.upsert_task(fields, interaction_id, CALLBACK)
        known = services.leads.update(interaction_id, once={"callback_task_id": task.id})
    if known is not None and not known.callback_notified_at:
        # It claims the telling on the item and notes there that it was done.
        services.team.callback_requested(known, known.callback_task_id)
    services.pending.done("callback", interaction_id)


def _forbid_calls(lead: Lead, salesforce_id: str, services: Services) -> None:
    """Once: whoever clears the field later has a reason. The block tells it without the field."""
    try:
        services.salesforce.change_lead(salesforce_id, {"DoNotCall": True})
    except RejectedByDependencyError as exc:
        if exc.reason not in FIELD_REFUSED:
            raise
        services.log.warning(
            "DoNotCall refused", interaction_id=lead.interaction_id, error=str(exc)
        )
    services.leads.update(lead.interaction_id, once={"do_not_call_told_at": services.clock()})


def _let_go(lead: Lead, services: Services) -> None:
    """Salesforce has confirmed lead and call: the item may expire, never before."""
    expires_at = int(services.clock()) + RETENTION_SECONDS
    services.leads.update(lead.interaction_id, {"expires_at": expires_at})


def _update_done(lead: Lead, services: Services) -> None:
    """A row for what this run did not read on the lead yet stays: it has not been carried out."""
    has_summary, is_stopped = lead.summary is not None, bool(lead.do_not_call_at)
    if has_summary and is_stopped:
        services.pending.done("update", lead.interaction_id)
    elif has_summary or is_stopped:
        services.pending.done_if("update", lead.interaction_id, DO_NOT_CALL, is_it=is_stopped)
