"""One version's turns as its log streams tell them: nothing is sampled, and no metric is needed.

A version's streams are named `YYYY/MM/DD/[7]...` after the day on which their environment began,
and each turn's line carries its version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import is_error
from ops.stages import FULFILLMENT, function_name
from ops.steps import Context

_MOST_PAGES = 20
_MOST_TURNS = 20_000
# A line may arrive after a later one, and this machine's clock is not AWS's.
_OVERLAP = timedelta(seconds=30)
_CRASHES = '?"[ERROR] " ?"Status: timeout" ?"Status: error"'


@dataclass(frozen=True, slots=True)
class Turn:
    """One answered turn; `session` is a label, not what the client called it."""

    session: str
    milliseconds: float
    has_failed: bool
    start: str
    source: str


@dataclass(slots=True)
class VersionLog:
    """What a version of fulfilment has done since `since`; each `read` adds what is new."""

    ctx: Context
    version: str
    since: datetime
    turns: list[Turn] = field(default_factory=list)
    crashes: int = 0
    _seen: set[str] = field(default_factory=set)
    _from: datetime | None = None

    def read(self) -> None:
        """Take what has arrived; a group that is not there yet has no lines."""
        begin, now = self._from or self.since, self.ctx.now()
        pattern = f'{{ $.message = "turn" && $.version = "{self.version}" }}'
        for event in self._events(begin, filterPattern=pattern):
            self._take_turn(event)
        # No prefix of streams: an environment that began days ago writes into that day's still.
        for event in self._events(begin, filterPattern=_CRASHES):
            self._take_crash(event)
        self._from = max(begin, now - _OVERLAP)

    def _events(self, begin: datetime, **chosen: str) -> list[dict[str, Any]]:
        """What is new among the matching events; the newest pages are left out of very many."""
        request: dict[str, Any] = {
            "logGroupName": f"/aws/lambda/{function_name(self.ctx.stage, FULFILLMENT)}",
            "startTime": int(begin.timestamp() * 1000),
            **chosen,
        }
        events: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            try:
                page = self.ctx.clients.of("logs").filter_log_events(**request)
            except ClientError as error:
                if is_error(error, "ResourceNotFoundException"):
                    return events
                raise
            events += [event for event in page["events"] if event["eventId"] not in self._seen]
            if not page.get("nextToken") or len(self._seen) + len(events) > _MOST_TURNS:
                break
            request["nextToken"] = page["nextToken"]
        return events

    def _take_turn(self, event: dict[str, Any]) -> None:
        """A hook that hands back to Lex has no latency of its own, and is no turn."""
        line = _object(event["message"])
        is_turn = line.get("message") == "turn" and line.get("version") == self.version
        if not is_turn or "TurnLatency" not in line:
            return
        self._seen.add(event["eventId"])
        self.turns.append(
            Turn(
                session=str(line.get("session", "")),
                milliseconds=float(line["TurnLatency"]),
                has_failed=bool(line.get("Failed")),
                start=str(line.get("start", "")),
                source=str(line.get("source", "")),
            )
        )

    def _take_crash(self, event: dict[str, Any]) -> None:
        is_own = f"/[{self.version}]" in event["logStreamName"]
        if is_own and _is_crash(event["message"]):
            self._seen.add(event["eventId"])
            self.crashes += 1


def _object(message: str) -> dict[str, Any]:
    """The line's fields; none of what is not one of the app's own lines."""
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _is_crash(message: str) -> bool:
    """An exception that left the function, a time-out, or a runtime that ended.

    What a library logs as an error has a tab and the time after the level.
    """
    if message.startswith("[ERROR] "):
        return True
    ends = ("Status: timeout", "Status: error")
    return message.startswith("REPORT ") and any(end in message for end in ends)
