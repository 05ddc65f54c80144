"""infra/watch.yaml: every alarm has its name, its page and a metric that somebody really emits."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chalicelib.answer import Source
from chalicelib.consent_result import ConsentResult
from chalicelib.observability.log import NAMESPACE, OF_THE_STAGE
from ops.alarms import ALARMS, alarm_names, dashboard_name
from ops.stages import FUNCTIONS, STAGE_SIZES, STAGES, function_name, lead_workflow, team_topic
from tests.templates import GIVEN, REGION, resources, template

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "atlas" / "chalicelib"
UNITS = {"Count", "Milliseconds", "Seconds", "None", "Percent", "Bytes"}

BY_FUNCTION = frozenset(("FunctionName",))
BY_ALIAS = frozenset(("FunctionName", "Resource"))
BY_BOT_ALIAS = frozenset(("Operation", "BotId", "BotAliasId", "LocaleId"))
BY_MACHINE = frozenset(("StateMachineArn",))

# What AWS documents, by the dimensions used here:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
# https://docs.aws.amazon.com/lexv2/latest/dg/monitoring-cloudwatch.html
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
OF_AWS = {
    ("AWS/Lambda", "Errors"): BY_ALIAS,
    ("AWS/Lambda", "Invocations"): BY_ALIAS,
    ("AWS/Lambda", "Throttles"): BY_ALIAS,
    ("AWS/Lambda", "ProvisionedConcurrencySpilloverInvocations"): BY_FUNCTION,
    ("AWS/Lambda", "ProvisionedConcurrencyUtilization"): BY_FUNCTION,
    ("AWS/Lex", "RuntimeInvalidLambdaResponses"): BY_BOT_ALIAS,
    ("AWS/Lex", "RuntimeLambdaErrors"): BY_BOT_ALIAS,
    ("AWS/Lex", "RuntimeSuccessfulRequestLatency"): BY_BOT_ALIAS,
    ("AWS/Lex", "RuntimeSystemErrors"): BY_BOT_ALIAS,
    ("AWS/Lex", "RuntimeThrottledEvents"): BY_BOT_ALIAS,
    ("AWS/States", "ExecutionsFailed"): BY_MACHINE,
    ("AWS/States", "ExecutionsStarted"): BY_MACHINE,
    ("AWS/States", "ExecutionsSucceeded"): BY_MACHINE,
    ("AWS/States", "ExecutionsTimedOut"): BY_MACHINE,
}
# The ends of names that the app composes.
ENDS = {
    "AnswerSource": {str(source) for source in Source},
    "Consent": {str(result) for result in ConsentResult},
    # create_lead's outcomes, in its docstring, and invoke_call's where a phone rang.
    "Outcome": {"created", "updated", "found", "placed"},
}

Metric = tuple[str, str, dict[str, str]]


def alarms(stage: str = "prod") -> dict[str, dict[str, Any]]:
    found = resources("watch", "AWS::CloudWatch::Alarm", stage).values()
    return {alarm["AlarmName"]: alarm for alarm in found}


def metrics_of(alarm: dict[str, Any]) -> Iterator[Metric]:
    stats = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", ()) if "MetricStat" in m]
    for metric in stats or [alarm]:
        dimensions = {d["Name"]: d["Value"] for d in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


def statistics_of(alarm: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    stats = [m["MetricStat"] for m in alarm.get("Metrics", ()) if "MetricStat" in m]
    for stat in stats or [{"Metric": alarm, "Stat": alarm.get("Statistic")}]:
        yield stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], stat["Stat"]


def dashboard(stage: str = "prod") -> dict[str, Any]:
    [made] = resources("watch", "AWS::CloudWatch::Dashboard", stage).values()
    body: dict[str, Any] = json.loads(made["DashboardBody"])
    return body


def shown(stage: str) -> Iterator[Metric]:
    for widget in dashboard(stage)["widgets"]:
        for namespace, name, *rest in widget["properties"].get("metrics", ()):
            names = [part for part in rest if isinstance(part, str)]
            yield namespace, name, dict(zip(names[::2], names[1::2], strict=True))


def used(stage: str = "prod") -> list[Metric]:
    watched = [metric for alarm in alarms(stage).values() for metric in metrics_of(alarm)]
    return watched + list(shown(stage))


@cache
def emitted() -> dict[str, set[str]]:
    """Every metric's name in the app's code, as a pattern, and the files that emit it."""
    names: dict[str, set[str]] = {}
    for path in LIBRARY.rglob("*.py"):
        for name in emitted_by(ast.parse(path.read_text(encoding="utf-8"))):
            names.setdefault(name, set()).add(path.relative_to(LIBRARY).as_posix())
    return names


def emitted_by(tree: ast.AST) -> Iterator[str]:
    """The keys under which a value stands beside its unit."""
    for node in ast.walk(tree):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            pairs = [(node.targets[0].slice, node.value)]
        yield from (pattern(key) for key, value in pairs if key and is_measured(value))


def is_measured(value: ast.expr) -> bool:
    match value:
        case ast.Tuple(elts=[_, ast.Constant(value=unit)]):
            return unit in UNITS
    return False


def pattern(key: ast.expr) -> str:
    match key:
        case ast.Constant(value=str(name)):
            return re.escape(name)
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), ast.FormattedValue()]):
            return rf"{re.escape(start)}\w+"
    raise AssertionError(f"a metric's name that cannot be read: {ast.unparse(key)}")


def emitters(name: str) -> set[str]:
    found = [files for known, files in emitted().items() if re.fullmatch(known, name)]
    return set().union(*found)


def test_alarms_are_those_that_ops_knows_in_its_order() -> None:
    for stage in STAGES:
        assert list(alarms(stage)) == alarm_names(stage)


def test_dashboard_has_the_name_that_ops_knows() -> None:
    for stage in STAGES:
        [made] = resources("watch", "AWS::CloudWatch::Dashboard", stage).values()
        assert made["DashboardName"] == dashboard_name(stage)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.slug)
def test_every_alarm_has_a_page_and_says_where(alarm: Any) -> None:
    assert (ROOT / alarm.runbook).is_file()
    assert alarms()[alarm.on("prod")]["AlarmDescription"].endswith(f"Runbook: {alarm.runbook}")


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.slug)
def test_the_bill_counts_the_metrics_that_an_alarm_looks_at(alarm: Any) -> None:
    assert alarm.metrics == len(list(metrics_of(alarms()[alarm.on("prod")])))


def test_every_page_belongs_to_an_alarm_and_says_the_same_things() -> None:
    pages = set((ROOT / "docs" / "runbooks").glob("*.md")) - {ROOT / "docs/runbooks/README.md"}
    assert pages == {ROOT / alarm.runbook for alarm in ALARMS}
    for page in pages:
        headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["What it means", "Look", "Do"], page.name


@pytest.mark.parametrize("name", alarm_names("prod"))
def test_every_alarm_tells_the_team_when_it_goes_off_and_when_it_is_over(name: str) -> None:
    topic = f"arn:aws:sns:{REGION}:123456789012:{team_topic('prod')}"
    alarm = alarms()[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]


@pytest.mark.parametrize("stage", STAGES)
def test_silence_is_bad_only_where_something_has_to_run_or_somebody_to_come(stage: str) -> None:
    told = {
        f"atlas-{stage}-recovery-stopped": "breaching",
        f"atlas-{stage}-nobody-served": "breaching" if stage == "prod" else "notBreaching",
        # Where nobody counts, leads may wait all the same.
        f"atlas-{stage}-leads-parked": "ignore",
    }
    for name, alarm in alarms(stage).items():
        assert alarm["TreatMissingData"] == told.get(name, "notBreaching"), name


def test_a_total_outage_rings_and_a_quiet_night_does_not() -> None:
    alarm = alarms()["atlas-prod-nobody-served"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("Turns", "Sum", 1)
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    assert 12 <= alarm["Period"] * alarm["EvaluationPeriods"] / 3600 <= 24
    longest = template("watch")["Parameters"]["SilenceLimitHours"]["MaxValue"]
    assert alarm["Period"] * longest <= 604_800, "CloudWatch takes a week at most"


@pytest.mark.parametrize("name", alarm_names("prod"))
def test_one_visitors_wait_wakes_nobody(name: str) -> None:
    """An average or percentile needs a count of the same metric, a percentage one of failures."""
    alarm = alarms()[name]
    assert alarm.get("Statistic", "Sum") != "Average"
    assert "ExtendedStatistic" not in alarm
    if "Metrics" not in alarm:
        return
    returned, *stats = alarm["Metrics"]
    by_id = {stat["Id"]: stat["MetricStat"] for stat in stats}
    found = re.fullmatch(r"IF\((\w+) >= (\d+), (.+), 0\)", returned["Expression"])
    assert found
    assert int(found[2]) >= 3
    if taken := by_id.get("taken"):
        assert by_id[found[1]] == taken | {"Stat": "SampleCount"}
        assert taken["Stat"] != "p99" or int(found[2]) == 100


@pytest.mark.parametrize("stage", STAGES)
def test_one_environment_that_is_in_use_is_no_alarm(stage: str) -> None:
    limit = alarms(stage)[f"atlas-{stage}-provisioned-utilization"]["Threshold"]
    ready = STAGE_SIZES[stage].provisioned_fulfillment
    assert (ready - 1) / ready < limit <= 1 if ready > 1 else limit == 1


@pytest.mark.parametrize("name", alarm_names("prod"))
def test_no_alarm_looks_further_back_than_cloudwatch_lets_it(name: str) -> None:
    # A day for periods below an hour, a week from there on; DatapointsToAlarm within the periods.
    alarm = alarms()[name]
    stats = [m["MetricStat"] for m in alarm.get("Metrics", ()) if "MetricStat" in m]
    periods = {stat["Period"] for stat in stats or [alarm]}
    [period] = periods
    longest = 86_400 if period < 3600 else 604_800
    assert period * alarm["EvaluationPeriods"] <= longest
    assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_metric_is_emitted_by_the_app_or_documented_by_aws(stage: str) -> None:
    for namespace, name, dimensions in used(stage):
        if namespace == NAMESPACE:
            assert emitters(name), f"nobody emits {name}"
            assert dimensions["Stage"] == stage
        else:
            assert OF_AWS[(namespace, name)] == set(dimensions), name


def test_every_composed_name_ends_as_the_app_ends_it() -> None:
    for namespace, name, _ in used():
        start, dot, end = name.partition(".")
        if namespace == NAMESPACE and dot:
            assert end in ENDS[start], name


def test_every_metric_is_asked_for_by_the_dimensions_it_has() -> None:
    for namespace, name, dimensions in used():
        if namespace != NAMESPACE:
            continue
        if name in OF_THE_STAGE:
            assert set(dimensions) == {"Stage"}, name
        elif "steps/boundary.py" in emitters(name):
            assert set(dimensions) == {"Stage", "Step"}, name
            assert dimensions["Step"] in {f.name for f in FUNCTIONS}
        else:
            assert set(dimensions) == {"Stage", "Channel"}, name
            assert dimensions["Channel"] in ("chat", "phone")


@pytest.mark.parametrize("stage", STAGES)
def test_names_of_other_stacks_are_theirs(stage: str) -> None:
    functions = {function_name(stage, f.name) for f in FUNCTIONS}
    for _, _, dimensions in used(stage):
        function = dimensions.get("FunctionName")
        assert function is None or function in functions
        assert dimensions.get("Resource") in (None, f"{function}:live")
        assert dimensions.get("StateMachineArn", "").endswith(
            f":{lead_workflow(stage)}" if "StateMachineArn" in dimensions else ""
        )
        assert dimensions.get("BotId") in (None, GIVEN["BotId"])
        assert dimensions.get("BotAliasId") in (None, GIVEN["BotAliasId"])


def test_a_name_that_nobody_emits_would_be_noticed() -> None:
    assert emitters("TurnLatency") == {"fulfillment.py"}
    assert emitters("AnswerSource.grounded")
    assert not emitters("TurnLatencies")


def test_both_channels_have_the_same_alarms() -> None:
    chat = {a.slug.removesuffix("-chat") for a in ALARMS if a.slug.endswith("-chat")}
    phone = {a.slug.removesuffix("-phone") for a in ALARMS if a.slug.endswith("-phone")}
    assert chat == phone


def test_what_the_issue_asks_for_is_watched() -> None:
    watched = {seen for alarm in alarms().values() for seen in statistics_of(alarm)}
    assert ("Atlas", "TurnLatency", "Average") in watched
    assert ("Atlas", "TurnLatency", "p99") in watched
    assert ("AWS/Lex", "RuntimeSuccessfulRequestLatency", "p99") in watched
    names = {metric for _, metric, _ in watched}
    assert names >= {"RuntimeSystemErrors", "Turns"}
    assert names >= {
        *("Failed", "Errors", "Throttles", "ColdStart", "ParkedLeads", "EstimatedCost"),
        *("ProvisionedConcurrencySpilloverInvocations", "ExecutionsFailed", "ExecutionsTimedOut"),
    }


def test_nobody_is_subscribed_without_an_address() -> None:
    subscription = template("watch")["Resources"]["AlarmSubscription"]
    assert subscription["Condition"] == "HasAlarmEmail"
    [equals] = template("watch")["Conditions"]["HasAlarmEmail"]["Fn::Not"]
    assert equals == {"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}


@pytest.mark.parametrize("stage", STAGES)
def test_dashboard_lists_every_alarm(stage: str) -> None:
    [widget] = [w for w in dashboard(stage)["widgets"] if w["type"] == "alarm"]
    names = [arn.rpartition(":alarm:")[2] for arn in widget["properties"]["alarms"]]
    assert names == alarm_names(stage)


def test_dashboard_has_lexs_latency_beside_the_turns() -> None:
    titles = [
        widget["properties"]["title"]
        for widget in dashboard()["widgets"]
        if {"TurnLatency", "RuntimeSuccessfulRequestLatency"}
        <= {metric[1] for metric in widget["properties"].get("metrics", ())}
    ]
    assert titles == [
        "How long a visitor waits for a reply, on average (ms)",
        "How long a visitor waits in the chat",
    ]


def test_dashboard_answers_what_a_manager_asks() -> None:
    asked = {
        (metric[1], metric[-1]["stat"])
        for widget in dashboard()["widgets"]
        if widget["properties"].get("view") == "singleValue"
        for metric in widget["properties"]["metrics"]
    }
    assert asked >= {
        ("Conversations", "Sum"),
        ("RuntimeSuccessfulRequestLatency", "Average"),
        ("Consent.recorded", "Sum"),
        ("Outcome.placed", "Sum"),
        ("Outcome.created", "Sum"),
        ("VisitorRating", "Average"),
        ("EstimatedCost", "Sum"),
    }
    assert all(
        widget["properties"]["setPeriodToTimeRange"]
        for widget in dashboard()["widgets"]
        if widget["properties"].get("view") == "singleValue"
    )


def test_what_a_month_costs_is_of_a_month_whatever_time_is_chosen() -> None:
    starts = {w["properties"]["title"]: w["properties"].get("start") for w in dashboard()["widgets"]
              if w["type"] == "metric"}  # fmt: skip
    assert {title: start for title, start in starts.items() if start} == {
        "What the models cost in 30 days": "-P30D"
    }


def test_dashboards_rows_follow_each_other_without_overlap() -> None:
    rows: dict[int, list[dict[str, Any]]] = {}
    for widget in dashboard()["widgets"]:
        rows.setdefault(widget["y"], []).append(widget)
    bottoms = [0]
    for top, row in sorted(rows.items()):
        assert top == bottoms[-1]
        assert sum(widget["width"] for widget in row) == 24
        ends = [widget["x"] + widget["width"] for widget in row]
        assert [widget["x"] for widget in row] == [0, *ends[:-1]]
        [height] = {widget["height"] for widget in row}
        bottoms.append(top + height)
    assert all(low < high for low, high in pairwise(bottoms))


def test_every_line_of_the_dashboard_has_words_of_its_own() -> None:
    for widget in dashboard()["widgets"]:
        labels = [metric[-1]["label"] for metric in widget["properties"].get("metrics", ())]
        assert len(set(labels)) == len(labels)
