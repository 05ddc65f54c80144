"""Draws the distributions of `bench.plot`; needs matplotlib.

.venv-bench/bin/python -m bench.peers.draw results.json image.png [--title ...] [--deadline 0.8]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.plot import decades, slower, spoken, steps

# Okabe and Ito's palette, told apart with any colour vision, yellow left out for its faintness;
# the dashes tell the lines apart in grey too. Source: https://jfly.uni-koeln.de/color/
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
MARKED = (0.5, 0.95, 0.99, 0.999)


def styles(columns: Mapping[str, Sequence[float]]) -> dict[str, dict[str, Any]]:
    """How each column's line looks, and its name with the number of its values."""
    looks = zip(columns.items(), cycle(COLOURS), cycle(DASHES), strict=False)
    return {
        name: {"label": f"{name} ({len(values):,})", "color": colour, "ls": dashes, "lw": 1.9}
        for (name, values), colour, dashes in looks
    }


def draw(
    seconds_by_column: Mapping[str, Sequence[float]], title: str, deadline: float | None
) -> Any:
    """A figure of two panels: the whole distributions, and their tails magnified."""
    columns = {name: values for name, values in seconds_by_column.items() if values}
    figure = Figure(figsize=(13, 6), layout="constrained")
    whole, tail = figure.subplots(1, 2)
    low, high = decades(list(columns.values()))
    for name, style in styles(columns).items():
        whole.step(*steps(columns[name], low), where="post", **style)
        tail.step(*slower(columns[name], low), where="post", **style)
    for axes in (whole, tail):
        axes.set(xscale="log", xlim=(low, high), xlabel="time of a turn, logarithmic")
        _mark_deadline(axes, deadline)
    _finish_whole(whole)
    _finish_tail(tail, max((len(values) for values in columns.values()), default=1))
    figure.suptitle(title)
    if columns:
        handles, labels = whole.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _mark_deadline(axes: Any, deadline: float | None) -> None:
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: spoken(value)))
    axes.grid(axis="x", which="major", color="#dddddd", lw=0.6)
    if deadline is not None:
        axes.axvline(deadline, color="#555555", lw=1, zorder=0)
        _note(axes, f"deadline {spoken(deadline)}", (deadline, 1), (-30, 4))


def _finish_whole(axes: Any) -> None:
    axes.set(ylim=(0, 1.005), ylabel="share of turns not slower")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    _mark_shares(axes, {f"p{share * 100:g}": share for share in MARKED[:-1]})


def _finish_tail(axes: Any, turns: int) -> None:
    axes.set(yscale="log", ylim=(min(0.1, 0.8 / turns), 1), ylabel="share of turns slower")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share * 100:g}%")
    visible = [share for share in MARKED if 1 - share >= 0.8 / turns]
    _mark_shares(axes, {f"p{share * 100:g}": 1 - share for share in visible})


def _mark_shares(axes: Any, heights: Mapping[str, float]) -> None:
    for name, height in heights.items():
        axes.axhline(height, color="#999999", lw=0.6, zorder=0)
        _note(axes, name, (1, height), (4, -3), axes.get_yaxis_transform())


def _note(axes: Any, text: str, at: Any, moved: Any, frame: Any = None) -> None:
    """A small grey text, moved by points from where it belongs."""
    axes.annotate(
        text,
        at,
        moved,
        xycoords=frame or axes.get_xaxis_transform(),
        textcoords="offset points",
        fontsize=8,
        color="#555555",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Latencies as empirical distributions.")
    parser.add_argument("results", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--title", default="")
    parser.add_argument("--deadline", type=float)
    asked = parser.parse_args()
    figure = draw(json.loads(asked.results.read_text()), asked.title, asked.deadline)
    # Without the version of matplotlib in it, the same results make the same file.
    figure.savefig(asked.image, dpi=144, metadata={"Software": None})


if __name__ == "__main__":
    main()
