"""JSON log lines, one a happening; metrics travel in them in CloudWatch's embedded format."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.observability.masking import redacted

NAMESPACE = "Atlas"
OF_THE_STAGE = frozenset(
    ("EstimatedCost", "SalesforceLatency", "ConsentToRing", "ParkedLeads", "VisitorRating")
)
"""Metrics of the stage as a whole, whatever line they travel in: an alarm adds nothing up."""
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


class Log:
    """Writes JSON lines; `bind` adds fields that every later line of the invocation carries."""

    def __init__(self, level: str = "INFO", write: Any = None, clock: Any = time.time) -> None:
        self._threshold = _LEVELS[level]
        self._write = write or _to_stdout
        self._clock = clock
        self._bound: dict[str, Any] = {}

    def bind(self, **fields: Any) -> None:
        """Replace the fields that every line carries."""
        self._bound = fields

    def bind_also(self, **fields: Any) -> None:
        """Add to them, when more is known of the invocation."""
        self._bound = {**self._bound, **fields}

    def info(self, message: str, **fields: Any) -> None:
        self._line("INFO", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._line("WARNING", message, fields)

    def metrics(
        self,
        message: str,
        values: Mapping[str, tuple[float, str]],
        dimensions: Mapping[str, str],
        **fields: Any,
    ) -> None:
        """One line that is a log record and, for CloudWatch, a set of metrics.

        `values` maps a metric's name to its value and unit; `dimensions` has a Stage. Embedded
        metrics are written at any log level: a quiet log must not blind the alarms.
        """
        directives = _directives(values, dimensions)
        embedded = {
            "_aws": {"Timestamp": int(self._clock() * 1000), "CloudWatchMetrics": directives},
            **dimensions,
            **{name: _rounded(value) for name, (value, _) in values.items()},
        }
        self._emit(
            {"level": "INFO", "message": message, **self._bound, **redacted(fields)}, embedded
        )

    def _line(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        if _LEVELS[level] >= self._threshold:
            self._emit({"level": level, "message": message, **self._bound, **redacted(fields)}, {})

    def _emit(self, record: Mapping[str, Any], embedded: Mapping[str, Any]) -> None:
        self._write(_encode({**record, **embedded}))


def _directives(
    values: Mapping[str, tuple[float, str]], dimensions: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What CloudWatch is to make metrics of, by which dimensions; OF_THE_STAGE apart."""
    if OF_THE_STAGE.isdisjoint(values):
        return [_directive(values, list(dimensions), values)]
    own = [name for name in values if name not in OF_THE_STAGE]
    whole = [name for name in values if name in OF_THE_STAGE]
    both = ((own, list(dimensions)), (whole, ["Stage"]))
    return [_directive(names, given, values) for names, given in both if names]


def _directive(
    names: Iterable[str], dimensions: list[str], values: Mapping[str, tuple[float, str]]
) -> dict[str, Any]:
    return {
        "Namespace": NAMESPACE,
        "Dimensions": [dimensions],
        "Metrics": [{"Name": name, "Unit": values[name][1]} for name in names],
    }


def _rounded(value: float) -> float:
    """To a microsecond or a nano-dollar: a model's answer costs less than a thousandth of one."""
    return round(value, 3 if value >= 0.1 else 9)


def _to_stdout(line: str) -> None:
    """In one piece: Lambda's standard output is not buffered, and each write is a system call."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _type_name(value: object) -> str:
    return type(value).__name__


_encode = json.JSONEncoder(ensure_ascii=True, default=_type_name).encode
