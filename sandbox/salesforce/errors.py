"""Errors in Salesforce's words and shape: a JSON list of {message, errorCode, fields}."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.http_message import HttpResponse

JSON_TYPE = ("Content-Type", "application/json;charset=UTF-8")
DUPLICATES_DETECTED = "DUPLICATES_DETECTED"

_HTML = (
    b"<html><head><title>Service Unavailable</title></head>"
    b"<body><h1>HTTP Error 503</h1><p>We are down for maintenance.</p></body></html>"
)
# What the REST API guide and published error answers say of each code.
_FAULTS: dict[str, tuple[int, str]] = {
    DUPLICATES_DETECTED: (400, "Use one of these records?"),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (400, "A validation rule refuses this record."),
    "UNABLE_TO_LOCK_ROW": (400, "unable to obtain exclusive access to this record"),
    "DUPLICATE_VALUE": (400, "duplicate value found: <unknown> duplicates value on record"),
    "STORAGE_LIMIT_EXCEEDED": (400, "storage limit exceeded"),
    "INVALID_SESSION_ID": (401, "Session expired or invalid"),
    "REQUEST_LIMIT_EXCEEDED": (403, "TotalRequests Limit exceeded."),
    "API_CURRENTLY_DISABLED": (403, "API is disabled for this user"),
    "INSUFFICIENT_ACCESS_OR_READONLY": (403, "insufficient access rights on object id"),
    "NOT_FOUND": (404, "The requested resource does not exist"),
    "ENTITY_IS_DELETED": (404, "entity is deleted"),
    "UNKNOWN_EXCEPTION": (500, "An unexpected error occurred."),
    "SERVER_UNAVAILABLE": (503, "Server too busy"),
    "invalid_grant": (400, "invalid assertion"),
    "invalid_client_id": (400, "client identifier invalid"),
    "inactive_user": (400, "user is inactive"),
}


class SalesforceError(Exception):
    """One error as the API answers it; `members` join the error's object."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        fields: Sequence[str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.fields, self.members = fields, members

    def response(self) -> HttpResponse:
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return json_response(self.status, [error | self.members])


class OAuthError(Exception):
    """An error of the token endpoint, whose shape is OAuth's."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description, self.status = error, description, status

    def response(self) -> HttpResponse:
        body = {"error": self.error, "error_description": self.description}
        return json_response(self.status, body)


class SeveralMatchError(Exception):
    """An external id that several records have; carries their URLs (300)."""

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__(f"{len(urls)} records match")
        self.urls = list(urls)

    def response(self) -> HttpResponse:
        return json_response(300, self.urls)


def not_found(message: str = "The requested resource does not exist") -> SalesforceError:
    return SalesforceError("NOT_FOUND", message, 404)


def of_code(code: str) -> SalesforceError:
    """The error of a known code, with its usual status and words; LookupError for another."""
    status, message = _FAULTS[code]
    return SalesforceError(code, message, status)


def fault_response(code: str, is_token: bool, default_status: int) -> HttpResponse:
    """What a fault of that name answers; HTML_503 and EMPTY_BODY are no answers of the API."""
    if code == "HTML_503":
        return HttpResponse(503, [("Content-Type", "text/html;charset=UTF-8")], _HTML)
    if code == "EMPTY_BODY":
        return HttpResponse(200, [JSON_TYPE], b"")
    status, message = _FAULTS.get(code, (default_status, f"{code}: a fault set in the sandbox"))
    if is_token:
        return OAuthError(code, message, status).response()
    return SalesforceError(code, message, status, []).response()


def json_response(
    status: int, value: Any, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    body = json.dumps(value).encode()
    return HttpResponse(status, [JSON_TYPE, *(headers or {}).items()], body)
