"""The phone under /_sandbox/phone: what people, tests and the demo see and set of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sandbox.connect.delivery import Delivered
from sandbox.connect.lines import PhoneError
from sandbox.connect.service import ConnectService
from sandbox.control import BadRequestError, Handler
from sandbox.http_message import HttpRequest

Body = dict[str, Any]

_SOURCES = {"connect": "aws.connect", "transcribe": "aws.transcribe"}
_MOST_DELAY_SECONDS = 3_600


def control_handlers(phone: ConnectService) -> dict[str, dict[str, Handler]]:
    """The paths of the phone, for the control API's table."""
    calls = phone.calls
    return {
        "phone": {"GET": lambda request: _listed(phone, request)},
        "phone/line": {
            "GET": lambda _: calls.lines.current(),
            "POST": json_handler(lambda body: _set_line(phone, body)),
        },
        "phone/claim": {"POST": json_handler(lambda body: _claim(phone, body))},
        "phone/answer": {"POST": json_handler(lambda body: calls.answer(_text(body, "id")))},
        "phone/say": {
            "POST": json_handler(lambda body: calls.say(_text(body, "id"), _text(body, "words")))
        },
        "phone/hang-up": {"POST": json_handler(lambda body: calls.hang_up(_text(body, "id")))},
        "phone/decline": {"POST": json_handler(lambda body: calls.decline(_text(body, "id")))},
        "phone/reset": {"POST": lambda _: _reset(phone)},
        "phone/quota": {
            "GET": lambda _: {"calls_per_second": phone.quota.current()},
            "POST": json_handler(lambda body: _set_quota(phone, body)),
        },
        "phone/events": {
            "GET": lambda _: _events(phone),
            "POST": json_handler(lambda body: _set_events(phone, body)),
        },
    }


def json_handler(handle: Callable[[Body], Any]) -> Handler:
    """A handler that takes a JSON object; what it refuses is a bad request."""

    def handler(request: HttpRequest) -> Any:
        try:
            body = json.loads(request.body or b"{}")
        except ValueError as exc:
            raise BadRequestError(f"the body is not JSON: {exc}") from exc
        if not isinstance(body, dict):
            raise BadRequestError("the body must be an object")
        try:
            return handle(body)
        except PhoneError as exc:
            raise BadRequestError(*exc.problems) from exc

    return handler


def _listed(phone: ConnectService, request: HttpRequest) -> list[dict[str, Any]]:
    """Every call, or those of one `number` or `id`."""
    wanted = dict(request.query_pairs())
    return [
        call
        for call in phone.calls.snapshot()
        if all(call[name] == wanted[name] for name in ("id", "number") if name in wanted)
    ]


def _set_line(phone: ConnectService, body: Body) -> Body:
    phone.calls.lines.put(body)
    return phone.calls.lines.current()


def _reset(phone: ConnectService) -> Body:
    phone.calls.reset()
    return {"reset": True}


def _claim(phone: ConnectService, body: Body) -> Body:
    until = phone.calls.claims.claim(body.get("number"), body.get("seconds", 30.0))
    return {"until": round(until, 3)}


def _set_quota(phone: ConnectService, body: Body) -> Body:
    phone.quota.put(body.get("calls_per_second"))
    return {"calls_per_second": phone.quota.current()}


def _events(phone: ConnectService) -> Body:
    how = {name: asdict(phone.calls.ways.of(source)) for name, source in _SOURCES.items()}
    return {**how, "undelivered": phone.calls.ways.undelivered()}


def _set_events(phone: ConnectService, body: Body) -> Body:
    """Set how events come, by service; a service left out goes back to once and in order."""
    if unknown := sorted(body.keys() - _SOURCES.keys()):
        raise PhoneError(*(f"unknown service {name!r}" for name in unknown))
    parsed = {source: _delivered(name, body.get(name, {})) for name, source in _SOURCES.items()}
    for source, how in parsed.items():
        phone.calls.ways.put(source, how)
    return _events(phone)


def _delivered(name: str, values: Any) -> Delivered:
    known = asdict(Delivered())
    if not isinstance(values, dict) or values.keys() - known.keys():
        raise PhoneError(f"{name} must be an object with {', '.join(known)}")
    delay = values.get("delay_seconds", 0.0)
    is_number = isinstance(delay, (int, float)) and not isinstance(delay, bool)
    if not is_number or not 0 <= delay <= _MOST_DELAY_SECONDS:
        raise PhoneError(f"{name}: delay_seconds must be from 0 to {_MOST_DELAY_SECONDS}")
    flags = {flag: value for flag, value in values.items() if flag != "delay_seconds"}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise PhoneError(f"{name}: {', '.join(sorted(flags))} must be true or false")
    return Delivered(**flags, delay_seconds=float(delay))


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise PhoneError(f"{name} must be a text")
    return value
