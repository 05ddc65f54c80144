"""Task tokens: one per attempt, good once, dead with the attempt; and the errors of AWS."""

from __future__ import annotations

import base64
import threading

import pytest
from botocore.exceptions import ClientError
from platform_harness import CATCH_ALL, CAUGHT, one_state, token_task, wait_until


def error_of(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]


def tokens_in(record, count=1):
    """What the function has written, once there is so much."""

    def written():
        lines = record.read_text().splitlines() if record.exists() else []
        return lines if len(lines) >= count else []

    return wait_until(written)


@pytest.fixture
def waiting(machines, arn, tmp_path):
    """Starts a task that waits, and gives its execution and its token."""

    def start(**fields):
        record = tmp_path / "record"
        task = token_task(arn, record, **{"TimeoutSeconds": 600, **fields})
        execution = machines.start(machines.create(one_state(task, Caught=CAUGHT)))
        return execution, tokens_in(record)[0]

    return start


def test_success_is_the_tasks_result(machines, waiting):
    execution, token = waiting()
    machines.client.send_task_success(taskToken=token, output='{"outcome": "completed"}')
    assert machines.result(execution)["output"] == {"outcome": "completed"}


def test_failure_reaches_the_catch_with_error_and_cause(machines, waiting):
    execution, token = waiting(Catch=CATCH_ALL)
    machines.client.send_task_failure(taskToken=token, error="Dropped", cause="line 3")
    assert machines.result(execution)["output"] == {"Error": "Dropped", "Cause": "line 3"}


def test_a_token_is_as_long_as_awss_and_fits_the_api(waiting, machines):
    execution, token = waiting()
    assert 600 <= len(token) <= 1024
    machines.client.stop_execution(executionArn=execution)


@pytest.mark.parametrize("operation", ["send_task_success", "send_task_failure"])
def test_a_token_is_good_once(machines, waiting, operation):
    execution, token = waiting()
    machines.client.send_task_success(taskToken=token, output='{"n": 1}')
    params = {"output": "{}"} if operation == "send_task_success" else {}
    error = error_of(getattr(machines.client, operation), taskToken=token, **params)
    assert error["Code"] == "TaskTimedOut"
    assert "does not exist anymore" in error["Message"]
    assert machines.result(execution)["output"] == {"n": 1}


def test_of_simultaneous_answers_one_is_taken(machines, waiting):
    execution, token = waiting()
    barrier, outcomes = threading.Barrier(6), []

    def send(n):
        barrier.wait()
        try:
            machines.client.send_task_success(taskToken=token, output=str(n))
            outcomes.append(n)
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=send, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert (len(taken), outcomes.count("TaskTimedOut")) == (1, 5)
    assert machines.result(execution)["output"] == taken[0]


def test_an_expired_token_is_told_from_one_that_never_was(machines, waiting):
    execution, token = waiting(TimeoutSeconds=1, Catch=CATCH_ALL)
    assert machines.result(execution)["output"]["Error"] == "States.Timeout"
    send = machines.client.send_task_success
    assert error_of(send, taskToken=token, output="{}")["Code"] == "TaskTimedOut"
    changed = base64.b64decode(token)[:-1] + b"\0"
    forged = (token[:-5], "made up", base64.b64encode(changed).decode())
    for other in forged:
        assert error_of(send, taskToken=other, output="{}")["Code"] == "InvalidToken"


def test_output_that_is_no_json_leaves_the_token_good(machines, waiting):
    execution, token = waiting()
    send = machines.client.send_task_success
    assert error_of(send, taskToken=token, output="{")["Code"] == "InvalidOutput"
    send(taskToken=token, output="1")
    assert machines.result(execution)["output"] == 1


def test_a_retried_task_gets_a_token_of_its_own(machines, arn, tmp_path):
    record = tmp_path / "record"
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    task = token_task(arn, record, TimeoutSeconds=600, Retry=retry)
    execution = machines.start(machines.create(one_state(task)))
    machines.client.send_task_failure(taskToken=tokens_in(record)[0], error="Busy")
    first, second = tokens_in(record, 2)
    assert first != second
    error = error_of(machines.client.send_task_success, taskToken=first, output="{}")
    assert error["Code"] == "TaskTimedOut"
    machines.client.send_task_success(taskToken=second, output='"second"')
    assert machines.result(execution)["output"] == "second"


def test_a_heartbeat_keeps_a_task_alive_and_its_absence_ends_it(machines, waiting):
    execution, token = waiting(HeartbeatSeconds=1, Catch=CATCH_ALL)
    machines.client.send_task_heartbeat(taskToken=token)
    assert machines.result(execution)["output"]["Error"] == "States.Timeout"
    error = error_of(machines.client.send_task_heartbeat, taskToken=token)
    assert error["Code"] == "TaskTimedOut"
