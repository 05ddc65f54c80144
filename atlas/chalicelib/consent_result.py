"""What a yes may promise, and what an item says about it. Pure."""

from __future__ import annotations

from enum import StrEnum

from chalicelib.lead import Lead


class ConsentResult(StrEnum):
    """What may be promised.

    `recorded`, `already`: the call will come. `refused_hour`: the lead is recorded, without a
    call. `refused_number`, `not_offered`, `not_recorded`: nothing is recorded. `unconfirmed`:
    the table fell silent, so nobody can say.
    """

    RECORDED = "recorded"
    ALREADY = "already"
    REFUSED_NUMBER = "refused_number"
    REFUSED_HOUR = "refused_hour"
    NOT_OFFERED = "not_offered"
    NOT_RECORDED = "not_recorded"
    UNCONFIRMED = "unconfirmed"


def meaning(lead: Lead | None, phone: str, session: str, attempt: str) -> ConsentResult:
    """What an item that is not (or no longer) open means for the yes to that number and session."""
    if lead is None or lead.status != "consented":
        return ConsentResult.NOT_OFFERED
    if (lead.phone, lead.session) != (phone, session):
        return ConsentResult.NOT_OFFERED
    if lead.call_refused:
        return ConsentResult.REFUSED_HOUR
    is_own = lead.consent_attempt == attempt
    return ConsentResult.RECORDED if is_own else ConsentResult.ALREADY
