"""One seeded stream of turns through the old way, a fair control and Atlas, side by side.

    python -m bench.turns [--turns 1000] [--sequential-turns 300] [--seeds 1,2] [--scale 1.0]
                          [--no-ablation] [--out bench/results]

Starts a sandbox of its own with the latencies `reported`. The columns take turns chunk by chunk;
each seed is a round with empty tables, one run of keep_warm for the warmed columns, and new
environments. `--scale` shortens latencies and deadlines alike: such a run is quick and proves that
everything works, and its shares and ratios mean nothing. Exit code 1 if an aim is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.figures import load
from bench.site import own_site, progress
from bench.turn_columns import ABLATION, CONDITIONS, MAIN, Column
from sandbox.conversation.child import ROOT

DEADLINE_SECONDS = 0.8
QUICK = "**A quick run, scaled: its shares and ratios are not to be quoted.**"
ABLATION_TURNS = 80
"""Per column and run: enough for a mean, as the components stand beside it."""


def main() -> int:
    arguments = _arguments()
    # Chalice's project is a root of imports of its own.
    sys.path.insert(0, str(ROOT / "atlas"))
    from bench.turn_ablation import ablation_report
    from bench.turn_figures import aims, aims_table, total
    from bench.turn_report import plot, report
    from bench.turn_rounds import Measured, Rounds, Sizes, wait_until_quiet
    from bench.turn_site import TurnSite

    scenarios: list[int] = []

    def measured(site: TurnSite, columns: Sequence[Column], sizes: Sizes) -> dict[Column, Measured]:
        with contextlib.ExitStack() as stack:
            rounds = Rounds(site, columns, stack)
            for seed in sizes.seeds:
                rounds.run(seed, sizes)
            scenarios.append(total(rounds.scenarios, "calls"))
            return {column: rounds.measured[column.name] for column in columns}

    seeds = tuple(arguments.seeds)
    sizes = Sizes(arguments.turns, arguments.sequential_turns, seeds)
    began = time.monotonic()
    with own_site("none", 1.0) as started:
        site = TurnSite(started, arguments.scale)
        site.prepare()
        started.post("profile", {"name": "reported", "scale": arguments.scale})
        found = measured(site, MAIN, sizes)
        found |= measured(site, CONDITIONS, sizes)
        wait_until_quiet(started)
        steps: Mapping[Column, Measured] = {}
        if arguments.ablation:
            few = min(ABLATION_TURNS, arguments.sequential_turns)
            steps = measured(site, ABLATION, Sizes(few, few, seeds[:1]))
        lines = [*_head(arguments, began), *report(found, sum(scenarios))]
        by_name = {column.name: each for column, each in found.items()}
        verdicts = aims(by_name, DEADLINE_SECONDS * arguments.scale)
        lines += ["## Aims", "", aims_table(verdicts), ""]
        if steps:
            lines += ablation_report(found, steps, started)
    text = "\n".join(lines)
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "turns.md").write_text(text + "\n", encoding="utf-8")
    plot(found, arguments.out, DEADLINE_SECONDS * arguments.scale)
    return 0 if arguments.scale != 1 or all(aim.is_reached for aim in verdicts) else 1


def _head(arguments: argparse.Namespace, began: float) -> Iterator[str]:
    yield "# Turns\n"
    yield (
        f"`python -m bench.turns --turns {arguments.turns} --sequential-turns "
        f"{arguments.sequential_turns} --seeds {','.join(map(str, arguments.seeds))} "
        f"--scale {arguments.scale:g}`, Python {platform.python_version()}, profile `reported`, "
        f"{time.monotonic() - began:.0f} s, {load()}.\n"
    )
    if arguments.scale != 1:
        yield QUICK + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Turns: the old way, a control, and Atlas.")
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--sequential-turns", type=int, default=300)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seeds", type=_seeds, default=[1, 2])
    parser.add_argument("--no-ablation", dest="ablation", action="store_false")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    return parser.parse_args()


def _seeds(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    progress("python -m bench.turns")
    sys.exit(main())
