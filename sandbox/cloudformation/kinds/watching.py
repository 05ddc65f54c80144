"""What watches: alarms, dashboards and log groups."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.cloudformation.kinds.part import Kind, Made, Part, gone, names

_ALARM = (
    "ActionsEnabled AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions "
    "EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions "
    "MetricName Metrics Namespace OKActions Period Statistic Threshold ThresholdMetricId "
    "TreatMissingData Unit"
)


def _put_alarm(part: Part) -> Made:
    name = part.name("AlarmName")
    part.call("cloudwatch", "PutMetricAlarm", AlarmName=name, **part.only(*_ALARM.split()))
    part.physical_id = name
    (alarm,) = part.call("cloudwatch", "DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
    return Made(f"alarm {name}", name, {"Arn": alarm["AlarmArn"]})


def _delete_alarm(part: Part) -> None:
    gone(
        lambda: part.call("cloudwatch", "DeleteAlarms", AlarmNames=[part.physical_id]),
        "ResourceNotFound",
    )


def _put_dashboard(part: Part) -> Made:
    name = part.name("DashboardName")
    body = str(part.get("DashboardBody"))
    # CloudWatch takes such a body with a warning that nobody sees; CloudFormation shows an error.
    json.loads(body)
    part.call("cloudwatch", "PutDashboard", DashboardName=name, DashboardBody=body)
    return Made(f"dashboard {name}", name)


def _delete_dashboard(part: Part) -> None:
    gone(
        lambda: part.call("cloudwatch", "DeleteDashboards", DashboardNames=[part.physical_id]),
        *("ResourceNotFound", "DashboardNotFoundError"),
    )


def _make_log_group(part: Part) -> Made:
    name = part.name("LogGroupName")
    key = {"kmsKeyId": part.get("KmsKeyId")} if part.get("KmsKeyId") else {}
    part.call("logs", "CreateLogGroup", logGroupName=name, **key)
    part.physical_id = name
    return _keep(part)


def _keep(part: Part) -> Made:
    name = part.physical_id
    if days := part.get("RetentionInDays"):
        part.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=days)
    elif part.before.get("RetentionInDays"):
        part.call("logs", "DeleteRetentionPolicy", logGroupName=name)
    groups = part.call("logs", "DescribeLogGroups", logGroupNamePrefix=name)["logGroups"]
    arn = next(group["arn"] for group in groups if group["logGroupName"] == name)
    return Made(f"log {name}", name, {"Arn": arn})


def _delete_log_group(part: Part) -> None:
    gone(lambda: part.call("logs", "DeleteLogGroup", logGroupName=part.physical_id))


KINDS: Mapping[str, Kind] = {
    "AWS::CloudWatch::Alarm": Kind(
        *(_put_alarm, _delete_alarm, names(f"AlarmName {_ALARM}"), names("AlarmName"), _put_alarm)
    ),
    "AWS::CloudWatch::Dashboard": Kind(
        *(_put_dashboard, _delete_dashboard, names("DashboardName DashboardBody")),
        *(names("DashboardName"), _put_dashboard),
    ),
    "AWS::Logs::LogGroup": Kind(
        *(_make_log_group, _delete_log_group, names("LogGroupName RetentionInDays KmsKeyId")),
        *(names("LogGroupName KmsKeyId"), _keep),
    ),
}
