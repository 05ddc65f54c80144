"""CloudWatch at the endpoint, and what feeds it; dashboards are left to moto."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws_api import Operation
from sandbox.cloudwatch.alarm_actions import Actions
from sandbox.cloudwatch.alarm_book import Act, AlarmBook
from sandbox.cloudwatch.alarm_operations import AlarmOperations
from sandbox.cloudwatch.collector import Collector
from sandbox.cloudwatch.lambda_metrics import LambdaMetrics
from sandbox.cloudwatch.metric_operations import MetricOperations
from sandbox.cloudwatch.metric_store import MetricStore
from sandbox.cloudwatch.service_metrics import ServiceMetrics
from sandbox.control import BadRequestError, Handler
from sandbox.http_message import HttpRequest

_SHORTEST_MINUTE = 1.0
_LONGEST_MINUTE = 600.0


class Measuring:
    """The store and its sources, which exist before the services that they measure."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.store = MetricStore()
        self.collector = Collector(self.store)
        self.functions = LambdaMetrics(self.collector, clock)
        self.services = ServiceMetrics(self.collector, clock)


class CloudWatch:
    """An AwsService; `flush` has every written log line measured before somebody reads."""

    service_name = "cloudwatch"

    def __init__(self, measuring: Measuring, flush: Callable[[], None]) -> None:
        self._measuring, self._flush, self._actions = measuring, flush, Actions()
        store, clock = measuring.store, measuring.clock
        self.book = AlarmBook(store, self.fresh, self._actions, clock)
        self._operations: dict[str, Operation] = {
            **MetricOperations(store, self.fresh, clock).operations,
            **AlarmOperations(self.book, clock).operations,
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    def fresh(self) -> None:
        """Measure all that has happened by now."""
        self._flush()
        self._measuring.collector.settle()

    def on_action(self, prefix: str, carry_out: Act) -> None:
        """Let `carry_out` have the actions whose ARNs begin so."""
        self._actions.by_prefix[prefix] = carry_out

    def start(self) -> None:
        self._measuring.collector.start()
        self.book.start()

    def close(self) -> None:
        self.book.close()
        self._measuring.collector.close()

    @property
    def handlers(self) -> Mapping[str, Mapping[str, Handler]]:
        """The control API of the alarms."""
        return {
            "alarms": {"GET": lambda _: self.book.overview(), "POST": self._set_minute},
            "alarms/look": {"POST": lambda _: self._look()},
        }

    def _set_minute(self, request: HttpRequest) -> dict[str, object]:
        seconds = _minute(request)
        if not _SHORTEST_MINUTE <= seconds <= _LONGEST_MINUTE:
            raise BadRequestError(
                f"minute_seconds must be from {_SHORTEST_MINUTE:g} to {_LONGEST_MINUTE:g}"
            )
        self.book.minute_seconds = seconds
        return self.book.overview()

    def _look(self) -> list[dict[str, Any]]:
        return [
            {"alarm": one.alarm.name, "from": one.old_state, "to": one.state, "why": one.reason}
            for one in self.book.look()
        ]


def _minute(request: HttpRequest) -> float:
    try:
        return float(json.loads(request.body or b"null")["minute_seconds"])
    except (ValueError, TypeError, KeyError) as exc:
        raise BadRequestError('say how long a minute lasts: {"minute_seconds": 2}') from exc
