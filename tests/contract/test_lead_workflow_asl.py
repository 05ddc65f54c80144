"""The workflow's definition: valid, fully walked, ids only, bounded, and fit for its steps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cfnlint import lint
from cfnlint.config import ManualArgs

from chalicelib import errors
from chalicelib.steps.payloads import InteractionInput, InvokeCallInput, UpdateLeadInput
from infra import state_machine
from ops.stages import FUNCTIONS, function_name

State = dict[str, Any]

TEXT = state_machine.DEFINITION.read_text(encoding="utf-8")
SCHEMA = json.loads((Path(__file__).parent / "states_language.schema.json").read_text())
LAMBDA_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
}
PAYLOADS = {
    "CreateLead": InteractionInput,
    "GenerateScenario": InteractionInput,
    "InvokeCall": InvokeCallInput,
    "UpdateLead": UpdateLeadInput,
}
PARAMETERS = {"prod": {}, "dev": {}, "local": state_machine.LOCAL_PARAMETERS}


def definition(stage: str = "prod") -> State:
    substitutions = state_machine.template_substitutions(
        stage, "123456789012", "us-east-1", PARAMETERS[stage]
    )
    return state_machine.load(substitutions)


WORKFLOW = definition()


def machines(machine: State = WORKFLOW) -> Iterator[State]:
    """The workflow and, below it, every branch."""
    yield machine
    for state in machine["States"].values():
        for branch in state.get("Branches", []):
            yield from machines(branch)


def states(machine: State = WORKFLOW) -> dict[str, State]:
    return {name: state for each in machines(machine) for name, state in each["States"].items()}


def tasks(machine: State = WORKFLOW) -> dict[str, State]:
    return {name: state for name, state in states(machine).items() if state["Type"] == "Task"}


def targets(state: State) -> list[str]:
    rules = [*state.get("Choices", []), *state.get("Catch", [])]
    found = [state.get("Next"), state.get("Default"), *(rule["Next"] for rule in rules)]
    return [name for name in found if name is not None]


LAMBDA_TASKS = {name: s for name, s in tasks().items() if ":lambda:" in s["Resource"]}
PARKING_TASKS = {name: s for name, s in tasks().items() if ":dynamodb:" in s["Resource"]}


@pytest.mark.parametrize("stage", PARAMETERS)
def test_definition_obeys_the_states_language(stage: str) -> None:
    jsonschema.validate(definition(stage), SCHEMA)


def test_schema_is_one_and_would_notice_a_mistake() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for spoil in (
        lambda w: w["States"]["UpdateLead"].pop("TimeoutSeconds"),
        lambda w: w["States"]["UpdateLead"].update(HeartbeatSeconds=5),
        lambda w: w["States"]["UpdateLead"].update(End=True),
        lambda w: w["States"]["UpdateLead"]["Retry"][0].update(MaxAttempts="48"),
        lambda w: w["States"]["UpdateLead"]["Parameters"].update(name="$.name"),
        lambda w: w["States"]["LeadScenarioCall"].pop("Catch"),
        lambda w: w.update(QueryLanguage="JSONata"),
    ):
        spoilt = definition()
        spoil(spoilt)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoilt, SCHEMA)


def linted(workflow: State) -> list[str]:
    """What cfn-lint says of the definition when it stands in a template."""
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::123456789012:role/atlas",
            "DefinitionString": json.dumps(workflow),
        },
    }
    template = json.dumps({"Resources": {"Workflow": machine}})
    return [match.message for match in lint(template, config=ManualArgs(regions=["us-east-1"]))]


@pytest.mark.parametrize("stage", PARAMETERS)
def test_cfn_lint_finds_nothing_in_the_definition(stage: str) -> None:
    assert linted(definition(stage)) == []


def test_cfn_lint_would_find_something() -> None:
    spoilt = definition()
    spoilt["States"]["UpdateLead"]["Resource"] = "lambda"
    spoilt["StartAt"] = "Nowhere"
    assert len(linted(spoilt)) == 2


def test_every_target_is_a_state_of_the_same_machine() -> None:
    for machine in machines():
        names = set(machine["States"])
        assert machine["StartAt"] in names
        for state in machine["States"].values():
            assert set(targets(state)) <= names


def test_every_state_is_reached() -> None:
    for machine in machines():
        reached: set[str] = set()
        waiting = [machine["StartAt"]]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += targets(machine["States"][name])
        assert reached == set(machine["States"])


def paths(machine: State, name: str, walked: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every way from `name` to an end; a circle would never end, so it fails here."""
    assert name not in walked, f"{' > '.join(walked)} goes round"
    state, walked = machine["States"][name], (*walked, name)
    if state.get("End") or state["Type"] == "Fail":
        yield walked
    for target in targets(state):
        yield from paths(machine, target, walked)


def test_every_way_ends_and_none_goes_round() -> None:
    for machine in machines():
        for name in machine["States"]:
            assert list(paths(machine, name))


