"""One metric alarm: its definition, checked as PutMetricAlarm checks it, its state, its history."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws_api import ACCOUNT, REGION, ApiError, Params
from sandbox.cloudwatch.buckets import statistic
from sandbox.cloudwatch.metric_math import parsed
from sandbox.cloudwatch.metric_operations import invalid, moment
from sandbox.cloudwatch.queries import Query, check_period

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
HISTORY_KEPT = 200
_DAY_SECONDS = 86_400
_THRESHOLDS = (
    *("GreaterThanOrEqualToThreshold", "GreaterThanThreshold"),
    *("LessThanThreshold", "LessThanOrEqualToThreshold"),
)
_MISSING = ("breaching", "notBreaching", "ignore", "missing")
_ACTIONS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT: "InsufficientDataActions"}
_METRIC_MEMBERS = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")


@dataclass(slots=True)
class Alarm:
    """Guarded by its book's lock; times in epoch seconds."""

    definition: Params
    configured_at: float
    state: str = INSUFFICIENT
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str | None = None
    updated_at: float = 0.0
    tags: dict[str, str] = field(default_factory=dict)
    history: deque[Params] = field(default_factory=lambda: deque(maxlen=HISTORY_KEPT))

    @property
    def name(self) -> str:
        return str(self.definition["AlarmName"])

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{self.name}"

    @property
    def queries(self) -> list[Query]:
        """What it watches, as GetMetricData would ask for it."""
        if "Metrics" in self.definition:
            return list(self.definition["Metrics"])
        about = self.definition
        metric = {name: about[name] for name in ("Namespace", "MetricName")}
        metric["Dimensions"] = about.get("Dimensions") or []
        stat = {"Metric": metric, "Period": about["Period"], "Stat": self.statistic}
        if "Unit" in about:
            stat["Unit"] = about["Unit"]
        return [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]

    @property
    def watched(self) -> str:
        """The id of the query whose values are compared with the threshold."""
        return next(str(one["Id"]) for one in self.queries if one.get("ReturnData", True))

    @property
    def statistic(self) -> str:
        return str(self.definition.get("Statistic") or self.definition["ExtendedStatistic"])

    @property
    def periods(self) -> tuple[int, int]:
        """How many of how many evaluation periods have to breach."""
        all_periods = int(self.definition["EvaluationPeriods"])
        return int(self.definition.get("DatapointsToAlarm") or all_periods), all_periods

    def actions(self, state: str) -> list[str]:
        if not self.definition.get("ActionsEnabled", True):
            return []
        return list(self.definition.get(_ACTIONS[state]) or ())

    def note(self, at: float, kind: str, summary: str, **data: Any) -> None:
        """A line of the alarm's history."""
        self.history.append(
            {
                "AlarmName": self.name,
                "AlarmType": "MetricAlarm",
                "Timestamp": moment(at),
                "HistoryItemType": kind,
                "HistorySummary": summary,
                "HistoryData": json.dumps({"version": "1.0", **data}, default=str),
            }
        )

    def described(self) -> Params:
        """As DescribeAlarms shows it."""
        own = {name: value for name, value in self.definition.items() if name != "Tags"}
        lists = {name: list(own.get(name) or ()) for name in _ACTIONS.values()}
        dimensions = {} if "Metrics" in own else {"Dimensions": own.get("Dimensions") or []}
        return {
            "ActionsEnabled": True,
            **own,
            **lists,
            **dimensions,
            **({"StateReasonData": self.reason_data} if self.reason_data else {}),
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": moment(self.configured_at),
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateUpdatedTimestamp": moment(self.updated_at),
            "StateTransitionedTimestamp": moment(self.updated_at),
        }


def check(definition: Params) -> None:
    """ApiError in CloudWatch's manner for what no alarm can be."""
    for name in ("EvaluationPeriods", "Threshold", "ComparisonOperator"):
        if name not in definition:
            raise ApiError("ValidationError", f"{name} is required by the sandbox's alarms")
    if definition["ComparisonOperator"] not in _THRESHOLDS:
        raise invalid("The sandbox knows no anomaly detection; compare with a threshold.")
    if definition.get("TreatMissingData", "missing") not in _MISSING:
        raise invalid(f"TreatMissingData must be one of {', '.join(_MISSING)}")
    if definition.get("DatapointsToAlarm", 1) > definition["EvaluationPeriods"]:
        raise invalid("DatapointsToAlarm must not be more than EvaluationPeriods")
    try:
        periods = _periods_of_math(definition) if "Metrics" in definition else _period(definition)
    except ValueError as exc:
        raise ApiError("ValidationError", str(exc)) from exc
    limit = _DAY_SECONDS if periods < 3600 else 7 * _DAY_SECONDS
    if periods * definition["EvaluationPeriods"] > limit:
        raise invalid("Metrics cannot be checked across more than a day, or a week of hours.")


def _period(definition: Params) -> int:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in definition:
            raise ValueError(f"{name} is missing")
    named = [name for name in ("Statistic", "ExtendedStatistic") if name in definition]
    if len(named) != 1:
        raise ValueError("Exactly one of Statistic and ExtendedStatistic must be given")
    statistic(definition[named[0]])
    check_period(definition["Period"])
    return int(definition["Period"])


def _periods_of_math(definition: Params) -> int:
    """The longest period among the queries."""
    if any(name in definition for name in (*_METRIC_MEMBERS, "Dimensions")):
        raise ValueError("An alarm has either Metrics or a metric of its own")
    queries = definition["Metrics"]
    if sum(1 for one in queries if one.get("ReturnData", True)) != 1:
        raise ValueError("Exactly one element of the metrics list should return data")
    stats = [one["MetricStat"] for one in queries if "MetricStat" in one]
    for stat in stats:
        statistic(stat["Stat"])
        check_period(stat["Period"])
    for one in queries:
        if "Expression" in one:
            parsed(one["Expression"])
    return max((int(stat["Period"]) for stat in stats), default=60)
