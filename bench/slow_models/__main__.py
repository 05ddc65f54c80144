"""Turns that only a model can answer, while the models are well, slow, stalled or throttled.

    python -m bench.slow_models [--turns 600] [--seed 1]

Open questions and phone turns of the benchmark's own stream, in its own proportion, through
Atlas's answers, models and HTTP client at full scale; Bedrock's stand-in runs in another process.
Each environment has its own breakers, estimates and budget. Exit code 1 where a turn outlasted
its deadline by more than 50 ms, or second requests their share. Writes a Markdown table; with
`--thresholds` first one of moments for the second request, simulated on a virtual clock.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from bench.figures import load, table
from bench.slow_models.hedge_moments import thresholds_table
from bench.slow_models.service import model_service
from bench.streams.stream import StreamTurn, stream
from chalicelib.answer import Generated, Source
from chalicelib.answers import open_answer, spoken_answer
from chalicelib.call_budget import INITIAL_CALLS
from chalicelib.content import Contents
from chalicelib.deadline import Deadline
from chalicelib.model_router import RacePolicy
from chalicelib.services import Services, build_services
from chalicelib.settings import Settings
from ops.environment import environment

ENVIRONMENTS = 4
APART_SECONDS = 1.0
"""Between the turns of an environment: who is given an answer at once asks no sooner for that."""
SLACK_SECONDS = 0.05
MODEL_TURNS = 0.25
"""Of all turns of the benchmark's stream, these kinds; the others need no model once warmed."""
SERVICE = {"service": "bedrock-runtime"}
SLOW = {**SERVICE, "times_slower": 3, "rate": 0.05}
STALLED = {**SERVICE, "stall": True, "rate": 0.05}
THROTTLED = {**SERVICE, "error": "ThrottlingException", "rate": 0.3}


@dataclass(frozen=True, slots=True)
class Condition:
    name: str
    faults: tuple[Mapping[str, Any], ...] = ()
    hedges: bool = True


CONDITIONS = (
    Condition("undisturbed"),
    Condition("5% of calls 3 times slower, no second requests", (SLOW,), hedges=False),
    Condition("5% of calls 3 times slower", (SLOW,)),
    Condition("5% of streams stall", (STALLED,)),
    Condition("30% of calls throttled", (THROTTLED,)),
)


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    source: Source
    generated: Generated


def model_turns(seed: int, count: int) -> list[StreamTurn]:
    """The first turns of the stream that need a model and hold something to answer."""
    every = stream(seed, int(count / MODEL_TURNS * 1.2))
    return [turn for turn in every if turn.kind in ("open", "phone")][:count]


def answered(turn: StreamTurn, services: Services) -> Measured | None:
    """None for the few turns that hold nothing to answer, so that no model was asked."""
    started = time.perf_counter()
    channel = "phone" if turn.kind == "phone" else "chat"
    deadline = Deadline.after(services.settings.deadline_seconds(channel))
    if channel == "phone":
        answer = spoken_answer(turn.text, (), "", "en_US", deadline, services)
    else:
        answer = open_answer(turn.text, (), "en_US", "chat", deadline, services)
    seconds = time.perf_counter() - started
    return Measured(seconds, answer.source, answer.generated) if answer.generated else None


def an_environment(endpoint: str, condition: Condition) -> Services:
    settings = Settings.from_env(environment("local"))
    if not condition.hedges:
        settings = replace(settings, race=RacePolicy(hedge_share=0.0))
    variables = {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint,
        **{"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "bench"},
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    with patch.dict(os.environ, variables):
        services = build_services(settings, Contents.load())
        services.models.prepare()
    return services


def measured(condition: Condition, turns: Sequence[StreamTurn], seed: int) -> list[Measured]:
    """Every turn once, dealt to the environments, each of which takes one at a time."""

    def share(number: int) -> list[Measured]:
        begun, found = time.monotonic(), []
        for place, turn in enumerate(turns[number::ENVIRONMENTS]):
            time.sleep(max(0.0, begun + place * APART_SECONDS - time.monotonic()))
            found.append(answered(turn, environments[number]))
        return [one for one in found if one is not None]

    faults = list(condition.faults)
    with model_service(seed, 1.0, faults) as endpoint, ThreadPoolExecutor(ENVIRONMENTS) as pool:
        environments = [an_environment(endpoint, condition) for _ in range(ENVIRONMENTS)]
        return [one for found in pool.map(share, range(ENVIRONMENTS)) for one in found]


def row_of(condition: Condition, found: Sequence[Measured]) -> tuple[str, ...]:
    sources = Counter(one.source for one in found)
    shares = [sources[s] / len(found) for s in (Source.MODEL, Source.PARTIAL, Source.GROUNDED)]
    times = sorted(one.seconds for one in found)
    calls = sum(one.generated.calls for one in found)
    hedges = sum(one.generated.is_hedged for one in found)
    return (
        *(condition.name, str(len(found))),
        *(f"{share:.1%}" for share in shares),
        f"{sum(shares[1:]) * MODEL_TURNS:.2%}",
        *(f"{quantile(times, share):.2f}" for share in (0.5, 0.99, 1.0)),
        *(f"{calls / len(found):.3f}", str(hedges)),
        str(sum(one.generated.hedge_was_skipped for one in found)),
        str(sum(max(0, o.generated.calls - 1 - o.generated.is_hedged) for o in found)),
        str(sum(one.generated.has_stalled for one in found)),
        f"{sum(one.generated.usd for one in found) / len(found) * 1000:.3f}",
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


HEAD = (
    *("condition", "turns", "model", "partial", "grounded", "late, of all turns"),
    *("p50 s", "p99 s", "max s", "calls a turn", "second requests", "skipped"),
    *("after a failure", "stalls", "USD per 1,000"),
)


def faults_of(condition: Condition, found: Sequence[Measured], limit: float) -> list[str]:
    """What must not be, one sentence each."""
    problems = []
    if (longest := max(one.seconds for one in found)) > limit:
        problems.append(f"{condition.name}: a turn took {longest:.3f} s")
    hedges = sum(one.generated.is_hedged for one in found)
    allowed = 0.05 * len(found) + ENVIRONMENTS * INITIAL_CALLS
    if hedges > allowed:
        problems.append(f"{condition.name}: {hedges} second requests, {allowed:.0f} allowed")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=400, help="of each condition")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--thresholds", action="store_true", help="simulate moments first")
    arguments = parser.parse_args()
    if arguments.thresholds:
        print(thresholds_table(arguments.seed), end="\n\n")
    turns = model_turns(arguments.seed, arguments.turns)
    limit = Settings.from_env(environment("local")).turn_deadline_seconds + SLACK_SECONDS
    rows, problems = [], []
    for condition in CONDITIONS:
        found = measured(condition, turns, arguments.seed)
        rows.append(row_of(condition, found))
        problems += faults_of(condition, found, limit)
        print(f"{condition.name}: {len(found)} turns", file=sys.stderr)
    print(table(HEAD, rows))
    print(
        f"\nlate: partial or grounded, where {MODEL_TURNS:.0%} of all turns need a model; {load()}"
    )
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
