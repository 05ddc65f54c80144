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
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.conversation.child import ROOT

# Chalice's project is a root of imports of its own.
sys.path.insert(0, str(ROOT / "atlas"))

from bench.figures import load
from bench.site import Site, own_site
from bench.turns.ablation import ablation_report
from bench.turns.aims import Aim, aims, aims_table
from bench.turns.columns import ABLATION, CONDITIONS, MAIN, Column
from bench.turns.figures import total
from bench.turns.report import plot, report
from bench.turns.rounds import Measured, Rounds, Sizes, wait_until_quiet
from bench.turns.site import TurnSite

DEADLINE_SECONDS = 0.8
QUICK = "**A quick run, scaled: its shares and ratios are not to be quoted.**"
ABLATION_TURNS = 80
"""Per column and run: enough for a mean, as the components stand beside it."""


@dataclass(slots=True)
class Bench:
    """One run; `scenarios`: calls of generate_scenario for the lead captures."""

    site: Site
    scale: float
    found: dict[Column, Measured] = field(default_factory=dict)
    steps: Mapping[Column, Measured] = field(default_factory=dict)
    scenarios: int = 0

    def run(self, sizes: Sizes, *, has_ablation: bool) -> None:
        site = TurnSite(self.site, self.scale)
        site.prepare()
        self.site.post("profile", {"name": "reported", "scale": self.scale})
        for columns in (MAIN, CONDITIONS):
            self.found |= self._measured(site, columns, sizes)
        if has_ablation:
            few = min(ABLATION_TURNS, sizes.sequential_turns)
            self.steps = self._measured(site, ABLATION, Sizes(few, few, sizes.seeds[:1]))
        wait_until_quiet(self.site)

    def _measured(
        self, site: TurnSite, columns: Sequence[Column], sizes: Sizes
    ) -> dict[Column, Measured]:
        with contextlib.ExitStack() as stack:
            rounds = Rounds(site, columns, stack)
            for seed in sizes.seeds:
                rounds.run(seed, sizes)
        self.scenarios += total(rounds.scenarios, "calls")
        return {column: rounds.measured[column.name] for column in columns}

    def aims(self) -> list[Aim]:
        by_name = {column.name: each for column, each in self.found.items()}
        return aims(by_name, DEADLINE_SECONDS * self.scale)

    def lines(self) -> Iterator[str]:
        yield from report(self.found, self.scenarios)
        yield "## Aims\n"
        yield aims_table(self.aims()) + "\n"
        if self.steps:
            yield from ablation_report(self.found, self.steps, self.site)


def main() -> int:
    arguments = _arguments()
    sizes = Sizes(arguments.turns, arguments.sequential_turns, tuple(arguments.seeds))
    began = time.monotonic()
    with own_site("none", 1.0) as site:
        bench = Bench(site, arguments.scale)
        bench.run(sizes, has_ablation=arguments.ablation)
        body = list(bench.lines())
    text = "\n".join([*_head(arguments, time.monotonic() - began), *body])
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "turns.md").write_text(text + "\n", encoding="utf-8")
    plot(bench.found, arguments.out, DEADLINE_SECONDS * arguments.scale)
    return 0 if arguments.scale != 1 or all(aim.is_reached for aim in bench.aims()) else 1


def _head(arguments: argparse.Namespace, seconds: float) -> Iterator[str]:
    yield "# Turns\n"
    yield (
        f"`python -m bench.turns --turns {arguments.turns} --sequential-turns "
        f"{arguments.sequential_turns} --seeds {','.join(map(str, arguments.seeds))} "
        f"--scale {arguments.scale:g}`, Python {platform.python_version()}, profile `reported`, "
        f"{seconds:.0f} s, {load()}.\n"
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
    sys.exit(main())
