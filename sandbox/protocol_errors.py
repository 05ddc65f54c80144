"""One error in each of the protocols that AWS services speak, so that a fault looks like AWS."""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

from sandbox import rest_json
from sandbox.aws_api import ApiError
from sandbox.http_message import HttpRequest, HttpResponse
from sandbox.routes import Call, service_model

_XML = "text/xml"


def response(call: Call, request: HttpRequest, exc: ApiError) -> HttpResponse:
    """The error in the protocol that the call was made in."""
    if call.protocol == "json":
        return _json(call, request, exc)
    if call.protocol == "smithy-rpc-v2-cbor":
        return _cbor(call, exc)
    if call.protocol == "query":
        return _query(call, exc)
    if call.protocol == "rest-xml":
        return _rest_xml(call, exc)
    model = service_model(call.service)
    if model is None:
        return HttpResponse(exc.status, [("Content-Type", "application/json")], b"{}")
    return rest_json.error(model, exc)


def likely_status(code: str) -> int:
    """The status of a code that no model states; REST services answer throttling with 429."""
    if "Internal" in code:
        return 500
    if "Unavailable" in code or code == "SlowDown":
        return 503
    if "Throttl" in code or code == "TooManyRequestsException":
        return 429
    return 403 if "AccessDenied" in code else 400


def status_of(call: Call, code: str, default: int) -> int:
    """The status the model states; JSON services answer 400, or 500 where the fault is theirs."""
    model = service_model(call.service)
    shape = rest_json.error_shape(model, code) if model else None
    stated = shape.metadata.get("error", {}).get("httpStatusCode") if shape else None
    if stated:
        return int(stated)
    return default if call.protocol.startswith("rest") or default >= 500 else 400


def _json(call: Call, request: HttpRequest, exc: ApiError) -> HttpResponse:
    body = json.dumps({"__type": exc.code, "message": exc.message} | exc.members)
    content_type = request.headers.get("content-type", "application/x-amz-json-1.0")
    headers = [("Content-Type", content_type), ("x-amzn-RequestId", str(uuid.uuid4()))]
    return HttpResponse(status_of(call, exc.code, exc.status), headers, body.encode())


def _query(call: Call, exc: ApiError) -> HttpResponse:
    status = status_of(call, exc.code, exc.status)
    sender = "Sender" if status < 500 else "Receiver"
    body = (
        f"<ErrorResponse><Error><Type>{sender}</Type><Code>{escape(exc.code)}</Code>"
        f"<Message>{escape(exc.message)}</Message></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return HttpResponse(status, [("Content-Type", _XML)], body.encode())


def _rest_xml(call: Call, exc: ApiError) -> HttpResponse:
    body = (
        f"<Error><Code>{escape(exc.code)}</Code><Message>{escape(exc.message)}</Message>"
        f"<RequestId>{uuid.uuid4()}</RequestId></Error>"
    )
    status = status_of(call, exc.code, exc.status)
    return HttpResponse(status, [("Content-Type", "application/xml")], body.encode())


def _cbor(call: Call, exc: ApiError) -> HttpResponse:
    body = b"\xa2" + b"".join(
        _cbor_text(text) for text in ("__type", exc.code, "message", exc.message)
    )
    headers = [
        ("Content-Type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    return HttpResponse(status_of(call, exc.code, exc.status), headers, body)


def _cbor_text(text: str) -> bytes:
    """A CBOR text string with a two-byte length (RFC 8949, section 3.1)."""
    raw = text.encode()
    return b"\x79" + len(raw).to_bytes(2, "big") + raw
