"""Figures out of bench/results: the tables of turns.md, and usage.json as it stands.

They are the measurements that the repository keeps, so a bill follows from the last full run
without anybody copying numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import RefusedError

RESULTS = Path(__file__).resolve().parent.parent / "bench" / "results"
WARMED, BEFORE, SEQUENTIAL = "(e) Atlas, warmed", "(0) predecessor, 30% cold", "(a) sequential"
_WARMING = re.compile(r"keep_warm before \(e\) Atlas, warmed: .*?; (\d+) calls, ([\d.]+) USD")
_WARMED_RUNS = re.compile(r"\{'made'")


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """One column of the turn benchmark; calls, tokens and USD per 1,000 turns."""

    mean_seconds: float
    calls: float
    input_tokens: float
    output_tokens: float
    usd: float
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Warming:
    """What one run of keep_warm that makes every shared answer asks and costs."""

    calls: float
    usd: float


class TurnResults:
    """bench/results/turns.md; RefusedError names what is not in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._times = _rows(text, "mean s")
        self._usage = _rows(text, "tokens in")

    @classmethod
    def read(cls, folder: Path = RESULTS) -> TurnResults:
        path = folder / "turns.md"
        try:
            return cls(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RefusedError(
                f"{path}: {error.strerror}; run `make bench BENCHES=turns`"
            ) from error

    def column(self, title: str) -> TurnFigures:
        times, usage = _of(self._times, title), _of(self._usage, title)
        usd = next(number(value) for name, value in usage.items() if name.startswith("USD"))
        return TurnFigures(
            mean_seconds=number(times["mean s"]),
            calls=number(usage["asked"]),
            input_tokens=number(usage["tokens in"]),
            output_tokens=number(usage["tokens out"]),
            usd=usd,
            shares=shares(times["sources"]),
        )

    def warming(self) -> Warming:
        found = _WARMING.search(self._text)
        if found is None:
            raise RefusedError("turns.md does not say what keep_warm cost")
        runs = len(_WARMED_RUNS.findall(found.group(0)))
        return Warming(int(found.group(1)) / runs, float(found.group(2)) / runs)


def usage_file(folder: Path = RESULTS) -> dict[str, Any]:
    """bench/results/usage.json: what a turn, a lead and a schedule's run use of each service."""
    path = folder / "usage.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusedError(f"{path}: {error}; run `python -m bench.usage`") from error
    return found


def shares(cell: str) -> dict[str, float]:
    """`memory 58.8%, table 0.4%` as fractions by source."""
    parts = (part.rsplit(" ", 1) for part in cell.split(", ") if part.endswith("%"))
    return {name: float(percent[:-1]) / 100 for name, percent in parts}


def number(cell: str) -> float:
    return float(cell.replace(",", ""))


def _rows(text: str, marker: str) -> dict[str, dict[str, str]]:
    """The first table whose head has that cell, as rows by their first cell."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("|") and marker in (head := _cells(line)):
            return _table(head, lines[index + 2 :])
    return {}


def _table(head: Sequence[str], lines: Sequence[str]) -> dict[str, dict[str, str]]:
    rows = {}
    for line in lines:
        if not line.startswith("|"):
            break
        cells = _cells(line)
        rows[cells[0]] = dict(zip(head, cells, strict=False))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _of(rows: Mapping[str, dict[str, str]], title: str) -> dict[str, str]:
    found = next((row for name, row in rows.items() if name.startswith(title)), None)
    if found is None:
        raise RefusedError(f"turns.md has no row {title!r}")
    return found
