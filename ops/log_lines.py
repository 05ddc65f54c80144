"""Log events of a stage's functions, found by what their JSON lines say, each told in one line."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import is_error
from ops.errors import RefusedError
from ops.stages import function_name
from ops.steps import Context

Event = dict[str, Any]

_MOST_PAGES = 50
# Lambda's own lines; a person who looks for what happened finds them in the way.
_PLATFORM = re.compile(r"(START|END|REPORT|INIT_START|EXTENSION|TELEMETRY|XRAY)\b")
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# In front, in this order; the others follow as they stand.
_FIRST = ("level", "message")


def seconds(text: str) -> int:
    """Seconds of "90s", "15m", "2h" or "3d"; ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"must be like 90s, 15m, 2h or 3d, not {text!r}")
    return int(match[1]) * _SECONDS[match[2]]


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: exact values of fields, in which functions, Lambda's own lines or not."""

    functions: tuple[str, ...]
    fields: Mapping[str, str]
    with_platform: bool = False

    def pattern(self) -> str:
        """CloudWatch's filter pattern; "" is every line. RefusedError for what it cannot quote."""
        if bad := [name for name, value in self.fields.items() if '"' in value or "\\" in value]:
            raise RefusedError(f"a {', '.join(bad)} holds no quotation mark and no backslash")
        terms = [f'$.{name} = "{value}"' for name, value in self.fields.items()]
        return f"{{ {' && '.join(terms)} }}" if terms else ""


def read(ctx: Context, search: Search, begin: datetime, most: int) -> list[Event]:
    """The newest `most` events since `begin`, the oldest first; each knows its `function`.

    A function that never ran has no log group, and so no lines.
    """
    newest: deque[Event] = deque(maxlen=most)
    found = [each for name in search.functions for each in _of(ctx, name, search, begin, most)]
    newest.extend(sorted(found, key=lambda event: (event["timestamp"], event["eventId"])))
    return list(newest)


def _of(ctx: Context, function: str, search: Search, begin: datetime, most: int) -> list[Event]:
    request: dict[str, Any] = {
        "logGroupName": f"/aws/lambda/{function_name(ctx.stage, function)}",
        "startTime": int(begin.timestamp() * 1000),
    }
    if pattern := search.pattern():
        request["filterPattern"] = pattern
    kept: deque[Event] = deque(maxlen=most)
    for event in _pages(ctx, request):
        if search.with_platform or not _PLATFORM.match(event["message"]):
            kept.append(event | {"function": function})
    return list(kept)


def _pages(ctx: Context, request: dict[str, Any]) -> Iterator[Event]:
    for _ in range(_MOST_PAGES):
        try:
            page = ctx.clients.of("logs").filter_log_events(**request)
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return
            raise
        yield from page.get("events", [])
        if not page.get("nextToken"):
            return
        request["nextToken"] = page["nextToken"]
    raise RefusedError(
        f"over {_MOST_PAGES} pages of lines: narrow it down with --since or a filter"
    )


def fields_of(event: Event) -> dict[str, Any]:
    """The line's fields where it is JSON; without what only CloudWatch's metrics need."""
    try:
        line = json.loads(event["message"])
    except ValueError:
        return {"message": event["message"].rstrip()}
    if not isinstance(line, dict):
        return {"message": event["message"].rstrip()}
    return {name: value for name, value in line.items() if name != "_aws"}


def told(event: Event) -> str:
    """One line: time in UTC, function, level, message, then every field as name=value."""
    fields = fields_of(event)
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    head = f"{at} {event['function']:<16} {fields.get('level', ''):<7} {fields.get('message', '')}"
    rest = [f"{name}={_value(fields[name])}" for name in fields if name not in _FIRST]
    return " ".join([head.rstrip(), *rest])


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
