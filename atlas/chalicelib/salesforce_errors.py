"""What Salesforce's answers and simple-salesforce's exceptions mean, in Atlas's own terms.

Codes: REST API Developer Guide, "Status Codes and Error Responses", and the SOAP API's list of
exception codes. A reason is the code alone: messages quote names and numbers.
"""

from __future__ import annotations

import re
from typing import Any

import requests
from simple_salesforce.exceptions import SalesforceError

from chalicelib.errors import (
    DependencyError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.salesforce_http import DEPENDENCY

SEVERAL_MATCHES = "SEVERAL_MATCHES"
MISSING = frozenset(("NOT_FOUND", "ENTITY_IS_DELETED"))
"""Reasons that say that there is no such record, or no longer."""

_THROTTLED = "REQUEST_LIMIT_EXCEEDED"
_TRANSIENT = frozenset(
    (
        "UNABLE_TO_LOCK_ROW",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "QUERY_TIMEOUT",
        "API_CURRENTLY_DISABLED",
        "INVALID_SESSION_ID",
    )
)
_CHANGED = "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE_CHECK"
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,79}")


class RecordChangedError(RetryableDependencyError):
    """Somebody wrote after the record was read; whoever wrote conditionally reads it again."""


def translated(exc: SalesforceError | requests.RequestException) -> DependencyError:
    """ThrottledError, RecordChangedError, RetryableDependencyError or RejectedByDependencyError.

    An answer without Salesforce's error list comes from something in front of it: an outage.
    """
    if not isinstance(exc, SalesforceError):
        return RetryableDependencyError(DEPENDENCY, type(exc).__name__)
    code = code_of(exc)
    if exc.status == requests.codes.multiple_choices:
        return RejectedByDependencyError(DEPENDENCY, SEVERAL_MATCHES)
    if exc.status == requests.codes.precondition_failed or code == _CHANGED:
        return RecordChangedError(DEPENDENCY, _CHANGED)
    if code == _THROTTLED or exc.status == requests.codes.too_many_requests:
        return ThrottledError(DEPENDENCY, code or f"HTTP_{exc.status}")
    if not code or code in _TRANSIENT or exc.status >= 500:
        return RetryableDependencyError(DEPENDENCY, code or f"HTTP_{exc.status}")
    return RejectedByDependencyError(DEPENDENCY, code)


def code_of(exc: SalesforceError) -> str:
    """The first error's code, "" where the answer is none of Salesforce's."""
    content: Any = exc.content
    first = content[0] if isinstance(content, list) and content else None
    code = first.get("errorCode") if isinstance(first, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
