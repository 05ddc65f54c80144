"""A step's edge: typed input, named outcome, and errors that say nothing of the person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import InvalidRequestError, RetryableDependencyError, StepFailedError
from chalicelib.services import Services
from chalicelib.steps.boundary import run_step
from chalicelib.steps.payloads import (
    InteractionInput,
    InvokeCallInput,
    StepResult,
    UpdateLeadInput,
)
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
