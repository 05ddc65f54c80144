"""`python -m ops salesforce` before the sandbox's Salesforce: what is missing is said, by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import __main__ as command_line
from ops import team_verbs
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.latency import Latency
from sandbox.salesforce import SalesforceServer
from tests.fakes import FakeSecretsManager

ARGUMENTS = ("salesforce", "--stage", "local", "--json")


@pytest.fixture
def org(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SalesforceServer]:
    faults = Faults()
    server = SalesforceServer(tmp_path, Latency(), faults, CallCounters())
    server.start()
    manager = FakeSecretsManager(**{"atlas/local/salesforce": server.secret()})
    monkeypatch.setattr(team_verbs, "client", lambda stage, service: manager)
    yield server
    faults.close()
    server.close()


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return {row["what"]: row["result"] for row in rows}


def test_an_organisation_with_all_it_needs_passes(
    org: SalesforceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(ARGUMENTS) == 0
    assert set(told(capsys).values()) == {"ok"}


def test_a_missing_external_id_is_named_on_both_objects(
    org: SalesforceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    org.change({"has_external_id_field": False})
    assert command_line.main(ARGUMENTS) == 1
    problems = told(capsys)
    for name in ("Lead", "Task"):
        subject = f"{name}: external id Atlas_Interaction_Id__c"
        assert problems[subject].startswith("there is no such field")


def test_one_that_is_not_unique_is_told(
    org: SalesforceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    org.change({"external_id_is_unique": False})
    assert command_line.main(ARGUMENTS) == 1
    assert "two records" in told(capsys)["Lead: external id Atlas_Interaction_Id__c"]


def test_an_organisation_that_does_not_answer_is_no_finding(
    org: SalesforceServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    org.close()
    assert command_line.main(ARGUMENTS) == 3
    assert "salesforce" in capsys.readouterr().err


def test_a_login_that_is_refused_is_the_finding(
    org: SalesforceServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manager = FakeSecretsManager(
        **{"atlas/local/salesforce": org.secret() | {"username": "nobody@example.com"}}
    )
    monkeypatch.setattr(team_verbs, "client", lambda stage, service: manager)
    assert command_line.main(ARGUMENTS) == 1
    assert "invalid_grant" in told(capsys)["Lead: login and description"]
