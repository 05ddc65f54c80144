"""Workflow task: the lead stands in Salesforce, once, and its item knows under which id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.deadline import Deadline
from chalicelib.lead import Lead
from chalicelib.lead_fields import new_lead
from chalicelib.steps.payloads import InteractionInput, StepResult

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(frozen=True, slots=True)
class CreateLeadResult(StepResult):
    """`outcome`: created, updated (another attempt created it at that moment), found or erased.

    `mode`: exactly_once or at_least_once, as the lead was created.
    """

    mode: str = ""
    salesforce_id: str = ""


def create_lead(task: InteractionInput, deadline: Deadline, services: Services) -> CreateLeadResult:
    """Idempotent. DependencyError when Salesforce or the table fails."""
    services.salesforce.until(deadline)
    lead = services.leads.get(task.interaction_id)
    if lead is None or lead.status != "consented":
        return CreateLeadResult("erased")
    return into_salesforce(lead, services)


def into_salesforce(lead: Lead, services: Services) -> CreateLeadResult:
    """The lead's record, created if it has none; erased when the person was erased meanwhile."""
    if lead.salesforce_id:
        return CreateLeadResult("found", lead.salesforce_mode, lead.salesforce_id)
    fields = new_lead(lead, services.settings.lead_defaults)
    record = services.salesforce.upsert_lead(fields, lead.interaction_id)
    known = services.leads.update(
        lead.interaction_id,
        once={"salesforce_id": record.id, "salesforce_mode": services.salesforce.mode},
    )
    if known is None or known.status != "consented":
        # Whoever erased the person may have looked before this record was there.
        services.salesforce.delete_lead(lead.interaction_id, record.id)
        return CreateLeadResult("erased")
    return CreateLeadResult(record.outcome, known.salesforce_mode, known.salesforce_id)
