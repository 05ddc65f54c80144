"""Event invocations: accepted at once, retried as configured, and never lost without a word."""

from __future__ import annotations

import json

import pytest
from lambda_harness import call, wait_until

from sandbox.aws_api import ApiError

FAST = {"event_retry_seconds": (0.01, 0.01), "throttle_retry_seconds": (0.02,)}


def send(service, event=None, name="f"):
    payload = json.dumps(event or {}).encode()
    return call(service, "Invoke", FunctionName=name, Payload=payload, InvocationType="Event")


def test_an_event_is_accepted_before_it_runs(account, make_service, tmp_path):
    service = make_service()
    account.create()
    gate = tmp_path / "gate"
    response = send(service, {"until": str(gate)})
    assert (response["StatusCode"], response["Payload"]) == (202, b"")
    assert service.records() == []
    gate.touch()
    assert service.wait_for_events(8)
    assert [record["error"] for record in service.records()] == [None]
    assert service.failed_events() == []


def test_a_failing_event_runs_three_times_with_one_request_id_and_is_kept(account, make_service):
    service = make_service(**FAST)
    account.create()
    send(service, {"raise": "always"})
    assert service.wait_for_events(8)
    assert [record["error"] for record in service.records()] == ["ValueError"] * 3
    (failed,) = service.failed_events()
    assert (failed["condition"], failed["attempts"]) == ("RetriesExhausted", 3)
    assert json.loads(failed["payload"]) == {"raise": "always"}
    assert json.loads(failed["answer"])["errorMessage"] == "always"
    starts = {line.split()[2] for line in service.logs("f") if line.startswith("START")}
    assert starts == {failed["request_id"]}
    service.reset()
    assert service.failed_events() == []


def test_the_configuration_of_the_alias_counts_for_events_to_the_alias(account, make_service):
    service = make_service(**FAST)
    account.create()
    account.publish("one")
    call(service, "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    call(
        service,
        "PutFunctionEventInvokeConfig",
        FunctionName="f",
        Qualifier="live",
        MaximumRetryAttempts=0,
    )
    service.invoke_async("f:live", b'{"raise": "x"}')
    assert service.wait_for_events(8)
    assert len(service.records()) == 1
    service.invoke_async("f:1", b'{"raise": "x"}')
    assert service.wait_for_events(8)
    assert len(service.records()) == 1 + 3


def test_an_event_that_would_be_too_old_is_not_retried(account, make_service):
    service = make_service(event_retry_seconds=(120.0,))
    account.create()
    call(service, "PutFunctionEventInvokeConfig", FunctionName="f", MaximumEventAgeInSeconds=60)
    send(service, {"raise": "x"})
    assert service.wait_for_events(8)
    (failed,) = service.failed_events()
    assert (failed["condition"], failed["attempts"]) == ("EventAgeExceeded", 1)


def test_a_throttled_event_waits_until_there_is_room(account, make_service):
    service = make_service(**FAST)
    account.create()
    reserve = {"FunctionName": "f"}
    call(service, "PutFunctionConcurrency", ReservedConcurrentExecutions=0, **reserve)
    send(service)
    assert not service.wait_for_events(0.1)
    assert service.records() == []
    call(service, "PutFunctionConcurrency", ReservedConcurrentExecutions=1, **reserve)
    assert service.wait_for_events(8)
    assert [record["error"] for record in service.records()] == [None]


def test_a_throttled_event_ends_when_it_is_too_old(account, make_service):
    service = make_service(throttle_retry_seconds=(61.0,))
    account.create()
    call(service, "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    call(service, "PutFunctionEventInvokeConfig", FunctionName="f", MaximumEventAgeInSeconds=60)
    send(service)
    assert service.wait_for_events(8)
    (failed,) = service.failed_events()
    assert (failed["condition"], failed["error"]) == (
        "EventAgeExceeded",
        "TooManyRequestsException",
    )
    assert failed["attempts"] == 0


def test_an_event_whose_function_is_gone_is_kept(account, make_service):
    service = make_service(event_retry_seconds=(0.3,))
    account.create()
    send(service, {"raise": "x"})
    wait_until(service.records)
    call(service, "DeleteFunction", FunctionName="f")
    assert service.wait_for_events(8)
    (failed,) = service.failed_events()
    assert failed["condition"] == "ResourceNotFoundException"


def test_the_queue_is_bounded(account, make_service, tmp_path):
    service = make_service(event_workers=1, event_capacity=2)
    account.create()
    gate = tmp_path / "gate"
    send(service, {"until": str(gate)})
    wait_until(service.environments)
    send(service)
    send(service)
    with pytest.raises(ApiError) as caught:
        send(service)
    assert (caught.value.code, caught.value.status) == ("TooManyRequestsException", 429)
    gate.touch()
    assert service.wait_for_events(8)
    assert len(service.records()) == 3


def test_events_run_side_by_side(account, make_service, tmp_path):
    service = make_service(event_workers=3)
    account.create()
    gate = tmp_path / "gate"
    for _ in range(3):
        send(service, {"until": str(gate)})
    wait_until(lambda: len(service.environments()) == 3)
    gate.touch()
    assert service.wait_for_events(8)
