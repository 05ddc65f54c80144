"""An execution's history as a timeline: which state ran when, how long, and beside what.

Pure: it reads the events of GetExecutionHistory, from AWS or from the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]

_ENTERED, _EXITED = "stateEnteredEventDetails", "stateExitedEventDetails"
_BRANCHES_BEGIN = "ParallelStateStarted"
_ATTEMPTS = ("TaskScheduled", "LambdaFunctionScheduled")
_FAILURES = ("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed", "LambdaFunctionTimedOut")


@dataclass(frozen=True, slots=True)
class StateRun:
    """One visit to a state; `branch` is the name of its branch's first state, "" outside any.

    `seconds` is None while it runs; `error` is its last attempt's, "" when that went well;
    `output` is the JSON that it handed on, "" while it runs or where the history leaves it out.
    """

    state: str
    branch: str
    started: datetime
    seconds: float | None
    attempts: int
    error: str
    output: str = ""


def state_runs(events: Iterable[Event]) -> list[StateRun]:
    """Every visit in the order of its start; events in any order."""
    by_id = {event["id"]: event for event in sorted(events, key=lambda event: int(event["id"]))}
    visits = {number: _Visit(event) for number, event in by_id.items() if _ENTERED in event}
    for event in by_id.values():
        entered = _entered(event, by_id)
        if entered is not None and entered is not event:
            visits[entered["id"]].add(event)
    return [visit.run(_branch(visit.entered, by_id)) for visit in visits.values()]


class _Visit:
    """One state from its entry to its exit."""

    def __init__(self, entered: Event) -> None:
        self.entered = entered
        self._exited: datetime | None = None
        self._attempts, self._error, self._output = 0, "", ""

    def add(self, event: Event) -> None:
        if _EXITED in event:
            self._exited = event["timestamp"]
            self._output = str(event[_EXITED].get("output", ""))
        elif event["type"] in _ATTEMPTS:
            self._attempts, self._error = self._attempts + 1, ""
        elif event["type"] in _FAILURES:
            self._error = _error(event)

    def run(self, branch: str) -> StateRun:
        started = self.entered["timestamp"]
        seconds = (self._exited - started).total_seconds() if self._exited else None
        name = self.entered[_ENTERED]["name"]
        how = (self._attempts, self._error, self._output)
        return StateRun(name, branch, started, seconds, *how)


def _entered(event: Event, by_id: Mapping[int, Event]) -> Event | None:
    """The entry of the state that an event belongs to; an exit's is the entry of its name."""
    name = event[_EXITED]["name"] if _EXITED in event else None
    current: Event | None = event
    while current is not None:
        if _ENTERED in current and name in (None, current[_ENTERED]["name"]):
            return current
        current = by_id.get(current["previousEventId"])
    return None


def _branch(entered: Event, by_id: Mapping[int, Event]) -> str:
    """The innermost branch's first state, unless a Parallel state has ended in between."""
    current: Event | None = entered
    ended = 0
    while current is not None:
        previous = by_id.get(current["previousEventId"])
        if previous is not None and previous["type"] == _BRANCHES_BEGIN:
            if not ended:
                return str(current[_ENTERED]["name"]) if _ENTERED in current else ""
            ended -= 1
        ended += current["type"] == "ParallelStateExited"
        current = previous
    return ""


def _error(event: Event) -> str:
    details = [value for name, value in event.items() if name.endswith("EventDetails")]
    return str(details[0].get("error", "")) if details else ""
