"""Filter patterns of CloudWatch Logs, by the examples of its user guide and of our own use."""

from __future__ import annotations

import json

import pytest

from sandbox.aws_api import ApiError
from sandbox.cloudwatch.filter_pattern import compiled

TURN = json.dumps(
    {
        "message": "turn",
        "version": "7",
        "TurnLatency": 812.5,
        "late": True,
        "model": None,
        "user": {"id": 1, "e-mails": ["a@example.org", "b@example.org"]},
        "calls": [{"id": 1}, {"id": 2}],
        "ip": "123.123.7.9",
        "a.b": "dotted",
    }
)

HOLDS = [
    '{ $.message = "turn" && $.version = "7" }',
    "{ $.message = turn }",
    "{$.message=turn}",
    "{ $.TurnLatency > 800 }",
    "{ $.TurnLatency >= 812.5 && $.TurnLatency <= 812.5 }",
    "{ $.TurnLatency < 8.2e2 }",
    "{ $.TurnLatency != 800 }",
    "{ $.user.id = 1 }",
    "{ $.calls[1].id = 2 }",
    "{ $.calls[*].id = 2 }",
    '{ $.user.e-mails[0] = "a@example.org" }',
    "{ $.user.* = 1 }",
    "{ $['a.b'] = dotted }",
    "{ $.ip = 123.123.* }",
    "{ $.ip = *.7.9 }",
    "{ $.ip != 10.* }",
    r"{ $.ip = %\.7\.[0-9]$% }",
    "{ $.late IS TRUE }",
    "{ $.model IS NULL }",
    "{ $.nothing NOT EXISTS }",
    '{ $.message = "no" || $.message = "turn" }',
    '{ $.message = "turn" || $.message = "no" && $.version = "8" }',
    '{ ($.message = "no" || $.message = "turn") && ($.user.id = 1) }',
]
FAILS = [
    '{ $.version = "8" }',
    "{ $.version = 7 }",
    '{ $.user.id = "1" }',
    "{ $.TurnLatency > 900 }",
    "{ $.late IS FALSE }",
    "{ $.late = 1 }",
    "{ $.message IS NULL }",
    "{ $.message NOT EXISTS }",
    "{ $.nothing = 1 }",
    "{ $.nothing != 1 }",
    "{ $.calls[7].id = 1 }",
    "{ $.ip != 123.* }",
    '{ ($.message = "no" || $.message = "turn") && $.version = "8" }',
]


@pytest.mark.parametrize("pattern", HOLDS)
def test_json_pattern_holds(pattern: str) -> None:
    assert compiled(pattern)(TURN)


@pytest.mark.parametrize("pattern", FAILS)
def test_json_pattern_does_not_hold(pattern: str) -> None:
    assert not compiled(pattern)(TURN)


@pytest.mark.parametrize("line", ["START RequestId: 1 Version: 7", "{ not json", "[1]", ""])
def test_json_pattern_passes_over_lines_that_are_no_object(line: str) -> None:
    assert not compiled("{ $.version NOT EXISTS }")(line)


@pytest.mark.parametrize(
    "pattern",
    [
        *("{ $.a = }", "{ $.a }", '{ $.a = "x" ', "{ a = 1 }", "{ $.a > x }", "{ $.a IS ODD }"),
        *("{ ($.a = 1 }", "{ $.a = 1 } more", "{ $.a == 1 }", "{ $.a = %[% }", '"open', "%(%"),
        "[ip, user, ...]",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ApiError) as refused:
        compiled(pattern)
    assert refused.value.code == "InvalidParameterException"


REPORT = "REPORT RequestId: 1\tDuration: 3.00 ms\tStatus: timeout"


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [
        ("", True),
        ("REPORT", True),
        ("report", False),
        ("REPORT timeout", True),
        ("REPORT error", False),
        ('"Status: timeout"', True),
        ('"Status: error"', False),
        ('?"Status: error" ?"Status: timeout"', True),
        ('?"Status: error" ?"[ERROR]"', False),
        ("REPORT -timeout", False),
        ("REPORT -error", True),
        ("REPORT ?error", True),
        ("%Duration: [0-9]+%", True),
        ("%^Duration%", False),
    ],
)
def test_terms_in_a_line(pattern: str, holds: bool) -> None:
    assert compiled(pattern)(REPORT) is holds


def test_a_line_without_a_needed_word_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr("sandbox.cloudwatch.json_pattern.json.loads", parsed.append)
    assert not compiled('{ $.message = "turn" && $.version = "9" }')(TURN)
    assert parsed == []
    compiled('{ $.message != "turns" && $.version = "7" }')(TURN)
    assert parsed == [TURN]


def test_a_phrase_may_hold_brackets_and_quotation_marks() -> None:
    assert compiled('"[ERROR]"')("[ERROR] ValueError: no")
    assert compiled(r'"said \"no\""')('it said "no" twice')
