"""A lead in Salesforce's fields and in words for the team. Pure.

The fields of a new lead are written once, when it is created. What comes later goes into blocks
and activities, because people work on the record meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from chalicelib.lead import CallOutcome, Lead
from chalicelib.salesforce_blocks import Block, block_name
from chalicelib.visitor_names import split

Fields = dict[str, str]

CALL, CALLBACK, STOP = "call", "callback", "stop"
"""The purposes of activities; their records and blocks are named by them."""
_CALL_WORDS: Mapping[str, str] = {
    CallOutcome.COMPLETED: "answered, to its end",
    CallOutcome.COMPLETED_WITHOUT_SUMMARY: "answered, no summary could be made",
    CallOutcome.NO_ANSWER: "not answered",
    CallOutcome.DECLINED: "declined",
    CallOutcome.BUSY: "busy",
    CallOutcome.DROPPED: "cut off",
    CallOutcome.NOT_ALLOWED: "not placed, the telephony service does not allow this destination",
    CallOutcome.DO_NOT_CALL: "not placed, the number is on the do-not-call list",
    CallOutcome.HOURLY_LIMIT: "not placed, the limit of calls per hour was reached",
    CallOutcome.NOT_PLACED: "not placed, it could not be placed in time",
    CallOutcome.TIMED_OUT: "placed, its end was never reported",
    CallOutcome.ERASED: "not placed",
}


def new_lead(lead: Lead, defaults: Mapping[str, str]) -> Fields:
    """All fields of a lead that is not in Salesforce yet; those without a value are left out."""
    first, last = split(lead.name)
    fields = {
        "FirstName": first or defaults.get("first_name", ""),
        "LastName": last,
        "Company": defaults.get("company", ""),
        "LeadSource": defaults.get("source", ""),
        "Status": defaults.get("status", ""),
        "Phone": lead.phone,
        "Description": request_block(lead).text,
    }
    return {name: value for name, value in fields.items() if value}


def request_block(lead: Lead) -> Block:
    """What was asked in the chat, and the consent record."""
    asked = tuple(f"Asked: {question}" for question in lead.asked)
    return Block(
        block_name("request", lead.interaction_id),
        (
            f"Name as given: {lead.name}",
            *asked,
            f"Consent to be called: {lead.consent_words}",
            f"Consent wording: version {lead.consent_version}",
            f"Asked at: {moment(lead.offered_at)}; agreed at: {moment(lead.consented_at)}",
            f"Chat session: {lead.session}",
        ),
    )


def call_block(lead: Lead, outcome: str) -> Block:
    """How the call went, with its summary where there is one."""
    summary = lead.summary
    told = (
        (
            f"Topics: {summary.topics}",
            f"Outcome: {summary.outcome}",
            f"Next step: {summary.next_step}",
        )
        if summary
        else ()
    )
    ended = (f"Call ended at: {moment(lead.call_ended_at)}",) if lead.call_ended_at else ()
    return Block(
        block_name(CALL, lead.interaction_id), (f"Call: {call_words(outcome)}", *ended, *told)
    )


def callback_block(lead: Lead) -> Block:
    """The wish to be called back by a person."""
    words = f"A call back by a person was requested at: {moment(lead.callback_requested_at)}"
    return Block(block_name(CALLBACK, lead.interaction_id), (words,))


def stop_block(lead: Lead) -> Block:
    """The wish to be called no more; in a chat nobody has proved that the number is theirs."""
    words = f"Asked not to be called again at: {moment(lead.do_not_call_at)}"
    return Block(block_name(STOP, lead.interaction_id), (words,))


def call_task(lead: Lead, outcome: str, lead_id: str, now: float) -> Fields:
    """The call as an activity that is over."""
    return {
        "WhoId": lead_id,
        "Subject": f"AI call: {call_words(outcome).partition(',')[0]}",
        "Status": "Completed",
        "Priority": "Normal",
        "TaskSubtype": "Call",
        "CallType": "Outbound",
        "ActivityDate": day(lead.call_ended_at or now),
        "Description": call_block(lead, outcome).text,
    }


def callback_task(lead: Lead, lead_id: str) -> Fields:
    """What the team has to do."""
    return {
        "WhoId": lead_id,
        "Subject": "Call back",
        "Status": "Not Started",
        "Priority": "High",
        "ActivityDate": day(lead.callback_requested_at),
        "Description": callback_block(lead).text,
    }


def call_words(outcome: str) -> str:
    """The outcome for people; an outcome of a newer version of the code stands for itself."""
    return _CALL_WORDS.get(outcome, outcome)


def moment(seconds: float) -> str:
    """A time in UTC, to the minute."""
    return f"{_utc(seconds):%Y-%m-%d %H:%M} UTC"


def day(seconds: float) -> str:
    """A day in UTC, as Salesforce takes it."""
    return f"{_utc(seconds):%Y-%m-%d}"


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
