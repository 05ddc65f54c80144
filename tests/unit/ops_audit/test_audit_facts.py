"""What is read out of AWS's answers: definitions, metrics' dimensions, lines, statements."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.answer import Source
from chalicelib.observability import NAMESPACE
from ops.audit import metric_facts
from ops.audit.alarm_rows import subscribed
from ops.audit.chain_rows import provisioned_is_ready
from ops.audit.function_rows import max_tokens, models
from ops.audit.lambda_facts import Served, allows, condition, served_versions
from ops.audit.load_rows import scaling
from ops.audit.log_rows import kinds
from ops.audit.metric_facts import Query, read, read_warmth
from ops.audit.reading import Unobserved
from ops.audit.rows import passed
from ops.audit.workflow_facts import tasks

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:atlas-dev-"
END = datetime(2026, 1, 2, tzinfo=UTC)


def test_sources_of_answers_and_the_namespace_are_the_apps_own() -> None:
    named = {*metric_facts.SHARED, *metric_facts.MADE}
    assert named == {str(source) for source in Source} - {"fixed"}
    assert metric_facts.NAMESPACE == NAMESPACE


def _task(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION + name, **more}


def test_tasks_are_found_behind_choices_and_catches_and_in_nested_branches() -> None:
    inner = {"StartAt": "Call", "States": {"Call": _task("invoke_call:live", End=True)}}
    beside = {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [inner]}}}
    definition = {
        "StartAt": "Ask",
        "States": {
            "Ask": {"Type": "Choice", "Choices": [{"Next": "Lead"}], "Default": "Beside"},
            "Lead": _task("create_lead", Catch=[{"Next": "Sorry"}], Next="Beside"),
            "Sorry": _task("update_lead:live", Next="Lead"),
            "Beside": {"Type": "Parallel", "Branches": [beside], "End": True},
        },
    }
    found = {task.state: task for task in tasks(definition)}
    assert found["Lead"].before == ("Ask",)
    assert found["Sorry"].before == ("Ask", "Lead")
    assert found["Call"].before == ("Ask",)
    assert found["Call"].branches == (("Beside", 0), ("Both", 0))
    assert found["Call"].target == FUNCTION + "invoke_call:live"


def test_a_target_that_is_known_only_at_run_time_is_no_target() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName.$": "$.function"},
        "End": True,
    }
    (task,) = tasks({"StartAt": "One", "States": {"One": state}})
    assert (task.target, task.timeout_seconds) == ("", None)


def test_a_definition_that_leads_nowhere_ends() -> None:
    assert tasks({}) == []
    assert tasks({"StartAt": "Lost", "States": {}}) == []


class CloudWatch:
    """Metrics by name and dimensions; a page holds one result."""

    def __init__(self, values: dict[tuple[str, tuple[tuple[str, str], ...]], list[float]]) -> None:
        self.values, self.asked = values, []

    def list_metrics(self, MetricName: str, **_: Any) -> dict[str, Any]:
        sets = [dimensions for name, dimensions in self.values if name == MetricName]
        return {
            "Metrics": [
                {"Dimensions": [{"Name": n, "Value": v} for n, v in dimensions]}
                for dimensions in sets
            ]
        }

    def get_metric_data(
        self, MetricDataQueries: list[dict[str, Any]], NextToken: str = "0", **_: Any
    ) -> dict[str, Any]:
        at = int(NextToken)
        query = MetricDataQueries[at]
        self.asked.append(len(MetricDataQueries))
        metric = query["MetricStat"]["Metric"]
        key = metric["MetricName"], tuple((d["Name"], d["Value"]) for d in metric["Dimensions"])
        page = {"MetricDataResults": [{"Id": query["Id"], "Values": self.values.get(key, [])}]}
        return page | ({"NextToken": str(at + 1)} if at + 1 < len(MetricDataQueries) else {})


def context(cloudwatch: CloudWatch) -> Any:
    return SimpleNamespace(stage="dev", clients=SimpleNamespace(of=lambda service: cloudwatch))


def test_warmth_is_that_of_the_live_version_under_either_of_its_names() -> None:
    function = ("FunctionName", "atlas-dev-lex_fulfillment")
    by_version = (function, ("Resource", "atlas-dev-lex_fulfillment:7"))
    former = (function, ("Resource", "atlas-dev-lex_fulfillment:6"))
    by_alias = (("ExecutedVersion", "7"), function, ("Resource", "atlas-dev-lex_fulfillment:live"))
    former_by_alias = (("ExecutedVersion", "6"), *by_alias[1:])
    values = {
        ("ProvisionedConcurrencyUtilization", by_version): [0.25, 0.5],
        ("ProvisionedConcurrencyUtilization", former): [1.0],
        ("ProvisionedConcurrencySpilloverInvocations", by_alias): [1.0, 2.0],
        ("ProvisionedConcurrencySpilloverInvocations", by_version): [3.0],
        ("ProvisionedConcurrencySpilloverInvocations", former_by_alias): [90.0],
        ("ProvisionedConcurrencyInvocations", former): [40.0],
        ("Invocations", (function,)): [50.0, 5.0],
    }
    warmth = read_warmth(context(CloudWatch(values)), "7", END, 24)
    assert (warmth.utilisation, warmth.spilled) == (0.5, 3.0)
    assert (warmth.provisioned, warmth.invocations) == (40.0, 55.0)


def test_what_was_never_measured_is_none_and_no_zero() -> None:
    warmth = read_warmth(context(CloudWatch({})), "7", END, 24)
    assert (warmth.utilisation, warmth.spilled, warmth.invocations) == (None, None, None)


def test_no_request_asks_for_more_metrics_than_one_may() -> None:
    cloudwatch = CloudWatch({("m600", ()): [1.0, 2.0]})
    queries = [Query("Any", f"m{i}", ()) for i in range(601)]
    found = read(context(cloudwatch), queries, END, 1)
    assert (found[600], found[0]) == (3.0, None)
    assert max(cloudwatch.asked) == 500


@pytest.mark.parametrize(
    "text",
    [
        '{"message": "lead", "caller": "+14155550123"}',
        "called +1 (415) 555-0123 twice",
        '{"error": "no such number: 0049 170 1234567"}',
        '{"outer": [{"inner": "mail mary@example.com"}]}',
        "[ERROR] KeyError: 'SELECT Id FROM Lead'",
        '{"event": {"inputTranscript": "hello"}}',
        '{"task_token": "AAAA"}',
        '{"message": "turn", "number": 14155550123}',
        "Traceback: token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhYmMifQ",
    ],
)
def test_what_is_of_a_person_is_seen_and_not_repeated(text: str) -> None:
    found = list(kinds(text))
    assert found
    assert not any(digits in kind for kind in found for digits in ("555", "mary", "AAAA", "eyJ"))


@pytest.mark.parametrize(
    "text",
    [
        "REPORT RequestId: 8f5b3a1e-0000-4000-8000-123456789012 Duration: 12345678901.12 ms",
        '{"model": "global.anthropic.claude-haiku-4-5-20251001-v1:0", "TurnLatency": 812.123}',
        '{"trace_id": "1-5759e988-bd862e3fe1be46a994272793", "session": "h-12ab"}',
        '{"interaction_id": "0123456789abcdef0123456789abcdef", "slots": []}',
        '{"_aws": {"Timestamp": 1795495580884}, "at": "2026-11-24T04:46:20.884Z"}',
        '{"arn": "arn:aws:states:us-east-1:123456789012:stateMachine:atlas"}',
        '{"message": "turn", "ModelTokens": 123456789, "TurnLatency": 1234567890.5}',
        '{"expires_at": 1795495580}',
        "2026-11-24 04:46:20,884 worker ready after 1795495580884",
    ],
)
def test_what_machines_write_is_nobodys(text: str) -> None:
    assert list(kinds(text)) == []


def test_only_the_versions_that_have_traffic_are_served() -> None:
    shared = {"AdditionalVersionWeights": {"8": 0.1, "9": 0.0}}
    assert served_versions({"FunctionVersion": "7", "RoutingConfig": shared}) == ["7", "8"]
    assert served_versions({"FunctionVersion": "7"}) == ["7"]
    assert served_versions(None) == ["$LATEST"]


def test_a_statement_is_read_as_iam_reads_it() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["lexv2.amazonaws.com"]},
        "Condition": {
            "ArnLike": {"AWS:SourceArn": "a"},
            "StringNotEquals": {"aws:SourceAccount": "b"},
        },
    }
    assert allows(statement, "lexv2.amazonaws.com")
    assert not allows(statement, "events.amazonaws.com")
    assert not allows(statement | {"Effect": "Deny"}, "lexv2.amazonaws.com")
    assert allows({"Effect": "Allow", "Principal": "*"}, "lexv2.amazonaws.com")
    assert condition(statement, "aws:SourceArn") == ["a"]
    # What must not be the account leaves every other one in.
    assert condition(statement, "aws:SourceAccount") == []


def test_a_stage_that_is_not_meant_to_be_scaled_keeps_its_count() -> None:
    served = SimpleNamespace(version="7")
    facts: Any = SimpleNamespace(stage="local", scaling={}, of=lambda function: [served])
    assert scaling(facts) == passed("stage local keeps 2")
    facts.stage = "prod"
    assert scaling(facts).status == "fail"


@pytest.mark.parametrize(
    ("status", "available", "requested", "verdict"),
    [
        ("READY", 5, 5, "pass"),
        ("IN_PROGRESS", 5, 8, "pass"),
        ("IN_PROGRESS", 3, 5, "fail"),
        ("READY", 4, 5, "fail"),
        ("READY", 2, 2, "fail"),
        ("FAILED", 0, 5, "fail"),
    ],
)
def test_what_scaling_still_adds_takes_nothing_from_what_is_ready(
    status: str, available: int, requested: int, verdict: str
) -> None:
    config = {
        "Status": status,
        "AvailableProvisionedConcurrentExecutions": available,
        "RequestedProvisionedConcurrentExecutions": requested,
    }
    served = SimpleNamespace(version="7")
    facts: Any = SimpleNamespace(stage="prod", provisioned={"7": config}, of=lambda name: [served])
    assert provisioned_is_ready(facts).status == verdict


def _serving(**variables: str) -> Any:
    served = Served("lex_fulfillment", "live", "3", {"Environment": {"Variables": variables}})
    return SimpleNamespace(of=lambda _: [served], functions=[served])


@pytest.mark.parametrize("routes", ["", "[", "[]", '{"simple": 5}', '{"simple": ["m"]}'])
@pytest.mark.parametrize("look", [max_tokens, models])
def test_routes_that_cannot_be_read_are_unknown_and_end_no_audit(look: Any, routes: str) -> None:
    with pytest.raises(Unobserved, match="no readable MODEL_ROUTES"):
        look(_serving(MODEL_ROUTES=routes, MODEL_TABLE="{}"))


@pytest.mark.parametrize(
    ("table", "deadline"),
    [
        ('{"m": {}}', "800"),
        ('{"m": {"first_ms": [1], "hundred_characters_ms": [1, 2]}}', "800"),
        ('{"m": {"first_ms": [1, 2], "hundred_characters_ms": [1, 2]}}', "soon"),
    ],
)
def test_times_that_cannot_be_read_fail_the_row_on_models(table: str, deadline: str) -> None:
    verdict = models(
        _serving(
            MODEL_ROUTES='{"simple": {"models": ["m"]}}',
            MODEL_TABLE=table,
            TURN_DEADLINE_MS=deadline,
        )
    )
    assert verdict.status == "fail"
    assert "cannot be read" in verdict.found


def test_a_subscription_that_nobody_confirmed_is_none() -> None:
    status_by_arn = {"PendingConfirmation": "fail", "arn:aws:sns:us-east-1:1:team:x": "pass"}
    for arn, status in status_by_arn.items():
        facts: Any = SimpleNamespace(subscriptions=[{"SubscriptionArn": arn}], stage="dev")
        assert subscribed(facts).status == status
