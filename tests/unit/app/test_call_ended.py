"""Whoever hears last of a call's end, the workflow goes on once, and with the right word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import InvalidRequestError, RetryableDependencyError
from chalicelib.lead import Summary
from chalicelib.steps.call_ended import ContactEvent, call_ended
from chalicelib.steps.recover_leads import RecoverLeadsInput, recover_leads
from tests.call_fakes import CONTACT, TOKEN, CallWorld, aws_event, call_world
from tests.lead_world import INTERACTION

ANSWERED, NOT_ANSWERED = "contact_disconnected_answered", "contact_disconnected_not_answered"
REASONS = [
    ("TELECOM_TIMEOUT", "no_answer"),
    ("TELECOM_ORIGINATOR_CANCEL", "no_answer"),
    ("TELECOM_BUSY", "busy"),
    ("TELECOM_UNANSWERED", "declined"),
    ("CUSTOMER_DISCONNECT", "declined"),
    ("TELECOM_NUMBER_INVALID", "not_allowed"),
    ("TELECOM_POTENTIAL_BLOCKING", "not_allowed"),
    ("OUTBOUND_DESTINATION_ENDPOINT_ERROR", "not_allowed"),
    ("TELECOM_PROBLEM", "not_placed"),
    ("OTHER", "not_placed"),
    ("A_REASON_OF_NEXT_YEAR", "not_placed"),
    (None, "not_placed"),
]


@pytest.fixture
def calls() -> Iterator[CallWorld]:
    with call_world() as calls:
        yield calls


def run(calls: CallWorld, event: Any) -> str:
    task = ContactEvent.parse(event)
    return call_ended(task, calls.world.deadline(20), calls.services).outcome


@pytest.mark.parametrize(("reason", "outcome"), REASONS)
def test_a_call_that_nobody_took_resumes_the_workflow_at_once(
    calls: CallWorld, reason: str | None, outcome: str
) -> None:
    calls.rings()
    assert run(calls, aws_event(NOT_ANSWERED, disconnectReason=reason)) == outcome
    assert calls.resumed == [(TOKEN, outcome)]
    assert calls.lead.call_outcome == outcome
    assert calls.lead.call_ended_at == calls.clock()
    assert calls.due == []


def test_a_call_that_was_answered_waits_for_its_summary(calls: CallWorld) -> None:
    calls.rings()
    assert run(calls, aws_event(ANSWERED)) == "awaiting_summary"
    assert calls.resumed == []
    assert calls.due == [600.0]
    assert calls.lead.call_outcome == ""


def test_the_calls_key_is_dead_when_the_call_is(calls: CallWorld) -> None:
    assert calls.rings().call_is_open
    run(calls, aws_event(ANSWERED))
    assert not calls.lead.call_is_open


def test_a_talk_that_the_network_broke_off_says_so_with_or_without_a_summary(
    calls: CallWorld,
) -> None:
    calls.rings()
    event = aws_event(ANSWERED, disconnectReason="TELECOM_PROBLEM")
    assert run(calls, event) == "awaiting_summary"
    assert calls.lead.call_outcome == "dropped"
    calls.clock.advance(600)
    recover_leads(RecoverLeadsInput(), calls.world.deadline(50), calls.services)
    assert calls.resumed == [(TOKEN, "dropped")]


def test_when_no_recording_comes_the_workflow_goes_on_without_a_summary(calls: CallWorld) -> None:
    calls.rings()
    run(calls, aws_event(ANSWERED))
    calls.clock.advance(599)
    recover_leads(RecoverLeadsInput(), calls.world.deadline(50), calls.services)
    assert calls.resumed == []
    calls.clock.advance(1)
    recover_leads(RecoverLeadsInput(), calls.world.deadline(50), calls.services)
    assert calls.resumed == [(TOKEN, "completed_without_summary")]
    assert calls.due == []


def test_a_second_event_changes_nothing(calls: CallWorld) -> None:
    calls.rings()
    run(calls, aws_event(NOT_ANSWERED))
    calls.clock.advance(5)
    assert run(calls, aws_event(NOT_ANSWERED, disconnectReason="TELECOM_BUSY")) == "already_ended"
    assert calls.resumed == [(TOKEN, "no_answer")]
    assert calls.lead.call_outcome == "no_answer"


def test_a_second_event_does_not_put_the_summary_off(calls: CallWorld) -> None:
    calls.rings()
    run(calls, aws_event(ANSWERED))
    calls.clock.advance(100)
    assert run(calls, aws_event(ANSWERED)) == "already_ended"
    assert calls.due == [500.0]


def test_an_event_after_the_summary_waits_for_nothing(calls: CallWorld) -> None:
    calls.rings(summary=Summary("a", "b", "c"), call_outcome="completed")
    assert run(calls, aws_event(ANSWERED)) == "already_ended"
    assert calls.due == []


def test_events_that_contradict_each_other_leave_the_first_word(calls: CallWorld) -> None:
    calls.rings()
    run(calls, aws_event(NOT_ANSWERED))
    assert run(calls, aws_event(ANSWERED)) == "already_ended"
    assert calls.lead.call_outcome == "no_answer"
    assert calls.due == []


def test_a_contact_that_is_not_known_yet_is_noted_for_whoever_placed_it(calls: CallWorld) -> None:
    calls.world.consented()
    assert run(calls, aws_event(NOT_ANSWERED)) == "unknown_contact"
    assert calls.resumed == []
    assert calls.services.contacts.placed(CONTACT, INTERACTION) == "no_answer"


@pytest.mark.parametrize("status", ["erasing", "withdrawn"])
def test_the_end_of_an_erased_leads_call_is_no_news(calls: CallWorld, status: str) -> None:
    calls.rings(status=status)
    assert run(calls, aws_event(ANSWERED)) == "erased"
    assert calls.due == []
    calls.services.leads.delete(INTERACTION)
    assert run(calls, aws_event(NOT_ANSWERED)) == "erased"
    assert calls.resumed == []
    assert calls.services.leads.get(INTERACTION) is None


@pytest.mark.parametrize("event_type", ["INITIATED", "CONNECTED_TO_SYSTEM", "COMPLETED", "NEW"])
def test_other_events_of_a_contact_are_passed_over(calls: CallWorld, event_type: str) -> None:
    calls.rings()
    assert run(calls, aws_event(ANSWERED, eventType=event_type)) == "other_event"
    assert calls.lead.call_ended_at == 0.0
    assert run(calls, aws_event("contact_initiated")) == "other_event"


@pytest.mark.parametrize(
    "detail", [{"channel": "CHAT"}, {"channel": "TASK"}, {"initiationMethod": "INBOUND"}]
)
def test_contacts_that_are_no_calls_of_ours_leave_no_row(
    calls: CallWorld, detail: dict[str, str]
) -> None:
    calls.world.wire.calls.clear()
    assert run(calls, aws_event(ANSWERED, **detail)) == "other_contact"
    assert calls.world.wire.calls == []


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (None, "detail"),
        ({"detail": []}, "detail"),
        (aws_event(ANSWERED, contactId=None), "detail.contactId"),
        (aws_event(ANSWERED, contactId=7), "detail.contactId"),
        (aws_event(ANSWERED, contactId="x" * 257), "detail.contactId"),
        (aws_event(ANSWERED, eventType=""), "detail.eventType"),
    ],
)
def test_an_event_that_cannot_be_read_names_its_field(event: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ContactEvent.parse(event)
    assert caught.value.field == field


def test_members_that_are_null_or_new_are_no_reason_to_fail(calls: CallWorld) -> None:
    calls.rings()
    event = aws_event(NOT_ANSWERED, somethingNew={"a": 1})
    event["detail"] |= {"connectedToSystemTimestamp": None, "disconnectReason": None}
    assert run(calls, event) == "not_placed"


def test_when_step_functions_is_down_recovery_resumes_the_workflow(calls: CallWorld) -> None:
    calls.rings()
    calls.workflow.error = RetryableDependencyError("stepfunctions", "ServiceUnavailable")
    assert run(calls, aws_event(NOT_ANSWERED)) == "no_answer"
    calls.workflow.error = None
    recover_leads(RecoverLeadsInput(), calls.world.deadline(50), calls.services)
    assert calls.resumed == [(TOKEN, "no_answer")]
    assert calls.due == []


@pytest.mark.parametrize("name", [ANSWERED, NOT_ANSWERED])
@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize("fault", ["InternalServerError", "lost:InternalServerError"])
def test_an_event_whose_handling_broke_off_is_carried_out_when_it_comes_again(
    calls: CallWorld, name: str, failing: int, fault: str
) -> None:
    calls.rings()
    calls.world.wire.faults["update_item"] = [""] * failing + [fault]
    with pytest.raises(RetryableDependencyError):
        run(calls, aws_event(name))
    run(calls, aws_event(name))
    assert calls.lead.call_ended_at > 0
    assert calls.due == ([600.0] if name == ANSWERED else [])
    assert calls.resumed == ([] if name == ANSWERED else [(TOKEN, "no_answer")])


def test_a_row_that_could_not_be_written_is_written_when_the_event_comes_again(
    calls: CallWorld,
) -> None:
    calls.rings()
    calls.world.wire.faults["put_item"] = ["InternalServerError"]
    with pytest.raises(RetryableDependencyError):
        run(calls, aws_event(ANSWERED))
    calls.clock.advance(60)
    run(calls, aws_event(ANSWERED))
    assert calls.due == [540.0]
