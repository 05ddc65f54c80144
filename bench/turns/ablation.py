"""The three phases that the predecessor's analysis promised, one habit after the other given up."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.consent_to_ring import NOT_READY, PREDECESSOR, READY, SHORT_CALLS, Results, Runs
from bench.figures import seconds, table
from bench.site import Site
from bench.turns.columns import Column
from bench.turns.figures import percentile, seconds_of
from bench.turns.rounds import Measured, Turns

COMPONENTS = ("secret", "model", "table", "workflow")
RINGS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """`after`: the phase that is complete with it, whose promise then stands beside it."""

    name: str
    what: str
    after: str = ""


PROMISES = {"0": "9+ s, p99 12+", "1": "3 to 5 s", "2": "1 to 2 s", "3": "under 1 s"}
STEPS = (
    Step("0", "(0) as it was: 30% cold", after="0"),
    Step("a", "1: alias with provisioned concurrency"),
    Step("p12", "1: + secret cached"),
    Step("p13", "1: + scenario in the session"),
    Step("p14", "1: + fewer tokens (memory, tracing: no time here)", after="1"),
    Step("p21", "2: + pooled connections"),
    Step("p22", "2: + Haiku"),
    Step("p23", "2: + response cache", after="2"),
    Step("d", "3: + Atlas: streamed to a deadline, the rest made afterwards"),
    Step("e", "3: + pre-warmed", after="3"),
)


def ablation_report(
    found: Mapping[Column, Measured], steps: Mapping[Column, Measured], site: Site
) -> Iterator[str]:
    """Each step's mean and p99, and where the mean goes, in seconds per turn."""
    by_name = {column.name: each.turns for column, each in (*found.items(), *steps.items())}
    cold = cold_start_seconds(site) / len(by_name["0"])
    yield "## Ablation: cumulative, in the order of the promised phases\n"
    head = ("step", "turns", "mean s", "p99", "promised mean", "cold start")
    yield table(
        (*head, *COMPONENTS, "rest"),
        (step_row(step, by_name[step.name], cold if step.name == "0" else 0.0) for step in STEPS),
    )
    yield (
        "\nColumns from cold start on: mean seconds per turn, over all turns. A model's seconds "
        "of Atlas end at the deadline; look-ups of shared answers run beside the turn and are in "
        "the rest.\n"
    )
    yield "The workflow, from yes to ring:\n"
    yield ring_table(site)


def step_row(step: Step, turns: Turns, cold: float) -> list[str]:
    values = seconds_of(turns)
    mean = statistics.fmean(values)
    parts = [_mean_of(turns, component) for component in COMPONENTS]
    cells = [mean, percentile(values, 0.99)]
    promised = PROMISES.get(step.after, "")
    return [
        *(step.what, str(len(turns)), *(f"{value:.3f}" for value in cells), promised),
        *(f"{part:.3f}" for part in (cold, *parts, max(0.0, mean - cold - sum(parts)))),
    ]


def _mean_of(turns: Turns, component: str) -> float:
    return sum(turn["spent"].get(component, 0.0) for turn in turns) / len(turns)


def cold_start_seconds(site: Site) -> float:
    """Init time of the predecessor's cold starts, in all, without each function's very first."""
    records = [r for r in site.get("invocations") if r["function"].startswith("bench-predecessor")]
    first: set[str] = set()
    whole = 0.0
    for record in records:
        if record["start"] == "cold" and record["function"] in first:
            whole += record["init_ms"] / 1000
        first.add(record["function"])
    return whole


def ring_table(site: Site) -> str:
    """The predecessor's sequence of steps, Atlas's parallel workflow, and with all made ahead."""
    site.post("phone/line", SHORT_CALLS)
    results = Results()
    runs = Runs(site, results)
    variants = {PREDECESSOR: runs.predecessor, NOT_READY: runs.atlas, READY: runs.atlas}
    for _ in range(RINGS + 1):
        for variant, run in variants.items():
            results.add(variant, run(variant))
    names: Sequence[tuple[str, str]] = (
        (PREDECESSOR, "(0) and phase 1: one step after the other"),
        (NOT_READY, "phase 2: in parallel, pooled, scenario not made yet"),
        (READY, "phase 3: scenario made ahead"),
    )
    rows = [[what, seconds(statistics.median(results.of(name)))] for name, what in names]
    return table(("order", f"median s of {RINGS}"), rows)