def test_state_names_are_unique_in_the_whole_workflow() -> None:
    names = [name for machine in machines() for name in machine["States"]]
    assert len(set(names)) == len(names)


def test_each_branch_ends_in_a_named_outcome_and_lets_no_error_out() -> None:
    for branch in WORKFLOW["States"]["LeadScenarioCall"]["Branches"]:
        for state in branch["States"].values():
            assert state["Type"] in ("Task", "Pass")
            if state["Type"] == "Task":
                assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
            if state.get("End") and state["Type"] == "Task":
                assert list(state["ResultSelector"]) == ["outcome.$"]
            if state.get("End") and state["Type"] == "Pass":
                assert list(state["Result"]) == ["outcome"]


def test_outcomes_that_the_workflow_names_itself() -> None:
    passes = states().values()
    outcomes = [state["Result"]["outcome"] for state in passes if "Result" in state]
    assert sorted(outcomes) == [
        *("grounded", "not_parked", "not_placed", "parked", "parked", "timed_out"),
    ]


def test_nothing_stands_before_the_phone() -> None:
    first = WORKFLOW["States"][WORKFLOW["StartAt"]]
    assert [branch["StartAt"] for branch in first["Branches"]] == [
        *("CreateLead", "GenerateScenario", "InvokeCall"),
    ]


@pytest.mark.parametrize("name", PAYLOADS)
def test_payload_keys_are_the_fields_of_the_dataclass_that_parses_them(name: str) -> None:
    payload = LAMBDA_TASKS[name]["Parameters"]["Payload"]
    sent = {key.removesuffix(".$") for key in payload}
    assert sent == {field.name for field in fields(PAYLOADS[name])}


def test_every_lambda_task_has_its_payload_checked() -> None:
    assert set(LAMBDA_TASKS) == set(PAYLOADS)


def test_payloads_hold_ids_and_outcomes_alone() -> None:
    sent = {
        path for task in LAMBDA_TASKS.values() for path in task["Parameters"]["Payload"].values()
    }
    assert sent == {
        "$.interaction_id",
        "$$.Task.Token",
        "$.outcomes.lead.outcome",
        "$.outcomes.scenario.outcome",
        "$.outcomes.call.outcome",
    }


@pytest.mark.parametrize("name", PARKING_TASKS)
def test_parked_row_holds_the_errors_name_and_never_its_cause(name: str) -> None:
    parameters = PARKING_TASKS[name]["Parameters"]
    reason = {"ParkLead": "create_lead", "ParkUpdate": "update_lead", "ParkWorkflow": "workflow"}
    assert parameters == {
        "TableName": "atlas-prod-pending-work",
        "Item": {
            "kind": {"S": "parked"},
            "interaction_id": {"S.$": "$.interaction_id"},
            "reason": {"S": reason[name]},
            "error": {"S.$": "$.error.Error"},
            "parked_at": {"S.$": "$$.State.EnteredTime"},
        },
    }
    assert PARKING_TASKS[name]["ResultPath"] is None


def test_no_cause_no_whole_input_and_no_heartbeat_anywhere() -> None:
    assert "Cause" not in TEXT.replace('"Cause": "The lead could not be given up', "")
    assert "Execution.Input" not in TEXT
    assert "HeartbeatSeconds" not in TEXT
    assert not re.findall(r'\.\$": "\${1,2}"', TEXT), "a whole input or context in a payload"
    assert "$.error" not in TEXT.replace("$.error.Error", "").replace('"ResultPath": "$.error"', "")


@pytest.mark.parametrize("name", tasks())
def test_every_task_has_a_time_out_retries_and_a_last_catch(name: str) -> None:
    task = tasks()[name]
    assert task["TimeoutSeconds"] >= 1
    assert task["Retry"]
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def retried(task: State) -> set[str]:
    return {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]}


@pytest.mark.parametrize("name", LAMBDA_TASKS)
def test_lambda_tasks_retry_outages_and_not_refusals(name: str) -> None:
    expected = LAMBDA_ERRORS | {"RetryableDependencyError", "ThrottledError"}
    own = {"CallNotYetDueError"} if name == "InvokeCall" else {"States.Timeout"}
    assert retried(LAMBDA_TASKS[name]) == expected | own


def test_call_that_timed_out_is_never_placed_again() -> None:
    call = LAMBDA_TASKS["InvokeCall"]
    assert "States.Timeout" not in retried(call)
    assert call["Catch"][0] == {
        "ErrorEquals": ["States.Timeout"],
        "ResultPath": "$.error",
        "Next": "CallTimedOut",
    }


def test_retried_errors_of_ours_are_the_names_of_classes() -> None:
    ours = {name for task in LAMBDA_TASKS.values() for name in retried(task) if "." not in name}
    for name in ours:
        assert issubclass(getattr(errors, name), errors.AtlasError)


@pytest.mark.parametrize("name", tasks())
def test_no_error_has_two_retriers(name: str) -> None:
    named = [error for retrier in tasks()[name]["Retry"] for error in retrier["ErrorEquals"]]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("stage", PARAMETERS)
