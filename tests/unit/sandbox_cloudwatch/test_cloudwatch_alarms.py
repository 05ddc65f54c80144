"""Alarms: which state their values put them in, what they then do, and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.sns.models import sns_backends

from sandbox.aws_api import ACCOUNT, REGION, ApiError
from sandbox.cloudwatch.alarm import Alarm
from sandbox.cloudwatch.alarm_actions import Actions
from sandbox.cloudwatch.alarm_book import AlarmBook, Change
from sandbox.cloudwatch.alarm_evaluation import Verdict, state_of
from sandbox.cloudwatch.alarm_operations import AlarmOperations
from sandbox.cloudwatch.metric_store import Datum, Metric, MetricStore

NOW = 1_800_000_000.0
ERRORS = Metric("AWS/Lambda", "Errors", frozenset({("FunctionName", "f")}))
DEFINITION: dict[str, Any] = {
    "AlarmName": "atlas-prod-errors",
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "AlarmActions": ["arn:act:alarm"],
    "OKActions": ["arn:act:ok"],
}


class World:
    """A book over a store; `now` is set by the test, `done` is what actions were carried out."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = MetricStore()
        self.done: list[tuple[str, str]] = []
        self.book = AlarmBook(self.store, lambda: None, self._act, lambda: self.now)
        self.operations = AlarmOperations(self.book, lambda: self.now).operations

    def _act(self, action: str, change: Change) -> None:
        if action == "arn:act:broken":
            raise ApiError("NotFound", "there is no such topic")
        self.done.append((action, change.state))

    def put(self, **changes: Any) -> None:
        members = {**DEFINITION, **changes}
        kept = {name: value for name, value in members.items() if value is not None}
        self.operations["PutMetricAlarm"](kept)

    def measure(self, value: float, at: float, metric: Metric = ERRORS) -> None:
        self.store.put([Datum(metric, value, NOW + at)])

    def look(self, at: float) -> str:
        """The first alarm's state after a look at that time."""
        self.now = NOW + at
        self.book.look()
        return self.book.all()[0].state

    def described(self) -> dict[str, Any]:
        (alarm,) = self.operations["DescribeAlarms"]({})["MetricAlarms"]
        return dict(alarm)


@pytest.fixture
def world() -> World:
    return World()


X, O, N = 1.0, 0.0, None  # noqa: E741 - breaching, within the threshold, missing

# The two tables of "Configuring how CloudWatch alarms treat missing data": what becomes of an
# alarm for missing, ignore (None: it stays as it is), breaching and notBreaching.
THREE_OF_THREE = [
    ((O, N, X, N, X), ("OK", "OK", "OK", "OK")),
    ((N, N, N, N, O), ("OK", "OK", "OK", "OK")),
    ((N, N, N, N, N), ("INSUFFICIENT_DATA", None, "ALARM", "OK")),
    ((O, X, X, N, X), ("ALARM", "ALARM", "ALARM", "ALARM")),
    ((N, N, X, N, N), ("ALARM", None, "ALARM", "OK")),
]
TWO_OF_THREE = [
    ((O, N, X, N, X), ("ALARM", "ALARM", "ALARM", "ALARM")),
    ((O, O, X, O, X), ("ALARM", "ALARM", "ALARM", "ALARM")),
    ((O, N, X, N, N), ("OK", "OK", "ALARM", "OK")),
    ((N, N, N, N, O), ("OK", "OK", "ALARM", "OK")),
    ((N, N, N, X, N), ("ALARM", None, "ALARM", "OK")),
]
CASES = [
    (needed, points, treatment, state)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, states in table
    for treatment, state in zip(
        ("missing", "ignore", "breaching", "notBreaching"), states, strict=True
    )
]


@pytest.mark.parametrize(("needed", "points", "treatment", "state"), CASES)
def test_missing_values_are_treated_as_the_guide_says(
    needed: int, points: Any, treatment: str, state: str | None
) -> None:
    members = {"EvaluationPeriods": 3, "DatapointsToAlarm": needed, "TreatMissingData": treatment}
    alarm = Alarm({**DEFINITION, **members}, NOW, state="as it was")
    assert state_of(alarm, list(points)) == (state or "as it was")


@pytest.mark.parametrize(
    ("comparison", "value", "state"),
    [
        ("GreaterThanThreshold", 1, "OK"),
        ("GreaterThanOrEqualToThreshold", 1, "ALARM"),
        ("LessThanThreshold", 1, "OK"),
        ("LessThanOrEqualToThreshold", 1, "ALARM"),
    ],
)
def test_a_threshold_is_met_exactly(comparison: str, value: float, state: str) -> None:
    alarm = Alarm({**DEFINITION, "Threshold": 1, "ComparisonOperator": comparison}, NOW)
    assert state_of(alarm, [value]) == state


