"""Medians, maxima and tables of what was measured."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seconds(value: float) -> str:
    return f"{value:.2f}"


def spread(values: Sequence[float]) -> tuple[str, str, str]:
    """Median, least and most, in seconds; dashes where nothing was measured."""
    if not values:
        return ("-", "-", "-")
    return (seconds(statistics.median(values)), seconds(min(values)), seconds(max(values)))


def ratio(slow: Sequence[float], fast: Sequence[float]) -> str:
    """How many times longer the median of `slow` is."""
    if not slow or not fast:
        return "-"
    return f"{statistics.median(slow) / statistics.median(fast):.1f}"


def load() -> str:
    """The machine's load, which says how far to trust milliseconds."""
    return "load average " + ", ".join(f"{value:.1f}" for value in os.getloadavg())
