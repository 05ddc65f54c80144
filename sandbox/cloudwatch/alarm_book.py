"""Every alarm, looked at again and again: its state, and what a change of state sets off."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.aws_api import ApiError
from sandbox.cloudwatch.alarm import ALARM, Alarm
from sandbox.cloudwatch.alarm_evaluation import Verdict, evaluate, looks_seconds
from sandbox.cloudwatch.metric_operations import moment
from sandbox.cloudwatch.metric_store import MetricStore

MAX_ALARMS = 1_000
_MINUTE = 60.0
_LOOKS_PER_MINUTE = 12

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm's new state, as its actions are told of it."""

    alarm: Alarm
    old_state: str
    state: str
    reason: str
    at: float
    value: float | None = None


Act = Callable[[str, Change], None]
"""Carries out one action by its ARN; raises ApiError where that is impossible."""


class AlarmBook:
    """`minute_seconds` is how long a minute of CloudWatch lasts, 60 until somebody changes it."""

    def __init__(
        self,
        store: MetricStore,
        fresh: Callable[[], None],
        act: Act,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._fresh, self._act, self._clock = store, fresh, act, clock
        self.lock = threading.RLock()
        self.alarms: dict[str, Alarm] = {}
        self.minute_seconds = _MINUTE
        self._acted: dict[str, float] = {}
        self._looked: dict[str, float] = {}
        self._looking = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, definition: dict[str, object], tags: dict[str, str]) -> None:
        """Make it, or change it; a changed one keeps its state until it is looked at."""
        now, name = self._clock(), str(definition["AlarmName"])
        with self.lock:
            alarm = self.alarms.get(name)
            if alarm is None and len(self.alarms) >= MAX_ALARMS:
                raise ApiError("LimitExceeded", f"The sandbox keeps {MAX_ALARMS} alarms.")
            if alarm is None:
                alarm = self.alarms[name] = Alarm(definition, now, updated_at=now, tags=tags)
                alarm.note(now, "ConfigurationUpdate", f'Alarm "{name}" created')
            elif alarm.definition != definition:
                alarm.definition, alarm.configured_at = definition, now
                self._looked.pop(name, None)
                alarm.note(now, "ConfigurationUpdate", f'Alarm "{name}" updated')

    def delete(self, name: str) -> None:
        with self.lock:
            self.alarms.pop(name, None)
            self._acted.pop(name, None)
            self._looked.pop(name, None)

    def get(self, name: str) -> Alarm:
        """ApiError ResourceNotFound."""
        with self.lock:
            found = self.alarms.get(name)
        if found is None:
            raise ApiError("ResourceNotFound", f"Unknown alarm {name}", 404)
        return found

    def all(self) -> list[Alarm]:
        with self.lock:
            return sorted(self.alarms.values(), key=lambda alarm: alarm.name)

    def look(self, *, only_due: bool = False) -> list[Change]:
        """Evaluate all, or those with a period that is newly over; the changes of state.

        The actions that belong to a change have run when this returns.
        """
        self._fresh()
        with self._looking:
            now = self._clock()
            alarms = self.all()
            return [change for one in alarms for change in self._look_at(one, now, only_due)]

    def _look_at(self, alarm: Alarm, now: float, only_due: bool) -> list[Change]:
        try:
            seconds = looks_seconds(alarm, self._store, self.minute_seconds / _MINUTE)
            if only_due and self._looked.get(alarm.name) == now // seconds:
                return []
            self._looked[alarm.name] = now // seconds
            verdict = evaluate(alarm, self._store, now, self.minute_seconds / _MINUTE)
        except ValueError as exc:
            # An expression that cannot be worked out leaves the alarm as it is, as on AWS.
            _log.warning("alarm %s cannot be evaluated: %s", alarm.name, exc)
            return []
        if verdict.state != alarm.state:
            return [self.change(alarm, verdict, now)]
        self._act_again(alarm, verdict, now)
        return []

    def change(self, alarm: Alarm, verdict: Verdict, now: float) -> Change:
        """Put the alarm into a state, and carry out that state's actions."""
        with self.lock:
            change = Change(alarm, alarm.state, verdict.state, verdict.reason, now, verdict.value)
            alarm.state, alarm.reason = verdict.state, verdict.reason
            alarm.reason_data, alarm.updated_at = verdict.data, now
            summary = f"Alarm updated from {change.old_state} to {change.state}"
            old = {"stateValue": change.old_state}
            new = {"stateValue": change.state, "stateReason": change.reason}
            alarm.note(now, "StateUpdate", summary, oldState=old, newState=new)
        self._acted[alarm.name] = now
        for action in alarm.actions(change.state):
            self._carry_out(action, change)
        return change

    def _act_again(self, alarm: Alarm, verdict: Verdict, now: float) -> None:
        """Scaling goes on each minute as long as the alarm lasts; every other action runs once."""
        if alarm.state != ALARM or now - self._acted.get(alarm.name, now) < self.minute_seconds:
            return
        self._acted[alarm.name] = now
        change = Change(alarm, ALARM, ALARM, verdict.reason, now, verdict.value)
        for action in alarm.actions(ALARM):
            if is_scaling(action):
                self._carry_out(action, change)

    def _carry_out(self, action: str, change: Change) -> None:
        """A failing action is part of the history, and stops no other."""
        try:
            self._act(action, change)
        except Exception as exc:
            outcome, word = {"actionState": "Failed", "error": str(exc)}, "Failed to execute"
        else:
            outcome, word = {"actionState": "Succeeded"}, "Successfully executed"
        with self.lock:
            summary = f"{word} action {action}"
            change.alarm.note(change.at, "Action", summary, notificationResource=action, **outcome)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="alarms", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(5)

    def _work(self) -> None:
        while not self._closing.wait(self.minute_seconds / _LOOKS_PER_MINUTE):
            try:
                if self.alarms:
                    self.look(only_due=True)
            except Exception:
                # The next look has to come, whatever one alarm met.
                _log.exception("the alarms could not be looked at")

    def overview(self) -> dict[str, object]:
        """The control API's answer: how long a minute lasts, and each alarm's state."""
        states = [
            {
                "alarm": alarm.name,
                "state": alarm.state,
                "reason": alarm.reason,
                "since": moment(alarm.updated_at).isoformat(),
            }
            for alarm in self.all()
        ]
        return {"minute_seconds": self.minute_seconds, "alarms": states}


def is_scaling(action: str) -> bool:
    """Whether the action is a scaling policy, as Application Auto Scaling names them."""
    return action.startswith("arn:aws:autoscaling:")


def state_reason_data(text: str | None) -> str:
    """ApiError where a caller's reason data is no JSON."""
    try:
        json.loads(text or "{}")
    except ValueError as exc:
        raise ApiError("InvalidFormat", "StateReasonData is not valid JSON") from exc
    return text or "{}"
