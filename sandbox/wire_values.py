"""One value between Python and the wire by its botocore shape: JSON, headers, query strings."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.utils import parse_timestamp

from sandbox.aws_api import Params
from sandbox.http_message import Headers

# A slot without a value is null in Lex's own responses and events, and clients may send it so;
# botocore's models have no null in a map.
_MAPS_WITH_NULLS = frozenset({"Slots"})


def takes_null(shape: Shape) -> bool:
    """Whether a value of this map may be null."""
    return shape.name in _MAPS_WITH_NULLS


def without_nulls(value: Any, shape: Shape) -> Any:
    """The value as botocore's validator accepts it: less the nulls that its map may hold."""
    if isinstance(shape, MapShape) and isinstance(value, dict):
        kept = (item for item in value.items() if item[1] is not None or not takes_null(shape))
        return {key: without_nulls(item, shape.value) for key, item in kept}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [without_nulls(item, shape.member) for item in value]
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {n: without_nulls(v, members[n]) if n in members else v for n, v in value.items()}
    return value


def from_text(shape: Shape, text: str) -> Any:
    if shape.serialization.get("jsonvalue"):
        return json.loads(base64.b64decode(text))
    if shape.type_name == "boolean":
        return text.lower() == "true"
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name in ("float", "double"):
        return float(text)
    if shape.type_name == "timestamp":
        return parse_timestamp(text)
    if isinstance(shape, ListShape):
        return [from_text(shape.member, part.strip()) for part in text.split(",")]
    return text


def from_json(value: Any, shape: Shape, path: str = "") -> Any:
    """The value typed by its shape; a TypeError names the path of a wrong type."""
    if shape.metadata.get("document"):
        return value
    expected = _JSON_TYPES.get(shape.type_name, str)
    typed: Any = value
    if not isinstance(value, expected) or (
        isinstance(value, bool) and shape.type_name != "boolean"
    ):
        raise TypeError(f"{path or 'The body'} must be of type {shape.type_name}")
    if isinstance(shape, StructureShape):
        return _structure_from_json(typed, shape, path)
    if isinstance(shape, ListShape):
        return [from_json(item, shape.member, f"{path}.{i}") for i, item in enumerate(typed)]
    if isinstance(shape, MapShape):
        return {key: _map_item(item, shape, f"{path}.{key}") for key, item in typed.items()}
    if shape.type_name == "blob":
        return base64.b64decode(typed, validate=True)
    return parse_timestamp(typed) if shape.type_name == "timestamp" else typed


def _map_item(value: Any, shape: MapShape, path: str) -> Any:
    is_empty = value is None and takes_null(shape)
    return None if is_empty else from_json(value, shape.value, path)


_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}


def _structure_from_json(value: dict[str, Any], shape: StructureShape, path: str) -> Params:
    found: Params = {}
    for name, member in shape.members.items():
        wire_name = member.serialization.get("name", name)
        if "location" not in member.serialization and value.get(wire_name) is not None:
            found[name] = from_json(value[wire_name], member, f"{path}.{name}".lstrip("."))
    return found


def to_json(value: Any, shape: Shape) -> Any:
    if shape.metadata.get("document"):
        return value
    if isinstance(shape, StructureShape):
        return {
            member.serialization.get("name", name): to_json(value[name], member)
            for name, member in shape.members.items()
            if value.get(name) is not None and "location" not in member.serialization
        }
    if isinstance(shape, ListShape):
        return [to_json(item, shape.member) for item in value]
    if isinstance(shape, MapShape):
        return {
            key: None if item is None else to_json(item, shape.value) for key, item in value.items()
        }
    if shape.type_name == "blob":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    return _timestamp(value, shape, "unixtimestamp") if shape.type_name == "timestamp" else value


def header_values(member: Shape, value: Any) -> Headers:
    wire_name = member.serialization.get("name", "")
    if isinstance(member, MapShape):
        return [(wire_name + key, str(item)) for key, item in value.items()]
    if member.serialization.get("jsonvalue"):
        return [(wire_name, base64.b64encode(json.dumps(value).encode()).decode())]
    if member.type_name == "timestamp":
        return [(wire_name, str(_timestamp(value, member, "rfc822")))]
    if isinstance(value, bool):
        return [(wire_name, str(value).lower())]
    return [(wire_name, ",".join(map(str, value)) if isinstance(value, list) else str(value))]


def timestamp_text(value: datetime | float, shape: Shape) -> str:
    """A moment as XML has it."""
    return str(_timestamp(value, shape, "iso8601"))


def _timestamp(value: datetime | float, shape: Shape, default_format: str) -> Any:
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    wanted = shape.serialization.get("timestampFormat", default_format).lower()
    if wanted == "iso8601":
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if wanted == "rfc822":
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return round(moment.timestamp(), 3)
