"""SOQL as used: which records a query finds, and how its errors are worded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce import format_soql

from sandbox.salesforce import query
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rows import Rows, Wishes
from sandbox.salesforce.schema import Schema
from sandbox.salesforce.settings import LiveSettings
from sandbox.salesforce.store import Store

NAMES = ["O'Neil", 'Back\\slash "quoted"', "100% _sure_", "müller", "Line\nbreak"]


class Organisation:
    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        settings = LiveSettings()
        self.schema, self.store = Schema(settings), Store(folder / "records.sqlite3")
        self.rows = Rows(self.schema, self.store, settings, lambda: self.now)

    def add(self, name: str, **fields: Any) -> str:
        lead = self.schema.object("Lead")
        assert lead is not None
        self.now += 1
        return self.rows.create(lead, {"LastName": name, "Company": "C", **fields}, Wishes())

    def find(self, text: str) -> list[Any]:
        rows = query.run(text, self.schema, self.store).rows
        return [row.get("LastName") for _, row in rows]

    def where(self, condition: str) -> list[Any]:
        return self.find(f"SELECT LastName FROM Lead WHERE {condition}")


@pytest.fixture
def org(tmp_path: Path) -> Any:
    org = Organisation(tmp_path)
    yield org
    org.store.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_library_s_escapes_find_each_name_and_only_it(org: Organisation, name: str) -> None:
    for other in NAMES:
        org.add(other)
    assert org.where(format_soql("LastName = {}", name)) == [name]
    assert org.where(format_soql("LastName LIKE '{:like}'", name)) == [name]
    assert org.where(format_soql("LastName IN {}", [name, "nobody"])) == [name]


CONDITIONS = [
    ("Phone = '+1555'", ["A"]),
    ("Phone != '+1555'", ["B", "C"]),
    ("Phone <> '+1555'", ["B", "C"]),
    ("Phone = null", ["C"]),
    ("Phone != NULL", ["A", "B"]),
    ("Phone > '+1555'", ["B"]),
    ("NumberOfEmployees >= 10", ["B"]),
    ("NumberOfEmployees < 10.5", ["A", "B"]),
    ("DoNotCall = true", ["C"]),
    ("LastName = 'a'", ["A"]),
    ("LastName NOT IN ('A', 'b')", ["C"]),
    ("Phone IN (null, '+1555')", ["A", "C"]),
    ("LastName LIKE '_'", ["A", "B", "C"]),
    ("Phone LIKE '+1%'", ["A", "B"]),
    ("NOT LastName = 'A'", ["B", "C"]),
    ("(LastName = 'A' OR LastName = 'B') AND NumberOfEmployees > 1", ["B"]),
    ("LastName = 'A' OR (LastName = 'B' AND NumberOfEmployees = 10)", ["A", "B"]),
    ("CreatedDate > 1970-01-12T13:46:42Z", ["C"]),
    ("CreatedDate >= 1970-01-12T14:46:42+01:00", ["B", "C"]),
    ("lastname = 'A' and COMPANY = 'c'", ["A"]),
]


@pytest.mark.parametrize(("condition", "names"), CONDITIONS)
def test_a_condition_finds(org: Organisation, condition: str, names: list[str]) -> None:
    org.add("A", Phone="+1555", NumberOfEmployees=1)
    org.add("B", Phone="+1777", NumberOfEmployees=10)
    org.add("C", DoNotCall=True)
    assert org.where(condition) == names


def test_a_datetime_of_the_library_compares(org: Organisation) -> None:
    org.add("old")
    org.now += 3600
    org.add("new")
    moment = datetime.fromtimestamp(org.now - 60, UTC)
    assert org.where(format_soql("CreatedDate > {}", moment)) == ["new"]


@pytest.mark.parametrize("cut", [15, 18])
def test_an_id_is_found_in_either_length(org: Organisation, cut: int) -> None:
    record_id = org.add("A")
    org.add("B")
    assert org.where(f"Id = '{record_id[:cut]}'") == ["A"]


ORDERS = [
    ("ORDER BY Phone", ["none", "a", "b"]),
    ("ORDER BY Phone DESC", ["none", "b", "a"]),
    ("ORDER BY Phone ASC NULLS LAST", ["a", "b", "none"]),
    ("ORDER BY Phone NULLS FIRST, LastName DESC", ["none", "a", "b"]),
    ("ORDER BY CreatedDate DESC LIMIT 2", ["a", "none"]),
    ("LIMIT 1 OFFSET 1", ["none"]),
    ("LIMIT 0", []),
]


@pytest.mark.parametrize(("clause", "names"), ORDERS)
def test_order_and_limit(org: Organisation, clause: str, names: list[str]) -> None:
    org.add("b", Phone="2")
    org.add("none")
    org.add("a", Phone="1")
    assert org.find(f"SELECT LastName FROM Lead {clause}") == names


def test_a_count_has_no_rows(org: Organisation) -> None:
    org.add("A")
    answer = query.run("SELECT COUNT() FROM Lead", org.schema, org.store)
    assert (answer.total, answer.rows) == (1, [])


BAD = [
    ("", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    ("SELECT FROM Lead", "MALFORMED_QUERY", "unexpected token: 'Lead'"),
    ("DELETE FROM Lead", "MALFORMED_QUERY", "unexpected token: 'DELETE'"),
    ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    ("SELECT Id FROM Lead WHERE LastName == 'A'", "MALFORMED_QUERY", "unexpected token: '='"),
    ("SELECT Id FROM Lead WHERE LastName = 'A", "MALFORMED_QUERY", "unexpected token: '''"),
    ("SELECT Id FROM Lead WHERE LastName = 'O'Neil'", "MALFORMED_QUERY", "unexpected token"),
    ("SELECT Id FROM Lead WHERE LastName = 'a\\q'", "MALFORMED_QUERY", "Illegal string literal"),
    (
        "SELECT Id FROM Lead WHERE LastName LIKE 'a' OR Id = null AND Id = null",
        "MALFORMED_QUERY",
        "",
    ),
    ("SELECT Id FROM Lead WHERE CreatedDate = TODAY", "MALFORMED_QUERY", "'TODAY'"),
    ("SELECT Id FROM Lead WHERE CreatedDate > 2026-13-01T00:00:00Z", "MALFORMED_QUERY", "Invalid"),
    ("SELECT Id FROM Lead LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
    ("SELECT Id FROM Lead LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
    ("SELECT Id FROM Lead; SELECT Id FROM Task", "MALFORMED_QUERY", "unexpected token: ';'"),
    ("SELECT Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'"),
    ("SELECT Owner.Name FROM Lead", "INVALID_FIELD", "No such column 'Owner.Name'"),
    ("SELECT Id FROM Lead WHERE Nope = 1", "INVALID_FIELD", "No such column 'Nope'"),
    ("SELECT Id FROM Lead ORDER BY Nope", "INVALID_FIELD", "No such column 'Nope'"),
    ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
    ("SELECT Id FROM Lead WHERE LastName = 1", "INVALID_FIELD", "should be enclosed in quotes"),
    ("SELECT Id FROM Lead WHERE CreatedDate > '2026'", "INVALID_FIELD", "must be of type dateTime"),
    ("SELECT Id FROM Lead WHERE DoNotCall = 'true'", "INVALID_FIELD", "should not be enclosed"),
    ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
    (
        "SELECT Id FROM Lead WHERE Id = 'abc'",
        "INVALID_QUERY_FILTER_OPERATOR",
        "invalid ID field: abc",
    ),
    ("SELECT Id FROM Lead WHERE Id LIKE '00Q%'", "INVALID_QUERY_FILTER_OPERATOR", ""),
]


@pytest.mark.parametrize(("text", "code", "words"), BAD)
def test_a_bad_query_is_refused(org: Organisation, text: str, code: str, words: str) -> None:
    with pytest.raises(SalesforceError) as caught:
        org.find(text)
    assert caught.value.code == code
    assert words in caught.value.message


def test_an_error_points_at_its_place(org: Organisation) -> None:
    with pytest.raises(SalesforceError) as caught:
        org.find("SELECT Id,\nNope FROM Lead")
    lines = caught.value.message.splitlines()
    assert lines[1:4] == ["SELECT Id, Nope FROM Lead", " " * 11 + "^", "ERROR at Row:2:Column:1"]
