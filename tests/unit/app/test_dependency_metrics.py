"""What requests to Salesforce and models without a turn are measured by."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.answer import Generated
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.model_metrics import CountedModels
from chalicelib.observability import TRACER, Log
from chalicelib.prompts import Message, Prompt
from chalicelib.salesforce import Salesforce
from chalicelib.secret_store import SecretStore
from chalicelib.services import note_salesforce
from tests.fakes import (
    HAIKU,
    ROUTES,
    SETTINGS,
    TRACE_HEADER,
    FakeClock,
    FakeModels,
    FakeSecretsManager,
    LogLines,
)
from tests.salesforce_fake import EXTERNAL_ID, FakeSalesforce, a_secret, problem
from tests.xray_daemon import Daemon

INTERACTION = "ab" * 16
FIELDS = {"LastName": "O'Neil", "Phone": "+14155550132", "Company": "x", "Status": "Open"}
DIMENSIONS = {"Stage": "dev", "Step": "keep_warm"}


@pytest.fixture
def lines() -> LogLines:
    return LogLines()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = Daemon()
    monkeypatch.setattr(TRACER, "_send", daemon)
    return daemon


def noted(lines: LogLines, fake: FakeSalesforce) -> Salesforce:
    log = Log(write=lines.append)
    manager = FakeSecretsManager(**{SETTINGS.salesforce_secret: a_secret()})
    return Salesforce(
        SecretStore(lambda: manager, fake.clock),
        SETTINGS.salesforce_secret,
        SETTINGS.salesforce_api_version,
        EXTERNAL_ID,
        transport=lambda: fake,
        note=lambda asked, status, seconds: note_salesforce(log, "dev", asked, status, seconds),
    )


def test_each_request_to_salesforce_is_a_metric_of_the_stage_and_a_subsegment(
    lines: LogLines, daemon: Daemon
) -> None:
    salesforce = noted(lines, FakeSalesforce(FakeClock()))
    with TRACER.invocation("create_lead", TRACE_HEADER):
        salesforce.upsert_lead(FIELDS, INTERACTION)
    salesforce.close()
    told = [(line["asked"], line["status"]) for line in lines.of("salesforce")]
    assert told == [("POST token", 200), ("GET query", 200), ("PATCH Lead", 201)]
    assert all(line["SalesforceLatency"] > 0 for line in lines.records)
    (directive,) = lines.records[0]["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Stage"]]
    *calls, step = daemon.documents
    assert [call["annotations"]["asked"] for call in calls] == [asked for asked, _ in told]
    assert {call["parent_id"] for call in calls} == {step["id"]}
    written = "".join(lines) + str(daemon.documents)
    assert not [word for word in ("Neil", "0132", INTERACTION) if word in written]


def test_a_request_that_salesforce_refuses_is_measured_too(lines: LogLines, daemon: Daemon) -> None:
    fake = FakeSalesforce(FakeClock())
    salesforce = noted(lines, fake)
    salesforce.upsert_lead(FIELDS, INTERACTION)
    fake.faults.append(("GET query", problem("SERVER_UNAVAILABLE", 503)))
    with TRACER.invocation("create_lead", TRACE_HEADER), pytest.raises(DependencyError):
        salesforce.find_lead(FIELDS, INTERACTION)
    salesforce.close()
    assert lines.of("salesforce")[-1]["status"] == 503
    assert daemon.documents[0]["fault"] is True


def test_a_model_without_a_turn_says_what_it_cost(lines: LogLines) -> None:
    clock = FakeClock()
    models = CountedModels(FakeModels(clock), Log(write=lines.append), DIMENSIONS)
    prompt = Prompt("be brief", (Message("user", "what is it"),))
    deadline = Deadline.after(5, clock=clock)
    came: Generated = models.complete(prompt, ROUTES["simple"], deadline)
    (line,) = lines.of("model")
    assert (came.model, line["model"], line["stop_reason"]) == (HAIKU, HAIKU, "end_turn")
    assert (line["ModelTokens"], line["ModelInputTokens"]) == (30, 200)
    by_dimensions: dict[tuple[str, ...], Any] = {
        tuple(each["Dimensions"][0]): [metric["Name"] for metric in each["Metrics"]]
        for each in line["_aws"]["CloudWatchMetrics"]
    }
    assert by_dimensions["Stage",] == ["EstimatedCost"]
    assert "ModelTokens" in by_dimensions["Stage", "Step"]
