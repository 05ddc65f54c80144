"""How carefully a stage's release moves traffic: its steps, and how many turns judge each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """`weights`: shares of the new version before it has everything, each from 0 to 1.

    `turns`: on how many of the new version's turns a step is judged. After `patience_seconds`
    those that visitors did not have are made. `rehearsal_turns` are made before any visitor's.
    `bake_seconds`: a step lasts no less, however many turns came: what grows slowly has to show.
    """

    weights: tuple[float, ...]
    turns: int
    patience_seconds: float
    rehearsal_turns: int
    poll_seconds: float = 1.0
    bake_seconds: float = 0.0


# A step of fifty turns finds a fault of one turn in ten in 95 of 100 releases and one of one in
# twenty in 65; docs/decisions/0073 has the sums. Log lines arrive within seconds. A look is four
# requests or more, and CloudWatch takes five a second of an account:
# https://repost.aws/knowledge-center/cloudwatch-logs-throttling
PACES = {
    "local": Pace((0.2, 0.5), turns=20, patience_seconds=3, rehearsal_turns=10, poll_seconds=0.3),
    "dev": Pace((0.5,), turns=20, patience_seconds=15, rehearsal_turns=20, poll_seconds=2),
    "prod": Pace(
        *((0.1, 0.5), 50),
        patience_seconds=120,
        rehearsal_turns=30,
        poll_seconds=2,
        bake_seconds=30,
    ),
}
