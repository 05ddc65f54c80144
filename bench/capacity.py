"""The simulation of `ops capacity` beside the sandbox, at rates that this machine carries.

    python -m bench.capacity [--turns-per-second 2,4,6] [--seconds 60] [--out bench/results]

Starts a sandbox of its own with the latencies `reported` and sends it the benchmark's questions at
random moments, without waiting for one reply before the next turn. The simulation gets the rate and
the share of turns that asked a model, and has to say the rest: how many turns are at once, and how
many meet no warm environment.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.figures import load, table
from bench.site import Site, own_site, progress
from bench.streams.stream import StreamTurn, stream
from bench.usage import Counting, warmed
from bench.visitor import Visitor, number_of
from ops.capacity.simulation import simulate
from ops.capacity.workload import measured_workload
from ops.stages import FULFILLMENT, STAGE_SIZES, function_name
from sandbox.conversation.child import ROOT

FILE = "capacity.md"
COMMAND = "python -m bench.capacity"
AT_ONCE = 32
WARM = STAGE_SIZES["local"].provisioned_fulfillment
SIMULATED_SECONDS = 600
_HEAD = (
    *("turns a second", "model turns", "at once: sandbox", "simulated"),
    *("not warm: sandbox", "simulated", "seconds a turn: sandbox", "simulated"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a load of `seconds` came to; `at_once`: mean turns that a function was busy with."""

    turns: int
    seconds: float
    model_share: float
    at_once: float
    not_warm: float

    @property
    def rate(self) -> float:
        return self.turns / self.seconds

    @property
    def mean_seconds(self) -> float:
        return self.at_once / self.rate


def loaded(site: Site, rate: float, seconds: float, seed: int) -> Seen:
    """Questions at random moments for so long; every reply is waited for in the end."""
    rng = random.Random(seed)  # noqa: S311 - a moment is no secret
    questions = _questions(seed)
    site.post("reset", {})
    begin = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        due = rng.expovariate(rate)
        while due < seconds:
            time.sleep(max(begin + due - time.monotonic(), 0))
            pool.submit(_ask, site, next(questions))
            due += rng.expovariate(rate)
    Counting(site).wait_until_quiet()
    return _seen(site, seconds)


def _questions(seed: int) -> Iterator[StreamTurn]:
    return (turn for turn in stream(seed, 4000) if turn.kind in ("grounded", "open"))


def _ask(site: Site, turn: StreamTurn) -> None:
    Visitor(site, number_of(0)).say(turn.text)


def _seen(site: Site, seconds: float) -> Seen:
    names = (function_name("local", FULFILLMENT), FULFILLMENT)
    runs: list[dict[str, Any]] = [r for r in site.get("invocations") if r["function"] in names]
    asked = site.get("calls").get("bedrock-runtime", {}).get("ConverseStream", 0)
    busy = sum(run["run_ms"] for run in runs) / 1000
    cold = sum(run["start"] != "provisioned" for run in runs)
    return Seen(len(runs), seconds, asked / len(runs), busy / seconds, cold / len(runs))


def row(seen: Seen, seed: int) -> list[str]:
    """Both sides of one load."""
    workload = replace(
        measured_workload("local", seen.rate, 180.0, min(seen.model_share, 1.0)), only_chat=True
    )
    result = simulate(workload, SIMULATED_SECONDS, seed, provisioned=WARM)
    at_once = result.gauges["fulfillment"].mean
    pairs = (
        (seen.at_once, at_once, "{:.2f}"),
        (seen.not_warm, result.spilled / result.turns, "{:.1%}"),
        (seen.mean_seconds, at_once / result.turns_per_second, "{:.3f}"),
    )
    cells = [form.format(value) for *both, form in pairs for value in both]
    return [f"{seen.rate:.1f}", f"{seen.model_share:.0%}", *cells]


def report(rows: list[list[str]], seconds: float) -> str:
    return (
        f"# Capacity: the simulation beside the sandbox\n\n"
        f"`{COMMAND}`, {seconds:g} s a rate, {WARM} warm environments, profile `reported`, "
        f"{load()}.\n\n{table(_HEAD, rows)}\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--turns-per-second", default="2,4,6")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    arguments = parser.parse_args()
    rows = []
    with own_site("reported") as site:
        warmed(site)
        for seed, rate in enumerate(map(float, arguments.turns_per_second.split(",")), start=1):
            progress(f"{rate:g} turns a second")
            rows.append(row(loaded(site, rate, arguments.seconds, seed), seed))
    told = report(rows, arguments.seconds)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / FILE).write_text(told, encoding="utf-8")
    print(told)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
