"""Answers the calls of the REST API: checks version, session and limit, then has the work done."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from sandbox.http_message import HttpRequest, HttpResponse
from sandbox.salesforce import describe, query
from sandbox.salesforce.errors import (
    JSON_TYPE,
    OAuthError,
    SalesforceError,
    SeveralMatchError,
    json_response,
    not_found,
    of_code,
)
from sandbox.salesforce.oauth import Sessions, TokenEndpoint
from sandbox.salesforce.routes import Call
from sandbox.salesforce.rows import NotModifiedError, Rows, Wishes, last_modified
from sandbox.salesforce.schema import Schema, SObject
from sandbox.salesforce.settings import LiveSettings
from sandbox.salesforce.store import Record, Store

# Until then an upsert that updates answers 204 without a body.
_UPSERT_ANSWERS_200_FROM = 46


class Api:
    """One organisation; every answer carries Sforce-Limit-Info."""

    def __init__(
        self,
        token_endpoint: TokenEndpoint,
        sessions: Sessions,
        schema: Schema,
        store: Store,
        settings: LiveSettings,
    ) -> None:
        self._token_endpoint, self._sessions = token_endpoint, sessions
        self._schema, self._store, self._settings = schema, store, settings
        self._rows = Rows(schema, store, settings)
        self._lock = threading.Lock()
        self._used = 0
        self._handlers: dict[str, Callable[[Call, HttpRequest], HttpResponse]] = {
            "resources": lambda call, _: json_response(200, describe.resources(call.base_url)),
            "limits": lambda *_: json_response(200, self._limits()),
            "describe": self._describe,
            "query": self._query,
            "create": self._create,
            "get": self._get,
            "update": self._update,
            "upsert": self._upsert,
            "delete": self._delete,
        }

    @property
    def used(self) -> int:
        """How many requests counted against the daily limit."""
        return self._used

    def answer(self, call: Call, request: HttpRequest) -> HttpResponse:
        """The answer, errors included."""
        try:
            return self._answer(call, request)
        except NotModifiedError:
            return HttpResponse(304, [], b"")
        except (SalesforceError, SeveralMatchError, OAuthError) as exc:
            return exc.response()

    def _answer(self, call: Call, request: HttpRequest) -> HttpResponse:
        if call.operation == "token":
            headers = {"Cache-Control": "no-store"}
            return json_response(200, self._token_endpoint.answer(request), headers)
        if call.operation == "versions":
            return json_response(200, describe.versions())
        if not describe.OLDEST_VERSION <= call.version <= describe.NEWEST_VERSION:
            raise not_found()
        self._sessions.check(request)
        handler = self._handlers.get(call.operation)
        if handler is None:
            raise _unknown(call, request)
        usage = self._count(call)
        response = handler(call, request)
        response.headers.append(("Sforce-Limit-Info", f"api-usage={usage}"))
        return response

    def _count(self, call: Call) -> str:
        most = self._settings.now.daily_api_requests
        with self._lock:
            if call.operation != "limits":
                if self._used >= most:
                    raise of_code("REQUEST_LIMIT_EXCEEDED")
                self._used += 1
            return f"{self._used}/{most}"

    def _limits(self) -> dict[str, Any]:
        return describe.limits(self._settings.now.daily_api_requests, self._used)

    def _describe(self, call: Call, _: HttpRequest) -> HttpResponse:
        if call.resource == "objects":
            objects = [self._object_named(name) for name in self._schema.names()]
            shown = [describe.summary(sobject, call.base_url) for sobject in objects]
            return json_response(200, {"encoding": "UTF-8", "sobjects": shown})
        sobject = self._object(call)
        if call.resource == "object":
            about = describe.summary(sobject, call.base_url)
            return json_response(200, {"objectDescribe": about, "recentItems": []})
        return json_response(200, describe.describe(sobject, call.base_url))

    def _query(self, call: Call, request: HttpRequest) -> HttpResponse:
        text = dict(request.query_pairs()).get("q")
        if not text:
            raise SalesforceError("MALFORMED_QUERY", "A query string has to be specified")
        include_deleted = call.resource == "queryAll"
        found = query.run(text, self._schema, self._store, include_deleted)
        records = [_shown(call, found.sobject, row, record_id) for record_id, row in found.rows]
        return json_response(200, {"totalSize": found.total, "done": True, "records": records})

    def _create(self, call: Call, request: HttpRequest) -> HttpResponse:
        sobject = self._object(call)
        record_id = self._rows.create(sobject, _body(request), wishes_of(call, request))
        body = {"id": record_id, "success": True, "errors": []}
        location = f"{call.base_url}/sobjects/{sobject.name}/{record_id}"
        return json_response(201, body, {"Location": location})

    def _get(self, call: Call, request: HttpRequest) -> HttpResponse:
        sobject, wishes = self._object(call), wishes_of(call, request)
        if call.key:
            record = self._rows.get_by(sobject, call.key, call.value, wishes)
        else:
            record = self._rows.get(sobject, call.target, wishes)
        shown = _shown(call, sobject, _chosen(sobject, record, request), record["Id"])
        modified = format_datetime(last_modified(record).astimezone(UTC), usegmt=True)
        return json_response(200, shown, {"Last-Modified": modified})

    def _update(self, call: Call, request: HttpRequest) -> HttpResponse:
        wishes = wishes_of(call, request)
        self._rows.update(self._object(call), call.target, _body(request), wishes)
        return _no_content()

    def _upsert(self, call: Call, request: HttpRequest) -> HttpResponse:
        sobject, wishes = self._object(call), wishes_of(call, request)
        record_id, is_new = self._rows.upsert(sobject, call.key, call.value, _body(request), wishes)
        if not is_new and call.version < _UPSERT_ANSWERS_200_FROM:
            return _no_content()
        body = {"id": record_id, "success": True, "errors": [], "created": is_new}
        return json_response(201 if is_new else 200, body)

    def _delete(self, call: Call, request: HttpRequest) -> HttpResponse:
        sobject, wishes = self._object(call), wishes_of(call, request)
        if call.key:
            self._rows.delete_by(sobject, call.key, call.value, wishes)
        else:
            self._rows.delete(sobject, call.target, wishes)
        return _no_content()

    def _object(self, call: Call) -> SObject:
        return self._object_named(call.object_name)

    def _object_named(self, name: str) -> SObject:
        sobject = self._schema.object(name)
        if sobject is None:
            raise not_found()
        return sobject


def _body(request: HttpRequest) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "")
    if "json" not in content_type:
        message = f"Content type specified in the request is not supported: {content_type}"
        raise SalesforceError("UNSUPPORTED_MEDIA_TYPE", message, 415)
    if not request.body:
        message = "The HTTP entity body is required, but this request has no entity body."
        raise SalesforceError("JSON_PARSER_ERROR", message)
    try:
        body = json.loads(request.body)
    except ValueError as exc:
        raise SalesforceError("JSON_PARSER_ERROR", f"Unreadable JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise SalesforceError("JSON_PARSER_ERROR", "The body must be one record, a JSON object")
    return body


def wishes_of(call: Call, request: HttpRequest) -> Wishes:
    duplicates = request.headers.get("sforce-duplicate-rule-header", "").lower()
    told = {item.strip() for item in duplicates.replace(",", ";").split(";")}
    return Wishes(
        modified_since=_date(request, "if-modified-since"),
        unmodified_since=_date(request, "if-unmodified-since"),
        allow_duplicate="allowsave=true" in told,
        with_duplicate_details="includerecorddetails=true" in told,
        update_only=dict(request.query_pairs()).get("updateOnly", "").lower() == "true",
        base_url=call.base_url,
    )


def _date(request: HttpRequest, header: str) -> datetime | None:
    """A date that cannot be read counts as none, as HTTP has it (RFC 9110, section 13.1)."""
    try:
        moment = parsedate_to_datetime(request.headers[header])
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _chosen(sobject: SObject, record: Record, request: HttpRequest) -> Record:
    """The fields asked for, or all that the object has now."""
    asked = dict(request.query_pairs()).get("fields", "")
    names = [name.strip() for name in asked.split(",") if name.strip()]
    fields = [sobject.field(name) for name in names]
    if None in fields:
        unknown = names[fields.index(None)]
        message = f"No such column '{unknown}' on sobject of type {sobject.name}"
        raise SalesforceError("INVALID_FIELD", message)
    shown = [field for field in fields if field] or sobject.fields
    return {"Id": record["Id"]} | {field.name: record.get(field.name) for field in shown}


def _shown(call: Call, sobject: SObject, row: Record, record_id: str) -> Record:
    url = f"{call.base_url}/sobjects/{sobject.name}/{record_id}"
    return {"attributes": {"type": sobject.name, "url": url}} | row


def _unknown(call: Call, request: HttpRequest) -> SalesforceError:
    if call.resource:
        message = f"HTTP Method '{request.method}' not allowed."
        return SalesforceError("METHOD_NOT_ALLOWED", message, 405)
    return not_found()


def _no_content() -> HttpResponse:
    return HttpResponse(204, [JSON_TYPE], b"")
