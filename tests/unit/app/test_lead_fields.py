"""A lead as Salesforce's fields, and in words for the team."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.lead import CallOutcome, Lead, Summary
from chalicelib.lead_fields import call_block, call_task, call_words, callback_task, new_lead
from tests.fakes import EPOCH, SETTINGS

LEAD = Lead(
    interaction_id="ab" * 16,
    status="consented",
    name="Maria de la Cruz",
    phone="+14155550132",
    phone_hash="0f" * 32,
    locale="en_US",
    session="5e" * 16,
    asked=("what does it cost", "is it [safe]\nreally"),
    consent_words="May our AI assistant call you?",
    consent_version="v1",
    offered_at=EPOCH,
    consented_at=EPOCH + 60,
)


def test_a_lead_has_all_fields_and_the_consent_record() -> None:
    fields = new_lead(LEAD, SETTINGS.lead_defaults)
    description = fields.pop("Description")
    assert fields == {
        "FirstName": "Maria",
        "LastName": "de la Cruz",
        "Company": "[not provided]",
        "LeadSource": "Atlas",
        "Status": "Open - Not Contacted",
        "Phone": "+14155550132",
    }
    assert description == (
        f"[Atlas request {LEAD.interaction_id}]\n"
        "Name as given: Maria de la Cruz\n"
        "Asked: what does it cost\n"
        "Asked: is it (safe) really\n"
        "Consent to be called: May our AI assistant call you?\n"
        "Consent wording: version v1\n"
        "Asked at: 2027-01-15 08:00 UTC; agreed at: 2027-01-15 08:01 UTC\n"
        f"Chat session: {LEAD.session}\n"
        f"[end of Atlas request {LEAD.interaction_id}]"
    )


def test_a_name_of_one_word_is_the_last_name_and_no_first_name_is_sent() -> None:
    fields = new_lead(replace(LEAD, name="Sukarno"), SETTINGS.lead_defaults)
    assert fields["LastName"] == "Sukarno"
    assert "FirstName" not in fields


def test_the_configured_first_name_stands_in_for_a_missing_one() -> None:
    defaults = {**SETTINGS.lead_defaults, "first_name": "(unknown)"}
    assert new_lead(replace(LEAD, name="Sukarno"), defaults)["FirstName"] == "(unknown)"


@pytest.mark.parametrize("outcome", CallOutcome)
def test_every_outcome_of_a_call_has_words(outcome: CallOutcome) -> None:
    assert call_words(outcome) not in ("", str(outcome)) or outcome in ("declined", "busy")


def test_a_call_is_told_with_its_summary_in_three_parts() -> None:
    lead = replace(
        LEAD, call_ended_at=EPOCH + 300, summary=Summary("Price.", "Liked it.", "Offer.")
    )
    assert call_block(lead, "completed").lines == (
        "Call: answered, to its end",
        "Call ended at: 2027-01-15 08:05 UTC",
        "Topics: Price.",
        "Outcome: Liked it.",
        "Next step: Offer.",
    )


def test_the_call_is_an_activity_that_is_over() -> None:
    task = call_task(LEAD, "no_answer", "00Q000000000001AAA", EPOCH)
    assert task["Status"] == "Completed"
    assert task["Subject"] == "AI call: not answered"
    assert task["ActivityDate"] == "2027-01-15"
    assert task["WhoId"] == "00Q000000000001AAA"
    assert LEAD.interaction_id in task["Description"]


def test_a_late_summary_leaves_an_activitys_subject_true() -> None:
    tasks = [
        call_task(LEAD, each, "", EPOCH) for each in ("completed", "completed_without_summary")
    ]
    assert {task["Subject"] for task in tasks} == {"AI call: answered"}


def test_a_callback_is_an_open_task_of_high_priority() -> None:
    task = callback_task(replace(LEAD, callback_requested_at=EPOCH), "00Q000000000001AAA")
    assert (task["Subject"], task["Status"], task["Priority"]) == (
        "Call back",
        "Not Started",
        "High",
    )
    assert LEAD.interaction_id in task["Description"]
