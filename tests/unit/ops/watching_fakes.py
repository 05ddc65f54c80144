"""CloudWatch, SNS and STS as preflight and watch see them; every call is checked by botocore."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ops_fakes import FakeClient, FakeDynamo, client_error

TOPIC = "arn:aws:sns:us-east-1:123456789012:atlas-prod-team"
CALLER = "arn:aws:sts::123456789012:assumed-role/Release/session"
Measured = Callable[[str, dict[str, str], str, datetime, datetime], float | None]


def nothing(
    name: str, dimensions: dict[str, str], statistic: str, begin: datetime, end: datetime
) -> None:
    """What CloudWatch has of a stage where nobody was."""


class FakeCloudWatch(FakeClient):
    """Alarms and dashboards by name; `measured` gives each metric one value for the whole time.

    Answers come in pages: one alarm, one metric at a time, and metrics as one period each.
    """

    service = "cloudwatch"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.alarms: dict[str, dict[str, Any]] = {}
        self.dashboards: set[str] = set()
        self.measured: Measured = nothing

    def on_describe_alarms(self, AlarmNamePrefix: str, NextToken: str = "0") -> dict[str, Any]:
        found = [one for name, one in self.alarms.items() if name.startswith(AlarmNamePrefix)]
        return _page(found, NextToken, "MetricAlarms")

    def on_get_dashboard(self, DashboardName: str) -> dict[str, Any]:
        if DashboardName not in self.dashboards:
            raise client_error("ResourceNotFound", "GetDashboard")
        return {"DashboardName": DashboardName, "DashboardBody": "{}"}

    def on_get_metric_data(
        self, MetricDataQueries: Any, StartTime: datetime, EndTime: datetime, NextToken: str = "0"
    ) -> dict[str, Any]:
        results = [self._result(query, StartTime, EndTime) for query in MetricDataQueries]
        return _page(results, NextToken, "MetricDataResults")

    def _result(self, query: Any, begin: datetime, end: datetime) -> dict[str, Any]:
        stat = query["MetricStat"]
        dimensions = {one["Name"]: one["Value"] for one in stat["Metric"]["Dimensions"]}
        value = self.measured(stat["Metric"]["MetricName"], dimensions, stat["Stat"], begin, end)
        values = [] if value is None else [value]
        return {"Id": query["Id"], "Timestamps": [begin][: len(values)], "Values": values}


class FakeTopics(FakeClient):
    """One topic with the ARNs of its subscriptions; None where there is no topic."""

    service = "sns"
    subscriptions: tuple[str, ...] | None = (f"{TOPIC}:1",)

    def on_list_subscriptions_by_topic(self, TopicArn: str) -> dict[str, Any]:
        if self.subscriptions is None or TopicArn != TOPIC:
            raise client_error("NotFound", "ListSubscriptionsByTopic")
        return {"Subscriptions": [{"SubscriptionArn": arn} for arn in self.subscriptions]}


class FakeSts(FakeClient):
    """Who asks."""

    service = "sts"

    def on_get_caller_identity(self) -> dict[str, Any]:
        return {"Arn": CALLER, "Account": "123456789012"}


class DynamoOfStages:
    """Each stage's tables by themselves; a table of none of them is not there."""

    def __init__(self, *stages: FakeDynamo) -> None:
        self._stages = stages

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(TableName: str, **request: Any) -> Any:
            home = [one for one in self._stages if TableName in one.tables] or self._stages
            return getattr(home[0], operation)(TableName=TableName, **request)

        return call


def _page(items: list[Any], token: str, member: str) -> dict[str, Any]:
    at = int(token)
    page: dict[str, Any] = {member: items[at : at + 1]}
    return page | ({"NextToken": str(at + 1)} if at + 1 < len(items) else {})
