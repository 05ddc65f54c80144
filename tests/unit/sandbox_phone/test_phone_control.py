"""The phone under /_sandbox/phone and /_sandbox/transcribe, as requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from phone_fakes import NUMBER, START, Phone

from sandbox.connect.control import control_handlers as phone_handlers
from sandbox.control import BadRequestError
from sandbox.http_message import HttpRequest
from sandbox.transcribe.control import control_handlers as transcribe_handlers

Ask = Callable[..., Any]


@pytest.fixture
def ask(phone: Phone) -> Ask:
    handlers = phone_handlers(phone.service) | transcribe_handlers(phone.transcribe)

    def send(path: str, body: Any = None, query: str = "") -> Any:
        method = "GET" if body is None else "POST"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = HttpRequest(method, f"/_sandbox/{path}", query, {}, raw)
        answer = handlers[path][method](request)
        json.dumps(answer)
        return answer

    return send


def test_calls_are_listed_and_found(ask: Ask, phone: Phone) -> None:
    call = phone.finished()
    other = phone.place(DestinationPhoneNumber="+14155550199")
    assert [one["id"] for one in ask("phone")] == [call["id"], other]
    assert ask("phone", query="number=%2B14155550199")[0]["id"] == other
    assert ask("phone", query=f"id={call['id']}") == [call]


def test_a_person_uses_the_phone(ask: Ask, phone: Phone) -> None:
    assert ask("phone/claim", {"seconds": 20}) == {"until": START + 20}
    contact_id = phone.place()
    phone.pass_seconds(1)
    assert "AI" in ask("phone/answer", {"id": contact_id})["reply"][0]
    answer = ask("phone/say", {"id": contact_id, "words": "hello?"})
    assert answer == {"reply": ["reply to hello?"], "ended": False}
    assert ask("phone/hang-up", {"id": contact_id})["outcome"] == "completed"
    other = phone.place()
    phone.pass_seconds(1)
    assert ask("phone/decline", {"id": other})["outcome"] == "declined"


def test_lines_are_set_shown_and_put_back(ask: Ask) -> None:
    ask("phone/line", {"mode": "busy", "number": NUMBER})
    ask("phone/line", {"mode": "declined", "calls": 2})
    shown = ask("phone/line")
    assert shown["numbers"][NUMBER]["mode"] == "busy"
    assert [line["mode"] for line in shown["next"]] == ["declined", "declined"]
    assert ask("phone/line", {"mode": "silent"})["all"]["mode"] == "silent"
    assert ask("phone/line", {})["all"]["mode"] == "script"


def test_events_and_quota_are_set_and_shown(ask: Ask) -> None:
    shown = ask("phone/events", {"connect": {"twice": True, "delay_seconds": 1}})
    assert shown["connect"]["twice"]
    assert shown["connect"]["delay_seconds"] == 1.0
    assert not shown["transcribe"]["twice"]
    assert shown["undelivered"] == []
    assert not ask("phone/events", {})["connect"]["twice"]
    assert ask("phone/quota", {"calls_per_second": 2}) == ask("phone/quota")
    assert ask("phone/quota", {}) == {"calls_per_second": None}


def test_transcribes_pace_and_failures_are_set_and_shown(ask: Ask) -> None:
    shown = ask("transcribe", {"seconds": 5, "failures": ["Internal error"]})
    assert shown == {"seconds": 5.0, "failures": ["Internal error"], "jobs": []}
    assert ask("transcribe", {})["failures"] == []


BAD: list[tuple[str, Any, str]] = [
    ("phone/line", {"mode": "loud", "script": [], "number": "1"}, "mode must be one of"),
    ("phone/line", {"mood": "x"}, "unknown field 'mood'"),
    ("phone/line", {"script": ["x", ""]}, "script must be a list"),
    ("phone/line", {"script": "hello"}, "script must be a list"),
    ("phone/line", {"ring_seconds": -1}, "ring_seconds must be"),
    ("phone/line", {"pause_seconds": True}, "pause_seconds must be"),
    ("phone/line", {"recorded": 1}, "recorded must be"),
    ("phone/line", {"calls": 0}, "calls must be a whole number"),
    ("phone/line", {"error": "Oops"}, "error must be one of"),
    ("phone/line", b"{", "not JSON"),
    ("phone/line", [], "must be an object"),
    ("phone/claim", {"seconds": 601}, "seconds must be"),
    ("phone/claim", {"number": "1"}, "number must be"),
    ("phone/answer", {}, "id must be a text"),
    ("phone/answer", {"id": "x"}, "there is no call"),
    ("phone/quota", {"calls_per_second": -1}, "calls_per_second must be"),
    ("phone/events", {"lambda": {}}, "unknown service 'lambda'"),
    ("phone/events", {"connect": {"often": True}}, "connect must be an object with"),
    ("phone/events", {"connect": {"twice": 1}}, "must be true or false"),
    ("phone/events", {"transcribe": {"delay_seconds": -1}}, "delay_seconds must be"),
    ("transcribe", {"seconds": -1}, "seconds must be"),
    ("transcribe", {"failures": "x"}, "failures must be"),
    ("transcribe", {"speed": 1}, "unknown field 'speed'"),
]


@pytest.mark.parametrize(("path", "body", "words"), BAD)
def test_bad_requests_are_told_what_is_wrong(ask: Ask, path: str, body: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        ask(path, body)


def test_every_problem_of_a_line_is_named(ask: Ask) -> None:
    with pytest.raises(BadRequestError) as raised:
        ask("phone/line", {"mode": "loud", "script": [], "number": "1"})
    assert len(raised.value.problems) == 3


def test_lines_are_bounded(ask: Ask) -> None:
    ask("phone/line", {"calls": 100})
    with pytest.raises(BadRequestError, match="at most 100 next calls"):
        ask("phone/line", {"calls": 1})


def test_a_reset_forgets_ended_calls_lines_and_ways(ask: Ask, phone: Phone) -> None:
    phone.finished()
    ask("phone/line", {"mode": "busy"})
    ask("phone/events", {"connect": {"lost": True}})
    going = phone.place()
    assert ask("phone/reset", {}) == {"reset": True}
    assert [call["id"] for call in ask("phone")] == [going]
    assert ask("phone/line")["all"]["mode"] == "script"
    assert not ask("phone/events")["connect"]["lost"]
