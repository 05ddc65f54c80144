"""The discrete-event simulation: visits, their turns and calls, and every quota they share.

It begins in a steady state: visitors arrive for as long as a visit can last before time 0, and
only what happens from then on is counted. Turns before that are skipped, since none outlasts a
second.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import simpy

from ops.capacity.meters import Gauge, Rate
from ops.capacity.workload import LEX_SECONDS, RING_SECONDS, Draws, Turn, Workload

Events = Generator[Any, Any, None]
OUTPUT_TOKENS_COUNT = 5
"""A token written takes five of the quota, for the models in use:
https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html"""
GAUGES = ("lex_text", "lex_sessions", "lex_speech", "fulfillment", "functions", "connect_calls")
_MINUTE = 60
# Which quota a gauge or a rate is held against; without one it is only counted.
GAUGE_QUOTAS = {
    "lex_text": "lex_text",
    "lex_speech": "lex_speech",
    "connect_calls": "connect_calls",
}
RATE_WINDOWS = {
    "bedrock_requests": _MINUTE,
    "bedrock_tokens": _MINUTE,
    "dynamodb_write": 1,
    "dynamodb_read": 1,
    "connect_starts": 5,
    "workflow_starts": 1,
}
BURST_SECONDS = {"connect_starts": 5}
"""Of a quota a second that takes bursts: so many seconds' worth may come at once."""


@dataclass(slots=True)
class Result:
    """What was counted in `seconds`; turns that a quota refused, by that quota."""

    seconds: float
    turns: int
    models: int
    spilled: int
    gauges: Mapping[str, Gauge]
    rates: Mapping[str, Rate]
    turn_rate: Rate

    @property
    def turns_per_second(self) -> float:
        return self.turns / self.seconds

    @property
    def refused(self) -> dict[str, int]:
        counts = {name: gauge.refused for name, gauge in self.gauges.items()}
        counts |= {name: rate.refused for name, rate in self.rates.items()}
        return {name: count for name, count in counts.items() if count}


def simulate(
    workload: Workload,
    seconds: float = 120.0,
    seed: int = 1,
    quotas: Mapping[str, float] | None = None,
    provisioned: int = 0,
) -> Result:
    """Run the traffic for so many seconds; `quotas` by name refuse what is beyond them.

    `provisioned`: fulfilment environments kept warm; a turn beyond them counts as spilled.
    """
    return _Site(workload, seed, dict(quotas or {}), provisioned).run(seconds)


@dataclass(slots=True)
class _Counts:
    turns: int = 0
    models: int = 0
    spilled: int = 0


@dataclass(slots=True)
class _Site:
    """All that visits share."""

    workload: Workload
    seed: int
    quotas: dict[str, float]
    provisioned: int
    env: simpy.Environment = field(init=False)
    draws: Draws = field(init=False)
    gauges: dict[str, Gauge] = field(init=False)
    rates: dict[str, Rate] = field(init=False)
    turn_rate: Rate = field(init=False)
    counts: _Counts = field(default_factory=_Counts)

    def __post_init__(self) -> None:
        self.env = simpy.Environment(initial_time=-self.workload.longest_seconds)
        self.draws = Draws(self.workload, self.seed)
        none = math.inf
        self.gauges = {
            name: Gauge(self._now, self.quotas.get(GAUGE_QUOTAS.get(name, ""), none))
            for name in GAUGES
        }
        self.rates = {
            name: Rate(self._now, window, self.quotas.get(name, none) * BURST_SECONDS.get(name, 1))
            for name, window in RATE_WINDOWS.items()
        }
        self.turn_rate = Rate(self._now)

    def run(self, seconds: float) -> Result:
        self.env.process(self._arrivals())
        self.env.run(until=seconds)
        for gauge in self.gauges.values():
            gauge.close()
        counts = self.counts
        return Result(
            seconds,
            counts.turns,
            counts.models,
            counts.spilled,
            self.gauges,
            self.rates,
            self.turn_rate,
        )

    def _now(self) -> float:
        return float(self.env.now)

    def _arrivals(self) -> Events:
        while True:
            yield self.env.timeout(self.draws.until_next_visit())
            self.env.process(self._visit())

    def _visit(self) -> Events:
        """Questions, for some a lead capture, and for most of those a call."""
        self.gauges["lex_sessions"].enter()
        yield from self._turns(self.draws.questions(), "lex_text")
        is_lead = self.draws.wants_demo()
        if is_lead:
            yield self.env.timeout(self.draws.gap())
            yield from self._turns(self.draws.capture(), "lex_text")
        self.gauges["lex_sessions"].leave()
        if is_lead and self.draws.says_yes():
            self._book()

    def _book(self) -> None:
        """What a yes sets off: the workflow with its functions, and the call."""
        self.rates["workflow_starts"].take()
        self.rates["dynamodb_write"].take(self.workload.lead_writes)
        self.rates["dynamodb_read"].take(self.workload.lead_reads)
        self.env.process(self._held("functions", self.workload.lead_seconds))
        if self.rates["connect_starts"].take():
            self.env.process(self._call())

    def _call(self) -> Events:
        """Refused where the instance has no line left; a workflow tries again later."""
        if not self.gauges["connect_calls"].enter():
            return
        yield self.env.timeout(RING_SECONDS)
        talk = self.draws.call_seconds()
        if self.gauges["lex_speech"].enter():
            begin = self._now()
            yield from self._turns(self.draws.phone(talk), "")
            yield self.env.timeout(max(begin + talk - self._now(), 0))
            self.gauges["lex_speech"].leave()
        self.gauges["connect_calls"].leave()

    def _turns(self, turns: Iterable[Turn], conversation: str) -> Events:
        begin = at = self._now()
        for turn in turns:
            if (at := begin + turn.at) < -1:
                continue
            if at > self._now():
                yield self.env.timeout(at - self._now())
            self.env.process(self._turn(turn, conversation))
        yield self.env.timeout(max(at - self._now(), 0))

    def _turn(self, turn: Turn, conversation: str) -> Events:
        """Lex holds its place around the function's; a refused turn ends at once."""
        is_counted = self._count()
        lex = self.gauges.get(conversation)
        if lex is not None and not lex.enter():
            return
        yield self.env.timeout(LEX_SECONDS)
        yield from self._answered(turn, is_counted)
        if lex is not None:
            lex.leave()

    def _answered(self, turn: Turn, is_counted: bool) -> Events:
        environments = self.gauges["fulfillment"]
        self.counts.spilled += is_counted and environments.level >= self.provisioned
        self.counts.models += is_counted and turn.source == "model"
        environments.enter()
        self.rates["dynamodb_write"].take(self.workload.turn_writes)
        seconds = turn.seconds if self._asks(turn) else 0.0
        yield self.env.timeout(seconds)
        environments.leave()

    def _asks(self, turn: Turn) -> bool:
        """Whether the turn takes its time; a model that refuses is answered for at once."""
        if turn.source != "model":
            return True
        tokens = turn.input_tokens + OUTPUT_TOKENS_COUNT * turn.output_tokens
        requests, amounts = self.rates["bedrock_requests"], self.rates["bedrock_tokens"]
        return requests.take() and amounts.take(tokens)

    def _count(self) -> bool:
        if is_counted := self._now() >= 0:
            self.counts.turns += 1
            self.turn_rate.take()
        return is_counted

    def _held(self, gauge: str, seconds: float) -> Events:
        self.gauges[gauge].enter()
        yield self.env.timeout(seconds)
        self.gauges[gauge].leave()