def test_an_alarm_goes_off_when_its_period_is_over_and_comes_back(world: World) -> None:
    world.put(TreatMissingData="notBreaching")
    assert world.described()["StateValue"] == "INSUFFICIENT_DATA"
    world.measure(0, 0)
    assert world.look(60) == "OK"
    world.measure(2, 70)
    assert world.look(119) == "OK", "the period is not over"
    assert world.look(120) == "ALARM"
    world.measure(0, 130)
    assert world.look(180) == "OK"
    assert world.done == [("arn:act:ok", "OK"), ("arn:act:alarm", "ALARM"), ("arn:act:ok", "OK")]


def test_an_alarm_says_why(world: World) -> None:
    world.put()
    world.measure(3, 0)
    world.look(60)
    described = world.described()
    assert described["StateReason"] == (
        "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (15/01/27 08:00:00)] was greater "
        "than the threshold (0.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert json.loads(described["StateReasonData"])["recentDatapoints"] == [3.0]


def test_a_percentile_may_be_watched(world: World) -> None:
    world.put(Statistic=None, ExtendedStatistic="p99", Threshold=98.5)
    for value in range(1, 101):
        world.measure(value, 5)
    assert world.look(60) == "ALARM"


def test_an_expression_may_be_watched(world: World) -> None:
    def query(query_id: str, name: str) -> dict[str, Any]:
        metric = {"Namespace": "Atlas", "MetricName": name}
        stat = {"Metric": metric, "Period": 300, "Stat": "Sum"}
        return {"Id": query_id, "MetricStat": stat, "ReturnData": False}

    names = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    rate = {"Id": "rate", "Expression": "IF(failed >= 3, 100 * failed / turns, 0)"}
    queries = [rate, query("failed", "Failed"), query("turns", "Turns")]
    world.put(Metrics=queries, Threshold=1.0, **dict.fromkeys(names))
    for at, failed in ((10, 1), (310, 3)):
        world.measure(100, at, Metric("Atlas", "Turns"))
        world.measure(failed, at, Metric("Atlas", "Failed"))
    assert world.look(300) == "OK"
    assert world.look(600) == "ALARM"
    assert "3.0" in world.described()["StateReason"]


def test_a_long_period_slides_by_the_minute(world: World) -> None:
    world.put(Period=300)
    world.measure(1, 200)
    assert world.look(240) == "ALARM"
    assert world.look(200 + 300 + 900) == "INSUFFICIENT_DATA"


def test_a_minute_may_be_made_shorter(world: World) -> None:
    world.put(TreatMissingData="notBreaching")
    world.book.minute_seconds = 2
    world.measure(1, 0)
    assert world.look(2) == "ALARM"
    assert world.look(8) == "OK"


def test_a_failing_action_is_in_the_history_and_stops_no_other(world: World) -> None:
    world.put(AlarmActions=["arn:act:broken", "arn:act:alarm"])
    world.measure(1, 0)
    world.look(60)
    assert world.done == [("arn:act:alarm", "ALARM")]
    items = world.operations["DescribeAlarmHistory"]({"HistoryItemType": "Action"})
    summaries = {item["HistorySummary"] for item in items["AlarmHistoryItems"]}
    assert summaries == {
        "Failed to execute action arn:act:broken",
        "Successfully executed action arn:act:alarm",
    }


def test_scaling_goes_on_each_minute_and_nothing_else_does(world: World) -> None:
    policy = "arn:aws:autoscaling:us-east-1:1:scalingPolicy:x"
    world.put(AlarmActions=[policy, "arn:act:alarm"])
    for minute in range(3):
        world.measure(1, minute * 60)
        world.look(minute * 60 + 60)
        world.look(minute * 60 + 65)
    assert world.done.count((policy, "ALARM")) == 3
    assert world.done.count(("arn:act:alarm", "ALARM")) == 1


def test_actions_may_be_switched_off_and_on(world: World) -> None:
    world.put()
    world.operations["DisableAlarmActions"]({"AlarmNames": ["atlas-prod-errors"]})
    world.measure(1, 0)
    assert (world.look(60), world.done) == ("ALARM", [])
    assert world.described()["ActionsEnabled"] is False
    world.operations["EnableAlarmActions"]({"AlarmNames": ["atlas-prod-errors"]})
    world.measure(0, 70)
    assert (world.look(120), world.done) == ("OK", [("arn:act:ok", "OK")])


def test_a_state_that_is_set_lasts_until_the_next_look(world: World) -> None:
    world.put(TreatMissingData="notBreaching")
    world.operations["SetAlarmState"](
        {"AlarmName": "atlas-prod-errors", "StateValue": "ALARM", "StateReason": "a drill"}
    )
    assert world.done == [("arn:act:alarm", "ALARM")]
    assert world.described()["StateReason"] == "a drill"
    assert world.look(60) == "OK"


def test_a_changed_alarm_keeps_its_state_until_the_next_look(world: World) -> None:
    world.put()
    world.measure(1, 0)
    world.look(60)
    world.put(Threshold=5.0)
    assert world.described()["StateValue"] == "ALARM"
    assert world.look(61) == "OK"


def test_an_expression_that_cannot_be_worked_out_leaves_the_alarm_as_it_is(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    world.put(Metrics=[{"Id": "a", "Expression": "SEARCH + 1"}], **dict.fromkeys(names))
    assert world.look(60) == "INSUFFICIENT_DATA"
    assert "cannot be evaluated" in caplog.text


def test_alarms_are_found_by_name_prefix_state_and_action(world: World) -> None:
    for name in ("a-one", "a-two", "b-one"):
        world.put(AlarmName=name)
    world.put(AlarmName="b-two", AlarmActions=["arn:other"])

    def found(**params: Any) -> list[str]:
        alarms = world.operations["DescribeAlarms"](params)["MetricAlarms"]
        return [alarm["AlarmName"] for alarm in alarms]

    assert found(AlarmNamePrefix="a-") == ["a-one", "a-two"]
    assert found(AlarmNames=["b-one", "none"]) == ["b-one"]
    assert found(StateValue="OK") == []
    assert found(ActionPrefix="arn:other") == ["b-two"]
    assert found(AlarmTypes=["CompositeAlarm"]) == []
    page = world.operations["DescribeAlarms"]({"MaxRecords": 3})
    assert len(page["MetricAlarms"]) == 3
    assert found(MaxRecords=3, NextToken=page["NextToken"]) == ["b-two"]


def test_an_alarm_is_deleted_and_one_that_is_not_there_passed_over(world: World) -> None:
    world.put()
    world.operations["DeleteAlarms"]({"AlarmNames": ["atlas-prod-errors", "none"]})
    assert world.operations["DescribeAlarms"]({})["MetricAlarms"] == []
    with pytest.raises(ApiError) as missing:
        world.operations["SetAlarmState"](
            {"AlarmName": "none", "StateValue": "OK", "StateReason": "why"}
        )
    assert missing.value.code == "ResourceNotFound"


def test_tags_stay_with_the_alarm(world: World) -> None:
    world.put(Tags=[{"Key": "stage", "Value": "prod"}])
    arn = {"ResourceARN": world.described()["AlarmArn"]}
    world.operations["TagResource"]({**arn, "Tags": [{"Key": "team", "Value": "sales"}]})
    world.operations["UntagResource"]({**arn, "TagKeys": ["stage"]})
    assert world.operations["ListTagsForResource"](arn) == {
        "Tags": [{"Key": "team", "Value": "sales"}]
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"Statistic": None},
        {"ExtendedStatistic": "p99"},
        {"Statistic": None, "ExtendedStatistic": "tm99"},
        {"Period": 45},
        {"MetricName": None},
        {"Threshold": None},
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
        {"TreatMissingData": "perhaps"},
        {"DatapointsToAlarm": 2},
        {"Period": 1800, "EvaluationPeriods": 49},
        {"Metrics": [{"Id": "a", "Expression": "1"}]},
        {"Metrics": [], **dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))},
    ],
)
def test_an_impossible_alarm_is_refused(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        world.put(**changes)
    assert world.book.all() == []


@pytest.fixture
def topic() -> Iterator[str]:
    backend = sns_backends[ACCOUNT][REGION]
    yield str(backend.create_topic("team").arn)
    backend.topics.clear()


def test_an_alarm_tells_its_topic_in_cloudwatchs_words(topic: str) -> None:
    alarm = Alarm(DEFINITION, NOW)
    Actions()(topic, Change(alarm, "OK", "ALARM", "too many", NOW))
    ((_, message, subject, *_),) = sns_backends[ACCOUNT][REGION].topics[topic].sent_notifications
    told = json.loads(message)
    assert subject == 'ALARM: "atlas-prod-errors" in US East (N. Virginia)'
    assert (told["OldStateValue"], told["NewStateValue"]) == ("OK", "ALARM")
    assert told["NewStateReason"] == "too many"
    assert told["Trigger"]["MetricName"] == "Errors"
    assert told["Trigger"]["Dimensions"] == [{"value": "f", "name": "FunctionName"}]


def test_an_action_that_nobody_carries_out_is_an_error() -> None:
    with pytest.raises(ApiError, match="does not carry out"):
        Actions()("arn:aws:ssm:x", Change(Alarm(DEFINITION, NOW), "OK", "ALARM", "", NOW))


def test_the_thread_looks_at_an_alarm_once_a_period(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated: list[float] = []

    def evaluate(alarm: Alarm, store: MetricStore, now: float, pace: float) -> Verdict:
        evaluated.append(now - NOW)
        return Verdict(alarm.state, "", "{}")

    monkeypatch.setattr("sandbox.cloudwatch.alarm_book.evaluate", evaluate)
    world.put()
    for at in (60, 65, 119, 120, 125):
        world.now = NOW + at
        world.book.look(only_due=True)
    world.put(Threshold=5.0)
    world.book.look(only_due=True)
    assert evaluated == [60, 120, 125]
