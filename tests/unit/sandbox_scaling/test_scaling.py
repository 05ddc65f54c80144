"""Application Auto Scaling: what is registered, and what its alarms make of Lambda's capacity."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import rest_json
from sandbox.aws_api import ApiError
from sandbox.cloudwatch.alarm_book import AlarmBook
from sandbox.cloudwatch.metric_store import Datum, Metric, MetricStore
from sandbox.routes import service_model
from sandbox.scaling.service import ApplicationAutoScaling

NOW = 1_800_000_000.0
RESOURCE = "function:atlas-prod-lex_fulfillment:7"
KIND = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
TARGET = {**KIND, "ResourceId": RESOURCE}
PREDEFINED = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}
FOLLOW = {"TargetValue": 0.7, "PredefinedMetricSpecification": PREDEFINED}
UTILISATION = Metric(
    "AWS/Lambda",
    "ProvisionedConcurrencyUtilization",
    frozenset(
        {
            ("FunctionName", "atlas-prod-lex_fulfillment"),
            ("Resource", "atlas-prod-lex_fulfillment:7"),
        }
    ),
)


class World:
    """The service over a fake Lambda whose provisioned concurrency is `capacity`."""

    def __init__(self) -> None:
        self.now, self.capacity, self.refuses = NOW, 10, False
        self.store = MetricStore()
        self.book = AlarmBook(self.store, lambda: None, self._act, lambda: self.now)
        functions = {
            "Invoke": self._invoke,
            "GetProvisionedConcurrencyConfig": self._get,
            "PutProvisionedConcurrencyConfig": self._put,
        }
        self.service = ApplicationAutoScaling(functions, self.book, lambda: self.now)

    def _act(self, action: str, change: Any) -> None:
        self.service.act(action, change)

    def _invoke(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["Qualifier"] == "99":
            raise ApiError("ResourceNotFoundException", "Function not found", 404)
        assert params["InvocationType"] == "DryRun"
        return {}

    def _get(self, params: dict[str, Any]) -> dict[str, Any]:
        assert params == {"FunctionName": "atlas-prod-lex_fulfillment", "Qualifier": "7"}
        return {"RequestedProvisionedConcurrentExecutions": self.capacity}

    def _put(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.refuses:
            raise ApiError("InvalidParameterValueException", "no room")
        self.capacity = params["ProvisionedConcurrentExecutions"]
        return {}

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """One operation, its answer checked against the service's model."""
        result = self.service.operations[operation]({**KIND, **params})
        model = service_model("application-autoscaling")
        assert model is not None
        rest_json.check_output(result, model.operation_model(operation).output_shape)
        return result

    def follow(self, least: int = 5, most: int = 20, **configuration: Any) -> dict[str, Any]:
        limits = {"MinCapacity": least, "MaxCapacity": most}
        self.call("RegisterScalableTarget", ResourceId=RESOURCE, **limits)
        return self.put_policy(**configuration)

    def put_policy(self, **configuration: Any) -> dict[str, Any]:
        return self.call(
            "PutScalingPolicy",
            ResourceId=RESOURCE,
            PolicyName="use",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={**FOLLOW, **configuration},
        )

    def use(self, share: float, first_minute: int, minutes: int) -> int:
        """The capacity after so many minutes of that use, looked at each minute."""
        for minute in range(first_minute, first_minute + minutes):
            self.store.put([Datum(UTILISATION, share, NOW + minute * 60)])
            self.now = NOW + minute * 60 + 60
            self.book.look()
        return self.capacity


@pytest.fixture
def world() -> World:
    return World()


def test_high_use_scales_out_after_three_minutes_in_proportion(world: World) -> None:
    world.follow()
    # At the beginning it is near the goal: fewer values than an alarm needs count, if all breach.
    assert world.use(0.66, 0, 3) == 10
    assert world.use(0.9, 3, 2) == 10
    assert world.use(0.9, 5, 1) == 13
    (activity,) = world.call("DescribeScalingActivities")["ScalingActivities"]
    assert activity["StatusCode"] == "Successful"
    assert "AlarmHigh" in activity["Cause"]


def test_use_that_stays_high_scales_out_again_up_to_the_most(world: World) -> None:
    world.follow()
    assert world.use(1.0, 0, 10) == 20


def test_low_use_scales_in_after_fifteen_minutes_down_to_the_least(world: World) -> None:
    world.follow()
    assert world.use(0.65, 0, 15) == 10
    assert world.use(0.1, 15, 14) == 10
    assert world.use(0.1, 29, 1) == 5


def test_use_near_the_goal_changes_nothing(world: World) -> None:
    world.follow()
    assert world.use(0.66, 0, 20) == 10
    assert world.call("DescribeScalingActivities")["ScalingActivities"] == []


