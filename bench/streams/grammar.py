"""Templates with alternatives, and the wordings that they make."""

from __future__ import annotations

import functools
import random
import re
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "grammar"
OPENED, CLOSED = 0.35, 0.2
"""Shares of the wordings with words before ("hey, ") and after (" please") the question itself."""
DROPPED_APOSTROPHES, TYPOS = 0.25, 0.06
"""Shares of the wordings that a hurried hand spoils. Like the above, estimates, not measured."""

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_FILLER = re.compile(r"\{(\w+)\}")
_SPACE = re.compile(r"\s+")
_LONG_WORD = re.compile(r"[a-z]{6,}")


@functools.cache
def grammar(name: str) -> dict[str, Any]:
    """One file of `grammar/`, parsed once."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def said(template: str, rng: random.Random, **fillers: list[str]) -> str:
    """One wording of a template: each [a|b] decided, each {name} drawn."""
    chosen = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), template)
    filled = _FILLER.sub(lambda found: rng.choice(fillers[found[1]]), chosen)
    return _SPACE.sub(" ", filled).strip()


def framed(rules: dict[str, Any], core: str, rng: random.Random) -> str:
    """The core, sometimes with an opener or a closer of its group."""
    opener = rng.choice(rules["openers"]) if rng.random() < OPENED else ""
    closer = rng.choice(rules["closers"]) if rng.random() < CLOSED else ""
    return f"{opener}{core}{closer}"


def hurried(wording: str, rng: random.Random) -> str:
    """The wording as hurried hands type it: an apostrophe less, two letters swapped, or neither."""
    if rng.random() < DROPPED_APOSTROPHES:
        wording = wording.replace("'", "")
    long_words = list(_LONG_WORD.finditer(wording))
    if long_words and rng.random() < TYPOS:
        at = rng.choice(long_words).start() + rng.randrange(1, 4)
        wording = wording[:at] + wording[at + 1] + wording[at] + wording[at + 2 :]
    return wording


def plain(wording: str) -> str:
    """The letters and digits alone: two wordings that differ in nothing else are one."""
    return " ".join(re.findall(r"[^\W_]+", wording.casefold().replace("'", "")))
