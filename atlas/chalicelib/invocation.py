"""What every Lambda function does at its edge: who is running, for how long, and health checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from chalicelib.settings import initialization_type, trace_header

HEALTH_EVENT = {"atlas": "health"}
"""What a release sends to a new version before any traffic may reach it."""

_seen_first_invocation = False


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation's facts, from Lambda's context; tests and `chalice local` may lack some."""

    request_id: str
    function_version: str
    start_kind: str
    context: Any = None
    function_arn: str = ""
    trace_header: str = ""

    @classmethod
    def of(cls, context: Any) -> Invocation:
        return cls(
            request_id=str(getattr(context, "aws_request_id", "")),
            function_version=str(getattr(context, "function_version", "")),
            start_kind=_start_kind(),
            context=context,
            function_arn=str(getattr(context, "invoked_function_arn", "")),
            trace_header=trace_header(),
        )

    @property
    def trace_id(self) -> str:
        """The trace's root id, which Lambda gives whether it samples the trace or not."""
        first = self.trace_header.partition(";")[0]
        return first.removeprefix("Root=") if first.startswith("Root=") else ""

    @property
    def log_fields(self) -> dict[str, str]:
        """What every line of the invocation carries."""
        return {
            "request_id": self.request_id,
            "version": self.function_version,
            "trace_id": self.trace_id,
        }

    def remaining_ms(self) -> float | None:
        """What Lambda has left; None where nobody counts."""
        remaining = getattr(self.context, "get_remaining_time_in_millis", None)
        return None if remaining is None else float(remaining())


def answers_health(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Answer a release's health check before the function sees the event.

    By then the module is imported and its services are built, so a package that the zip lacks
    or a bad setting has already failed loudly.
    """

    @wraps(function)
    def guarded(event: Any, context: Any) -> Any:
        if event == HEALTH_EVENT:
            version = Invocation.of(context).function_version
            return {"ok": True, "function": function.__name__, "version": version}
        return function(event, context)

    return guarded


def _start_kind() -> str:
    """`provisioned`, `cold` for an environment's first invocation on demand, else `warm`."""
    global _seen_first_invocation
    is_first, _seen_first_invocation = not _seen_first_invocation, True
    if initialization_type() == "provisioned-concurrency":
        return "provisioned"
    return "cold" if is_first else "warm"
