"""The sandbox's own API under /_sandbox/: counters, records, profile and faults while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.counters import CallCounters
from sandbox.faults import Faults, FaultsError
from sandbox.gateway import CONTROL_PREFIX
from sandbox.http_message import HttpRequest, HttpResponse
from sandbox.latency import PROFILES, Latency


class BadRequestError(ValueError):
    """Carries every problem of a request, one sentence each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


class InvocationRecords(Protocol):
    """What the control API reads of the Lambda service."""

    def records(self) -> list[dict[str, Any]]: ...

    def reset(self) -> None: ...


class RequestQuotas(Protocol):
    """What the control API sets of the Bedrock stand-in."""

    def set_quotas(self, requests_per_minute: Mapping[str, int]) -> None: ...

    def quotas(self) -> dict[str, int]: ...


@dataclass(slots=True)
class Health:
    """Whether the bot can be talked to; `about` is what the state file says."""

    ready: bool = False
    about: dict[str, Any] = field(default_factory=dict)


Handler = Callable[[HttpRequest], Any]


class Control:
    """Answers JSON to JSON; 400 names every problem, 404 and 405 say what there is."""

    def __init__(
        self,
        latency: Latency,
        faults: Faults,
        counters: CallCounters,
        health: Health,
        invocations: InvocationRecords | None = None,
        quotas: RequestQuotas | None = None,
        logs: Callable[[str], list[str]] | None = None,
        extra_handlers: Mapping[str, Mapping[str, Handler]] | None = None,
    ) -> None:
        self._latency, self._faults, self._counters = latency, faults, counters
        self._health, self._invocations = health, invocations
        self._quotas, self._logs = quotas, logs
        self._handlers: dict[str, Mapping[str, Handler]] = {
            "calls": {"GET": lambda _: counters.snapshot()},
            "faults": {"GET": lambda _: faults.current(), "POST": self._set_faults},
            "health": {"GET": lambda _: {"ready": health.ready} | health.about},
            "invocations": {"GET": lambda _: invocations.records() if invocations else []},
            "logs": {"GET": self._get_logs},
            "profile": {"GET": lambda _: self._profile(), "POST": self._set_profile},
            "quotas": {
                "GET": lambda _: quotas.quotas() if quotas else {},
                "POST": self._set_quotas,
            },
            "reset": {"POST": lambda _: self._reset()},
            **(extra_handlers or {}),
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = f"{request.path}/".removeprefix(CONTROL_PREFIX).strip("/")
        handlers = self._handlers.get(name)
        if request.method == "OPTIONS":
            return HttpResponse(200, [], b"")
        if handlers is None:
            return _json(404, {"message": f"There is: {', '.join(sorted(self._handlers))}"})
        handler = handlers.get(request.method)
        if handler is None:
            response = _json(405, {"message": f"This takes {' or '.join(sorted(handlers))}"})
            response.headers.append(("Allow", ", ".join(sorted(handlers))))
            return response
        try:
            return _json(200, handler(request))
        except (BadRequestError, FaultsError) as exc:
            return _json(400, {"message": str(exc), "problems": exc.problems})

    def _profile(self) -> dict[str, Any]:
        name, scale = self._latency.current()
        return {"name": name, "scale": scale, "profiles": list(PROFILES)}

    def _set_profile(self, request: HttpRequest) -> dict[str, Any]:
        body = _object(request, {"name", "scale"})
        name, scale = self._latency.current()
        try:
            self._latency.change(body.get("name", name), body.get("scale", scale))
        except ValueError as exc:
            raise BadRequestError(str(exc)) from exc
        return self._profile()

    def _set_faults(self, request: HttpRequest) -> list[dict[str, Any]]:
        self._faults.replace(_parsed(request))
        return self._faults.current()

    def _set_quotas(self, request: HttpRequest) -> dict[str, int]:
        body = _object(request, None)
        bad = [n for n, v in body.items() if not isinstance(v, int) or isinstance(v, bool) or v < 0]
        if bad:
            message = "requests per minute must be a whole number from 0: "
            raise BadRequestError(message + ", ".join(bad))
        if self._quotas is None:
            raise BadRequestError("this sandbox has no Bedrock stand-in")
        self._quotas.set_quotas(body)
        return self._quotas.quotas()

    def _get_logs(self, request: HttpRequest) -> list[str]:
        function = dict(request.query_pairs()).get("function")
        if not function:
            raise BadRequestError("say whose: logs?function=<name>")
        return self._logs(function) if self._logs else []

    def _reset(self) -> dict[str, Any]:
        self._counters.reset()
        if self._invocations is not None:
            self._invocations.reset()
        return {"reset": True}


def _parsed(request: HttpRequest) -> Any:
    try:
        return json.loads(request.body or b"null")
    except ValueError as exc:
        raise BadRequestError(f"the body is not JSON: {exc}") from exc


def _object(request: HttpRequest, names: set[str] | None) -> dict[str, Any]:
    body = _parsed(request)
    if not isinstance(body, dict):
        raise BadRequestError("the body must be an object")
    unknown = sorted(body.keys() - names) if names is not None else []
    if unknown:
        raise BadRequestError(*(f"unknown field {name!r}" for name in unknown))
    return body


def _json(status: int, value: Any) -> HttpResponse:
    body = json.dumps(value, indent=1, default=str).encode() + b"\n"
    return HttpResponse(status, [("Content-Type", "application/json")], body)
