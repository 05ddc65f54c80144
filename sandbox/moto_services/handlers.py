"""The control API of what runs by itself or goes out: schedules and notifications."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.control import BadRequestError, Handler
from sandbox.http_message import HttpRequest
from sandbox.moto_services.notifications import Notifications
from sandbox.moto_services.schedules import Schedules, UnknownScheduleError


def mount(
    schedules: Schedules, notifications: Notifications
) -> Mapping[str, Mapping[str, Handler]]:
    """By name and method, as Control takes them."""
    return {
        "notifications": {"GET": lambda _: notifications.all()},
        "schedules": {"GET": lambda _: schedules.all()},
        "schedules/run": {"POST": lambda request: _run(schedules, request)},
    }


def _run(schedules: Schedules, request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"null")
    except ValueError as exc:
        raise BadRequestError(f"the body is not JSON: {exc}") from exc
    if not isinstance(body, dict) or not isinstance(body.get("rule"), str):
        raise BadRequestError('say which: {"rule": "<name>"}')
    try:
        return schedules.run(body["rule"])
    except UnknownScheduleError as exc:
        raise BadRequestError(str(exc)) from exc