def test_every_retrier_backs_off_with_jitter_but_for_the_night(stage: str) -> None:
    for name, task in tasks(definition(stage)).items():
        for retrier in task["Retry"]:
            if retrier["ErrorEquals"] == ["CallNotYetDueError"]:
                assert retrier["BackoffRate"] == 1, "the interval stays as it is"
                continue
            assert retrier["BackoffRate"] == 2, name
            assert retrier["JitterStrategy"] == "FULL", name
            assert retrier["MaxDelaySeconds"] > retrier["IntervalSeconds"], name


def pauses(retrier: State) -> float:
    """Seconds of all pauses together, each as long as it can get."""
    rate, limit = retrier["BackoffRate"], retrier.get("MaxDelaySeconds", float("inf"))
    lengths = (retrier["IntervalSeconds"] * rate**n for n in range(retrier["MaxAttempts"]))
    return sum(min(length, limit) for length in lengths)


def longest(task: State) -> float:
    """Seconds of a task that fails in every way it may, each time at its time-out."""
    attempts = 1 + sum(retrier["MaxAttempts"] for retrier in task["Retry"])
    waits_for_token = task["Resource"].endswith("waitForTaskToken")
    # Only its last attempt gets as far as waiting for the token; the others fail in the function.
    each = 45 if waits_for_token else task["TimeoutSeconds"]
    last = task["TimeoutSeconds"] if waits_for_token else 0
    return attempts * each + last + sum(pauses(retrier) for retrier in task["Retry"])


def longest_run(machine: State) -> float:
    return max(
        sum(_longest_state(machine["States"][name]) for name in way)
        for way in paths(machine, machine["StartAt"])
    )


def _longest_state(state: State) -> float:
    if state["Type"] == "Parallel":
        return max(longest_run(branch) for branch in state["Branches"])
    return longest(state) if state["Type"] == "Task" else 0.0


@pytest.mark.parametrize("stage", PARAMETERS)
def test_workflow_outlasts_all_its_retries_because_its_own_time_out_parks_nothing(
    stage: str,
) -> None:
    workflow = definition(stage)
    assert longest_run(workflow) < workflow["TimeoutSeconds"]


@pytest.mark.parametrize("name", ["CreateLead", "UpdateLead"])
def test_lead_outlasts_hours_without_salesforce(name: str) -> None:
    # Full jitter halves a pause on average; a third allows for bad luck.
    by_error = {r["ErrorEquals"][0]: pauses(r) / 3 for r in LAMBDA_TASKS[name]["Retry"]}
    assert by_error["RetryableDependencyError"] > 3 * 3600
    assert by_error["Lambda.ServiceException"] > 3 * 3600
    assert by_error["ThrottledError"] > 9 * 3600


def test_call_outlasts_any_night() -> None:
    # 11 hours of night, and 7 more where a prefix spans zones from Newfoundland to Hawaii.
    [night] = [r for r in LAMBDA_TASKS["InvokeCall"]["Retry"] if "Call" in r["ErrorEquals"][0]]
    assert pauses(night) > (11 + 7) * 3600
    assert night["IntervalSeconds"] <= 300


def test_call_is_given_up_within_minutes_while_the_visitor_still_expects_it() -> None:
    retriers = {r["ErrorEquals"][0]: r for r in LAMBDA_TASKS["InvokeCall"]["Retry"]}
    assert 300 < pauses(retriers["RetryableDependencyError"]) < 900


def test_waiting_for_the_token_outlasts_ring_call_recording_and_transcript() -> None:
    ring, call, recording, transcript = 60, 3600, 600, 1800
    assert LAMBDA_TASKS["InvokeCall"]["TimeoutSeconds"] > ring + call + recording + transcript


@pytest.mark.parametrize("name", ["CreateLead", "GenerateScenario", "UpdateLead"])
def test_task_waits_longer_than_its_function_may_take(name: str) -> None:
    function = LAMBDA_TASKS[name]["Parameters"]["FunctionName"].split(":")[6]
    timeouts = {function_name("prod", f.name): f.timeout_seconds for f in FUNCTIONS}
    assert LAMBDA_TASKS[name]["TimeoutSeconds"] >= timeouts[function] + 10


def test_history_stays_far_below_what_an_execution_may_have() -> None:
    # 25,000 events; an attempt makes at most four:
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    attempts = sum(1 + r["MaxAttempts"] for task in tasks().values() for r in task["Retry"])
    assert 4 * attempts + 2 * len(states()) < 25_000 / 4


@pytest.mark.parametrize("name", LAMBDA_TASKS)
def test_functions_are_invoked_at_their_live_alias(name: str) -> None:
    arn = LAMBDA_TASKS[name]["Parameters"]["FunctionName"]
    assert arn.startswith("arn:aws:lambda:us-east-1:123456789012:function:atlas-prod-")
    assert arn.endswith(":live")
