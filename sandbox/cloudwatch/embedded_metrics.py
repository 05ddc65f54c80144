"""Metrics inside log lines, in CloudWatch's embedded metric format.

Source: CloudWatch user guide, "Specification: Embedded metric format". A line that breaks the
specification is a log line like any other; what it would have measured is lost, as on AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.cloudwatch.metric_store import Datum, Dimensions, Metric

MAX_VALUES = 100
MAX_METRICS = 100
MAX_DIMENSIONS = 30
_MARK = '"_aws"'


def extract(line: str) -> list[Datum]:
    """What a log line measures; nothing where it is in no embedded format."""
    if not line.startswith("{") or _MARK not in line:
        return []
    try:
        return list(_data(json.loads(line)))
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _data(record: dict[str, Any]) -> Iterator[Datum]:
    about = record["_aws"]
    at = about["Timestamp"] / 1000
    for directive in about["CloudWatchMetrics"]:
        sets = [found for names in directive["Dimensions"] if (found := _set(record, names))]
        # `[]` or `[[]]` is a metric without dimensions.
        if not any(directive["Dimensions"]):
            sets = [frozenset()]
        for declared in directive["Metrics"][:MAX_METRICS]:
            values = _values(record.get(declared["Name"]))
            unit = declared.get("Unit", "None")
            for dimensions in sets:
                metric = Metric(directive["Namespace"], declared["Name"], dimensions)
                yield from (Datum(metric, value, at, unit) for value in values)


def _set(record: dict[str, Any], names: list[str]) -> Dimensions | None:
    """None where a dimension has no text: its values then belong to no metric."""
    if len(names) > MAX_DIMENSIONS or not all(isinstance(record.get(n), str) for n in names):
        return None
    return frozenset((name, record[name]) for name in names)


def _values(value: Any) -> list[float]:
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_VALUES or not all(_is_number(one) for one in values):
        return []
    return [float(one) for one in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
