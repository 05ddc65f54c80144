"""When a second request should join the first: Atlas's own race, on a virtual clock.

Nothing waits here, so that thousands of turns are played in a second and repeat with their seed.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import ops  # noqa: F401 - finds the app
from bench.figures import table
from chalicelib.breakers import Breakers
from chalicelib.call_budget import CallBudget
from chalicelib.deadline import Deadline
from chalicelib.latency_estimates import LatencyEstimates
from chalicelib.model_race import Race, Runners
from chalicelib.model_router import RacePolicy, Route
from chalicelib.model_stream import ModelStream
from chalicelib.sentences import whole_sentences
from chalicelib.settings import Settings
from ops.environment import environment
from sandbox.latency import Latency, Pace, TokenTiming

TURNS = 2000
SENTENCE = "This sentence of the model has about as many characters as others of its kind do. "
CHARACTERS = 4
SLOW_SHARE, TIMES_SLOWER = 0.05, 3
ENDING_SECONDS = 0.05
MOMENTS_MS = (0, 200, 240, 260, 280, 300, 340, 400)


@dataclass(slots=True)
class _Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class _Speaker:
    """A stream and the tokens it will say at its pace."""

    stream: ModelStream
    pace: Pace
    tokens: list[str]
    said: int = 0

    @property
    def speaks_at(self) -> float:
        return self.stream.asked_at + self.pace.due(self.said + 1)

    def speak(self) -> None:
        self.stream._hear(self.tokens[self.said])
        self.said += 1
        if self.said == len(self.tokens):
            self.stream.stop_reason, self.stream.is_over = "end_turn", True


def played(
    race: Race, clock: _Clock, sentences: int, timing: TokenTiming, rng: random.Random, slow: float
) -> str:
    """What one turn comes to: "model", "partial" or "grounded"."""
    text = SENTENCE * sentences
    tokens = [text[at : at + CHARACTERS] for at in range(0, len(text), CHARACTERS)]
    speakers: list[_Speaker] = []
    while clock() < race.ends_at:
        race.look(clock())
        if (model := race.next_model(clock())) is not None:
            stream = ModelStream(model, Deadline(race.ends_at, clock), lambda: None, clock())
            stream.note_sent()
            race.streams.append(stream)
            times = TIMES_SLOWER if rng.random() < slow else 1
            speakers.append(_Speaker(stream, timing.pace("haiku").slower(times), tokens))
            continue
        if race.is_over:
            break
        next_one = min((s for s in speakers if not s.stream.is_over), key=lambda s: s.speaks_at)
        clock.now = min(next_one.speaks_at, race.wakes_at())
        if clock() >= next_one.speaks_at:
            next_one.speak()
    race.look(clock())
    race.finish(clock(), is_cancelled=False)
    best = race.best
    if best is None:
        return "grounded"
    if best.has_ended_well:
        return "model"
    return "partial" if whole_sentences(best.text) else "grounded"


def simulated(policy: RacePolicy, sentences: int, slow: float, seed: int) -> Counter[str]:
    """Shares over many turns of one environment, a second apart; and how many were hedged."""
    clock, rng = _Clock(), random.Random(f"slow {seed}")  # noqa: S311
    timing = TokenTiming(Latency("reported"), seed)
    settings = Settings.from_env(environment("local"))
    route: Route = settings.routes["conversation"]
    runners = Runners(
        *(Breakers(clock, rng.random), LatencyEstimates(clock)),
        *(policy, CallBudget(policy.hedge_share)),
    )
    found: Counter[str] = Counter()
    for _ in range(TURNS):
        race = Race(route, runners, clock() + settings.turn_deadline_seconds - ENDING_SECONDS)
        found[played(race, clock, sentences, timing, rng, slow)] += 1
        found["hedges"] += race.is_hedged
        clock.now += 1.0
    return found


def thresholds_table(seed: int) -> str:
    """Late answers and second requests by the moment of the second request, as Markdown."""
    rows = []
    for moment in MOMENTS_MS:
        policy = RacePolicy(0.05 if moment else 0.0, moment / 1000)
        cells = [str(moment) if moment else "none"]
        for slow in (0.0, SLOW_SHARE):
            for sentences in (1, 2):
                found = simulated(policy, sentences, slow, seed)
                cells.append(
                    f"{found['partial'] / TURNS:.2%} + {found['grounded'] / TURNS:.2%} "
                    f"({found['hedges'] / TURNS:.1%})"
                )
        rows.append(cells)
    head = ("at most ms", "1 sentence", "2 sentences", "1, 5% slow", "2, 5% slow")
    return table(head, rows) + "\n\npartial + grounded (second requests), of the model turns"
