"""A stream: a seeded sequence of turns in the mix that the benchmark promises."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from bench.streams.grammar import framed, grammar, said
from bench.streams.wordings import GRAMMARS, ZipfDraw

Kind = Literal["grounded", "open", "lead", "phone"]
SHARES: dict[Kind, float] = {"grounded": 0.65, "open": 0.10, "lead": 0.10, "phone": 0.15}
BLOCK = 20
"""So many turns have the exact mix, so that a stream's beginning has it as well."""
CALL_TURNS = 5
"""How many things somebody asks in one call."""
CONSENTS = 0.7
"""The share of those asked for consent who say yes."""


@dataclass(frozen=True, slots=True)
class StreamTurn:
    """Something that one visitor says; `step` is the lead capture's, else empty.

    Turns of one `session` follow one another: what Atlas kept in the session goes with them.
    """

    kind: Kind
    intent: str
    text: str
    session: str
    step: str = ""
    name: str = ""
    number: str = ""


def stream(seed: int, turns: int, part: int = 0) -> list[StreamTurn]:
    """The first turns of a seed; the `part`s of one seed are visitors of the same days.

    What is asked often is the seed's business, so it is the same in all of its parts.
    """
    rng = random.Random(f"stream {seed} {part}")  # noqa: S311
    sources: dict[Kind, Iterator[StreamTurn]] = {
        "grounded": _grounded(seed, rng),
        "open": _open(rng),
        "lead": _leads(seed, part, rng),
        "phone": _phone(rng),
    }
    kinds = (kind for _ in range(0, turns, BLOCK) for kind in _block(rng))
    made = (next(sources[kind]) for kind in kinds)
    name = f"s{seed}.{part}"
    return [replace(turn, session=f"{name}-{turn.session}") for turn in islice(made, turns)]


def _block(rng: random.Random) -> list[Kind]:
    """Each kind as often as its share says, in random order."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * BLOCK))]
    rng.shuffle(kinds)
    return kinds


def _grounded(seed: int, rng: random.Random) -> Iterator[StreamTurn]:
    """Each turn another visitor's only one, as a shared answer must suit whoever asks."""
    ranks = random.Random(f"ranks {seed}")  # noqa: S311
    draws = {intent: ZipfDraw(intent, ranks, rng) for intent in GRAMMARS}
    number = 0
    while True:
        number += 1
        intent = rng.choice(list(draws))
        yield StreamTurn("grounded", intent, typed(draws[intent](), rng), f"g{number}")


def typed(wording: str, rng: random.Random) -> str:
    """The same wording with a capital or a question mark, which people use as they like."""
    text = wording[:1].upper() + wording[1:] if rng.random() < 0.4 else wording
    return text + rng.choice(("", "", "?" if " " in text and text[-1:].isalnum() else ""))


def _open(rng: random.Random) -> Iterator[StreamTurn]:
    rules = grammar("open")
    number = 0
    while True:
        number += 1
        core = said(rng.choice(rules["templates"]), rng, **rules["fillers"])
        text = typed(framed(rules, core, rng), rng)
        yield StreamTurn("open", "FallbackIntent", text, f"o{number}")


def _phone(rng: random.Random) -> Iterator[StreamTurn]:
    """Calls of CALL_TURNS turns; nothing is said twice in a stream."""
    rules = grammar("phone")
    said_before: set[str] = set()
    while True:
        text = _unsaid(
            lambda: framed(
                rules, said(rng.choice(rules["templates"]), rng, **rules["fillers"]), rng
            ),
            said_before,
        )
        call = (len(said_before) - 1) // CALL_TURNS
        yield StreamTurn("phone", "FallbackIntent", text, f"p{call}")


def _unsaid(draw: Callable[[], str], said_before: set[str]) -> str:
    """The first draw that is new; the templates make far more than any stream is long."""
    while (text := draw()) in said_before:
        pass
    said_before.add(text)
    return text


def _leads(seed: int, part: int, rng: random.Random) -> Iterator[StreamTurn]:
    """Conversations of start, name, number, and a yes or a no; one after the other."""
    rules = grammar("leads")
    index = 0
    while True:
        name = f"{rng.choice(rules['first_names'])} {rng.choice(rules['last_names'])}"
        number = f"+1415555{2000 + (seed * 400 + part * 100 + index) % 8000:04d}"
        session = f"l{index}"
        index += 1
        consent = "yes" if rng.random() < CONSENTS else "no"
        texts = {
            "start": rng.choice(rules["starts"]),
            "name": said(rng.choice(rules["names"]), rng, name=[name]),
            "number": said(rng.choice(rules["numbers"]), rng, number=[number]),
            consent: rng.choice(rules[consent]),
        }
        for step, text in texts.items():
            yield StreamTurn("lead", "InitiateDemo", text, session, step, name, number)
