"""The one endpoint: names each call, counts it, makes it late or wrong, then has it answered.

A call is answered by a service of our own where there is one for the operation, else by moto.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox import protocol_errors, query_wire, rest_json
from sandbox.aws_api import ApiError, AwsService, Operation
from sandbox.callers import app_id, calling
from sandbox.conditions import Conditions
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.http_message import (
    Environ,
    Headers,
    HttpRequest,
    HttpResponse,
    StartResponse,
    read_request,
    rewind,
    send,
)
from sandbox.latency import Latency
from sandbox.routes import Call, identify, service_model
from sandbox.xray.header import TraceHeader, under

WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
ControlApp = Callable[[HttpRequest], HttpResponse]

CONTROL_PREFIX = "/_sandbox/"
CONNECTION_IS_NEW = "sandbox.connection_is_new"

_log = logging.getLogger(__name__)


class Gateway:
    """The WSGI application behind the sandbox's port; AnswerLostError ends a connection."""

    def __init__(
        self,
        services: Iterable[AwsService],
        moto: WsgiApp,
        control: ControlApp,
        latency: Latency,
        faults: Faults,
        counters: CallCounters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = {service.service_name: service for service in services}
        self._moto = moto
        self._control = control
        self._conditions = Conditions(latency, faults, counters, clock)
        self._clock = clock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        arrived = self._clock()
        request = read_request(environ)
        if f"{request.path}/".startswith(CONTROL_PREFIX):
            response = self._control(request)
        elif request.method == "OPTIONS":
            response = HttpResponse(200, [], b"")
        else:
            response = self._answer(request, environ, arrived)
        return _send(response, request, start_response)

    def _answer(self, request: HttpRequest, environ: Environ, arrived: float) -> HttpResponse:
        call = identify(request)
        trace = TraceHeader.parse(request.headers.get("x-amzn-trace-id"))
        with calling(app_id(request)), under(trace):
            return self._conditions.meet(
                call.service,
                (call.operation,),
                arrived,
                bool(environ.get(CONNECTION_IS_NEW)),
                lambda: self._dispatch(call, request, environ),
                lambda code: _fault_error(call, request, code),
            )

    def _dispatch(self, call: Call, request: HttpRequest, environ: Environ) -> HttpResponse:
        service = self._services.get(call.service)
        operation = service.operations.get(call.operation) if service else None
        try:
            if operation is None:
                return _call_moto(self._moto, request, environ)
            return _call_own(operation, call, request)
        except ApiError as exc:
            return protocol_errors.response(call, request, exc)
        except Exception as exc:
            _log.exception("%s.%s failed inside the sandbox", call.service, call.operation)
            message = f"The sandbox failed in {call.operation}: {type(exc).__name__}: {exc}"
            return protocol_errors.response(
                call, request, ApiError("InternalFailure", message, 500)
            )


def _call_own(operation: Operation, call: Call, request: HttpRequest) -> HttpResponse:
    model = service_model(call.service)
    if model is None:
        raise LookupError(f"botocore has no model of {call.service}")
    operation_model = model.operation_model(call.operation)
    if call.protocol == "query":
        answer = operation(query_wire.parse(request, operation_model))
        return query_wire.serialise(operation_model, answer)
    params = rest_json.parse(request, operation_model, call.labels)
    return rest_json.serialise(operation_model, operation(params))


def _call_moto(moto: WsgiApp, request: HttpRequest, environ: Environ) -> HttpResponse:
    rewind(environ, request.body)
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, *_: Any) -> Callable[[bytes], None]:
        started.append((status, headers))
        return lambda _: None

    chunks = moto(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started[-1]
    return HttpResponse(int(status.split(" ", 1)[0]), headers, body)


def _fault_error(call: Call, request: HttpRequest, code: str) -> HttpResponse:
    message = f"{code}: a fault that was set in the sandbox"
    error = ApiError(code, message, protocol_errors.likely_status(code))
    return protocol_errors.response(call, request, error)


def _send(
    response: HttpResponse, request: HttpRequest, start_response: StartResponse
) -> Iterable[bytes]:
    headers = [pair for pair in response.headers if _is_kept(pair[0])]
    headers += _cors(request.headers)
    return send(HttpResponse(response.status, headers, response.body), start_response)


def _is_kept(header: str) -> bool:
    # moto sets its own CORS headers on some answers; two of them make a browser refuse both.
    name = header.lower()
    return not name.startswith("access-control-") and name not in ("connection", "server")


def _cors(headers: Mapping[str, str]) -> Headers:
    """What a page served from elsewhere needs to use an AWS SDK against the sandbox."""
    return [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ("Access-Control-Allow-Headers", headers.get("access-control-request-headers", "*")),
        ("Access-Control-Expose-Headers", "*"),
        ("Access-Control-Max-Age", "600"),
    ]
