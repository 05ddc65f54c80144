"""A release by judged shares on the sandbox, while visitors talk: clean, failing, slow, back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from release_under_load import (
    ANOTHER_CODE,
    EACH_IS_SLOW,
    EVERY_FIFTH_FAILS,
    code_as_it_is,
    code_with,
    deploy,
    ops,
    start_ops,
    talking,
)
from served_sandbox import FULFILLMENT, Sandbox

CAREFUL = ("release", "--no-warming", "--no-at-once")


@pytest.fixture
def steps(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, with the project's own code live again afterwards."""
    assert ops(sandbox, "release", "--no-warming")[0] == 0
    sandbox.post("reset", {})
    yield sandbox
    deploy(sandbox, code_as_it_is())
    assert ops(sandbox, "release", "--no-warming")[0] == 0


def aliases(sandbox: Sandbox) -> dict[str, tuple[str, dict[str, float]]]:
    """The main version and the weights of every alias `live`."""
    client, found = sandbox.client("lambda"), {}
    for function in client.list_functions()["Functions"]:
        alias = client.get_alias(FunctionName=function["FunctionName"], Name="live")
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        found[function["FunctionName"]] = (alias["FunctionVersion"], weights)
    return found


def turns_of_visitors(sandbox: Sandbox) -> list[dict[str, Any]]:
    live = (FULFILLMENT, "live")
    return [r for r in sandbox.get("invocations") if (r["function"], r["alias"]) == live]


def provisioned(sandbox: Sandbox) -> list[str]:
    listed = sandbox.client("lambda").list_provisioned_concurrency_configs(FunctionName=FULFILLMENT)
    return [c["FunctionArn"].rpartition(":")[2] for c in listed["ProvisionedConcurrencyConfigs"]]


def test_a_clean_release_under_load_has_no_failed_turn_and_no_cold_start(steps: Sandbox) -> None:
    before = aliases(steps)
    deploy(steps, code_with(ANOTHER_CODE))
    with talking(steps) as visitors:
        code, told = ops(steps, *CAREFUL)
    assert code == 0, told
    assert (visitors.failed, told["release"]["noticed"]["visitors"]) == (0, 0)
    served = turns_of_visitors(steps)
    assert {record["start"] for record in served} == {"provisioned"}
    assert {record["version"] for record in served} == {
        before[FULFILLMENT][0],
        aliases(steps)[FULFILLMENT][0],
    }
    judged = told["release"]["judged"]
    assert [step["step"] for step in judged] == ["rehearsal", "20%", "50%", "100%"]
    assert all(step["turns"] >= 10 and not step["faults"] for step in judged)
    assert provisioned(steps) == [aliases(steps)[FULFILLMENT][0]]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(EVERY_FIFTH_FAILS, "failed"), (EACH_IS_SLOW, "slow")],
    ids=["raises", "slow"],
)
def test_a_faulty_version_is_rolled_back_and_who_noticed_is_counted(
    steps: Sandbox, fault: str, kind: str
) -> None:
    before = aliases(steps)
    deploy(steps, code_with(fault))
    with talking(steps) as visitors:
        code, told = ops(steps, *CAREFUL, "--no-rehearsal")
        assert aliases(steps) == before
        assert provisioned(steps) == [before[FULFILLMENT][0]]
    assert code == 1
    assert "rolled back to version" in told["error"]
    noticed = told["release"]["noticed"]
    assert told["release"]["judged"][-1]["faults"] == [kind]
    assert noticed[kind] >= 1
    if kind == "failed":
        assert noticed["failed"] == visitors.failed
        assert noticed["visitors"] == len(visitors.troubled)
    assert {record["start"] for record in turns_of_visitors(steps)} == {"provisioned"}


def test_a_faulty_version_that_is_rehearsed_is_met_by_nobody(steps: Sandbox) -> None:
    before = aliases(steps)
    deploy(steps, code_with(EVERY_FIFTH_FAILS))
    with talking(steps) as visitors:
        code, told = ops(steps, *CAREFUL)
    assert (code, visitors.failed, aliases(steps)) == (1, 0, before)
    assert told["error"].endswith("no visitor noticed")


def test_rollback_goes_to_the_version_before_and_finds_it_warm(steps: Sandbox) -> None:
    before = aliases(steps)
    deploy(steps, code_with(ANOTHER_CODE))
    assert ops(steps, "release", "--no-warming")[0] == 0
    assert aliases(steps) != before
    with talking(steps) as visitors:
        code, told = ops(steps, "rollback")
    assert (code, told["live"], visitors.failed) == (0, before[FULFILLMENT][0], 0)
    assert aliases(steps) == before
    assert {record["start"] for record in turns_of_visitors(steps)} == {"provisioned"}


def test_a_second_release_is_refused_while_one_is_under_way(steps: Sandbox) -> None:
    deploy(steps, code_with(ANOTHER_CODE))
    with start_ops(steps, *CAREFUL, "--patience", "2") as first:
        assert first.stderr
        while "find what is live" not in (line := first.stderr.readline()):
            assert line, "the first release ended before it held the lease"
        code, told = ops(steps, "release", "--no-warming")
        first.communicate(timeout=120)
    assert code == 1
    assert "another release of stage local holds the lease" in told["error"]
    assert first.returncode == 0
