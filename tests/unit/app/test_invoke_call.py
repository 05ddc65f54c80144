"""The phone rings once per consent, or the workflow hears at once why it does not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from chalicelib.errors import (
    CallNotYetDueError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.steps.invoke_call import (
    FRESH_CONSENT_SECONDS,
    OLDEST_CONSENT_SECONDS,
    invoke_call,
)
from chalicelib.steps.payloads import InvokeCallInput
from tests.call_fakes import CONTACT, TOKEN, CallWorld, call_world
from tests.lead_world import INTERACTION, ROOT

REFUSALS = [
    ("DestinationNotAllowedException", "not_allowed"),
    ("OutboundContactNotPermittedException", "not_allowed"),
    ("InvalidRequestException", "not_placed"),
]


@pytest.fixture
def calls() -> Iterator[CallWorld]:
    with call_world() as calls:
        yield calls


def run(calls: CallWorld, token: str = TOKEN) -> str:
    task = InvokeCallInput(INTERACTION, token)
    return invoke_call(task, calls.world.deadline(50), calls.services).outcome


def quiet(calls: CallWorld, hours: tuple[int, int] | None) -> None:
    settings = replace(calls.services.settings, quiet_hours=hours)
    calls.services = calls.world.with_services(settings=settings)


def test_a_consent_makes_the_phone_ring_and_the_workflow_waits(calls: CallWorld) -> None:
    calls.world.consented()
    assert run(calls) == "placed"
    assert calls.telephony.placed == {INTERACTION: CONTACT}
    assert calls.lead.task_token == TOKEN
    assert calls.lead.contact_id == CONTACT
    assert calls.services.contacts.interaction_of(CONTACT) == INTERACTION
    assert calls.resumed == []


def test_the_calls_key_is_random_and_stored_before_the_phone_rings(calls: CallWorld) -> None:
    calls.world.consented()
    run(calls)
    (rang,) = calls.telephony.requests
    assert rang.call_key == calls.lead.call_key
    assert len(rang.call_key) == 32
    assert rang.interaction_key == INTERACTION + rang.call_key
    assert calls.lead.call_is_open


def test_one_call_to_the_table_stands_before_a_phone_whose_consent_is_fresh(
    calls: CallWorld,
) -> None:
    calls.world.consented()
    calls.world.wire.calls.clear()
    calls.telephony.errors.append(RetryableDependencyError("connect", "InternalServiceException"))
    with pytest.raises(RetryableDependencyError):
        run(calls)
    assert calls.world.wire.calls == ["update_item"]


def test_a_number_on_the_do_not_call_list_is_not_called(calls: CallWorld) -> None:
    lead = calls.world.consented()
    calls.services.call_limits.stop_calling(lead.phone_hash)
    calls.clock.advance(FRESH_CONSENT_SECONDS + 0.1)
    assert run(calls) == "do_not_call"
    assert calls.telephony.requests == []
    assert calls.resumed == [(TOKEN, "do_not_call")]
    assert calls.lead.call_outcome == "do_not_call"
    assert not calls.lead.call_is_open


def test_a_consent_of_days_ago_makes_no_phone_ring(calls: CallWorld) -> None:
    calls.world.consented()
    calls.clock.advance(OLDEST_CONSENT_SECONDS + 1)
    assert run(calls) == "not_placed"
    assert calls.telephony.requests == []
    assert calls.resumed == [(TOKEN, "not_placed")]
    assert calls.lead.call_outcome == "not_placed"


def test_the_longest_night_is_no_reason_to_give_up(calls: CallWorld) -> None:
    parameters = yaml.safe_load((ROOT / "infra" / "lead_workflow.yaml").read_text())["Parameters"]
    looked_at = [parameters[f"NightRetry{name}"]["Default"] for name in ("Seconds", "Attempts")]
    assert math.prod(looked_at) < OLDEST_CONSENT_SECONDS
    calls.world.consented()
    calls.clock.advance(math.prod(looked_at))
    assert run(calls) == "placed"


def test_a_call_beyond_the_hours_limit_is_left_to_people(calls: CallWorld) -> None:
    calls.world.consented(call_refused="hourly_limit")
    assert run(calls) == "hourly_limit"
    assert calls.telephony.requests == []
    assert calls.resumed == [(TOKEN, "hourly_limit")]


@pytest.mark.parametrize(("code", "outcome"), REFUSALS)
def test_what_connect_refuses_is_not_asked_for_again(
    calls: CallWorld, code: str, outcome: str
) -> None:
    calls.world.consented()
    calls.telephony.errors.append(RejectedByDependencyError("connect", code))
    assert run(calls) == outcome
    assert calls.resumed == [(TOKEN, outcome)]
    assert run(calls, "token-2") == "already_ended"
    assert calls.resumed[1:] == [("token-2", outcome)]
    assert len(calls.telephony.requests) == 1


@pytest.mark.parametrize("status", ["erasing", "withdrawn", "offered"])
def test_a_lead_without_a_consent_that_stands_gets_no_call(calls: CallWorld, status: str) -> None:
    calls.world.consented(status=status)
    assert run(calls) == "erased"
    assert calls.telephony.requests == []
    assert calls.resumed == [(TOKEN, "erased")]


def test_a_lead_that_is_gone_resumes_the_workflow(calls: CallWorld) -> None:
    assert run(calls) == "erased"
    assert calls.resumed == [(TOKEN, "erased")]
    assert calls.services.leads.get(INTERACTION) is None


def test_at_night_the_workflow_tries_again_later(calls: CallWorld) -> None:
    calls.world.consented()
    # The number is Californian; at EPOCH it is midnight there.
    quiet(calls, (21 * 60, 8 * 60))
    with pytest.raises(CallNotYetDueError):
        run(calls)
    assert calls.telephony.requests == []
    calls.clock.advance(8 * 3600)
    assert run(calls, "token-2") == "placed"
    assert calls.lead.task_token == "token-2"


def test_a_number_that_no_plan_knows_is_still_not_called_at_night(calls: CallWorld) -> None:
    calls.world.consented(phone="+99900000000")
    quiet(calls, (0, 23 * 60))
    with pytest.raises(CallNotYetDueError):
        run(calls)


def test_after_the_night_the_do_not_call_list_is_asked_again(calls: CallWorld) -> None:
    lead = calls.world.consented()
    calls.services.call_limits.stop_calling(lead.phone_hash)
    calls.clock.advance(9 * 3600)
    assert run(calls) == "do_not_call"


@pytest.mark.parametrize("error", [RetryableDependencyError, ThrottledError])
def test_an_answer_that_got_lost_rings_no_second_time(
    calls: CallWorld, error: type[RetryableDependencyError]
) -> None:
    calls.world.consented()
    calls.telephony.lost_answers.append(error("connect", "ReadTimeoutError"))
    with pytest.raises(error):
        run(calls)
    assert run(calls, "token-2") == "placed"
    first, second = calls.telephony.requests
    assert first.interaction_key == second.interaction_key
    assert list(calls.telephony.placed.values()) == [CONTACT]
    assert calls.lead.task_token == "token-2"


def test_a_task_that_is_tried_again_while_the_phone_rings_keeps_its_new_token(
    calls: CallWorld,
) -> None:
    calls.rings()
    assert run(calls, "token-2") == "already_placed"
    assert calls.telephony.requests == []
    assert calls.lead.task_token == "token-2"
    assert calls.resumed == []


def test_a_task_that_is_tried_again_after_an_unanswered_call_resumes_at_once(
    calls: CallWorld,
) -> None:
    calls.rings(call_outcome="no_answer", call_ended_at=calls.clock())
    assert run(calls, "token-2") == "already_ended"
    assert calls.resumed == [("token-2", "no_answer")]
    assert calls.telephony.requests == []


@pytest.mark.parametrize("outcome", ["", "dropped"])
def test_a_task_that_is_tried_again_after_the_call_waits_for_the_summary(
    calls: CallWorld, outcome: str
) -> None:
    calls.rings(call_outcome=outcome, call_ended_at=calls.clock())
    calls.clock.advance(100)
    assert run(calls, "token-2") == "awaiting_summary"
    assert calls.resumed == []
    assert calls.due == [500.0]


def test_a_task_that_is_tried_again_long_after_the_call_waits_for_nothing(
    calls: CallWorld,
) -> None:
    calls.recorded()
    calls.clock.advance(600)
    assert run(calls, "token-2") == "already_ended"
    assert calls.resumed == [("token-2", "completed_without_summary")]


@pytest.mark.parametrize("outcome", ["busy", "declined"])
def test_a_call_that_ended_before_its_contact_was_known_resumes_the_workflow(
    calls: CallWorld, outcome: str
) -> None:
    calls.world.consented()
    assert calls.services.contacts.ended(CONTACT, outcome) == ""
    assert run(calls) == outcome
    assert calls.resumed == [(TOKEN, outcome)]
    assert calls.lead.call_outcome == outcome


def test_a_talk_that_ended_before_its_contact_was_known_waits_for_its_summary(
    calls: CallWorld,
) -> None:
    calls.world.consented()
    calls.services.contacts.ended(CONTACT, "completed")
    assert run(calls) == "awaiting_summary"
    assert calls.resumed == []
    assert calls.due == [600.0]
    assert not calls.lead.call_is_open


@pytest.mark.parametrize("fault", ["InternalServerError", "lost:InternalServerError"])
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_table_that_fails_at_any_moment_costs_no_second_call(
    calls: CallWorld, fault: str, failing: int
) -> None:
    calls.world.consented()
    calls.world.wire.faults["update_item"] = [""] * failing + [fault]
    with pytest.raises(RetryableDependencyError):
        run(calls)
    assert run(calls, "token-2") in ("placed", "already_placed")
    assert list(calls.telephony.placed.values()) == [CONTACT]
    assert calls.services.contacts.interaction_of(CONTACT) == INTERACTION
    assert calls.lead.contact_id == CONTACT


def test_a_lead_erased_while_the_phone_begins_to_ring_leaves_nothing_behind(
    calls: CallWorld,
) -> None:
    calls.world.consented()
    place_call = calls.telephony.place_call

    def erased_meanwhile(lead: object) -> str:
        calls.services.leads.delete(INTERACTION)
        return place_call(lead)  # type: ignore[arg-type]

    calls.telephony.place_call = erased_meanwhile  # type: ignore[assignment]
    assert run(calls) == "placed"
    assert calls.services.leads.get(INTERACTION) is None
    # Its recording is found by this, and deleted.
    assert calls.services.contacts.interaction_of(CONTACT) == INTERACTION


def test_a_refusal_is_not_lost_when_step_functions_is_down(calls: CallWorld) -> None:
    calls.world.consented(call_refused="hourly_limit")
    calls.workflow.error = RetryableDependencyError("stepfunctions", "ServiceUnavailable")
    assert run(calls) == "hourly_limit"
    assert calls.due == [0.0]
    assert calls.lead.call_outcome == "hourly_limit"


def waits(calls: CallWorld) -> list[float]:
    """What was measured from the yes to the ring, in ms."""
    return [line["ConsentToRing"] for line in calls.world.lines.of("call placed")]


def test_the_time_from_the_yes_to_the_ring_is_measured_for_the_stage(calls: CallWorld) -> None:
    calls.world.consented()
    calls.clock.advance(4)
    assert run(calls) == "placed"
    assert waits(calls) == [4000.0]
    (line,) = calls.world.lines.of("call placed")
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Stage"]]


def test_a_call_that_waited_for_the_day_is_not_late(calls: CallWorld) -> None:
    calls.world.consented()
    quiet(calls, (21 * 60, 8 * 60))
    calls.clock.advance(8 * 3600)
    assert run(calls) == "placed"
    assert waits(calls) == []


def test_a_call_that_was_not_placed_has_no_time_to_the_ring(calls: CallWorld) -> None:
    calls.world.consented()
    calls.telephony.errors.append(RejectedByDependencyError("connect", REFUSALS[0][0]))
    run(calls)
    assert waits(calls) == []
