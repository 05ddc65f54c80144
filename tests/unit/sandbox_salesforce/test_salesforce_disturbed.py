"""Faults, latencies and counts of the Salesforce port, and its part of the control API."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from salesforce_harness import KEY_FIELD, TIMEOUT, RunningSalesforce, error
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceMalformedRequest
from simple_salesforce.format import format_external_id

from sandbox.http_server import PortInUseError
from sandbox.other_services import OPERATIONS_BY_SERVICE
from sandbox.salesforce import SalesforceServer

LEAD = {"LastName": "Sample", "Company": "C"}


def fault(org: RunningSalesforce, **fault: Any) -> None:
    status, answer = org.control("POST", "faults", [{"service": "salesforce", **fault}])
    assert status == 200, answer


CODES = [
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 400),
    ("UNABLE_TO_LOCK_ROW", 400),
    ("DUPLICATE_VALUE", 400),
    ("INVALID_SESSION_ID", 401),
    ("REQUEST_LIMIT_EXCEEDED", 403),
    ("SERVER_UNAVAILABLE", 503),
    ("UNKNOWN_EXCEPTION", 500),
    ("SOMETHING_ELSE", 400),
]


@pytest.mark.parametrize(("code", "status"), CODES)
def test_a_fault_has_salesforce_s_shape_and_does_nothing(
    org: RunningSalesforce, code: str, status: int
) -> None:
    client = org.client()
    fault(org, operation="create", error=code)
    with pytest.raises(SalesforceError) as caught:
        client.Lead.create(LEAD)
    assert error(caught.value) == (status, code)
    assert org.server.records("Lead") == []


def test_duplicates_name_a_record(org: RunningSalesforce) -> None:
    client = org.client()
    fault(org, operation="upsert", error="DUPLICATES_DETECTED")
    path = format_external_id(KEY_FIELD, "k")
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.Lead.upsert(path, LEAD)
    result = caught.value.content[0]["duplicateResut"]["matchResults"][0]
    assert (result["size"], result["entityType"]) == (1, "Lead")
    assert result["matchRecords"][0]["record"]["Id"].startswith("00Q")
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert client.Lead.upsert(path, LEAD, headers=headers) == 201


def test_an_html_page_and_an_empty_body_are_no_json(org: RunningSalesforce) -> None:
    client = org.client()
    fault(org, error="HTML_503", count=1)
    with pytest.raises(SalesforceError) as caught:
        client.Lead.create(LEAD)
    assert (caught.value.status, caught.value.content[:6]) == (503, "<html>")
    fault(org, error="EMPTY_BODY", count=1)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.Lead.create(LEAD)
    assert org.server.records("Lead") == []


def test_the_token_endpoint_fails_in_oauth_s_shape(org: RunningSalesforce) -> None:
    fault(org, operation="token", error="SERVER_UNAVAILABLE")
    response = org.ask_token(org.assertion())
    assert (response.status_code, response.json()["error"]) == (503, "SERVER_UNAVAILABLE")


def test_a_fault_may_mean_one_object(org: RunningSalesforce) -> None:
    client = org.client()
    fault(org, operation="Task.create", error="UNABLE_TO_LOCK_ROW")
    lead = client.Lead.create(LEAD)["id"]
    with pytest.raises(SalesforceMalformedRequest):
        client.Task.create({"WhoId": lead})


def test_a_lost_answer_was_carried_out(org: RunningSalesforce) -> None:
    client = org.client()
    fault(org, operation="upsert", lose_answer=True, count=1)
    path = format_external_id(KEY_FIELD, "k")
    with pytest.raises(requests.exceptions.ConnectionError):
        client.Lead.upsert(path, LEAD)
    assert len(org.server.records("Lead")) == 1
    assert client.Lead.upsert(path, LEAD) == 200


def test_a_held_call_ends_as_unavailable(org: RunningSalesforce) -> None:
    client = org.client()
    fault(org, operation="create", hang=True)
    found: list[Any] = []

    def create() -> None:
        try:
            found.append(client.Lead.create(LEAD))
        except SalesforceError as exc:
            found.append(error(exc))

    thread = threading.Thread(target=create)
    thread.start()
    while org.counters.snapshot()["salesforce"].get("create", 0) == 0:
        thread.join(0.01)
    org.control("POST", "faults", [])
    thread.join(TIMEOUT)
    assert found == [(503, "SERVER_UNAVAILABLE")]


def test_every_operation_is_counted_by_its_name(org: RunningSalesforce) -> None:
    client = org.client()
    lead = client.Lead.create(LEAD)["id"]
    client.Lead.upsert(format_external_id(KEY_FIELD, "k"), LEAD)
    client.Lead.update(lead, {"City": "X"})
    client.Lead.get(lead)
    client.query("SELECT Id FROM Lead")
    client.Lead.describe()
    client.limits()
    client.restful("")
    client.Lead.delete(lead)
    org.http.get(f"{org.server.url}/services/data", timeout=TIMEOUT)
    org.http.get(f"{org.server.url}/elsewhere", timeout=TIMEOUT)
    status, calls = org.control("GET", "calls")
    assert (status, calls) == (200, {"salesforce": calls["salesforce"]})
    assert calls["salesforce"] == dict.fromkeys(OPERATIONS_BY_SERVICE["salesforce"], 1)


def test_a_new_connection_takes_longer_than_a_kept_one(
    org: RunningSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(org.faults, "pause", waits.append)
    org.latency.change("reported")
    token = org.token()
    client = org.client(token=token)
    for _ in range(2):
        client.Lead.create(LEAD)
    fault(org, operation="create", times_slower=10)
    client.Lead.create(LEAD)
    # The sandbox's own work is part of each figure, so what is left to wait is a little less.
    for wait, figure in zip(waits, [0.5, 0.8, 0.2, 2.0], strict=True):
        assert figure - 0.15 < wait < figure


def test_a_taken_port_is_told(org: RunningSalesforce, tmp_path: Path) -> None:
    port = int(org.secret["host"].rpartition(":")[2])
    with pytest.raises(PortInUseError, match=f"port {port} is in use"):
        SalesforceServer(tmp_path / "second", org.latency, org.faults, org.counters, port)


def test_settings_are_read_and_set(org: RunningSalesforce) -> None:
    expected = {
        "session_seconds": 7200,
        "has_external_id_field": True,
        "external_id_is_unique": True,
        "daily_api_requests": 100_000,
        "duplicate_rule": "off",
        "api_requests_used": 0,
    }
    assert org.control("GET", "salesforce") == (200, expected)
    changed = org.control("POST", "salesforce", {"session_seconds": 5})
    assert changed == (200, expected | {"session_seconds": 5})


BAD_SETTINGS: list[tuple[Any, str]] = [
    ({"colour": 1}, "unknown field 'colour'"),
    ({"session_seconds": -1}, "session_seconds must be a number from 0, not -1"),
    ({"session_seconds": True}, "session_seconds must be a number"),
    ({"daily_api_requests": 1.5}, "daily_api_requests must be a whole number"),
    ({"has_external_id_field": "no"}, "has_external_id_field must be true or false"),
    ({"duplicate_rule": "strict"}, "one of off, alert, block, not 'strict'"),
    ({"expire_sessions": 1}, "expire_sessions must be true or false"),
    ([], "must be an object"),
]


@pytest.mark.parametrize(("body", "words"), BAD_SETTINGS)
def test_a_bad_setting_changes_nothing(org: RunningSalesforce, body: Any, words: str) -> None:
    before = org.control("GET", "salesforce")
    status, answer = org.control("POST", "salesforce", body)
    assert status == 400
    assert words in answer["message"]
    assert org.control("GET", "salesforce") == before


def test_records_are_shown_oldest_first(org: RunningSalesforce, salesforce: Salesforce) -> None:
    made = [salesforce.Lead.create({**LEAD, "LastName": name})["id"] for name in ("A", "B", "C")]
    salesforce.Lead.delete(made[1])
    status, records = org.control("GET", "salesforce/Lead")
    assert (status, [record["Id"] for record in records]) == (200, [made[0], made[2]])
    assert records[0]["LastName"] == "A"
    assert "attributes" not in records[0]
    assert org.control("GET", "salesforce/Task") == (200, [])
    assert org.control("GET", "salesforce/Nope")[0] == 404
