"""The benchmark's Markdown and its plot."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.peers_venv import interpreter
from bench.plot import draw_png
from bench.site import progress
from bench.turns.columns import Column
from bench.turns.figures import (
    band_table,
    cached_cpu_table,
    cost,
    kinds_table,
    latency_table,
    seconds_of,
    total,
    usage_table,
)
from bench.turns.rounds import Measured

IMAGE = "turns.png"


def report(measured: Mapping[Column, Measured], scenarios: int) -> Iterator[str]:
    """Everything but the aims and the ablation, line by line.

    `scenarios`: calls made for the lead captures of all of Atlas's columns together.
    """
    yield f"![Latency distributions]({IMAGE})\n"
    yield "## Times, and where the answers came from\n"
    yield latency_table(measured) + "\n"
    yield "## Sources between the percentiles\n"
    yield band_table(measured) + "\n"
    yield "## By what was said; length of the answers; CPU\n"
    yield kinds_table(measured) + "\n"
    yield cached_cpu_table(measured) + "\n"
    yield "## Model calls, tokens and cost per 1,000 turns\n"
    yield usage_table(measured) + "\n"
    for column, found in measured.items():
        if column.is_warmed:
            yield warming_line(column, found)
    turns = sum(len(found.turns) for column, found in measured.items() if column.is_atlas)
    yield (
        f"- Beside the sums above, generate_scenario asked {scenarios} times for the lead captures "
        f"of {turns:,} turns of Atlas: {scenarios * 1000 / turns:.0f} per 1,000.\n"
    )


def warming_line(column: Column, found: Measured) -> str:
    """What keep_warm did before the streams began; it is in none of the sums."""
    runs = ", ".join(str(each) for each in found.warmed)
    calls, price = total(found.warming, "calls"), cost(found.warming)
    return f"- keep_warm before {column.title}: {runs}; {calls} calls, {price:.4f} USD."


def plot(measured: Mapping[Column, Measured], folder: Path, deadline: float) -> None:
    """The distributions as a PNG; said on stderr where there is no matplotlib to be had."""
    python = interpreter()
    if python is None:
        progress(f"no plot: {IMAGE} needs the benchmark's venv")
        return
    columns = {column.title: seconds_of(found.turns) for column, found in measured.items()}
    try:
        draw_png(python, columns, folder / IMAGE, "Time of a turn", deadline)
    except subprocess.SubprocessError as exc:
        progress(f"no plot: {exc}")
