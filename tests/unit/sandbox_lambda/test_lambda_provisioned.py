"""Provisioned concurrency: where it may be, when it is ready, who is served by it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from lambda_harness import call, provision, wait_until

from sandbox.aws_api import ApiError


def run(service, arn, **event):
    return json.loads(service.invoke(arn, json.dumps(event).encode()).payload)


def starts(service):
    return [(record["version"], record["start"]) for record in service.records()]


def test_latest_is_refused_by_name_and_through_an_alias(released, service):
    call(service, "CreateAlias", FunctionName="f", Name="latest", FunctionVersion="$LATEST")
    for qualifier in ("$LATEST", "latest"):
        with pytest.raises(ApiError) as caught:
            provision(service, 1, qualifier)
        assert caught.value.code == "InvalidParameterValueException"
        assert caught.value.message == (
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )


def test_it_is_in_progress_until_every_process_has_finished_its_init(account, service, tmp_path):
    gate = tmp_path / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.01)\n"
    account.create(wait + "def handler(event, context):\n    return 1\n")
    account.publish("one")
    key = {"FunctionName": "f", "Qualifier": "1"}
    put = call(service, "PutProvisionedConcurrencyConfig", ProvisionedConcurrentExecutions=2, **key)
    wait_until(lambda: len(service.environments()) == 2)
    early = call(service, "GetProvisionedConcurrencyConfig", **key)
    assert put["Status"] == early["Status"] == "IN_PROGRESS"
    assert early["AvailableProvisionedConcurrentExecutions"] == 0
    gate.touch()
    ready = wait_until(
        lambda: (
            (state := call(service, "GetProvisionedConcurrencyConfig", **key))["Status"] == "READY"
            and state
        )
    )
    assert ready["RequestedProvisionedConcurrentExecutions"] == 2
    assert ready["AvailableProvisionedConcurrentExecutions"] == 2
    assert ready["AllocatedProvisionedConcurrentExecutions"] == 2


def test_a_failing_init_is_failed_with_the_reason(account, service):
    account.create("import missing_package\n")
    account.publish("one")
    state = provision(service, 2, "1")
    assert (state["Status"], state["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert any("missing_package" in line for line in service.logs("f"))


def test_ready_means_that_the_next_request_is_not_cold(released, service):
    assert provision(service, 1, "1")["Status"] == "READY"
    seen = run(service, "f:live")
    assert (seen["type"], seen["mark"]) == ("provisioned-concurrency", "one")
    assert starts(service) == [("1", "provisioned")]
    record = service.records()[0]
    assert (record["alias"], record["init_ms"]) == ("live", 0)


def test_latest_called_beside_provisioned_concurrency_shows_as_cold_on_latest(released, service):
    provision(service, 1, "1")
    run(service, "f")
    assert [{**service.records()[0], "init_ms": 0, "run_ms": 0}] == [
        {
            "function": "f",
            "version": "$LATEST",
            "alias": None,
            "start": "cold",
            "init_ms": 0,
            "run_ms": 0,
            "error": None,
        }
    ]


def test_an_alias_on_another_version_does_not_reach_it(released, service):
    provision(service, 1, "2")
    run(service, "f:live")
    assert starts(service) == [("1", "cold")]


def test_when_all_are_busy_the_rest_spills_over_to_on_demand(released, service, tmp_path):
    provision(service, 1, "1")
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(1) as callers:
        running = callers.submit(run, service, "f:live", until=str(gate))
        wait_until(lambda: service._admission.running("f") == 1)
        spilled = run(service, "f:live")
        gate.touch()
        running.result()
    assert spilled["type"] == "on-demand"
    assert sorted(starts(service)) == [("1", "cold"), ("1", "provisioned")]
    run(service, "f:live")
    assert starts(service)[-1] == ("1", "provisioned")


def test_concurrency_on_an_alias_serves_the_alias_only(released, service):
    provision(service, 1, "live")
    run(service, "f:live")
    run(service, "f:1")
    assert starts(service) == [("1", "provisioned"), ("1", "cold")]


def test_concurrency_on_an_alias_follows_it_to_another_version(released, service):
    provision(service, 1, "live")
    call(service, "UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2")

    def served():
        run(service, "f:live")
        return starts(service)[-1] == ("2", "provisioned")

    wait_until(served)
    wait_until(lambda: {one.spec.version for one in service.environments()} == {"2"})


def test_a_provisioned_environment_that_dies_is_replaced(released, service):
    provision(service, 1, "1")
    first = service.environments()[0]
    first.end()
    second = wait_until(
        lambda: next((one for one in service.environments() if one is not first), None)
    )
    wait_until(
        lambda: (
            call(service, "GetProvisionedConcurrencyConfig", FunctionName="f", Qualifier="1")[
                "AvailableProvisionedConcurrentExecutions"
            ]
            == 1
            and second.init_ms
        )
    )
    run(service, "f:live")
    assert starts(service) == [("1", "provisioned")]


def test_deleting_it_ends_its_environments(released, service):
    provision(service, 2, "1")
    key = {"FunctionName": "f", "Qualifier": "1"}
    call(service, "DeleteProvisionedConcurrencyConfig", **key)
    assert service.environments() == []
    for operation in ("GetProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig"):
        with pytest.raises(ApiError) as caught:
            call(service, operation, **key)
        assert caught.value.code == "ProvisionedConcurrencyConfigNotFoundException"
        assert caught.value.status == 404


def test_it_can_be_made_larger_and_smaller(released, service):
    provision(service, 1, "1")
    kept = service.environments()[0].pid
    assert provision(service, 2, "1")["AvailableProvisionedConcurrentExecutions"] == 2
    assert kept in [one.pid for one in service.environments()]
    assert provision(service, 1, "1")["AvailableProvisionedConcurrentExecutions"] == 1
    assert len(service.environments()) == 1


def test_all_configurations_are_listed_with_their_arn(released, service):
    provision(service, 1, "1")
    provision(service, 1, "2")
    listed = call(service, "ListProvisionedConcurrencyConfigs", FunctionName="f")
    arns = [one["FunctionArn"].rsplit(":", 1)[1] for one in listed["ProvisionedConcurrencyConfigs"]]
    assert sorted(arns) == ["1", "2"]
    other = released.create(name="g") and "g"
    empty = call(service, "ListProvisionedConcurrencyConfigs", FunctionName=other)
    assert empty == {"ProvisionedConcurrencyConfigs": []}


def test_version_and_alias_of_it_cannot_both_have_it(released, service):
    provision(service, 1, "1")
    with pytest.raises(ApiError, match=r"ResourceConflictException.*already Provisioned version"):
        provision(service, 1, "live")
    call(service, "DeleteProvisionedConcurrencyConfig", FunctionName="f", Qualifier="1")
    provision(service, 1, "live")
    with pytest.raises(ApiError, match=r"ResourceConflictException.*pointed by"):
        provision(service, 1, "1")


def test_a_weighted_alias_and_provisioned_concurrency_exclude_each_other(released, service):
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    alias = {"FunctionName": "f", "Name": "live"}
    call(service, "UpdateAlias", RoutingConfig=weights, **alias)
    with pytest.raises(ApiError, match="Alias with weights can not be used"):
        provision(service, 1, "live")
    call(service, "UpdateAlias", RoutingConfig={"AdditionalVersionWeights": {}}, **alias)
    provision(service, 1, "live")
    with pytest.raises(ApiError, match="Alias with weights can not be used"):
        call(service, "UpdateAlias", RoutingConfig=weights, **alias)


def test_it_must_fit_into_the_reserved_concurrency_of_both_versions(released, service):
    reserve = {"FunctionName": "f", "ReservedConcurrentExecutions": 2}
    call(service, "PutFunctionConcurrency", **reserve)
    provision(service, 2, "1")
    with pytest.raises(ApiError, match="greater than function's reserved concurrency"):
        provision(service, 1, "2")
    with pytest.raises(ApiError, match=r"'1' should not be lower than .* \[2\]"):
        call(service, "PutFunctionConcurrency", **{**reserve, "ReservedConcurrentExecutions": 1})


def test_a_hundred_of_the_account_stay_unreserved(released, service):
    with pytest.raises(ApiError, match=r"below its minimum value of \[100\]"):
        provision(service, 901, "1")
    with pytest.raises(ApiError, match=r"below its minimum value of \[100\]"):
        call(service, "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=901)


def test_deleting_the_function_ends_provisioned_environments_too(released, service):
    provision(service, 1, "1")
    environment = service.environments()[0]
    call(service, "DeleteFunction", FunctionName="f")
    assert service.environments() == []
    assert not environment.is_alive()
