"""What was measured of each contender, and the tables that show it. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.figures import table
from bench.peers.contenders import Contender

HEAD = (
    *("contender", "what is called", "CPU, median", "min", "wall, median", "min"),
    *("CPU to Atlas's", "operations"),
)


@dataclass
class Row:
    """A contender's batches: seconds per operation; `failed` says why there is nothing to show."""

    contender: Contender
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    operations: int = 0
    failed: str = ""

    def add(self, batch: Mapping[str, float], calls: int) -> None:
        """Note a batch, unless it called the stand-in more or less often than its row claims."""
        wanted = self.contender.calls * int(batch["operations"])
        if calls != wanted:
            self.failed = f"{calls} calls of the stand-in instead of {wanted}"
            return
        self.cpu.append(batch["cpu"])
        self.wall.append(batch["wall"])
        self.operations += int(batch["operations"])


def chosen_pins(requirements: str) -> list[str]:
    """Names and versions of what was chosen, without what that needs."""
    chosen = requirements.partition("# Chosen:")[2].partition("# Needed by those:")[0]
    return [line.replace("==", " ") for line in chosen.splitlines() if line and line[0] != "#"]


def section_table(title: str, rows: Sequence[Row]) -> str:
    """A section's heading and table; ratios are to its first row."""
    base = rows[0].cpu
    return f"## {title}\n\n{table(HEAD, [cells(row, base) for row in rows])}\n"


def cells(row: Row, base: Sequence[float]) -> list[str]:
    name = [row.contender.name, row.contender.way]
    if row.failed or not row.cpu:
        reason = " ".join(row.failed.replace("|", "/").split()) or "no rounds"
        return [*name, f"not measured: {reason}", *["-"] * 5]
    cpu, wall = statistics.median(row.cpu), statistics.median(row.wall)
    return [
        *name,
        *(spoken(cpu), spoken(min(row.cpu)), spoken(wall), spoken(min(row.wall))),
        ratio(cpu, statistics.median(base) if base else 0),
        f"{row.operations:,}",
    ]


def spoken(seconds: float) -> str:
    """Three digits in the unit that fits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{digits(seconds / scale)} {unit}"
    return f"{digits(seconds / 1e-9)} ns"


def digits(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float, base: float) -> str:
    """How many times as much; a dash where nothing was measured, or too little to matter."""
    return f"{digits(value / base)}x" if base and value / base >= 0.005 else "-"


def megabytes(size: float) -> str:
    return f"{digits(size / 1e6)} MB" if size else "-"
