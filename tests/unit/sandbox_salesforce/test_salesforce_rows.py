"""What the REST API refuses and maintains, request by request, with Salesforce's codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from salesforce_harness import KEY_FIELD, TIMEOUT, RunningSalesforce, error

LEAD = {"LastName": "Sample", "Company": "C"}
GHOST = "00Q5g00000999zzEAA"


class Caller:
    """Raw requests with a session, for what the library hides."""

    def __init__(self, org: RunningSalesforce) -> None:
        self.org = org
        self.headers = {"Authorization": f"Bearer {org.token()}"}

    def __call__(
        self, method: str, path: str, body: Any = None, version: str = "62.0", **headers: str
    ) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.org.http.request(
            method,
            f"{self.org.server.url}/services/data/v{version}/{path}",
            json=body,
            headers=self.headers | named,
            timeout=TIMEOUT,
        )

    def make(self, kind: str = "Lead", **fields: Any) -> str:
        body = {**LEAD, **fields} if kind in ("Lead", "Contact") else fields
        if kind == "Contact":
            del body["Company"]
        response = self("POST", f"sobjects/{kind}", body)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])


@pytest.fixture
def call(org: RunningSalesforce) -> Caller:
    return Caller(org)


BAD_LEADS: list[tuple[dict[str, Any], str, list[str] | None, str]] = [
    ({}, "REQUIRED_FIELD_MISSING", ["LastName", "Company"], "[LastName, Company]"),
    ({"LastName": " ", "Company": "C"}, "REQUIRED_FIELD_MISSING", ["LastName"], "[LastName]"),
    ({**LEAD, "LastName": "x" * 81}, "STRING_TOO_LONG", ["LastName"], "(max length=80)"),
    ({**LEAD, "FirstName": "x" * 41}, "STRING_TOO_LONG", ["FirstName"], "First Name: data value"),
    ({**LEAD, "Phone": "1" * 41}, "STRING_TOO_LONG", ["Phone"], "(max length=40)"),
    ({**LEAD, KEY_FIELD: "x" * 81}, "STRING_TOO_LONG", [KEY_FIELD], "(max length=80)"),
    ({**LEAD, "Description": "x" * 32001}, "STRING_TOO_LONG", ["Description"], "32000"),
    ({**LEAD, "Nope__c": 1}, "INVALID_FIELD", None, "No such column 'Nope__c' on sobject of type"),
    ({**LEAD, "Name": "A B"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"], "create/update fields"),
    (
        {**LEAD, "CreatedDate": "2026-01-01T00:00:00Z", "SystemModstamp": None},
        *("INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate", "SystemModstamp"], "read/write"),
    ),
    ({**LEAD, "Id": GHOST}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Id"], "cannot specify Id"),
    ({**LEAD, "Email": "nobody"}, "INVALID_EMAIL_ADDRESS", ["Email"], "invalid email address"),
    ({**LEAD, "Phone": 15550100}, "JSON_PARSER_ERROR", None, "VALUE_NUMBER_INT value 15550100"),
    ({**LEAD, "DoNotCall": "yes"}, "JSON_PARSER_ERROR", None, "instance of boolean"),
    ({**LEAD, "NumberOfEmployees": 1.5}, "JSON_PARSER_ERROR", None, "VALUE_NUMBER_FLOAT"),
]


@pytest.mark.parametrize(("body", "code", "fields", "words"), BAD_LEADS)
def test_a_bad_lead_is_refused(
    call: Caller, body: dict[str, Any], code: str, fields: list[str] | None, words: str
) -> None:
    response = call("POST", "sobjects/Lead", body)
    assert error(response) == (400, code)
    assert response.json()[0].get("fields") == fields
    assert words in response.json()[0]["message"]
    assert call.org.server.records("Lead") == []


def test_an_update_is_checked_like_a_new_record(call: Caller) -> None:
    lead = call.make()
    path = f"sobjects/Lead/{lead}"
    assert error(call("PATCH", path, {"LastName": ""})) == (400, "REQUIRED_FIELD_MISSING")
    assert error(call("PATCH", path, {"Id": lead})) == (400, "INVALID_FIELD")
    key_path = f"sobjects/Lead/{KEY_FIELD}/k"
    assert error(call("PATCH", key_path, {**LEAD, KEY_FIELD: "k"})) == (400, "INVALID_FIELD")
    assert call.org.server.records("Lead")[0]["LastName"] == "Sample"


def test_texts_lose_their_margins_and_names_any_case(call: Caller) -> None:
    call.make(lastname="  Ann  ", PHONE="", attributes={"type": "Lead"})
    record = call.org.server.records("Lead")[0]
    assert (record["LastName"], record["Phone"], record["Name"]) == ("Ann", None, "Ann")


def test_eighty_characters_of_any_script_fit(call: Caller) -> None:
    name = "李" * 80
    call.make(LastName=name)
    assert call.org.server.records("Lead")[0]["LastName"] == name


def test_system_fields_are_maintained(call: Caller) -> None:
    lead = call.make()
    before = call.org.server.records("Lead")[0]
    assert before["CreatedDate"] == before["LastModifiedDate"] == before["SystemModstamp"]
    assert datetime.strptime(before["CreatedDate"], "%Y-%m-%dT%H:%M:%S.%f%z").tzinfo is not None
    assert before["CreatedById"][:3] == before["OwnerId"][:3] == "005"
    call("PATCH", f"sobjects/Lead/{lead}", {"City": "X"})
    after = call.org.server.records("Lead")[0]
    assert after["CreatedDate"] == before["CreatedDate"]
    assert after["LastModifiedDate"] >= before["LastModifiedDate"]
    assert after["IsDeleted"] is False


def test_an_external_id_is_unique(call: Caller) -> None:
    lead = call.make(**{KEY_FIELD: "abc"})
    response = call("POST", "sobjects/Lead", {**LEAD, KEY_FIELD: "ABC"})
    assert error(response) == (400, "DUPLICATE_VALUE")
    assert lead[:15] in response.json()[0]["message"]
    other = call.make()
    assert error(call("PATCH", f"sobjects/Lead/{other}", {KEY_FIELD: "abc"}))[0] == 400
    assert call("PATCH", f"sobjects/Lead/{lead}", {KEY_FIELD: "abc"}).status_code == 204
    call("DELETE", f"sobjects/Lead/{lead}")
    assert call("PATCH", f"sobjects/Lead/{KEY_FIELD}/abc", LEAD).status_code == 201


PATHS: list[tuple[str, str, int, str]] = [
    ("GET", f"sobjects/Lead/{GHOST[:15]}", 404, "NOT_FOUND"),
    ("PATCH", f"sobjects/Lead/{GHOST[:15]}", 404, "NOT_FOUND"),
    ("DELETE", f"sobjects/Lead/{GHOST[:15]}", 404, "NOT_FOUND"),
    ("GET", "sobjects/Lead/nonsense", 404, "NOT_FOUND"),
    ("GET", "sobjects/Lead/00Q5g00000999zzZZZ", 400, "MALFORMED_ID"),
    ("PATCH", "sobjects/Lead/0031i000013x2TEAAY", 400, "MALFORMED_ID"),
    ("DELETE", "sobjects/Lead/00T5g00000999zz", 400, "MALFORMED_ID"),
    ("GET", "sobjects/Nope/describe", 404, "NOT_FOUND"),
    ("GET", "sobjects/Nope", 404, "NOT_FOUND"),
    ("GET", "composite/tree/Lead", 404, "NOT_FOUND"),
    ("GET", "sobjects/Lead/a/b/c", 404, "NOT_FOUND"),
    ("GET", "query", 400, "MALFORMED_QUERY"),
    ("PUT", "sobjects/Lead/00Q5g00000999zz", 405, "METHOD_NOT_ALLOWED"),
    ("DELETE", "limits", 405, "METHOD_NOT_ALLOWED"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), PATHS)
def test_a_wrong_path_is_refused(
    call: Caller, method: str, path: str, status: int, code: str
) -> None:
    assert error(call(method, path, {"City": "X"})) == (status, code)


@pytest.mark.parametrize("version", ["30.0", "69.0", "999.0", "62", "62.1", "x"])
def test_an_unknown_version_is_not_found(call: Caller, version: str) -> None:
    assert error(call("GET", "limits", version=version)) == (404, "NOT_FOUND")


def test_versions_are_listed_without_a_login(org: RunningSalesforce) -> None:
    response = org.http.get(f"{org.server.url}/services/data/", timeout=TIMEOUT)
    wanted = {"label": "Winter '25", "url": "/services/data/v62.0", "version": "62.0"}
    assert wanted in response.json()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"'])
def test_an_unreadable_body_is_refused(call: Caller, body: bytes) -> None:
    response = call.org.http.post(
        f"{call.org.server.url}/services/data/v62.0/sobjects/Lead",
        data=body,
        headers=call.headers | {"Content-Type": "application/json"},
        timeout=TIMEOUT,
    )
    assert error(response) == (400, "JSON_PARSER_ERROR")


def test_a_form_is_no_body(call: Caller) -> None:
    url = f"{call.org.server.url}/services/data/v62.0/sobjects/Lead"
    response = call.org.http.post(url, {"LastName": "x"}, headers=call.headers, timeout=TIMEOUT)
    assert error(response) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_deleted_record_says_so(call: Caller) -> None:
    path = f"sobjects/Lead/{call.make()}"
    assert call("DELETE", path).status_code == 204
    assert error(call("DELETE", path)) == (404, "ENTITY_IS_DELETED")
    assert error(call("PATCH", path, {"City": "X"})) == (404, "ENTITY_IS_DELETED")
    assert error(call("GET", path)) == (404, "NOT_FOUND")


def test_a_short_id_reaches_the_same_record(call: Caller) -> None:
    lead = call.make()
    assert call("GET", f"sobjects/Lead/{lead[:15]}").json()["Id"] == lead


def test_a_row_shows_the_fields_asked_for(call: Caller) -> None:
    lead = call.make()
    body = call("GET", f"sobjects/Lead/{lead}?fields=company,LastName").json()
    assert set(body) == {"attributes", "Id", "Company", "LastName"}
    assert error(call("GET", f"sobjects/Lead/{lead}?fields=Nope")) == (400, "INVALID_FIELD")


def test_a_task_needs_a_living_lead(call: Caller) -> None:
    lead = call.make()
    task = call.make("Task", WhoId=lead[:15], Subject="Call", ActivityDate="2026-11-24")
    record = call.org.server.records("Task")[0]
    assert (record["Id"], record["WhoId"], record["Status"]) == (task, lead, "Not Started")
    assert (record["Priority"], record["IsClosed"]) == ("Normal", False)
    call("PATCH", f"sobjects/Task/{task}", {"Status": "Completed"})
    assert call.org.server.records("Task")[0]["IsClosed"] is True


BAD_WHO = [
    (GHOST[:15], "INVALID_CROSS_REFERENCE_KEY"),
    ("someone", "MALFORMED_ID"),
    ("5005g00000999zz", "FIELD_INTEGRITY_EXCEPTION"),
]


@pytest.mark.parametrize(("who", "code"), BAD_WHO)
def test_a_task_for_nobody_is_refused(call: Caller, who: str, code: str) -> None:
    response = call("POST", "sobjects/Task", {"WhoId": who})
    assert error(response) == (400, code)
    assert response.json()[0]["fields"] == ["WhoId"]


def test_deleting_a_lead_deletes_its_tasks(call: Caller) -> None:
    lead, other = call.make(), call.make()
    call.make("Task", WhoId=lead)
    kept = call.make("Task", WhoId=other)
    call("DELETE", f"sobjects/Lead/{lead}")
    assert [task["Id"] for task in call.org.server.records("Task")] == [kept]
    response = call("POST", "sobjects/Task", {"WhoId": lead})
    assert error(response) == (400, "ENTITY_IS_DELETED")


def test_contacts_and_cases_are_kept_too(call: Caller) -> None:
    contact = call.make("Contact")
    case = call.make("Case", ContactId=contact, Subject="Callback")
    record = call.org.server.records("Case")[0]
    assert (case[:3], record["Status"], len(record["CaseNumber"])) == ("500", "New", 8)
    task = {"WhoId": contact, "WhatId": case, "TaskSubtype": "Nope"}
    refused = call("POST", "sobjects/Task", task)
    assert error(refused) == (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")


def _date(change: timedelta) -> str:
    return format_datetime(datetime.now(UTC) + change, usegmt=True)


def test_a_condition_on_the_time_of_change_is_honoured(call: Caller) -> None:
    path = f"sobjects/Lead/{call.make()}"
    past, future = _date(timedelta(hours=-1)), _date(timedelta(hours=1))
    refused = call("PATCH", path, {"City": "X"}, If_Unmodified_Since=past)
    assert error(refused) == (412, "PRECONDITION_FAILED")
    assert call.org.server.records("Lead")[0]["City"] is None
    assert call("PATCH", path, {"City": "X"}, If_Unmodified_Since=future).status_code == 204
    assert error(call("DELETE", path, If_Unmodified_Since=past))[0] == 412
    shown = call("GET", path, If_Modified_Since=past)
    assert shown.status_code == 200
    known = call("GET", path, If_Modified_Since=shown.headers["Last-Modified"])
    assert (known.status_code, known.content) == (304, b"")
    unreadable = call("PATCH", path, {"City": "Y"}, If_Unmodified_Since="yesterday")
    assert unreadable.status_code == 204


def test_the_duplicate_rule_alerts_or_blocks(call: Caller) -> None:
    first = call.make(Phone="+1555")
    same = {**LEAD, "Phone": "+1555"}
    call.org.control("POST", "salesforce", {"duplicate_rule": "alert"})
    response = call("POST", "sobjects/Lead", same)
    assert error(response) == (400, "DUPLICATES_DETECTED")
    result = response.json()[0]["duplicateResut"]
    assert result == response.json()[0]["duplicateResult"]
    match = result["matchResults"][0]["matchRecords"][0]["record"]
    assert (match["Id"], result["allowSave"], "LastName" in match) == (first, True, False)
    header = "allowSave=false; includeRecordDetails=true"
    told = call("POST", "sobjects/Lead", same, Sforce_Duplicate_Rule_Header=header)
    result = told.json()[0]["duplicateResut"]
    assert result["matchResults"][0]["matchRecords"][0]["record"]["LastName"] == "Sample"
    allowed = {"Sforce_Duplicate_Rule_Header": "allowSave=true"}
    assert call("POST", "sobjects/Lead", same, **allowed).status_code == 201
    call.org.control("POST", "salesforce", {"duplicate_rule": "block"})
    assert error(call("POST", "sobjects/Lead", same, **allowed))[0] == 400
    assert call("POST", "sobjects/Lead", {**same, "Phone": "+1556"}).status_code == 201


def test_the_daily_limit_refuses_all_but_the_limits(call: Caller) -> None:
    call.org.control("POST", "salesforce", {"daily_api_requests": 1})
    call.make()
    response = call("POST", "sobjects/Lead", LEAD)
    assert error(response) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert call("GET", "limits").json()["DailyApiRequests"] == {"Max": 1, "Remaining": 0}
    assert len(call.org.server.records("Lead")) == 1
