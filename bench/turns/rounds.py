"""Runs the columns through the same streams, in chunks that take turns, one round per seed."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.site import Site, progress
from bench.streams.stream import BLOCK, StreamTurn, stream
from bench.turns.columns import Column
from bench.turns.site import KEPT_ANSWERS, TurnSite, caller
from bench.turns.workers import WorkerProcess, all_of, workers
from sandbox.callers import NOBODY

SEQUENTIAL_WORKERS, ATLAS_WORKERS = 8, 4
"""Environments side by side: as many as two cores carry without being what is measured."""
CHUNKS = 5
"""Into how many parts a stream is cut, so that noise of the machine hits all columns alike."""
QUIET_SECONDS, QUIET_LIMIT_SECONDS = 2.5, 30.0
"""When no call arrives for so long, what went on in the background has ended."""
WARMING = "-warming"

Turns = list[dict[str, Any]]
Usage = dict[str, dict[str, int]]


@dataclass(slots=True)
class Measured:
    """What a column's turns took, and what its models were asked from the streams' start to end.

    `usage`: calls, input_tokens and output_tokens by model; `calls`: all calls by operation.
    """

    turns: Turns = field(default_factory=list)
    usage: Usage = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    warming: Usage = field(default_factory=dict)
    warmed: list[dict[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Turns of a column of Atlas and of a sequential one, over all seeds."""

    turns: int
    sequential_turns: int
    seeds: tuple[int, ...]

    def per_stream(self, column: Column) -> int:
        """Turns of one stream, rounded up to whole blocks so that the mix is exact."""
        whole = self.turns if column.is_atlas else self.sequential_turns
        blocks = math.ceil(whole / (len(self.seeds) * ATLAS_WORKERS * BLOCK))
        return max(1, blocks) * BLOCK


class Rounds:
    """A set of columns with their environments, kept from round to round.

    `scenarios`: what the deployed generate_scenario asked of the models for all columns together.
    """

    def __init__(self, site: TurnSite, columns: Sequence[Column], stack: contextlib.ExitStack):
        self._site, self._columns = site, columns
        endpoint = site.site.address.endpoint
        self._teams = _teams(columns, endpoint, stack)
        self.measured = {column.name: Measured() for column in columns}
        self.scenarios: Usage = {}
        for column in columns:
            self._prepare(column)

    def _prepare(self, column: Column) -> None:
        """What of a column outlives a round."""
        if column.is_atlas:
            self._site.new_table(f"bench-{column.name}")
            self._site.copy_generate_answer(column.name)
        for number, worker in enumerate(self._teams[column.name]):
            options = dict(column.options)
            if column.kind == "lambda":
                options["function"] = f"bench-predecessor-{number}"
                habits = column.options["habits"]
                self._site.deploy_predecessor(options["function"], column.name, habits)
            elif column.kind == "sequential":
                options["places"] = self._site.places()
            worker.give(
                **{"do": "open", "column": column.name, "kind": column.kind},
                **{"environ": self._site.variables(column.name), "options": options},
            )
        for worker in self._teams[column.name]:
            worker.answer()

    def run(self, seed: int, sizes: Sizes) -> None:
        """One round: every column begins anew, then all take turns, chunk by chunk."""
        longest = max(sizes.per_stream(column) for column in self._columns)
        streams = [stream(seed, longest, part) for part in range(ATLAS_WORKERS)]
        self._write_calls(streams)
        self._begin()
        before = _counts(self._site.site)
        for chunk in range(CHUNKS):
            for column in _rotated(self._columns, chunk + seed):
                turns = [_part(s[: sizes.per_stream(column)], chunk) for s in streams]
                self._run_chunk(column, turns, random.Random(f"{seed} {chunk}"))  # noqa: S311
            progress(f"seed {seed}: part {chunk + 1} of {CHUNKS}")
        wait_until_quiet(self._site.site)
        self._note(before, _counts(self._site.site))

    def _write_calls(self, streams: Sequence[Sequence[StreamTurn]]) -> None:
        """Phone turns need a call that is open; its lead and scenario are all columns'."""
        atlas = next((c for c in self._columns if c.is_atlas), None)
        if atlas is None:
            return
        orders = []
        for worker, turns in zip(self._teams[atlas.name], streams, strict=True):
            sessions = sorted({turn.session for turn in turns if turn.kind == "phone"})
            worker.give(do="write_calls", column=atlas.name, **{"with": [sessions]})
            orders.append(worker)
        for worker in orders:
            worker.answer()

    def _begin(self) -> None:
        """Empty tables, one run of keep_warm where the column has one, then new environments."""
        self._site.new_table(KEPT_ANSWERS)
        atlas = [column for column in self._columns if column.is_atlas]
        warmed = [column for column in atlas if column.is_warmed]
        for column in atlas:
            self._site.new_table(f"bench-{column.name}")
        before = _counts(self._site.site)
        for column in warmed:
            self._teams[column.name][0].give(do="warm", column=column.name)
        for column in warmed:
            self.measured[column.name].warmed.append(self._teams[column.name][0].answer())
        for column in warmed:
            grown = _grown(before[0], _counts(self._site.site)[0], caller(column.name))
            _add(self.measured[column.name].warming, grown)
        for column in atlas:
            all_of(self._teams[column.name], do="start", column=column.name)

    def _run_chunk(
        self, column: Column, turns: Sequence[Sequence[StreamTurn]], rng: random.Random
    ) -> None:
        """A chunk of each stream; the sequential columns' many environments are dealt theirs."""
        team = self._teams[column.name]
        hands = turns if column.is_atlas else _dealt([t for s in turns for t in s], len(team))
        cold = _cold(sum(map(len, hands)), column.cold, rng)
        self._site.site.faults(*column.faults)
        for worker, hand in zip(team, hands, strict=True):
            given = [(asdict(turn), next(cold)) for turn in hand]
            worker.give(do="turns", column=column.name, turns=given)
        measured = self.measured[column.name]
        for worker in team:
            measured.turns += worker.answer()
        if column.faults:
            self._site.site.faults()

    def _note(self, before: tuple[Any, Any], after: tuple[Any, Any]) -> None:
        for column in self._columns:
            measured = self.measured[column.name]
            _add(measured.usage, _grown(before[0], after[0], caller(column.name)))
            calls = _grown({"": before[1]}, {"": after[1]}, "")
            _add({"": measured.calls}, {"": calls.get(caller(column.name), {})})
        _add(self.scenarios, _grown(before[0], after[0], NOBODY))


