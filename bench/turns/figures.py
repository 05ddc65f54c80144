"""What the measured turns come to: times, sources, tokens and money, as tables."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from bench.figures import table
from bench.turns.columns import Column
from bench.turns.rounds import Measured, Turns, Usage
from ops.stages import MODEL_TABLE

SOURCES = ("memory", "table", "stale", "model", "partial", "grounded", "fixed", "failed")
PRICES_AS_OF = max(facts["priced_on"] for facts in MODEL_TABLE.values())
BANDS = ((0.0, 0.5), (0.5, 0.95), (0.95, 0.99), (0.99, 1.0))


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that is not exceeded by that share of all: a turn that there was."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def seconds_of(turns: Turns) -> list[float]:
    return [turn["seconds"] for turn in turns]


def shares(turns: Turns) -> str:
    """The sources' shares, the most frequent kind of place first in Atlas's own order."""
    counts = Counter(turn["source"] for turn in turns)
    parts = (f"{source} {counts[source] / len(turns):.1%}" for source in SOURCES if counts[source])
    return ", ".join(parts) or "-"


def share_of(turns: Turns, sources: Sequence[str]) -> float:
    return sum(turn["source"] in sources for turn in turns) / len(turns)


def latency_row(column: Column, turns: Turns) -> list[str]:
    values = seconds_of(turns)
    marks = [percentile(values, share) for share in (0.5, 0.95, 0.99, 0.999)]
    cells = [_seconds(v) for v in (statistics.fmean(values), *marks, max(values))]
    return [column.title, str(len(turns)), *cells, shares(turns)]


def latency_table(measured: Mapping[Column, Measured]) -> str:
    head = ("column", "turns", "mean s", "p50", "p95", "p99", "p99.9", "max", "sources")
    return table(head, (latency_row(column, found.turns) for column, found in measured.items()))


def band_table(measured: Mapping[Column, Measured]) -> str:
    """Which sources the turns between two percentiles had."""
    names = [f"p{low * 100:g} to p{high * 100:g}" for low, high in BANDS]
    return table(
        ("column", *names),
        ([column.title, *map(shares, bands(found.turns))] for column, found in measured.items()),
    )


def bands(turns: Turns) -> list[Turns]:
    ordered = sorted(turns, key=lambda turn: turn["seconds"])
    cuts = [round(low * len(ordered)) for low, _ in BANDS] + [len(ordered)]
    return [ordered[begin:end] for begin, end in itertools.pairwise(cuts)]


def kinds_table(measured: Mapping[Column, Measured]) -> str:
    """Means by what was said, and how long the answers to questions were."""
    kinds = ("grounded", "open", "phone", "lead")
    head = ("column", *(f"{kind}: mean s" for kind in kinds), "sentences", "characters", "CPU ms")
    return table(
        head, (_kinds_row(column, found.turns, kinds) for column, found in measured.items())
    )


def _kinds_row(column: Column, turns: Turns, kinds: Sequence[str]) -> list[str]:
    means = [_mean_seconds([t for t in turns if t["kind"] == kind]) for kind in kinds]
    answers = [turn for turn in turns if turn["kind"] != "lead"]
    sentences = statistics.fmean(turn["sentences"] for turn in answers)
    characters = statistics.fmean(turn["characters"] for turn in answers)
    cpu = [turn["cpu_seconds"] for turn in turns if turn["cpu_seconds"] >= 0]
    spent = f"{statistics.fmean(cpu) * 1000:.1f}" if cpu else "-"
    return [column.title, *means, f"{sentences:.2f}", f"{characters:.0f}", spent]


def _mean_seconds(turns: Turns) -> str:
    return _seconds(statistics.fmean(seconds_of(turns))) if turns else "-"


def usage_table(measured: Mapping[Column, Measured]) -> str:
    """Calls and tokens per 1,000 turns; `asked` counts what was refused as well."""
    head = ("column", "asked", "answered", "tokens in", "tokens out", f"USD ({PRICES_AS_OF})")
    return table(head, (_usage_row(column, found) for column, found in measured.items()))


def _usage_row(column: Column, found: Measured) -> list[str]:
    per = 1000 / len(found.turns)
    sums = (total(found.usage, name) * per for name in ("calls", "input_tokens", "output_tokens"))
    cells = [f"{value:,.0f}" for value in (asked(found) * per, *sums)]
    return [column.title, *cells, f"{cost(found.usage) * per:.2f}"]


def asked(found: Measured) -> int:
    """Calls to models from the stream's start to its end, whoever made them for the column."""
    return sum(n for name, n in found.calls.items() if name.startswith("bedrock-runtime."))


def total(usage: Usage, name: str) -> int:
    return sum(amounts.get(name, 0) for amounts in usage.values())


def cost(usage: Usage) -> float:
    """USD, by the prices of the router's own table; KeyError for a model that is not in it."""
    return sum(_cost_of(model, amounts) for model, amounts in usage.items())


def _cost_of(model: str, amounts: Mapping[str, int]) -> float:
    price_in, price_out = MODEL_TABLE[model]["usd"]
    tokens_in, tokens_out = amounts.get("input_tokens", 0), amounts.get("output_tokens", 0)
    return (tokens_in * price_in + tokens_out * price_out) / 1e6


def cached_cpu_table(measured: Mapping[Column, Measured]) -> str:
    """CPU of the turns that a cache answered, median and mean, in milliseconds."""
    rows = [
        [column.title, source, str(len(cpu)), *(f"{m(cpu) * 1000:.2f}" for m in _MIDDLES)]
        for column, found in measured.items()
        if column.is_atlas
        for source in ("memory", "table")
        if (cpu := cpu_of(found.turns, source))
    ]
    return table(("column", "source", "turns", "median ms", "mean ms"), rows)


_MIDDLES: tuple[Callable[[Sequence[float]], float], ...] = (statistics.median, statistics.fmean)


def cpu_of(turns: Turns, source: str) -> list[float]:
    """Of grounded questions alone: a call's opening comes from another table, by other ways."""
    return [
        turn["cpu_seconds"]
        for turn in turns
        if turn["source"] == source and turn["kind"] == "grounded"
    ]


def _seconds(value: float) -> str:
    return f"{value:.3f}"
