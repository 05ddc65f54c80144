"""One HTTP request and one HTTP response, apart from WSGI so that protocols test as plain calls."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

Headers = list[tuple[str, str]]
Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` is as sent (percent-encoded), header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def query_pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(slots=True)
class HttpResponse:
    """A body that is not bytes is streamed, one chunk per item."""

    status: int
    headers: Headers
    body: bytes | Iterable[bytes] = b""


def read_request(environ: Environ) -> HttpRequest:
    """Take the request off a WSGI environ and leave the environ readable once more for moto."""
    uri = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "/")
    path, _, query = uri.partition("?")
    body = _read_body(environ)
    # cheroot leaves %2F in PATH_INFO, where moto's own server decodes everything.
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    # moto takes S3's keys from here, and would decode what was decoded already.
    environ["RAW_URI"] = uri
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=path,
        query=query or environ.get("QUERY_STRING", ""),
        headers=_headers(environ),
        body=body,
    )


def send(response: HttpResponse, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a WSGI server; a body of bytes gets its length, unless the status forbids it."""
    headers, body = list(response.headers), response.body
    if isinstance(body, bytes):
        has_length = any(name.lower() == "content-length" for name, _ in headers)
        if not has_length and response.status not in _BODILESS:
            headers.append(("Content-Length", str(len(body))))
        body = [body]
    start_response(f"{response.status} {_phrase(response.status)}", headers)
    return body


def rewind(environ: Environ, body: bytes) -> None:
    """Let another application read a body that was read already."""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["wsgi.input_terminated"] = True


def _read_body(environ: Environ) -> bytes:
    if environ.get("wsgi.input_terminated") or environ.get("HTTP_TRANSFER_ENCODING"):
        return bytes(environ["wsgi.input"].read())
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return bytes(environ["wsgi.input"].read(length)) if length else b""


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