def _teams(
    columns: Sequence[Column], endpoint: str, stack: contextlib.ExitStack
) -> dict[str, list[WorkerProcess]]:
    """Columns that keep nothing in a process share processes; each of Atlas has its own."""
    shared: list[WorkerProcess] = []
    if not all(column.is_atlas for column in columns):
        shared = stack.enter_context(workers(endpoint, SEQUENTIAL_WORKERS))
    return {
        column.name: stack.enter_context(workers(endpoint, ATLAS_WORKERS))
        if column.is_atlas
        else shared
        for column in columns
    }


def _part(turns: Sequence[StreamTurn], chunk: int) -> Sequence[StreamTurn]:
    begin, end = (len(turns) * at // CHUNKS for at in (chunk, chunk + 1))
    return turns[begin:end]


def _rotated(columns: Sequence[Column], by: int) -> list[Column]:
    start = by % len(columns)
    return [*columns[start:], *columns[:start]]


def _dealt(turns: Sequence[StreamTurn], hands: int) -> list[list[StreamTurn]]:
    """Each turn to who has least so far; a session's turns to one, as it carries things on."""
    dealt: list[list[StreamTurn]] = [[] for _ in range(hands)]
    hand_by_session: dict[str, list[StreamTurn]] = {}
    for turn in turns:
        least = min(dealt, key=len)
        hand_by_session.setdefault(turn.session, least).append(turn)
    return dealt


def _cold(turns: int, share: float, rng: random.Random) -> Iterator[bool]:
    """Exactly that share of the turns, drawn."""
    cold = set(rng.sample(range(turns), round(share * turns)))
    return iter([turn in cold for turn in range(turns)])


def _counts(site: Site) -> tuple[Any, Any]:
    """Tokens by caller and model, and calls by caller and operation."""
    return site.get("models"), site.get("callers")


def _grown(before: Any, after: Any, who: str) -> Usage:
    """By how much the counts of a caller rose."""
    then, now = before.get(who, {}), after.get(who, {})
    return {
        name: {key: value - then.get(name, {}).get(key, 0) for key, value in counts.items()}
        for name, counts in now.items()
    }


def _add(sums: Usage, more: Usage) -> None:
    for model, amounts in more.items():
        kept = sums.setdefault(model, {})
        for key, value in amounts.items():
            kept[key] = kept.get(key, 0) + value


def wait_until_quiet(site: Site, clock: Callable[[], float] = time.monotonic) -> None:
    """Until nothing has been called for QUIET_SECONDS, or QUIET_LIMIT_SECONDS have passed."""
    end, last, since = clock() + QUIET_LIMIT_SECONDS, None, clock()
    while clock() < end and clock() - since < QUIET_SECONDS:
        found = site.get("callers")
        if found != last:
            last, since = found, clock()
        time.sleep(0.1)
