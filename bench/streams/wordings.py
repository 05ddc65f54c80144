"""The wordings of the simple intents, the same in every run, and who may ask them how often."""

from __future__ import annotations

import functools
import itertools
import random
import tomllib
from pathlib import Path
from typing import Any

from bench.streams.grammar import framed, grammar, hurried, plain, said

WORDINGS = 320
"""Distinct wordings per intent, before those of the labelled set are left out."""
ZIPF_EXPONENT = 1.0
"""What word and query frequencies are usually found near."""
GRAMMARS = {
    "GreetingIntent": "greeting",
    "AboutTechnologyIntent": "technology",
    "AboutDemoIntent": "demo",
}
LABELLED = Path(__file__).parents[2] / "tests" / "labelled_questions"

_SEED = 20261123
_TRIES = 200_000


@functools.cache
def wordings_of(intent: str) -> tuple[str, ...]:
    """What the intent's visitors ask: distinct, and none of it in the labelled set."""
    labelled = labelled_wordings()
    return tuple(text for text in _drawn(intent) if plain(text) not in labelled)


@functools.cache
def _drawn(intent: str) -> tuple[str, ...]:
    """The first WORDINGS of a seeded draw; every core is as likely as any other."""
    rng = random.Random(f"{_SEED} {intent}")  # noqa: S311
    cores = [
        (group, core) for group in grammar(GRAMMARS[intent])["groups"] for core in group["cores"]
    ]
    found: dict[str, str] = {}
    for _ in range(_TRIES):
        if len(found) == WORDINGS:
            return tuple(found.values())
        group, core = rng.choice(cores)
        text = hurried(framed(group, said(core, rng), rng), rng)
        found.setdefault(plain(text), text)
    raise ValueError(f"the grammar of {intent} makes only {len(found)} wordings")


@functools.cache
def labelled_wordings() -> frozenset[str]:
    """Every string of the labelled set's files, in plain spelling; none where there is no set."""
    read = (tomllib.loads(p.read_text(encoding="utf-8")) for p in sorted(LABELLED.glob("*.toml")))
    return frozenset(plain(text) for each in read for text in _strings(each))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return list(itertools.chain.from_iterable(_strings(each) for each in inner))


class ZipfDraw:
    """Draws wordings so that the one of rank r comes with weight r to the minus ZIPF_EXPONENT.

    Which wording has which rank is drawn from `ranks`, once.
    """

    def __init__(self, intent: str, ranks: random.Random, rng: random.Random) -> None:
        self._rng = rng
        self._ranked = ranks.sample(wordings_of(intent), k=len(wordings_of(intent)))
        weights = (rank**-ZIPF_EXPONENT for rank in range(1, len(self._ranked) + 1))
        self._cumulative = list(itertools.accumulate(weights))

    def __call__(self) -> str:
        return self._rng.choices(self._ranked, cum_weights=self._cumulative)[0]
