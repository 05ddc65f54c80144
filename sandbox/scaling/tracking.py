"""Target tracking: the two alarms of a policy, and the capacity that brings its metric to the goal.

Source: Application Auto Scaling user guide, "How target tracking scaling works", and Lambda's,
"Managing provisioned concurrency with Application Auto Scaling": out when the metric is above the
goal for three minutes, in when it is below nine tenths of it for fifteen.
"""

from __future__ import annotations

import math
import uuid
from typing import Any

from sandbox.aws_api import Params
from sandbox.scaling.targets import Policy, ScalableTarget, invalid

PREDEFINED = "LambdaProvisionedConcurrencyUtilization"
_OUT_MINUTES, _IN_MINUTES = 3, 15
_IN_SHARE = 0.9


def check(configuration: Params | None) -> Params:
    """ApiError for a configuration that the sandbox cannot follow."""
    if not configuration or "TargetValue" not in configuration:
        raise invalid("TargetTrackingScalingPolicyConfiguration with a TargetValue is required.")
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if bool(predefined) == bool(customized):
        raise invalid("Give a predefined or a customized metric.")
    if predefined and predefined["PredefinedMetricType"] != PREDEFINED:
        raise invalid(f"Lambda's provisioned concurrency is scaled by {PREDEFINED}.")
    if customized and customized.get("Metrics"):
        raise invalid("The sandbox tracks one metric, not an expression.")
    if configuration["TargetValue"] <= 0:
        raise invalid("TargetValue must be greater than 0.")
    return configuration


def alarms(target: ScalableTarget, policy: Policy) -> list[dict[str, Any]]:
    """The definitions of AlarmHigh and, unless scaling in is disabled, AlarmLow."""
    high = _alarm(target, policy, "AlarmHigh", _OUT_MINUTES)
    high |= {"ComparisonOperator": "GreaterThanThreshold", "Threshold": policy.goal}
    if policy.configuration.get("DisableScaleIn"):
        return [high]
    low = _alarm(target, policy, "AlarmLow", _IN_MINUTES)
    low |= {"ComparisonOperator": "LessThanThreshold", "Threshold": policy.goal * _IN_SHARE}
    return [high, low]


def _alarm(target: ScalableTarget, policy: Policy, which: str, minutes: int) -> dict[str, Any]:
    return {
        "AlarmName": f"TargetTracking-{target.resource}-{which}-{uuid.uuid4()}",
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}",
        **_metric(target, policy),
        "Period": 60,
        "EvaluationPeriods": minutes,
        "AlarmActions": [policy.arn],
    }


def _metric(target: ScalableTarget, policy: Policy) -> dict[str, Any]:
    customized = policy.configuration.get("CustomizedMetricSpecification")
    if customized:
        names = ("MetricName", "Namespace", "Statistic", "Unit", "Dimensions")
        return {name: customized[name] for name in names if name in customized}
    function = target.function
    resource = f"{function['FunctionName']}:{function['Qualifier']}"
    return {
        "Namespace": "AWS/Lambda",
        "MetricName": "ProvisionedConcurrencyUtilization",
        "Statistic": "Average",
        "Dimensions": [
            {"Name": "FunctionName", "Value": function["FunctionName"]},
            {"Name": "Resource", "Value": resource},
        ],
    }


def wanted(target: ScalableTarget, policy: Policy, current: int, value: float) -> int:
    """In proportion to how far the metric is from its goal, within the target's bounds."""
    # Nine tenths of ten times the goal is a little more in binary than in decimal.
    proportional = math.ceil(round(current * value / policy.goal, 9))
    return max(target.least, min(target.most, proportional))


def cooldown_seconds(policy: Policy, is_out: bool) -> float:
    """None by default for provisioned concurrency; API reference of the configuration."""
    name = "ScaleOutCooldown" if is_out else "ScaleInCooldown"
    return float(policy.configuration.get(name, 0))
