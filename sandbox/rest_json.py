"""The service's side of REST-JSON by botocore's models, so that stand-ins contain no HTTP.

Lambda, Lex V2, Bedrock and Connect all speak it; botocore has only the client's side.
"""

from __future__ import annotations

import binascii
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from sandbox import event_stream
from sandbox.aws_api import ApiError, Params
from sandbox.constraints import summary, violations
from sandbox.http_message import Headers, HttpRequest, HttpResponse
from sandbox.wire_values import from_json, from_text, header_values, to_json, without_nulls

_validator = ParamValidator()


def parse(request: HttpRequest, operation: OperationModel, labels: Mapping[str, str]) -> Params:
    """The input shape's members; ApiError (ValidationException) where AWS would answer it."""
    shape = operation.input_shape
    if shape is None:
        return {}
    try:
        params = _located_members(request, shape, labels)
        params |= _body_members(request, shape)
    except (TypeError, ValueError, binascii.Error) as exc:
        raise ApiError("SerializationException", str(exc)) from exc
    problems = violations(params, shape)
    if problems:
        raise ApiError(_validation_code(operation.service_model), summary(problems))
    return params


def serialise(operation: OperationModel, result: Params) -> HttpResponse:
    """The response of an operation; ValueError names where a stand-in departs from the model."""
    headers: Headers = [("x-amzn-RequestId", str(uuid.uuid4()))]
    status = operation.http.get("responseCode", 200)
    shape = operation.output_shape
    if shape is None:
        return HttpResponse(status, headers, b"")
    result = {name: value for name, value in result.items() if value is not None}
    check_output(result, shape)
    for name, value in result.items():
        member = shape.members.get(name)
        location = member.serialization.get("location") if member else None
        if member and location == "statusCode":
            status = int(value)
        elif member and location in ("header", "headers"):
            headers.extend(header_values(member, value))
    return _with_body(HttpResponse(status, headers), shape, result)


def error(service: ServiceModel, exc: ApiError) -> HttpResponse:
    """The error as its shape states it: status, the spelling of `message`, further members."""
    shape = error_shape(service, exc.code)
    status = exc.status
    names = {"message": "message"}
    if shape is not None:
        status = shape.metadata.get("error", {}).get("httpStatusCode", status)
        names |= {
            name.lower(): m.serialization.get("name", name) for name, m in shape.members.items()
        }
    body = {names["message"]: exc.message} | exc.members
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", str(uuid.uuid4())),
        ("x-amzn-ErrorType", exc.code),
    ]
    return HttpResponse(status, headers, json.dumps(body, default=str).encode())


def error_shape(service: ServiceModel, code: str) -> StructureShape | None:
    """The modelled error of that code or name, if any."""
    for shape in service.error_shapes:
        if isinstance(shape, StructureShape) and code in (shape.name, shape.error_code):
            return shape
    return None


def check_output(result: Params, shape: StructureShape) -> None:
    """ValueError when a stand-in's output is not what the model allows (it catches drift)."""
    plain = {name: value for name, value in result.items() if not _is_stream(shape, name)}
    report = _validator.validate(without_nulls(plain, shape), shape)
    if report.has_errors():
        raise ValueError(f"{shape.name}: {report.generate_report()}")


def _is_stream(shape: StructureShape, name: str) -> bool:
    member = shape.members.get(name)
    return member is not None and bool(member.serialization.get("eventstream"))


