"""Runs the rules that have a rate: a thread of its own, or one rule when somebody asks.

moto stores ScheduleExpression and never acts on it. Only `rate(...)` is played; a cron expression
is shown with the reason why it does not run.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.moto_services import event_rules

_RATE = re.compile(r"^rate\((\d+) (minute|hour|day)s?\)$")
_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_TICK_SECONDS = 0.5

_log = logging.getLogger(__name__)


class UnknownScheduleError(LookupError):
    """There is no such rule with a schedule, or it is disabled; the message says which."""


class Schedules:
    """Every rule of the default bus that has a schedule; `clock` is in seconds."""

    def __init__(
        self, account: str, region: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._account, self._region, self._clock = account, region, clock
        self._due: dict[tuple[str, str], float] = {}
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run every rate from now on, first one interval after the rule is seen, as on AWS."""
        self._thread = threading.Thread(target=self._work, name="schedules", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(5)

    def all(self) -> dict[str, Any]:
        """Whether the thread runs, and each scheduled rule."""
        rules = [self._described(rule) for rule in self._rules()]
        return {"running": self._thread is not None, "rules": rules}

    def run(self, name: str) -> dict[str, Any]:
        """Run one now, whatever its interval; UnknownScheduleError when there is none to run."""
        rule = next((rule for rule in self._rules() if rule.name == name), None)
        if rule is None:
            raise UnknownScheduleError(f"there is no rule {name!r} with a schedule")
        if rule.state == "DISABLED":
            raise UnknownScheduleError(f"rule {name!r} is disabled")
        return {"rule": name, "invoked": self._fire(rule)}

    def tick(self) -> None:
        """Run what is due, and plan what is new or was changed."""
        now = self._clock()
        current = {}
        for rule in self._rules():
            seconds = rate_seconds(rule.scheduled_expression)
            if seconds is None or rule.state == "DISABLED":
                continue
            key = (rule.name, rule.scheduled_expression)
            due = self._due.get(key, now + seconds)
            if due <= now:
                self._fire(rule)
                due = max(due + seconds, now)
            current[key] = due
        self._due = current

    def _work(self) -> None:
        while not self._closing.wait(_TICK_SECONDS):
            try:
                self.tick()
            except Exception:
                # The next round has to come, whatever one rule met.
                _log.exception("a schedule failed")

    def _rules(self) -> list[Any]:
        rules = event_rules.rules(self._account, self._region)
        return [rule for rule in rules if rule.scheduled_expression]

    def _fire(self, rule: Any) -> int:
        with self._lock:
            self._last[rule.name] = time.time()
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._account,
            "time": time.time(),
            "region": self._region,
            "resources": [rule.arn],
            "detail": {},
        }
        return event_rules.deliver(rule, event)

    def _described(self, rule: Any) -> dict[str, Any]:
        last = self._last.get(rule.name)
        described = {
            "rule": rule.name,
            "schedule": rule.scheduled_expression,
            "enabled": rule.state != "DISABLED",
            "targets": [target["Arn"] for target in list(rule.targets)],
            "last_run": event_rules.iso_time(last) if last else None,
        }
        if rate_seconds(rule.scheduled_expression) is None:
            described["problem"] = "only rate(...) runs by itself here"
        return described


def rate_seconds(expression: str) -> float | None:
    """The interval of `rate(5 minutes)`; None for anything else."""
    match = _RATE.match(expression)
    return float(match[1]) * _SECONDS[match[2]] if match and int(match[1]) else None
