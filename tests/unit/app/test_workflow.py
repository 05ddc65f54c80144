"""Step Functions' adapter, the account's ARNs and the keyed hash of numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.account import Account
from chalicelib.errors import (
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.phone_hash import PhoneHasher
from chalicelib.workflow import Workflow, execution_name
from tests.fakes import no_dynamodb
from tests.lead_world import INTERACTION, PHONE, failure

ARN = "arn:aws:lambda:eu-central-1:210987654321:function:atlas-dev-lex_fulfillment:live"


class Client:
    """Answers every operation with `error`, or remembers it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> dict[str, Any]:
            self.requests.append((operation, request))
            if self.error is not None:
                raise self.error
            return {}

        return call


def workflow(client: Client) -> Workflow:
    account = Account(no_dynamodb)
    account.learn(ARN)
    return Workflow(lambda: client, "atlas-dev-lead-workflow", account)


def test_an_execution_is_named_by_a_hash_and_given_the_id_alone() -> None:
    client = Client()
    workflow(client).start(INTERACTION)
    ((operation, request),) = client.requests
    assert operation == "start_execution"
    assert request["stateMachineArn"] == (
        "arn:aws:states:eu-central-1:210987654321:stateMachine:atlas-dev-lead-workflow"
    )
    assert request["name"] == execution_name(INTERACTION)
    assert INTERACTION not in request["name"]
    assert json.loads(request["input"]) == {"interaction_id": INTERACTION}


def test_names_are_safe_everywhere_and_differ_by_run() -> None:
    names = {execution_name(INTERACTION, run) for run in range(3)}
    assert len(names) == 3
    assert all(len(n) <= 80 and n.replace("-", "").isalnum() for n in names)


def test_starting_again_is_a_success() -> None:
    workflow(Client(failure("ExecutionAlreadyExists"))).start(INTERACTION)


@pytest.mark.parametrize("code", ["TaskDoesNotExist", "TaskTimedOut", "InvalidToken"])
def test_a_token_that_was_used_or_has_expired_is_no_error(code: str) -> None:
    assert not workflow(Client(failure(code))).resume("token", "busy")


def test_a_token_is_given_its_outcome() -> None:
    client = Client()
    assert workflow(client).resume("token", "busy")
    assert client.requests == [
        ("send_task_success", {"taskToken": "token", "output": '{"outcome": "busy"}'})
    ]


def test_stopping_what_does_not_exist_says_so() -> None:
    assert not workflow(Client(failure("ExecutionDoesNotExist"))).stop(INTERACTION)
    assert workflow(Client()).stop(INTERACTION)


@pytest.mark.parametrize(
    ("error", "translated"),
    [
        (failure("ThrottlingException"), ThrottledError),
        (failure("StateMachineDoesNotExist"), RejectedByDependencyError),
        (ReadTimeoutError(endpoint_url="http://x"), RetryableDependencyError),
    ],
)
def test_failures_are_translated(error: Exception, translated: type[Exception]) -> None:
    with pytest.raises(translated):
        workflow(Client(error)).start(INTERACTION)


def test_without_an_arn_the_account_is_asked_for_once() -> None:
    class Sts:
        asked = 0

        class meta:
            region_name = "us-west-2"

        def get_caller_identity(self) -> dict[str, str]:
            self.asked += 1
            return {"Account": "111122223333"}

    sts = Sts()
    account = Account(lambda: sts)
    account.learn("")
    arns = [account.arn("sns", "team") for _ in range(2)]
    assert arns == ["arn:aws:sns:us-west-2:111122223333:team"] * 2
    assert sts.asked == 1


def test_numbers_are_hashed_with_the_key_and_the_key_is_read_once() -> None:
    reads = []

    def secret() -> dict[str, str]:
        reads.append(1)
        return {"key": "ab" * 32}

    hasher = PhoneHasher(secret)
    assert hasher(PHONE) == hasher(PHONE) != hasher("+14155550133")
    assert len(hasher(PHONE)) == 64
    assert hasher(PHONE) != PhoneHasher(lambda: {"key": "cd" * 32})(PHONE)
    assert len(reads) == 1


@pytest.mark.parametrize("secret", [{}, {"key": "short"}])
def test_a_key_that_could_be_guessed_is_refused(secret: dict[str, str]) -> None:
    with pytest.raises(RejectedByDependencyError):
        PhoneHasher(lambda: secret)(PHONE)