def _located_members(
    request: HttpRequest, shape: StructureShape, labels: Mapping[str, str]
) -> Params:
    query = request.query_pairs()
    params: Params = {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location is None:
            continue
        wire_name = member.serialization.get("name", name)
        value = _located_value(member, location, wire_name, request, labels, query)
        if value is not None:
            params[name] = value
    return params


def _located_value(
    member: Shape,
    location: str,
    wire_name: str,
    request: HttpRequest,
    labels: Mapping[str, str],
    query: list[tuple[str, str]],
) -> Any:
    if location == "uri":
        return from_text(member, labels[wire_name]) if wire_name in labels else None
    if location == "header":
        text = request.headers.get(wire_name.lower())
        return None if text is None else from_text(member, text)
    if location == "headers":
        prefix = wire_name.lower()
        found = {n[len(prefix) :]: v for n, v in request.headers.items() if n.startswith(prefix)}
        return found or None
    values = [value for name, value in query if name == wire_name]
    if isinstance(member, ListShape):
        return [from_text(member.member, value) for value in values] or None
    return from_text(member, values[-1]) if values else None


def _body_members(request: HttpRequest, shape: StructureShape) -> Params:
    payload = shape.serialization.get("payload")
    if payload is not None:
        member = shape.members[payload]
        if isinstance(member, StructureShape):
            return {payload: from_json(_json(request.body), member)} if request.body else {}
        raw = request.body if member.type_name == "blob" else request.body.decode()
        return {payload: raw} if request.body else {}
    if all("location" in m.serialization for m in shape.members.values()):
        return {}
    parsed: Params = from_json(_json(request.body), shape)
    return parsed


def _json(body: bytes) -> Any:
    if not body:
        return {}
    try:
        parsed = json.loads(body)
        if b"\\u" in body:
            # Half a pair is JSON, but no text: nobody behind the gateway could pass it on.
            json.dumps(parsed, ensure_ascii=False).encode()
    except ValueError as exc:
        raise ValueError(f"The request body is not JSON in UTF-8: {exc}") from exc
    return parsed


def _with_body(
    response: HttpResponse, shape: StructureShape, result: Mapping[str, Any]
) -> HttpResponse:
    payload = shape.serialization.get("payload")
    stream = next((name for name in shape.members if _is_stream(shape, name)), None)
    if stream is not None:
        response.body = encode_events(shape.members[stream], result[stream])
        response.headers.append(("Content-Type", event_stream.CONTENT_TYPE))
        return response
    if payload is not None and not isinstance(shape.members[payload], StructureShape):
        raw = result.get(payload, b"")
        response.body = raw.encode() if isinstance(raw, str) else bytes(raw)
        if not any(name.lower() == "content-type" for name, _ in response.headers):
            response.headers.append(("Content-Type", "application/json"))
        return response
    body_shape: Shape = shape.members[payload] if payload else shape
    body = result.get(payload, {}) if payload else result
    has_body = payload or any("location" not in m.serialization for m in shape.members.values())
    response.body = json.dumps(to_json(body, body_shape)).encode() if has_body else b""
    response.headers.append(("Content-Type", "application/json"))
    return response


def encode_events(shape: Shape, events: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One frame per event; an ApiError from the iterator becomes the stream's last frame."""
    assert isinstance(shape, StructureShape)  # noqa: S101 - tells mypy what `eventstream` means
    iterator = iter(events)
    try:
        for item in iterator:
            ((name, value),) = item.items()
            yield _event_frame(name, value, shape.members[name])
    except ApiError as exc:
        yield _exception_frame(exc, shape)
    finally:
        if hasattr(iterator, "close"):
            iterator.close()


def _event_frame(name: str, value: Mapping[str, Any], shape: Shape) -> bytes:
    body = json.dumps(to_json(value, shape)).encode()
    if shape.metadata.get("exception"):
        return event_stream.modelled_exception(name, body)
    members = shape.members.items() if isinstance(shape, StructureShape) else ()
    raw_name = next((n for n, m in members if m.serialization.get("eventpayload")), None)
    if raw_name is not None and isinstance(value.get(raw_name), bytes):
        return event_stream.event(name, value[raw_name], "application/octet-stream")
    return event_stream.event(name, body)


def _exception_frame(exc: ApiError, shape: StructureShape) -> bytes:
    for name, member in shape.members.items():
        if member.name == exc.code:
            body = json.dumps({"message": exc.message} | exc.members).encode()
            return event_stream.modelled_exception(name, body)
    return event_stream.unmodelled_error(exc.code, exc.message)


def _validation_code(service: ServiceModel) -> str:
    """Connect and Transcribe have names of their own for it; the others ValidationException."""
    names = {shape.name for shape in service.error_shapes}
    codes = ("ValidationException", "InvalidRequestException", "BadRequestException")
    return next((code for code in codes if code in names), codes[0])
