"""Which operation of Salesforce's REST API a request means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from sandbox.http_message import HttpRequest

_VERSIONED = re.compile(r"/services/data/v(\d+)\.0((?:/[^/]*)*)")


@dataclass(frozen=True, slots=True)
class Call:
    """`target` is a record id, or empty; `key` and `value` are an external id's."""

    operation: str
    version: int = 0
    object_name: str = ""
    target: str = ""
    key: str = ""
    value: str = ""
    resource: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What a fault may call it: `create`, or `Lead.create`."""
        return (self.operation, f"{self.object_name}.{self.operation}")

    @property
    def base_url(self) -> str:
        return f"/services/data/v{self.version}.0"


def identify(request: HttpRequest) -> Call:
    """Name the call; `unknown` for a path or a method that there is not."""
    path = request.path.rstrip("/") or "/"
    if path == "/services/oauth2/token":
        return Call("token" if request.method == "POST" else "unknown", resource="token")
    if path == "/services/data":
        return Call("versions" if request.method == "GET" else "unknown")
    match = _VERSIONED.fullmatch(path)
    if match is None:
        return Call("unknown")
    parts = [part for part in match[2].split("/") if part]
    return _versioned(request.method, int(match[1]), parts)


def _versioned(method: str, version: int, parts: list[str]) -> Call:
    if not parts:
        return Call("resources" if method == "GET" else "unknown", version)
    if parts[0] == "sobjects":
        return _sobjects(method, version, [unquote(part) for part in parts[1:]], parts)
    operation = _PLAIN.get("/".join(parts))
    if operation is None:
        return Call("unknown", version)
    return Call(operation if method == "GET" else "unknown", version, resource=parts[0])


def _sobjects(method: str, version: int, names: list[str], raw: list[str]) -> Call:
    if len(names) <= 1:
        return _collection(method, version, names)
    if names[1] == "describe" and len(names) == 2:
        operation = "describe" if method == "GET" else "unknown"
        return Call(operation, version, names[0], resource="describe")
    if len(names) == 2:
        operation = _ROW.get(method, "unknown")
        return Call(operation, version, names[0], names[1], resource="row")
    if len(names) == 3:
        operation = _ROW_BY_KEY.get(method, "unknown")
        # A client may quote the value as a form does: simple-salesforce's get_by_custom_id does.
        value = unquote_plus(raw[3]) if method == "GET" else names[2]
        return Call(operation, version, names[0], "", names[1], value, resource="row by key")
    return Call("unknown", version)


def _collection(method: str, version: int, names: list[str]) -> Call:
    if not names:
        return Call("describe" if method == "GET" else "unknown", version, resource="objects")
    operation = {"GET": "describe", "POST": "create"}.get(method, "unknown")
    return Call(operation, version, names[0], resource="object")


_PLAIN = {"query": "query", "queryAll": "query", "limits": "limits"}
_ROW = {"GET": "get", "PATCH": "update", "DELETE": "delete"}
_ROW_BY_KEY = {"GET": "get", "PATCH": "upsert", "DELETE": "delete"}
