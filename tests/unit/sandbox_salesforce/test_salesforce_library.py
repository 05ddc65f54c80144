"""The unchanged simple-salesforce library against the stand-in, over TLS."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from salesforce_harness import KEY_FIELD, TIMEOUT, RunningSalesforce, error
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_external_id

from sandbox import http_server

LEAD = {"LastName": "Sample", "FirstName": "Ann", "Company": "[unknown]", "Phone": "+15550100"}


def upsert(client: Salesforce, key: str, data: dict[str, object] | None = None) -> int:
    path = format_external_id(KEY_FIELD, key)
    return int(client.Lead.upsert(path, LEAD if data is None else data))


def test_a_lead_is_created_read_updated_and_deleted(salesforce: Salesforce) -> None:
    made = salesforce.Lead.create(LEAD)
    assert made["success"] is True
    assert salesforce.Lead.update(made["id"], {"Description": "called"}) == 204
    lead = salesforce.Lead.get(made["id"])
    assert lead["attributes"]["type"] == "Lead"
    assert (lead["Name"], lead["Description"]) == ("Ann Sample", "called")
    assert lead["Status"] == "Open - Not Contacted"
    assert salesforce.Lead.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        salesforce.Lead.get(made["id"])


def test_upsert_creates_once_and_then_updates(org: RunningSalesforce) -> None:
    client = org.client()
    path = format_external_id(KEY_FIELD, "a" * 32)
    first = client.Lead.upsert(path, LEAD, raw_response=True)
    second = client.Lead.upsert(path, {"Description": "again"}, raw_response=True)
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert first.json()["id"] == second.json()["id"]
    (record,) = org.server.records("Lead")
    assert (record[KEY_FIELD], record["Description"]) == ("a" * 32, "again")


def test_an_upsert_of_old_versions_answers_without_a_body(org: RunningSalesforce) -> None:
    client = org.client(version="45.0")
    assert [upsert(client, "k"), upsert(client, "k")] == [201, 204]


def test_upserts_at_the_same_time_make_one_record(org: RunningSalesforce) -> None:
    clients = [org.client() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda client: upsert(client, "one"), clients * 4))
    assert sorted(statuses) == [200] * 31 + [201]
    assert len(org.server.records("Lead")) == 1


def test_an_external_id_of_several_records_is_300(org: RunningSalesforce) -> None:
    org.control("POST", "salesforce", {"external_id_is_unique": False})
    client = org.client()
    ids = [client.Lead.create({**LEAD, KEY_FIELD: "same"})["id"] for _ in range(2)]
    with pytest.raises(SalesforceMoreThanOneRecord) as caught:
        upsert(client, "same")
    assert [url.rpartition("/")[2] for url in caught.value.content] == ids
    with pytest.raises(SalesforceMoreThanOneRecord):
        client.Lead.get_by_custom_id(KEY_FIELD, "same")


def test_a_record_is_read_and_deleted_by_its_external_id(salesforce: Salesforce) -> None:
    key = "O'Neil & Söhne/50% +1"
    assert upsert(salesforce, key) == 201
    assert salesforce.Lead.get_by_custom_id(KEY_FIELD, key)["LastName"] == "Sample"
    assert salesforce.Lead.delete(format_external_id(KEY_FIELD, key)) == 204
    with pytest.raises(SalesforceResourceNotFound):
        salesforce.Lead.get_by_custom_id(KEY_FIELD, key)


def test_a_field_that_is_no_external_id_is_not_found(salesforce: Salesforce) -> None:
    for field in ("LastName", "Nothing__c"):
        with pytest.raises(SalesforceResourceNotFound) as caught:
            salesforce.Lead.upsert(f"{field}/x", LEAD)
        assert field in caught.value.content[0]["message"]


def test_update_only_creates_nothing(org: RunningSalesforce) -> None:
    client = org.client()
    path = f"sobjects/Lead/{KEY_FIELD}/gone?updateOnly=true"
    with pytest.raises(SalesforceResourceNotFound):
        client.restful(path, method="PATCH", json={"Description": "x"})
    assert org.server.records("Lead") == []


def test_a_query_finds_a_name_with_quotes_and_soql_in_it(salesforce: Salesforce) -> None:
    name = "O'Neil' OR Name LIKE '%\\"
    salesforce.Lead.create({**LEAD, "LastName": name})
    salesforce.Lead.create(LEAD)
    found = salesforce.query(format_soql("SELECT Id, LastName FROM Lead WHERE LastName = {}", name))
    assert (found["totalSize"], found["done"]) == (1, True)
    assert found["records"][0]["LastName"] == name
    assert found["records"][0]["attributes"]["url"].endswith(found["records"][0]["Id"])


def test_deleted_records_are_found_only_when_asked_for(salesforce: Salesforce) -> None:
    made = salesforce.Lead.create(LEAD)
    salesforce.Lead.delete(made["id"])
    query = "SELECT Id, IsDeleted FROM Lead"
    assert salesforce.query(query)["totalSize"] == 0
    assert salesforce.query(query, include_deleted=True)["records"][0]["IsDeleted"] is True


def test_describe_says_whether_the_external_id_field_is_there(org: RunningSalesforce) -> None:
    client = org.client()

    def field() -> dict[str, object]:
        fields = client.Lead.describe()["fields"]
        return next((dict(f) for f in fields if f["name"] == KEY_FIELD), {})

    found = field()
    assert (found["externalId"], found["unique"], found["length"]) == (True, True, 80)
    assert (found["custom"], found["type"], found["nillable"]) == (True, "string", True)
    org.control("POST", "salesforce", {"has_external_id_field": False})
    assert field() == {}
    with pytest.raises(SalesforceResourceNotFound):
        upsert(client, "k")
    assert KEY_FIELD not in client.Lead.get(client.Lead.create(LEAD)["id"])


def test_the_organisation_lists_objects_and_limits(salesforce: Salesforce) -> None:
    names = [item["name"] for item in salesforce.describe()["sobjects"]]
    assert names == ["Lead", "Task", "Case", "Contact"]
    assert salesforce.Lead.metadata()["objectDescribe"]["keyPrefix"] == "00Q"
    salesforce.query("SELECT Id FROM Lead")
    limits = salesforce.limits()["DailyApiRequests"]
    assert limits == {"Max": 100_000, "Remaining": 99_997}
    assert salesforce.api_usage["api-usage"].used == 3


def test_a_session_expires_and_a_new_login_helps(org: RunningSalesforce) -> None:
    client = org.client()
    org.control("POST", "salesforce", {"expire_sessions": True})
    with pytest.raises(SalesforceExpiredSession) as caught:
        client.Lead.create(LEAD)
    assert error(caught.value) == (401, "INVALID_SESSION_ID")
    assert org.client().Lead.create(LEAD)["success"]


def test_without_the_ca_the_certificate_is_refused(org: RunningSalesforce) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{org.server.url}/services/data", timeout=TIMEOUT)


def test_its_certificate_passes_the_strict_checks_of_newer_pythons(org: RunningSalesforce) -> None:
    context = ssl.create_default_context(cafile=org.server.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    host, _, port = org.secret["host"].partition(":")
    with (
        socket.create_connection((host, int(port)), TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_the_ca_in_the_secret_alone_is_enough(org: RunningSalesforce) -> None:
    context = ssl.create_default_context(cadata=org.secret["ca_certificate"])
    with urllib.request.urlopen(
        f"{org.server.url}/services/data", context=context, timeout=TIMEOUT
    ) as response:
        assert response.status == 200


def test_a_client_that_stays_silent_does_not_keep_others_waiting(
    org: RunningSalesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "_HANDSHAKE_SECONDS", 0.05)
    host, _, port = org.secret["host"].partition(":")
    with socket.create_connection((host, int(port)), TIMEOUT):
        assert org.http.get(f"{org.server.url}/services/data", timeout=TIMEOUT).ok


def test_plain_http_is_refused(org: RunningSalesforce) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        org.http.get(org.server.url.replace("https", "http"), timeout=TIMEOUT)
    assert org.http.get(f"{org.server.url}/services/data", timeout=TIMEOUT).ok


def test_its_certificate_is_good_for_localhost_too(org: RunningSalesforce) -> None:
    url = org.server.url.replace("127.0.0.1", "localhost")
    assert org.http.get(f"{url}/services/data", timeout=TIMEOUT).status_code == 200
