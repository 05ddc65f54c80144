"""What an alarm does when its state changes: publish to SNS, invoke a function, scale."""

from __future__ import annotations

import json
from typing import Any

from moto.sns.models import sns_backends

from sandbox.aws_api import ACCOUNT, REGION, ApiError
from sandbox.cloudwatch.alarm import Alarm
from sandbox.cloudwatch.alarm_book import Act, Change
from sandbox.cloudwatch.metric_operations import moment

_REGION_NAME = "US East (N. Virginia)"
_STATISTICS = {"SampleCount": "SAMPLE_COUNT"}


class Actions:
    """Who carries out an action, by the beginning of its ARN."""

    def __init__(self) -> None:
        self.by_prefix: dict[str, Act] = {"arn:aws:sns:": publish}

    def __call__(self, action: str, change: Change) -> None:
        for prefix, carry_out in self.by_prefix.items():
            if action.startswith(prefix):
                carry_out(action, change)
                return
        raise ApiError("InvalidAction", f"The sandbox does not carry out {action}.")


def publish(topic: str, change: Change) -> None:
    """The mail's subject and the JSON that every subscriber gets; fails without the topic."""
    subject = f'{change.state}: "{change.alarm.name}" in {_REGION_NAME}'
    message = json.dumps(notification(change), default=str)
    sns_backends[ACCOUNT][REGION].publish(message, arn=topic, subject=subject[:100])


def notification(change: Change) -> dict[str, Any]:
    """The notification's members as CloudWatch names them."""
    alarm, about = change.alarm, change.alarm.definition
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": about.get("AlarmDescription"),
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": _time(alarm.configured_at),
        "NewStateValue": change.state,
        "NewStateReason": change.reason,
        "StateChangeTime": _time(change.at),
        "Region": _REGION_NAME,
        "AlarmArn": alarm.arn,
        "OldStateValue": change.old_state,
        "OKActions": about.get("OKActions") or [],
        "AlarmActions": about.get("AlarmActions") or [],
        "InsufficientDataActions": about.get("InsufficientDataActions") or [],
        "Trigger": _trigger(alarm),
    }


def _trigger(alarm: Alarm) -> dict[str, Any]:
    about = alarm.definition
    trigger: dict[str, Any] = {
        "EvaluationPeriods": about["EvaluationPeriods"],
        "DatapointsToAlarm": alarm.periods[0],
        "ComparisonOperator": about["ComparisonOperator"],
        "Threshold": about["Threshold"],
        "TreatMissingData": about.get("TreatMissingData", "missing"),
    }
    if "Metrics" in about:
        return {**trigger, "Metrics": about["Metrics"]}
    dimensions = about.get("Dimensions") or []
    return {
        **trigger,
        "MetricName": about["MetricName"],
        "Namespace": about["Namespace"],
        "StatisticType": "Statistic" if "Statistic" in about else "ExtendedStatistic",
        "Statistic": _STATISTICS.get(alarm.statistic, alarm.statistic.upper()),
        "Unit": about.get("Unit"),
        "Period": about["Period"],
        "Dimensions": [{"value": one["Value"], "name": one["Name"]} for one in dimensions],
    }


def _time(at: float) -> str:
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
