"""A bounded sample of the newest log lines of every function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.audit.limits import LOG_LINES, LOG_STREAMS
from ops.aws import found
from ops.stages import function_name
from ops.steps import Context


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a function's log."""

    function: str
    stream: str
    text: str


def read_lines(ctx: Context, function: str, end: datetime, hours: int) -> list[Line]:
    """At most LOG_LINES of each of the LOG_STREAMS newest streams; none without a log group."""
    return list(_lines(ctx, function, end - timedelta(hours=hours)))


def _lines(ctx: Context, function: str, begin: datetime) -> Iterator[Line]:
    logs = ctx.clients.of("logs")
    group = {"logGroupName": f"/aws/lambda/{function_name(ctx.stage, function)}"}
    newest: Any = {"orderBy": "LastEventTime", "descending": True, "limit": LOG_STREAMS}
    listed = found(logs.describe_log_streams, **group, **newest) or {}
    for stream in listed.get("logStreams", ()):
        name = stream["logStreamName"]
        events = logs.get_log_events(
            **group,
            logStreamName=name,
            startTime=int(begin.timestamp() * 1000),
            limit=LOG_LINES,
            startFromHead=False,
        )["events"]
        yield from (Line(function, name, event["message"]) for event in events)
