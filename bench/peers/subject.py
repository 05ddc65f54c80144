"""What a contender offers to be measured, and what it is given: the same for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Material:
    """The same for every contender of one run.

    `questions` are intent and words, `prompts` what Atlas makes of them (system, user), `answers`
    what the stand-in's model says to each. `url` is the stand-in's, `folder` for files.
    """

    url: str
    model: str
    folder: str
    secret: str
    questions: Sequence[Sequence[str]]
    prompts: Sequence[Sequence[str]]
    answers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """`operation(n)` is what is measured; it must return `wanted[n]`."""

    operation: Callable[[int], Any]
    wanted: Sequence[Any]


Build = Callable[[Material], Subject]
