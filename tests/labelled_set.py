"""The labelled questions: which sample utterance each may share an answer with, if any."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "labelled_questions"
Part = Literal["tuning", "held_out"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One question that Lex has sorted under `intent`.

    `same_as`: the sample utterances of that intent whose answer fits the question fully. None at
    all makes it a hard negative; then `near` is the utterance that it shares most words with, and
    `why` what sets it apart.
    """

    intent: str
    question: str
    same_as: tuple[str, ...]
    near: str = ""
    why: str = ""

    @property
    def is_paraphrase(self) -> bool:
        return bool(self.same_as)


@cache
def labelled(part: Part) -> tuple[Labelled, ...]:
    """The rows of one part, in the order of the file."""
    return _rows(part)


@cache
def fresh() -> tuple[Labelled, ...]:
    """Wordings that nobody tunes on, to measure with: all are answered by their intent's grounding.

    `near` and `why` are empty; `same_as` too where a question asks two things at once.
    """
    return _rows("fresh")


def _rows(name: str) -> tuple[Labelled, ...]:
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return tuple(Labelled(**{**row, "same_as": tuple(row["same_as"])}) for row in raw["row"])


def part_of(intent: str, question: str) -> Part:
    """Where a row belongs: a third is held out, by a hash, so that nobody picks it."""
    first = hashlib.sha256(f"{intent}:{question}".encode()).digest()[0]
    return "held_out" if first % 3 == 0 else "tuning"
