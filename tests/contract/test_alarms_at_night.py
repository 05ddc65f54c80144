"""infra/watch.yaml on the sandbox's CloudWatch: who is woken by a quiet night, and by an outage."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sandbox.cloudwatch.alarm_book import AlarmBook
from sandbox.cloudwatch.alarm_operations import AlarmOperations
from sandbox.cloudwatch.metric_store import Datum, Metric, MetricStore
from tests.templates import resources

NOW = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3600.0
RECOVERY = {
    "FunctionName": "atlas-prod-recover_leads",
    "Resource": "atlas-prod-recover_leads:live",
}


class Night:
    """The stage's alarms over a store that the test fills; times are seconds before 03:00."""

    def __init__(self, stage: str = "prod") -> None:
        self.stage = stage
        self._store = MetricStore()
        self._book = AlarmBook(self._store, lambda: None, lambda *_: None, lambda: NOW)
        put = AlarmOperations(self._book, lambda: NOW).operations["PutMetricAlarm"]
        for alarm in resources("watch", "AWS::CloudWatch::Alarm", stage).values():
            put({name: value for name, value in alarm.items() if not name.endswith("Actions")})

    def measure(
        self, namespace: str, name: str, value: float, before: float, **dimensions: str
    ) -> None:
        metric = Metric(namespace, name, frozenset(dimensions.items()))
        self._store.put([Datum(metric, value, NOW - before)])

    def turns(self, milliseconds: float, times: Iterable[float], **also: float) -> None:
        """What `fulfillment` tells of each turn in the chat."""
        for before in times:
            values = {"TurnLatency": milliseconds, "Turns": 1, "Failed": 0, "ColdStart": 0, **also}
            for name, value in values.items():
                self.measure("Atlas", name, value, before, Stage=self.stage, Channel="chat")

    def is_kept(self) -> None:
        """What goes on without any visitor: recover_leads, each minute."""
        for minute in range(20):
            before = minute * MINUTE + 10
            self.measure("AWS/Lambda", "Invocations", 1, before, **RECOVERY)
            self.measure("Atlas", "ParkedLeads", 0, before, Stage=self.stage)

    def rings(self) -> set[str]:
        self._book.look()
        start = f"atlas-{self.stage}-"
        return {a.name.removeprefix(start) for a in self._book.all() if a.state == "ALARM"}


@pytest.fixture
def night() -> Night:
    made = Night()
    made.is_kept()
    return made


def test_a_night_without_visitors_wakes_nobody(night: Night) -> None:
    night.turns(300, [9 * HOUR])
    assert night.rings() == set()


def test_one_visitor_with_unusual_questions_wakes_nobody(night: Night) -> None:
    minutes = [minute * MINUTE + 5 for minute in range(1, 15)]
    night.turns(1500, [at for at in minutes if at % 300 > 130])
    night.turns(1500, [at for at in minutes if at % 300 < 130], **{"AnswerSource.grounded": 1})
    for before in (100, 400):
        night.measure("Atlas", "ConsentToRing", 40_000, before, Stage="prod")
    assert night.rings() == set()


def test_no_model_for_a_quarter_of_an_hour_wakes_somebody(night: Night) -> None:
    minutes = [minute * MINUTE + 5 for minute in range(1, 15)]
    night.turns(700, minutes, **{"AnswerSource.grounded": 1})
    assert night.rings() == {"answers-grounded-chat"}


def test_a_total_outage_wakes_somebody_although_no_metric_comes() -> None:
    silent = Night()
    assert silent.rings() == {"recovery-stopped", "nobody-served"}


def test_an_outage_of_the_page_alone_is_told_after_a_day(night: Night) -> None:
    # CloudWatch looks at a few periods more than it was asked to.
    night.turns(300, [36 * HOUR])
    assert night.rings() == {"nobody-served"}


def test_a_stage_for_trials_may_be_silent() -> None:
    silent = Night("dev")
    assert silent.rings() == {"recovery-stopped"}


def test_slow_turns_of_many_ring_by_average_and_percentile(night: Night) -> None:
    night.turns(1500, [second + 30 for second in range(0, 900, 6)])
    assert night.rings() == {"turn-average-chat", "turn-p99-chat"}


def test_late_rings_of_several_ring(night: Night) -> None:
    night.turns(300, [HOUR])
    for before in (100, 400, 700):
        night.measure("Atlas", "ConsentToRing", 40_000, before, Stage="prod")
    assert night.rings() == {"ring-late"}
