"""Which state the values of an alarm's last periods put it in.

Source: CloudWatch user guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat
missing data". AWS looks at more periods than it needs and does not say how many; here two more,
as in that page's tables. Periods that are not over yet are not looked at.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.cloudwatch.alarm import ALARM, INSUFFICIENT, OK, Alarm
from sandbox.cloudwatch.metric_operations import moment
from sandbox.cloudwatch.metric_store import MetricStore
from sandbox.cloudwatch.queries import Evaluation, Span

_EXTRA_PERIODS = 2
_MINUTE = 60.0
_COMPARE: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why, the same as data, and the last value that was looked at."""

    state: str
    reason: str
    data: str
    value: float | None = None


def looks_seconds(alarm: Alarm, store: MetricStore, pace: float = 1.0) -> float:
    """How often a look can find something new: each minute, or each period that is shorter."""
    period = Evaluation(store, alarm.queries, Span(0.0, 0.0)).period(alarm.watched)
    return min(period, _MINUTE) * pace


def evaluate(alarm: Alarm, store: MetricStore, now: float, pace: float = 1.0) -> Verdict:
    """`pace` is how many seconds one second of a period lasts; ValueError from bad queries."""
    _, periods = alarm.periods
    shape = Evaluation(store, alarm.queries, Span(0.0, 0.0))
    period = shape.period(alarm.watched)
    step, grid = period * pace, looks_seconds(alarm, store, pace)
    end = now // grid * grid
    span = Span(end - (periods + _EXTRA_PERIODS) * step, end, pace)
    series = Evaluation(store, alarm.queries, span).series(alarm.watched)
    points = [series.get(at) for at in span.timeline(period)]
    return _verdict(alarm, points, span.timeline(period), period)


def state_of(alarm: Alarm, points: list[float | None]) -> str:
    """By the values of the periods, oldest first; None where a period has none."""
    needed, periods = alarm.periods
    compare, _ = _COMPARE[alarm.definition["ComparisonOperator"]]
    real = [value for value in points if value is not None][-periods:]
    breaching = sum(compare(value, alarm.definition["Threshold"]) for value in real)
    missing = periods - len(real)
    treatment = alarm.definition.get("TreatMissingData", "missing")
    if treatment == "breaching":
        breaching += missing
    if breaching >= needed:
        return ALARM
    if missing and treatment in ("missing", "ignore"):
        return _where_data_is_missing(alarm, treatment, real, breaching)
    return OK


def _where_data_is_missing(alarm: Alarm, treatment: str, real: list[float], breaching: int) -> str:
    """Some value within the threshold is enough for OK; the tables of the guide's page."""
    if breaching < len(real):
        return OK
    if treatment == "ignore":
        return alarm.state
    return ALARM if real else INSUFFICIENT


def _verdict(
    alarm: Alarm, points: list[float | None], times: list[float], period: float
) -> Verdict:
    state = state_of(alarm, points)
    recent = [(at, v) for at, v in zip(times, points, strict=True) if v is not None]
    recent = recent[-alarm.periods[1] :]
    last = recent[-1][1] if recent else None
    return Verdict(state, _reason(alarm, state, recent), _data(alarm, recent, period), last)


def _reason(alarm: Alarm, state: str, recent: list[tuple[float, float]]) -> str:
    needed, periods = alarm.periods
    if state == INSUFFICIENT:
        return f"Insufficient Data: {periods} datapoints were unknown."
    if not recent:
        treatment = alarm.definition.get("TreatMissingData", "missing")
        count = "1 missing datapoint was" if periods == 1 else f"{periods} missing datapoints were"
        return (
            "Threshold Crossed: no datapoints were received for the evaluation; "
            f"{count} treated as [{_treated(treatment)}]."
        )
    compare, words = _COMPARE[alarm.definition["ComparisonOperator"]]
    threshold = float(alarm.definition["Threshold"])
    wanted = state == ALARM
    telling = [(at, v) for at, v in recent if compare(v, threshold) is wanted] or recent
    shown = ", ".join(f"{value} ({moment(at):%d/%m/%y %H:%M:%S})" for at, value in telling)
    verb = "was" if len(telling) == 1 else "were"
    denial = "" if wanted else "not "
    change = "OK -> ALARM" if wanted else "ALARM -> OK"
    noun = "datapoint" if needed == 1 else "datapoints"
    return (
        f"Threshold Crossed: {len(telling)} out of the last {len(recent)} datapoints [{shown}] "
        f"{verb} {denial}{words} the threshold ({threshold}) "
        f"(minimum {needed} {noun} for {change} transition)."
    )


def _treated(treatment: str) -> str:
    return {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(treatment, treatment)


def _data(alarm: Alarm, recent: list[tuple[float, float]], period: float) -> str:
    about: dict[str, object] = {
        "version": "1.0",
        "period": period,
        "recentDatapoints": [value for _, value in recent],
        "threshold": alarm.definition["Threshold"],
    }
    if "Metrics" not in alarm.definition:
        about["statistic"] = alarm.statistic
    if recent:
        about["startDate"] = moment(recent[0][0]).isoformat(timespec="milliseconds")
    return json.dumps(about)
