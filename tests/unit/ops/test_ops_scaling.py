"""Application Auto Scaling of a version, against moto's, and what a release does with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from ops_fakes import World

from ops import scaling
from ops.aws import Clients
from ops.provisioned import provision, provision_within
from ops.stages import FULFILLMENT, STAGE_SIZES, function_name
from ops.steps import Context

LIVE = function_name("prod", FULFILLMENT)
SIZES = STAGE_SIZES["prod"]


@pytest.fixture
def autoscaling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("application-autoscaling", region_name="us-east-1")


def context(autoscaling: Any, stage: str = "prod", dry_run: bool = False) -> Context:
    made = World(stage).context(dry_run)
    clients = Clients(None, None, None, None, {"application-autoscaling": autoscaling}.__getitem__)
    return Context(stage, clients, made.waiter, dry_run)


def targets(autoscaling: Any) -> dict[str, tuple[int, int]]:
    listed = autoscaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"]
    return {one["ResourceId"]: (one["MinCapacity"], one["MaxCapacity"]) for one in listed}


def test_version_follows_its_use_between_the_stage_s_counts(autoscaling: Any) -> None:
    done = scaling.scale(context(autoscaling), "7")
    assert done.changed
    sizes = (SIZES.provisioned_fulfillment, SIZES.provisioned_most)
    assert targets(autoscaling) == {f"function:{LIVE}:7": sizes}
    [policy] = autoscaling.describe_scaling_policies(ServiceNamespace="lambda")["ScalingPolicies"]
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    assert (policy["PolicyType"], configuration["TargetValue"]) == ("TargetTrackingScaling", 0.7)
    metric = configuration["PredefinedMetricSpecification"]["PredefinedMetricType"]
    assert metric == "LambdaProvisionedConcurrencyUtilization"


def test_scaling_twice_changes_nothing(autoscaling: Any) -> None:
    scaling.scale(context(autoscaling), "7")
    assert not scaling.scale(context(autoscaling), "7").changed


def test_only_the_live_version_stays_registered(autoscaling: Any) -> None:
    for version in ("6", "7", "71"):
        scaling.scale(context(autoscaling), version)
    done = scaling.stop_scaling(context(autoscaling), "7")
    assert done.detail == "deregistered version 6, 71"
    assert list(targets(autoscaling)) == [f"function:{LIVE}:7"]
    assert not scaling.stop_scaling(context(autoscaling), "7").changed


def test_dry_run_registers_and_deregisters_nothing(autoscaling: Any) -> None:
    scaling.scale(context(autoscaling), "6")
    before = targets(autoscaling)
    assert scaling.scale(context(autoscaling, dry_run=True), "7").changed
    assert scaling.stop_scaling(context(autoscaling, dry_run=True), "7").changed
    assert targets(autoscaling) == before


def test_stage_without_room_asks_nobody() -> None:
    asked = context(None, "local")
    assert not scaling.scale(asked, "7").changed
    assert not scaling.stop_scaling(asked, "7").changed


@pytest.mark.parametrize(
    ("grown", "expected"),
    [(0, SIZES.provisioned_fulfillment), (12, 12), (99, SIZES.provisioned_most)],
)
def test_new_version_gets_what_the_live_one_has_grown_to(grown: int, expected: int) -> None:
    world = World("prod")
    if grown:
        world.lambda_.on_put_provisioned_concurrency_config(LIVE, "1", grown)
    provision(world.context(), "2", "1")
    assert world.lambda_.provisioned[LIVE, "2"]["RequestedProvisionedConcurrentExecutions"] == (
        expected
    )


def test_live_version_that_has_grown_is_not_made_smaller() -> None:
    world = World("prod")
    world.lambda_.on_put_provisioned_concurrency_config(LIVE, "1", 12)
    world.lambda_.provisioned[LIVE, "1"]["looks"] = 0
    assert not provision(world.context(), "1", "1").changed


def test_version_that_is_gone_back_to_gets_what_the_live_one_has_grown_to() -> None:
    world = World("prod")
    for version, count in (("1", SIZES.provisioned_fulfillment), ("2", 12)):
        world.lambda_.on_put_provisioned_concurrency_config(LIVE, version, count)
        world.lambda_.provisioned[LIVE, version]["looks"] = 0
    assert provision_within(world.context(), "1", 15, "2").changed
    assert world.lambda_.provisioned[LIVE, "1"]["RequestedProvisionedConcurrentExecutions"] == 12
