"""The service's side of AWS's query protocol by botocore's models: form fields in, XML out.

CloudFormation speaks nothing else; botocore has only the client's side.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from sandbox.aws_api import ApiError, Params
from sandbox.constraints import summary, violations
from sandbox.http_message import HttpRequest, HttpResponse
from sandbox.rest_json import check_output
from sandbox.wire_values import from_text, timestamp_text

Fields = Mapping[str, str]


def parse(request: HttpRequest, operation: OperationModel) -> Params:
    """The input shape's members; ApiError (ValidationError) where AWS would answer it."""
    shape = operation.input_shape
    if shape is None:
        return {}
    pairs = request.query_pairs() + parse_qsl(request.body.decode(), keep_blank_values=True)
    try:
        params = _structure(dict(pairs), shape, "")
    except ValueError as exc:
        raise ApiError("MalformedInput", str(exc)) from exc
    if problems := violations(params, shape):
        raise ApiError("ValidationError", summary(problems))
    return params


def serialise(operation: OperationModel, result: Params) -> HttpResponse:
    """The response of an operation; ValueError names where a stand-in departs from the model."""
    shape, name = operation.output_shape, operation.name
    body = ""
    if shape is not None:
        result = {key: value for key, value in result.items() if value is not None}
        check_output(result, shape)
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
        body = f"<{wrapper}>{''.join(_members(result, shape))}</{wrapper}>"
    request_id = str(uuid.uuid4())
    namespace = operation.service_model.metadata["xmlNamespace"]
    text = (
        f'<{name}Response xmlns="{namespace}">{body}<ResponseMetadata>'
        f"<RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
    )
    headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)]
    return HttpResponse(200, headers, text.encode())


def _structure(fields: Fields, shape: StructureShape, prefix: str) -> Params:
    found = {
        name: _value(fields, member, prefix + member.serialization.get("name", name))
        for name, member in shape.members.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def _value(fields: Fields, shape: Shape, name: str) -> Any:
    """The value of a field, or of the fields below it; None where there is none."""
    if isinstance(shape, StructureShape):
        inside = any(each.startswith(f"{name}.") for each in fields)
        return _structure(fields, shape, f"{name}.") if inside else None
    if isinstance(shape, ListShape):
        return _list(fields, shape, name)
    if isinstance(shape, MapShape):
        return _map(fields, shape, name)
    if name not in fields:
        return None
    if shape.type_name == "blob":
        return base64.b64decode(fields[name], validate=True)
    return from_text(shape, fields[name])


def _list(fields: Fields, shape: ListShape, name: str) -> list[Any] | None:
    flattened = shape.serialization.get("flattened")
    item = name if flattened else f"{name}.{shape.member.serialization.get('name', 'member')}"
    values = list(_numbered(fields, shape.member, item))
    # botocore sends an empty list as one empty field.
    return values or ([] if fields.get(name) == "" else None)


def _numbered(fields: Fields, shape: Shape, name: str) -> Iterator[Any]:
    place = 1
    while (value := _value(fields, shape, f"{name}.{place}")) is not None:
        yield value
        place += 1


def _map(fields: Fields, shape: MapShape, name: str) -> dict[str, Any] | None:
    entry = name if shape.serialization.get("flattened") else f"{name}.entry"
    found, place = {}, 1
    while (key := fields.get(f"{entry}.{place}.key")) is not None:
        found[key] = _value(fields, shape.value, f"{entry}.{place}.value")
        place += 1
    return found or None


def _members(value: Mapping[str, Any], shape: StructureShape) -> Iterator[str]:
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield _element(member.serialization.get("name", name), value[name], member)


def _element(name: str, value: Any, shape: Shape) -> str:
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return "".join(_element(name, item, shape.member) for item in value)
    return f"<{name}>{_content(value, shape)}</{name}>"


def _content(value: Any, shape: Shape) -> str:
    if isinstance(shape, StructureShape):
        return "".join(_members(value, shape))
    if isinstance(shape, ListShape):
        item = shape.member.serialization.get("name", "member")
        return "".join(_element(item, each, shape.member) for each in value)
    if isinstance(shape, MapShape):
        return "".join(_entry(key, item, shape) for key, item in value.items())
    return escape(_text(value, shape))


def _entry(key: str, value: Any, shape: MapShape) -> str:
    inside = _element("key", key, shape.key) + _element("value", value, shape.value)
    return f"<entry>{inside}</entry>"


def _text(value: Any, shape: Shape) -> str:
    if shape.type_name == "timestamp":
        return timestamp_text(value, shape)
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
