"""What the running sandbox measures: functions, workflows, alarms on them, and scaling."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from platform_harness import Machines, Platform, lambda_task, one_state, wait_until

FUNCTION = [{"Name": "FunctionName", "Value": "steps"}]
LIVE = [*FUNCTION, {"Name": "Resource", "Value": "steps:live"}]
EXECUTED = [*LIVE, {"Name": "ExecutedVersion", "Value": "1"}]


def value(
    platform: Platform, namespace: str, name: str, dimensions: list[Any], statistic: str = "Sum"
) -> float | None:
    """The statistic over the last hours, None where nothing was measured."""
    now = datetime.now(UTC)
    answer = platform.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=dimensions,
        StartTime=now - timedelta(hours=2),
        EndTime=now + timedelta(seconds=1),
        Period=4 * 3600,
        Statistics=[statistic],
    )
    points = answer["Datapoints"]
    return float(points[0][statistic]) if points else None


def invoke(platform: Platform, arn: str, **event: Any) -> dict[str, Any]:
    return platform.client("lambda").invoke(FunctionName=arn, Payload=json.dumps(event))


@pytest.mark.parametrize("dimensions", [FUNCTION, LIVE, EXECUTED])
def test_every_invocation_is_measured(
    platform: Platform, arn: str, dimensions: list[Any], tmp_path: Any
) -> None:
    def both() -> tuple[float, float]:
        names = ("Invocations", "Errors")
        invocations, errors = (value(platform, "AWS/Lambda", n, dimensions) or 0 for n in names)
        return invocations, errors

    before = both()
    invoke(platform, arn)
    assert "FunctionError" in invoke(platform, arn, record=str(tmp_path / "calls"), failures=1)
    assert tuple(now - then for now, then in zip(both(), before, strict=True)) == (2, 1)
    longest = value(platform, "AWS/Lambda", "Duration", dimensions, "Maximum")
    assert longest is not None
    assert longest > 0


def test_a_refused_invocation_is_a_throttle(platform: Platform) -> None:
    arn = platform.function("closed")
    lambda_ = platform.client("lambda")
    lambda_.put_function_concurrency(FunctionName="closed", ReservedConcurrentExecutions=0)
    with pytest.raises(lambda_.exceptions.TooManyRequestsException):
        invoke(platform, arn)
    place = [{"Name": "FunctionName", "Value": "closed"}]
    assert value(platform, "AWS/Lambda", "Throttles", place) == 1
    assert value(platform, "AWS/Lambda", "Invocations", place) is None


def test_executions_are_measured(platform: Platform, machines: Machines, arn: str) -> None:
    failing = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "No"}}}
    waiting = one_state({"Type": "Wait", "Seconds": 600})
    slow = {**waiting, "TimeoutSeconds": 1}
    definitions = (one_state(lambda_task(arn)), failing, waiting, slow)
    made = [machines.create(definition) for definition in definitions]
    started = [machines.start(machine) for machine in made]
    assert machines.start(made[2]) == started[2], "which is no second one"
    machines.client.stop_execution(executionArn=started[2])
    for execution in started:
        machines.result(execution)
    ends = ("Succeeded", "Failed", "Aborted", "TimedOut")
    for machine, end in zip(made, ends, strict=True):
        place = [{"Name": "StateMachineArn", "Value": machine}]
        assert value(platform, "AWS/States", "ExecutionsStarted", place) == 1
        assert value(platform, "AWS/States", f"Executions{end}", place) == 1
        assert value(platform, "AWS/States", "ExecutionTime", place, "SampleCount") == 1


def test_an_alarm_on_a_function_reaches_its_topic(platform: Platform, arn: str) -> None:
    topic = platform.client("sns").create_topic(Name="watch")["TopicArn"]
    platform.client("cloudwatch").put_metric_alarm(
        AlarmName="throttled",
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=FUNCTION,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    status, answer = platform.control("POST", "alarms", {"minute_seconds": 1})
    assert (status, answer["minute_seconds"]) == (200, 1.0)
    invoke(platform, arn)

    def told() -> list[Any]:
        platform.control("POST", "alarms/look")
        notes = platform.control("GET", "notifications")[1]
        return [one for one in notes if one["topic"] == "watch"]

    (note,) = wait_until(told)
    assert note["subject"].startswith('ALARM: "throttled"')
    assert platform.control("POST", "alarms", {"minute_seconds": 0})[0] == 400
    platform.client("cloudwatch").delete_alarms(AlarmNames=["throttled"])


def test_provisioned_concurrency_is_measured_and_follows_its_use(platform: Platform) -> None:
    arn = platform.function("warm")
    lambda_, scaling = platform.client("lambda"), platform.client("application-autoscaling")
    key = {"FunctionName": "warm", "Qualifier": "1"}
    lambda_.put_provisioned_concurrency_config(**key, ProvisionedConcurrentExecutions=1)

    def is_ready() -> bool:
        return bool(lambda_.get_provisioned_concurrency_config(**key)["Status"] == "READY")

    wait_until(is_ready)
    target = {
        "ServiceNamespace": "lambda",
        "ResourceId": "function:warm:1",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    metric = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}
    scaling.put_scaling_policy(
        **target,
        PolicyName="use",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.5,
            "PredefinedMetricSpecification": metric,
        },
    )
    platform.control("POST", "alarms", {"minute_seconds": 1})
    invoke(platform, arn)
    of_version = [
        {"Name": "FunctionName", "Value": "warm"},
        {"Name": "Resource", "Value": "warm:1"},
    ]
    names = ("ProvisionedConcurrencyInvocations", "ProvisionedConcurrencySpilloverInvocations")
    assert [value(platform, "AWS/Lambda", name, of_version) for name in names] == [1, 0]
    use = value(platform, "AWS/Lambda", "ProvisionedConcurrencyUtilization", of_version, "Maximum")
    assert use == 1

    def requested() -> bool:
        time.sleep(0.1)
        platform.control("POST", "alarms/look")
        config = lambda_.get_provisioned_concurrency_config(**key)
        return bool(config["RequestedProvisionedConcurrentExecutions"] == 2)

    wait_until(requested)
    scaling.deregister_scalable_target(**target)
    assert scaling.describe_scaling_policies(ServiceNamespace="lambda")["ScalingPolicies"] == []
