"""Buckets, the store, the embedded format, and the queries over them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws_api import ApiError
from sandbox.cloudwatch import buckets, metric_store
from sandbox.cloudwatch.buckets import Bucket, statistic
from sandbox.cloudwatch.collector import Collector
from sandbox.cloudwatch.embedded_metrics import extract
from sandbox.cloudwatch.metric_operations import MetricOperations
from sandbox.cloudwatch.metric_store import Datum, Metric, MetricStore

NOW = 1_800_000_000.0
LATENCY = Metric("Atlas", "TurnLatency", frozenset({("Stage", "prod")}))
STAGE = [{"Name": "Stage", "Value": "prod"}]


def filled(*values: float) -> Bucket:
    bucket = Bucket()
    for value in values:
        bucket.add(value)
    return bucket


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SampleCount", 100),
        ("Sum", 5050),
        ("Average", 50.5),
        ("Minimum", 1),
        ("Maximum", 100),
        ("p50", 50),
        ("p99", 99),
        ("p99.9", 100),
        ("p0", 1),
        ("p100", 100),
    ],
)
def test_statistics_of_one_to_a_hundred(name: str, value: float) -> None:
    assert statistic(name)(filled(*range(1, 101))) == value


@pytest.mark.parametrize("name", ["p101", "P99", "tm99", "average", "p99.12345678901"])
def test_unknown_statistics_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no statistic"):
        statistic(name)


def test_a_statistic_set_has_no_percentiles_unless_its_values_are_one() -> None:
    bucket = filled(1.0)
    bucket.add_set(4, 8, 2, 2)
    assert bucket.percentile(99) == 2
    bucket.add_set(2, 9, 4, 5)
    assert (bucket.percentile(99), bucket.total, bucket.count) == (None, 18, 7)


def test_a_bucket_stays_small_and_its_percentiles_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MAX_DISTINCT", 10)
    bucket = filled(*(1000 + n for n in range(1000)))
    assert len(bucket.weights) < 30
    assert bucket.percentile(90) == pytest.approx(1900, rel=0.06)
    assert bucket.count == 1000


def test_the_store_merges_the_values_of_each_period() -> None:
    store = MetricStore()
    store.put(Datum(LATENCY, value, NOW + at) for at, value in ((0, 1), (59.9, 3), (60, 10)))
    found = store.periods(LATENCY, NOW, NOW + 120, 60)
    assert {at - NOW: bucket.total for at, bucket in found.items()} == {0: 4, 60: 10}
    assert store.periods(LATENCY, NOW + 1, NOW + 59, 60) == {}


def test_values_of_several_units_are_one_unless_a_unit_is_asked_for() -> None:
    store = MetricStore()
    store.put([Datum(LATENCY, 1, NOW, "Seconds"), Datum(LATENCY, 2, NOW, "Milliseconds")])
    assert store.periods(LATENCY, NOW, NOW + 60, 60)[NOW].count == 2
    assert store.periods(LATENCY, NOW, NOW + 60, 60, "Seconds")[NOW].total == 1


def test_old_seconds_become_minutes_and_old_minutes_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_store, "_COMPACT_ABOVE", 3)
    store = MetricStore()
    hour = 3600
    for at in (0, 1, 2, 3, 5 * hour, 5 * hour + 1):
        store.put([Datum(LATENCY, 1, NOW + at)])
    series = store._series[LATENCY]["None"]
    assert (len(series.minutes), len(series.seconds)) == (1, 2)
    assert store.periods(LATENCY, NOW, NOW + 6 * hour, hour)[NOW].count == 4
    for at in range(5):
        store.put([Datum(LATENCY, 1, NOW + 16 * 24 * hour + at)])
    assert store.periods(LATENCY, NOW, NOW + hour, hour) == {}


def test_metrics_beyond_the_bound_are_counted_and_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_store, "MAX_SERIES", 2)
    store = MetricStore()
    store.put(Datum(Metric("Atlas", f"m{n}"), 1, NOW) for n in range(5))
    store.put([Datum(Metric("Atlas", "m0"), 1, NOW)])
    assert (len(store.metrics()), store.refused) == (2, 3)


def line(**changes: Any) -> str:
    directive = {"Namespace": "Atlas", "Dimensions": [["Stage"]], "Metrics": [{"Name": "Turns"}]}
    directive |= changes.pop("directive", {})
    about = {"Timestamp": int(NOW * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"message": "turn", "Stage": "prod", "Turns": 1, "_aws": about, **changes})


def test_an_embedded_line_is_measured() -> None:
    (datum,) = extract(line(directive={"Metrics": [{"Name": "Turns", "Unit": "Count"}]}))
    stage = frozenset({("Stage", "prod")})
    assert datum == Datum(Metric("Atlas", "Turns", stage), 1, NOW, "Count")


def test_an_embedded_line_counts_once_in_each_set_of_dimensions() -> None:
    found = extract(
        line(directive={"Dimensions": [["Stage"], ["Stage", "Channel"]]}, Channel="chat")
    )
    assert [len(one.metric.dimensions) for one in found] == [1, 2]
    (bare,) = extract(line(directive={"Dimensions": [[]]}))
    assert bare.metric.dimensions == frozenset()


def test_an_embedded_metric_may_have_many_values() -> None:
    assert [one.value for one in extract(line(Turns=[1, 2.5]))] == [1, 2.5]


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        '{"message": "no metrics"}',
        '{"_aws": broken',
        '{"_aws": 1}',
        '{"_aws": {"Timestamp": "x", "CloudWatchMetrics": []}}',
        line(Turns="many"),
        line(Turns=True),
        line(Turns=[1] * 101),
        line(Stage=7),
        line(directive={"Dimensions": [["Missing"]]}),
    ],
)
def test_a_line_that_breaks_the_format_measures_nothing(text: str) -> None:
    assert extract(text) == []


def test_the_collector_survives_an_odd_happening(caplog: pytest.LogCaptureFixture) -> None:
    store = MetricStore()
    collector = Collector(store)
    collector.take(lambda: [Datum(LATENCY, 1 / 0, NOW)])
    collector.take(lambda: [Datum(LATENCY, 1, NOW)])
    assert store.metrics() == []
    collector.settle()
    assert store.metrics() == [LATENCY]
    assert "a measurement was lost" in caplog.text


class World:
    """Operations over a store at a time of our own."""

    def __init__(self) -> None:
        self.store = MetricStore()
        self.operations = MetricOperations(self.store, lambda: None, lambda: NOW).operations

    def put(self, *values: float, at: float = 0.0, name: str = "TurnLatency") -> None:
        metric = Metric("Atlas", name, LATENCY.dimensions)
        self.store.put(Datum(metric, value, NOW + at) for value in values)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.operations[operation](params)

    def data(self, *queries: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        asked = {"StartTime": NOW, "EndTime": NOW + 180, "MetricDataQueries": list(queries)}
        return self.call("GetMetricData", **{**asked, **params})["MetricDataResults"]


def stat(query_id: str, name: str, statistic_name: str = "Sum", **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "Atlas", "MetricName": name, "Dimensions": STAGE}
    described = {"Metric": metric, "Period": 60, "Stat": statistic_name}
    return {"Id": query_id, "MetricStat": described, **more}


@pytest.fixture
def world() -> World:
    return World()


def test_put_metric_data_is_found_again(world: World) -> None:
    entry = {"MetricName": "TurnLatency", "Dimensions": STAGE, "Timestamp": NOW}
    for values in (
        {"Value": 1.0},
        {"Values": [2.0, 4.0], "Counts": [3.0, 1.0]},
        {"StatisticValues": {"SampleCount": 2, "Sum": 10, "Minimum": 4, "Maximum": 6}},
    ):
        world.call("PutMetricData", Namespace="Atlas", MetricData=[{**entry, **values}])
    asked = {"Namespace": "Atlas", "MetricName": "TurnLatency", "Dimensions": STAGE}
    asked |= {"StartTime": NOW, "EndTime": NOW + 60, "Period": 60}
    (point,) = world.call("GetMetricStatistics", Statistics=["Sum", "SampleCount"], **asked)[
        "Datapoints"
    ]
    assert (point["Sum"], point["SampleCount"], point["Timestamp"].timestamp()) == (21, 7, NOW)


@pytest.mark.parametrize(
    "entry",
    [{}, {"Values": [1.0], "Counts": [1.0, 2.0]}, {"Values": []}],
)
def test_a_datum_without_its_values_is_refused(world: World, entry: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="has no values"):
        world.call("PutMetricData", Namespace="Atlas", MetricData=[{"MetricName": "m", **entry}])


def test_aws_own_namespaces_are_refused(world: World) -> None:
    with pytest.raises(ApiError, match="AWS/"):
        world.call("PutMetricData", Namespace="AWS/Lambda", MetricData=[])


def test_extended_statistics_stand_apart(world: World) -> None:
    world.put(*range(1, 101))
    asked = {"Namespace": "Atlas", "MetricName": "TurnLatency", "Dimensions": STAGE}
    asked |= {"StartTime": NOW, "EndTime": NOW + 60, "Period": 60}
    answer = world.call(
        "GetMetricStatistics", Statistics=["Average"], ExtendedStatistics=["p99"], **asked
    )
    (point,) = answer["Datapoints"]
    assert (point["Average"], point["ExtendedStatistics"]) == (50.5, {"p99": 99})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Period": 45}, "InvalidParameterValue"),
        ({"ExtendedStatistics": ["tm99"]}, "InvalidParameterValue"),
        ({"Period": 1, "EndTime": NOW + 3600}, "InvalidParameterCombination"),
        ({"EndTime": NOW}, "InvalidParameterValue"),
        ({"Statistics": []}, "MissingParameter"),
    ],
)
def test_statistics_that_cannot_be_had_are_refused(
    world: World, changes: dict[str, Any], code: str
) -> None:
    asked = {"Namespace": "Atlas", "MetricName": "m", "Statistics": ["Sum"], "Period": 60}
    asked |= {"StartTime": NOW, "EndTime": NOW + 60}
    with pytest.raises(ApiError) as refused:
        world.call("GetMetricStatistics", **{**asked, **changes})
    assert refused.value.code == code


def test_metric_data_comes_newest_first_unless_it_is_asked_otherwise(world: World) -> None:
    world.put(1, at=0)
    world.put(2, at=60)
    (newest,) = world.data(stat("m", "TurnLatency"))
    assert newest["Values"] == [2, 1]
    (oldest,) = world.data(stat("m", "TurnLatency"), ScanBy="TimestampAscending")
    assert [at.timestamp() - NOW for at in oldest["Timestamps"]] == [0, 60]


def test_an_expression_is_worked_out_over_what_it_names(world: World) -> None:
    world.put(*[1] * 200, name="Turns")
    world.put(*[1] * 4, name="Failed")
    found = world.data(
        {"Id": "rate", "Expression": "IF(failed >= 3, 100 * failed / turns, 0)", "Label": "%"},
        stat("failed", "Failed", ReturnData=False),
        stat("turns", "Turns", ReturnData=False),
    )
    assert [(one["Id"], one["Label"], one["Values"]) for one in found] == [("rate", "%", [2.0])]


@pytest.mark.parametrize(
    "queries",
    [
        [{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a"}],
        [{"Id": "a", "Expression": "missing + 1"}],
        [{"Id": "a"}],
        [stat("a", "m"), stat("a", "m")],
        [stat("a", "m", "tm99")],
    ],
)
def test_queries_that_cannot_be_worked_out_are_refused(world: World, queries: Any) -> None:
    with pytest.raises(ApiError) as refused:
        world.data(*queries)
    assert refused.value.code == "ValidationError"


def test_list_metrics_takes_filters_and_pages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(1, name="a")
    world.put(1, name="b")
    world.store.put([Datum(Metric("Other", "c"), 1, NOW - 4 * 3600)])

    def names(**params: Any) -> list[str]:
        return [one["MetricName"] for one in world.call("ListMetrics", **params)["Metrics"]]

    assert names() == ["a", "b", "c"]
    assert names(Namespace="Other") == ["c"]
    assert names(RecentlyActive="PT3H") == ["a", "b"]
    assert names(MetricName="b", Dimensions=[{"Name": "Stage"}]) == ["b"]
    assert names(Dimensions=[{"Name": "Stage", "Value": "dev"}]) == []
    monkeypatch.setattr("sandbox.cloudwatch.metric_operations.PAGE_METRICS", 2)
    page = world.call("ListMetrics")
    assert len(page["Metrics"]) == 2
    assert names(NextToken=page["NextToken"]) == ["c"]


def test_totals_alone_are_read_without_the_values() -> None:
    store = MetricStore()
    store.put(Datum(LATENCY, value, NOW) for value in (1, 2, 3))
    bucket = store.periods(LATENCY, NOW, NOW + 60, 60, with_values=False)[NOW]
    assert (bucket.total, bucket.high, bucket.weights, bucket.percentile(50)) == (6, 3, {}, None)
