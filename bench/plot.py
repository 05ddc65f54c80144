"""Latencies as empirical distributions on a logarithmic axis, written as a PNG.

matplotlib lives in the peers' venv, so that venv's interpreter draws (bench/peers/draw.py):
`draw_png(bench.peers_venv.interpreter(), {"name of a column": [seconds, ...]}, Path("x.png"))`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.peers_venv import ROOT

DRAWING_SECONDS = 120


def draw_png(
    python: Path,
    seconds_by_column: Mapping[str, Sequence[float]],
    image: Path,
    title: str = "",
    deadline: float | None = None,
) -> None:
    """Draw with the interpreter that has matplotlib; CalledProcessError when it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        results.write_text(json.dumps({n: list(v) for n, v in seconds_by_column.items()}))
        command = [str(python), "-m", "bench.peers.draw", str(results), str(image.resolve())]
        command += ["--title", title]
        if deadline is not None:
            command += ["--deadline", str(deadline)]
        environment = {**os.environ, "MPLCONFIGDIR": folder, "MPLBACKEND": "Agg"}
        subprocess.run(  # noqa: S603
            command, cwd=ROOT, env=environment, check=True, timeout=DRAWING_SECONDS
        )


def steps(values: Sequence[float], floor: float) -> tuple[list[float], list[float]]:
    """The distribution's corners: each value, at least `floor`, and the share not above it."""
    ordered = sorted(max(value, floor) for value in values)
    return [ordered[0], *ordered], [n / len(ordered) for n in range(len(ordered) + 1)]


def decades(columns: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The powers of ten around all values above zero; one decade where there are none."""
    values = [value for column in columns for value in column if value > 0] or [0.1]
    low, high = (math.log10(limit) for limit in (min(values), max(values)))
    return 10.0 ** math.floor(low), 10.0 ** max(math.ceil(high), math.floor(low) + 1)


def slower(values: Sequence[float], floor: float) -> tuple[list[float], list[float]]:
    """The same corners with the share that is above each; the last, 0, has no logarithm."""
    xs, ys = steps(values, floor)
    return xs[:-1], [1.0 - share for share in ys[:-1]]


def spoken(seconds: float) -> str:
    """A tick in the unit that people use for it."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:g} µs"
    return f"{seconds * 1e3:g} ms" if seconds < 1 else f"{seconds:g} s"
