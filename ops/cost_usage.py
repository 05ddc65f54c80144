"""What is bought: the one traffic assumption, and what a turn, a lead and a schedule's run use.

Every figure here was measured, by the benchmarks or by the stage itself, but for `Traffic`, which
is an assumption and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.cost_results import BEFORE, RESULTS, WARMED, TurnFigures, TurnResults, Warming, usage_file

HOURS = 730
"""Of a month, as AWS's own examples count."""
SECONDS = HOURS * 3600
# One write unit is 1 KB. A lead with what was asked takes two, and the leads' index writes again;
# caches and limits take one. Two for all is the upper end. A transaction's five items count twice:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
WRITE_UNITS: Mapping[str, float] = {
    "PutItem": 2,
    "UpdateItem": 2,
    "DeleteItem": 2,
    "BatchWriteItem": 25,
    "TransactWriteItems": 12,
}
# Strongly consistent, of up to 4 KB; a batch of a hundred is read eventually consistent, at half.
READ_UNITS: Mapping[str, float] = {
    "GetItem": 1,
    "Query": 1,
    "BatchGetItem": 50,
    "TransactGetItems": 4,
    "Scan": 1,
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """One month. The mix is the turn benchmark's, so that its measured rates are this traffic's.

    The predecessor named no traffic. 134,000 turns are those at which its own turns, as the
    benchmark measured their tokens, cost the 200 USD that it reported for Bedrock; so its largest
    claim holds by choice, and the other three are judged by it. Per 1,000 turns: 650 questions with
    a grounding, 100 open ones, 100 in 25 lead captures of which 70% end in a yes, 150 on the phone,
    which is 8.6 in each of the 17.5 calls. A call lasts three minutes, a turn on it 20 s.
    """

    turns: float = 134_000
    phone_share: float = 0.15
    captures_per_1000: float = 25
    consents_per_1000: float = 17.5
    call_minutes: float = 3.0

    @property
    def phone_turns(self) -> float:
        return self.turns * self.phone_share

    @property
    def chat_turns(self) -> float:
        return self.turns - self.phone_turns

    @property
    def captures(self) -> float:
        """Conversations in which somebody was asked for name, number and consent."""
        return self.turns / 1000 * self.captures_per_1000

    @property
    def calls(self) -> float:
        return self.turns / 1000 * self.consents_per_1000

    @property
    def minutes(self) -> float:
        return self.calls * self.call_minutes

    def told(self) -> str:
        return (
            f"{self.turns:,.0f} turns a month, {self.phone_share:.0%} of them on the phone; "
            f"{self.calls:,.0f} calls of {self.call_minutes:g} minutes"
        )


@dataclass(frozen=True, slots=True)
class Used:
    """What one unit of work uses on average: seconds and counts of invocations by function."""

    calls: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    invocations: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    transitions: float = 0.0
    log_bytes: float = 0.0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Used:
        return cls(
            row["calls"],
            row["seconds"],
            row["invocations"],
            row["models"],
            row["transitions"],
            row["log_bytes"],
        )

    @property
    def write_units(self) -> float:
        return _units(self.calls, WRITE_UNITS)

    @property
    def read_units(self) -> float:
        return _units(self.calls, READ_UNITS)

    def seconds_without(self, *functions: str) -> float:
        return sum(n for name, n in self.seconds.items() if name not in functions)

    def invocations_without(self, *functions: str) -> float:
        return sum(n for name, n in self.invocations.items() if name not in functions)


@dataclass(frozen=True, slots=True)
class Usage:
    """All that a bill is made of, and where each part was measured.

    `capture`: from "start the demo" to the question for consent; `lead`: from the yes to the
    summary on the lead, the call between them included.
    """

    turn: TurnFigures
    before: TurnFigures
    warming: Warming
    chat_turn: Used
    capture: Used
    lead: Used
    keep_warm: Used
    recover_leads: Used
    custom_metrics: int
    origins: Mapping[str, str]


def measured_on_bench(folder: Path = RESULTS) -> Usage:
    """From bench/results; RefusedError names the benchmark that has to run first."""
    turns, counted = TurnResults.read(folder), usage_file(folder)
    works = {name: Used.of(row) for name, row in counted["work"].items()}
    return Usage(
        turn=turns.column(WARMED),
        before=turns.column(BEFORE),
        warming=turns.warming(),
        chat_turn=works["chat_turn"],
        capture=works["capture"],
        lead=works["lead"],
        keep_warm=works["keep_warm"],
        recover_leads=works["recover_leads"],
        custom_metrics=counted["custom_metrics"],
        origins={
            "turns": "bench/results/turns.md",
            "the rest": f"bench/results/usage.json of {counted['measured_on']}",
        },
    )


def _units(calls: Mapping[str, float], units: Mapping[str, float]) -> float:
    return sum(n * units.get(name.partition("dynamodb.")[2], 0) for name, n in calls.items())
