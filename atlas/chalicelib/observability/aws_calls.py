"""A subsegment for each call to AWS, by botocore's own events, whoever makes the call."""

from __future__ import annotations

from typing import Any

from chalicelib.observability.tracing import TRACER, Span, Tracer

_KEY = "atlas_span"
_HEADER = "X-Amzn-Trace-Id"
_ANSWERS = frozenset(("ConditionalCheckFailedException", "TransactionCanceledException"))
"""Codes by which DynamoDB says what it found: no errors of anybody's."""


class AwsCalls:
    """Registered with a session, it follows the calls of all of its clients."""

    def __init__(self, session: Any, tracer: Tracer = TRACER) -> None:
        self._tracer = tracer
        session.register("before-parameter-build", self._begin)
        session.register("before-call", self._leave)
        session.register("after-call", self._end)
        session.register("after-call-error", self._fail)

    def _begin(self, params: Any, model: Any, context: Any, **_: Any) -> None:
        if (outer := self._tracer.open) is None:
            return
        aws = {"operation": model.name}
        if table := params.get("TableName"):
            aws["table_name"] = table
        context[_KEY] = outer.child(model.service_model.service_id, namespace="aws", aws=aws)

    def _leave(self, params: Any, context: Any, **_: Any) -> None:
        """What the call sets off hangs below the call."""
        if (span := _span(context)) is not None:
            params["headers"][_HEADER] = span.header

    def _end(self, http_response: Any, parsed: Any, context: Any, **_: Any) -> None:
        if (span := _span(context)) is None:
            return
        about = parsed.get("ResponseMetadata", {})
        span.document["aws"] |= _about(about)
        code = parsed.get("Error", {}).get("Code", "") if http_response.status_code >= 300 else ""
        span.answered(http_response.status_code, "" if code in _ANSWERS else code)
        span.end()

    def _fail(self, exception: BaseException, context: Any, **_: Any) -> None:
        if (span := _span(context)) is not None:
            span.end(exception)


def _span(context: Any) -> Span | None:
    span: Span | None = context.get(_KEY)
    return span


def _about(metadata: Any) -> dict[str, Any]:
    found = {"request_id": metadata.get("RequestId"), "retries": metadata.get("RetryAttempts")}
    return {name: value for name, value in found.items() if value}
