"""The definition played by moto's interpreter: outcomes, parking, retries, with functions faked."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils

from infra import state_machine
from sandbox.moto_services import retries

INTERACTION = "0123456789abcdef0123456789abcdef"
SECRET = "Salesforce said: Ada Lovelace +14155550123"
LONGEST_SECONDS = 30.0

Answer = dict[str, Any] | Exception
Function = Callable[[dict[str, Any]], dict[str, Any]]


def failed(error: str) -> Exception:
    """What Lambda reports for a function that raised `error`; its message quotes a person."""
    payload = json.dumps({"errorType": error, "errorMessage": SECRET})
    return lambda_eval_utils.LambdaFunctionErrorException("Unhandled", payload)


def refused(code: str) -> ClientError:
    """What Lambda itself answers when it does not invoke."""
    error = {"Error": {"Code": code, "Message": SECRET}}
    return ClientError(error | {"ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "1"}}, "I")


class Play:
    """The workflow on moto; a function gives each of its answers once, the last one for ever."""

    def __init__(self, **parameters: str) -> None:
        self.stepfunctions = boto3.client("stepfunctions", "us-east-1")
        self.dynamodb = boto3.client("dynamodb", "us-east-1")
        self.answers: dict[str, list[Answer]] = {
            "create_lead": [{"outcome": "created", "mode": "exactly_once", "salesforce_id": "00Q"}],
            "generate_scenario": [{"outcome": "made"}],
            "invoke_call": [{"resumed": "completed"}],
            "update_lead": [{"outcome": "updated"}],
        }
        self.payloads: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.lock = threading.Lock()
        self._make_table()
        overrides = {**state_machine.LOCAL_PARAMETERS, **parameters}
        substitutions = state_machine.template_substitutions(
            "local", "123456789012", "us-east-1", overrides
        )
        self.machine = self.stepfunctions.create_state_machine(
            name="atlas-local-lead-workflow",
            definition=json.dumps(state_machine.load(substitutions)),
            roleArn="arn:aws:iam::123456789012:role/atlas",
        )["stateMachineArn"]

    def _make_table(self) -> None:
        names = {"kind": "HASH", "interaction_id": "RANGE"}
        self.dynamodb.create_table(
            TableName="atlas-local-pending-work",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
            KeySchema=[{"AttributeName": n, "KeyType": kind} for n, kind in names.items()],
        )

    def invoke(self, parameters: dict[str, Any], region: str, state_credentials: Any) -> Any:
        """In the place of moto's own invoke of a function."""
        name = parameters["FunctionName"].split(":")[6].rpartition("-")[2]
        payload = json.loads(parameters["Payload"])
        with self.lock:
            self.payloads[name].append(payload)
            given = self.answers[name]
            answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, Exception):
            raise answer
        if "resumed" in answer:
            output = json.dumps({"outcome": answer["resumed"]})
            self.stepfunctions.send_task_success(taskToken=payload["task_token"], output=output)
        return {"StatusCode": 200, "ExecutedVersion": "1", "Payload": answer}

    def run(self) -> dict[str, Any]:
        """The execution's description once it has ended."""
        execution = self.stepfunctions.start_execution(
            stateMachineArn=self.machine,
            name="run-0",
            input=json.dumps({"interaction_id": INTERACTION}),
        )["executionArn"]
        end = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < end:
            described: dict[str, Any] = self.stepfunctions.describe_execution(
                executionArn=execution
            )
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.02)
        raise AssertionError("the workflow did not end")

    def last_event(self) -> dict[str, Any]:
        [execution] = self.stepfunctions.list_executions(stateMachineArn=self.machine)["executions"]
        history = self.stepfunctions.get_execution_history(executionArn=execution["executionArn"])
        event: dict[str, Any] = history["events"][-1]
        return event

    def outcome(self) -> dict[str, Any]:
        described = self.run()
        assert described["status"] == "SUCCEEDED", described
        output: dict[str, Any] = json.loads(described["output"])
        return output

    def given_to_update_lead(self) -> dict[str, Any]:
        [payload] = self.payloads["update_lead"]
        return payload

    def parked(self) -> list[dict[str, Any]]:
        items = self.dynamodb.scan(TableName="atlas-local-pending-work")["Items"]
        return [{name: value["S"] for name, value in item.items()} for item in items]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the interpreter would have waited between attempts; it waits none."""

    class Clock:
        seconds: list[float] = []  # noqa: RUF012
        sleep = staticmethod(seconds.append)

    monkeypatch.setattr(retrier_decl, "time", Clock)
    # A sandbox that ran before in this process has put its own in this place.
    monkeypatch.setattr(retrier_decl.RetrierDecl, "_eval_body", retries.MOTOS_OWN)
    return Clock.seconds


@pytest.fixture
def play(aws: None, pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Play]:
    def make(**parameters: str) -> Play:
        made = Play(**parameters)
        monkeypatch.setattr(lambda_eval_utils, "_invoke_lambda_function", made.invoke)
        return made

    return make


Make = Callable[..., Play]


def test_all_goes_well_and_update_lead_is_told_the_outcomes(play: Make) -> None:
    played = play()
    assert played.outcome() == {"outcome": "updated"}
    assert played.given_to_update_lead() == {
        "interaction_id": INTERACTION,
        "lead_outcome": "created",
        "scenario_outcome": "made",
        "call_outcome": "completed",
    }
    assert played.parked() == []


def test_outages_are_retried_until_they_end(play: Make, pauses: list[float]) -> None:
    played = play()
    for name in ("create_lead", "generate_scenario", "invoke_call", "update_lead"):
        outages = [
            failed("RetryableDependencyError"),
            failed("ThrottledError"),
            refused("TooManyRequestsException"),
            failed("Sandbox.Timedout"),
        ]
        played.answers[name] = [*outages, *played.answers[name]]
    assert played.outcome() == {"outcome": "updated"}
    assert {name: len(calls) for name, calls in played.payloads.items()} == dict.fromkeys(
        played.answers, 5
    )
    assert len(pauses) == 4 * 4
    assert max(pauses) <= 2


def test_every_attempt_at_the_call_is_given_a_token(play: Make) -> None:
    played = play()
    played.answers["invoke_call"] = [failed("RetryableDependencyError"), {"resumed": "declined"}]
    played.outcome()
    # moto gives a retried task its former token again, AWS a new one.
    assert all(payload["task_token"] for payload in played.payloads["invoke_call"])
    assert len(played.payloads["invoke_call"]) == 2
    assert played.given_to_update_lead()["call_outcome"] == "declined"


def test_lead_that_cannot_be_created_is_parked_while_the_phone_rings(play: Make) -> None:
    played = play(LeadRetryAttempts="3")
    played.answers["create_lead"] = [failed("RetryableDependencyError")]
    assert played.outcome() == {"outcome": "updated"}
    assert len(played.payloads["create_lead"]) == 1 + 3
    [row] = played.parked()
    assert row.pop("parked_at").startswith("20")
    assert row == {
        "kind": "parked",
        "interaction_id": INTERACTION,
        "reason": "create_lead",
        "error": "RetryableDependencyError",
    }
    given = played.given_to_update_lead()
    assert (given["lead_outcome"], given["call_outcome"]) == ("parked", "completed")


def test_refusal_is_parked_without_a_second_attempt(play: Make) -> None:
    played = play()
    played.answers["create_lead"] = [failed("RejectedByDependencyError")]
    played.outcome()
    assert len(played.payloads["create_lead"]) == 1
    assert [row["error"] for row in played.parked()] == ["RejectedByDependencyError"]


def test_update_that_fails_for_good_is_parked(play: Make) -> None:
    played = play(LimitRetryAttempts="2")
    played.answers["update_lead"] = [failed("ThrottledError")]
    assert played.outcome() == {"outcome": "parked"}
    assert [(row["reason"], row["error"]) for row in played.parked()] == [
        ("update_lead", "ThrottledError")
    ]


def test_scenario_that_fails_is_the_grounded_one(play: Make) -> None:
    played = play(ScenarioRetryAttempts="2")
    played.answers["generate_scenario"] = [failed("ContentRefusedError")]
    played.outcome()
    assert played.given_to_update_lead()["scenario_outcome"] == "grounded"


@pytest.mark.parametrize("error", ["RetryableDependencyError", "ConfigError", "CallNotYetDueError"])
def test_call_that_cannot_be_placed_has_its_own_outcome(play: Make, error: str) -> None:
    played = play(CallRetryAttempts="2", NightRetryAttempts="2")
    played.answers["invoke_call"] = [failed(error)]
    played.outcome()
    assert played.given_to_update_lead()["call_outcome"] == "not_placed"


def test_call_waits_through_the_night_at_even_pauses(play: Make, pauses: list[float]) -> None:
    played = play(NightRetrySeconds="300", NightRetryAttempts="300")
    nights = [failed("CallNotYetDueError") for _ in range(130)]
    played.answers["invoke_call"] = [*nights, {"resumed": "completed"}]
    played.outcome()
    assert pauses == [300] * 130
    assert played.given_to_update_lead()["call_outcome"] == "completed"


def test_token_that_nobody_gives_back_times_out_and_rings_once(play: Make) -> None:
    played = play(CallTimeoutSeconds="1")
    played.answers["invoke_call"] = [{"outcome": "placed"}]
    played.outcome()
    assert len(played.payloads["invoke_call"]) == 1
    assert played.given_to_update_lead()["call_outcome"] == "timed_out"


def test_call_that_was_refused_goes_on_with_what_refused_it(play: Make) -> None:
    played = play()
    played.answers["invoke_call"] = [{"resumed": "do_not_call"}]
    played.outcome()
    assert played.given_to_update_lead()["call_outcome"] == "do_not_call"


def test_execution_fails_in_the_open_when_nothing_can_be_parked(play: Make) -> None:
    played = play(LeadRetryAttempts="1")
    played.dynamodb.delete_table(TableName="atlas-local-pending-work")
    played.answers["create_lead"] = [failed("RejectedByDependencyError")]
    described = played.run()
    assert described["status"] == "FAILED"
    assert played.last_event()["executionFailedEventDetails"]["error"] == "LeadNotParked"
    assert played.given_to_update_lead()["lead_outcome"] == "not_parked"


def test_causes_reach_no_payload_no_row_and_no_output(play: Make) -> None:
    played = play(LeadRetryAttempts="1", CallRetryAttempts="1", ScenarioRetryAttempts="1")
    for name in played.answers:
        played.answers[name] = [failed("RetryableDependencyError")]
    output = played.outcome()
    texts = json.dumps([played.payloads, played.parked(), output])
    assert SECRET not in texts
    assert "Lovelace" not in texts
