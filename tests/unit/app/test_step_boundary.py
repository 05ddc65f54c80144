"""A step's edge: typed input, named outcome, and errors that say nothing of the person."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import (
    CallNotYetDueError,
    InvalidRequestError,
    RetryableDependencyError,
    StepFailedError,
)
from chalicelib.services import Services
from chalicelib.steps.boundary import run_step
from chalicelib.steps.call_ended import ContactEvent, call_ended
from chalicelib.steps.payloads import (
    InteractionInput,
    InvokeCallInput,
    StepResult,
    UpdateLeadInput,
)
from chalicelib.steps.start_transcription import ObjectCreated, start_transcription
from chalicelib.steps.summarize_call import JobStateChange, summarize_call
from tests.call_fakes import aws_event, call_world
from tests.lead_world import INTERACTION, FunctionContext, LeadWorld, lead_world

NAME = "Maria Lopez +14155550132"


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


def a_step(task: InteractionInput, deadline: Deadline, services: Services) -> StepResult:
    assert services.account.arn("sns", "x") == "arn:aws:sns:us-east-1:123456789012:x"
    return StepResult("seen" if deadline.remaining() <= 10 else "endless")


def failing(error: Exception) -> Any:
    def step(task: InteractionInput, deadline: Deadline, services: Services) -> StepResult:
        raise error

    return step


def run(step: Any, event: object, world: LeadWorld, task: Any = InteractionInput) -> Any:
    return run_step(step, task, event, FunctionContext(), world.services)


def test_a_result_is_json_and_its_outcome_a_metric(world: LeadWorld) -> None:
    assert run(a_step, {"interaction_id": INTERACTION}, world) == {"outcome": "seen"}
    (line,) = world.lines.of("step")
    assert (line["Step"], line["outcome"], line["StepFailed"]) == ("a_step", "seen", 0.0)
    assert line["Outcome.seen"] == 1.0


@pytest.mark.parametrize(
    "event", [None, [], {}, {"interaction_id": 7}, {"interaction_id": "AB" * 16}, {"id": "x"}]
)
def test_an_input_that_cannot_be_used_names_its_field(world: LeadWorld, event: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"interaction_id|event"):
        run(a_step, event, world)


def test_our_own_errors_reach_the_workflow_by_their_name(world: LeadWorld) -> None:
    error = RetryableDependencyError("salesforce", "SERVER_UNAVAILABLE")
    with pytest.raises(RetryableDependencyError, match="SERVER_UNAVAILABLE"):
        run(failing(error), {"interaction_id": INTERACTION}, world)
    assert world.lines.of("step")[0]["StepFailed"] == 1.0
    (line,) = world.lines.of("step failed")
    assert line["error"] == "RetryableDependencyError salesforce: SERVER_UNAVAILABLE"


def test_every_line_of_a_step_says_whose_it_is(world: LeadWorld) -> None:
    with pytest.raises(CallNotYetDueError):
        run(failing(CallNotYetDueError("not yet")), {"interaction_id": INTERACTION}, world)
    assert [record["interaction_id"] for record in world.lines.records] == [INTERACTION] * 2
    assert {record["request_id"] for record in world.lines.records} == {"request-1"}


def test_the_next_invocation_is_not_taken_for_the_same_interaction(world: LeadWorld) -> None:
    run(a_step, {"interaction_id": INTERACTION}, world)
    with pytest.raises(InvalidRequestError):
        run(a_step, {}, world)
    assert ["interaction_id" in record for record in world.lines.records] == [True, False, False]


@pytest.mark.parametrize(
    ("function", "task", "event"),
    [
        (call_ended, ContactEvent, "contact_disconnected_answered"),
        (start_transcription, ObjectCreated, "recording_created"),
        (summarize_call, JobStateChange, "transcription_completed"),
    ],
)
def test_an_events_lines_say_whose_it_is_once_that_is_known(
    function: Any, task: Any, event: str
) -> None:
    with call_world() as calls:
        calls.world.models.resting = True
        calls.recorded()
        with contextlib.suppress(RetryableDependencyError):
            run(function, aws_event(event), calls.world, task)
        (line,) = calls.world.lines.of("step")
        assert line["interaction_id"] == INTERACTION


def test_what_an_unexpected_error_says_stays_here(world: LeadWorld) -> None:
    with pytest.raises(StepFailedError) as caught:
        run(failing(KeyError(NAME)), {"interaction_id": INTERACTION}, world)
    assert str(caught.value).startswith("KeyError in step:")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "Maria" not in "".join(world.lines) + str(caught.value)


def test_payloads_survive_their_way_as_json() -> None:
    call = InvokeCallInput(INTERACTION, "token")
    assert InvokeCallInput.parse(json.loads(json.dumps(call.to_json()))) == call
    assert UpdateLeadInput.parse({"interaction_id": INTERACTION}) == UpdateLeadInput(INTERACTION)


def test_a_token_that_is_too_long_is_no_token() -> None:
    with pytest.raises(InvalidRequestError, match="task_token"):
        InvokeCallInput.parse({"interaction_id": INTERACTION, "task_token": "t" * 2_049})


def test_a_missing_token_is_named() -> None:
    with pytest.raises(InvalidRequestError, match="task_token"):
        InvokeCallInput.parse({"interaction_id": INTERACTION})