def test_no_use_at_all_leaves_the_capacity_as_on_aws(world: World) -> None:
    world.follow()
    for minute in range(20):
        world.now = NOW + minute * 60
        world.book.look()
    assert world.capacity == 10


def test_scaling_in_may_be_disabled(world: World) -> None:
    assert len(world.follow(DisableScaleIn=True)["Alarms"]) == 1
    assert world.use(0.1, 0, 20) == 10


def test_scaling_waits_for_its_cool_down(world: World) -> None:
    world.follow(ScaleOutCooldown=180)
    assert world.use(1.0, 0, 1) == 15
    assert world.use(1.0, 1, 2) == 15
    assert world.use(1.0, 3, 1) == 20


def test_suspended_scaling_does_nothing(world: World) -> None:
    world.follow()
    suspended = {"DynamicScalingOutSuspended": True}
    world.call("RegisterScalableTarget", ResourceId=RESOURCE, SuspendedState=suspended)
    assert world.use(1.0, 0, 5) == 10
    (target,) = world.call("DescribeScalableTargets")["ScalableTargets"]
    assert target["SuspendedState"]["DynamicScalingOutSuspended"] is True
    assert (target["MinCapacity"], target["MaxCapacity"]) == (5, 20)


def test_what_lambda_refuses_is_a_failed_activity(world: World) -> None:
    world.follow()
    world.refuses = True
    world.use(1.0, 0, 1)
    (activity,) = world.call("DescribeScalingActivities")["ScalingActivities"]
    assert (activity["StatusCode"], activity["StatusMessage"]) == ("Failed", "no room")


def test_a_policy_tells_its_alarms_and_takes_them_along(world: World) -> None:
    made = world.follow()
    names = [alarm["AlarmName"] for alarm in made["Alarms"]]
    assert [alarm.name for alarm in world.book.all()] == sorted(names)
    (policy,) = world.call("DescribeScalingPolicies", ResourceId=RESOURCE)["ScalingPolicies"]
    assert policy["PolicyARN"] == made["PolicyARN"]
    assert {one["AlarmName"] for one in policy["Alarms"]} == set(names)
    again = world.put_policy(TargetValue=0.5)
    assert again["PolicyARN"] == made["PolicyARN"]
    assert len(world.book.all()) == 2
    world.call("DeleteScalingPolicy", ResourceId=RESOURCE, PolicyName="use")
    assert world.book.all() == []


def test_a_target_that_is_deregistered_takes_everything_along(world: World) -> None:
    world.follow()
    world.call("DeregisterScalableTarget", ResourceId=RESOURCE)
    assert world.book.all() == []
    assert world.call("DescribeScalableTargets")["ScalableTargets"] == []
    assert world.call("DescribeScalingPolicies")["ScalingPolicies"] == []
    with pytest.raises(ApiError, match="ObjectNotFound"):
        world.call("DeregisterScalableTarget", ResourceId=RESOURCE)


def test_a_metric_of_ones_own_may_be_followed(world: World) -> None:
    own = {"MetricName": "Busy", "Namespace": "Atlas", "Statistic": "Maximum"}
    world.follow(PredefinedMetricSpecification=None, CustomizedMetricSpecification=own)
    definitions = [alarm.definition for alarm in world.book.all()]
    assert {one["MetricName"] for one in definitions} == {"Busy"}


@pytest.mark.parametrize(
    ("operation", "changes", "code"),
    [
        ("RegisterScalableTarget", {"MaxCapacity": 5}, "ValidationException"),
        ("RegisterScalableTarget", {"MinCapacity": 6, "MaxCapacity": 5}, "ValidationException"),
        ("RegisterScalableTarget", {"ResourceId": "function:f"}, "ValidationException"),
        ("RegisterScalableTarget", {"ResourceId": "function:f:99"}, "ValidationException"),
        ("RegisterScalableTarget", {"ServiceNamespace": "dynamodb"}, "ValidationException"),
        ("PutScalingPolicy", {"PolicyType": "StepScaling"}, "ValidationException"),
        ("PutScalingPolicy", {"PolicyType": "TargetTrackingScaling"}, "ObjectNotFoundException"),
        ("DeleteScalingPolicy", {}, "ObjectNotFoundException"),
    ],
)
def test_what_cannot_be_scaled_is_refused(
    world: World, operation: str, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ApiError) as refused:
        world.call(operation, **{"ResourceId": RESOURCE, "PolicyName": "use", **changes})
    assert refused.value.code == code


@pytest.mark.parametrize(
    "configuration",
    [
        {"TargetValue": 0},
        {"PredefinedMetricSpecification": None},
        {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverage"}},
        {"CustomizedMetricSpecification": {"MetricName": "a", "Namespace": "b"}},
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(
    world: World, configuration: dict[str, Any]
) -> None:
    with pytest.raises(ApiError) as refused:
        world.follow(**configuration)
    assert refused.value.code == "ValidationException"
