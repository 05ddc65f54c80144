"""A locale's lexicon of wordings, read once: by it, `canonical_questions` folds.

The files are content: atlas/chalicelib/content/folding/<locale>.toml explains itself.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from chalicelib.phrases import Phrases, choices

_T = TypeVar("_T")
FOLDER = Path(__file__).parent / "content" / "folding"
INTENT = "Intent"
"""How the names of the file's sections end that are about one intent."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a question must and may be about, in any order, to ask what a sample utterance asks."""

    needed: frozenset[str]
    allowed: frozenset[str]
    sample: str

    def fits(self, concepts: frozenset[str]) -> bool:
        return self.needed <= concepts <= self.allowed

    def overlaps(self, other: Frame) -> bool:
        """Whether one set of concepts fits both."""
        return self.needed <= other.allowed and other.needed <= self.allowed


@dataclass(frozen=True, slots=True)
class IntentLexicon:
    """What is known of one intent's questions."""

    before: Phrases
    after: Phrases
    phrases: Phrases
    asks_first: frozenset[str]
    """Words that make a yes-no question of what they begin."""
    questions: frozenset[str]
    """Concepts that ask; there is at most one of them in a question that folds."""
    whole: frozenset[str]
    """Those of them that stand for a question from its first word on."""
    joins_clauses: bool
    """Whether clauses add up to one meaning and nothing leads up to it, as in greetings."""
    frames: tuple[Frame, ...]
    frames_by_need: Mapping[str, Collection[Frame]]
    """The same by one concept that each needs, the one that fewest need."""
    words: frozenset[str]
    """All that occur in a phrase of these, or are left out anywhere."""
    words_by_start: Mapping[str, Collection[str]]
    """The same by their first letters."""

    @property
    def concepts(self) -> Collection[str]:
        """All that a question can be about; YES_NO comes from its first word alone."""
        return {
            *self.phrases.concepts,
            *self.before.concepts,
            *(("yesno",) * bool(self.asks_first)),
        }

    def sample(self, concepts: frozenset[str]) -> str | None:
        """The sample utterance that asks for just these concepts."""
        near = (frame for concept in concepts for frame in self.frames_by_need.get(concept, ()))
        return next((frame.sample for frame in near if frame.fits(concepts)), None)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One locale's."""

    spellings: Mapping[str, tuple[str, ...]]
    fillers: frozenset[str]
    """Left out wherever they stand."""
    not_typos: frozenset[str]
    by_intent: Mapping[str, IntentLexicon]


@cache
def lexicon_of(locale: str, folder: Path = FOLDER) -> Lexicon | None:
    """The locale's lexicon; None where there is none, so that nothing is folded."""
    file = folder / f"{locale}.toml"
    if not file.is_file():
        return None
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    fillers, lists = raw["fillers"], raw["lists"]
    leads = _phrases(((concepts, fillers[kind]) for kind, concepts in _LEADS), lists)
    tails = _tails(fillers["after"] + fillers["closes"], lists)
    return Lexicon(
        spellings={
            written: tuple(meant.split())
            for meant, several in raw["spellings"].items()
            for written in several.split()
        },
        fillers=frozenset(fillers["anywhere"].split("|")),
        not_typos=frozenset(fillers["not_typos"].split()),
        by_intent=_ByIntent(raw, leads, tails),
    )


class _ByIntent(Mapping[str, IntentLexicon]):
    """Each intent's part of the file, taken apart when it is first asked for."""

    def __init__(self, raw: Mapping[str, Any], leads: Phrases, tails: Phrases) -> None:
        self._sections = {name: raw[name] for name in raw if name.endswith(INTENT)}
        self._read = cache(lambda name: _intent(self._sections[name], leads, tails, raw))

    def __getitem__(self, intent: str) -> IntentLexicon:
        if intent not in self._sections:
            raise KeyError(intent)
        return self._read(intent)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)


def _intent(
    section: Mapping[str, Any], leads: Phrases, tails: Phrases, raw: Mapping[str, Any]
) -> IntentLexicon:
    joins_clauses = section.get("joins_clauses", False)
    fillers = raw["fillers"]
    phrases = _phrases(section["words"].items(), raw["lists"])
    phrases.add("", fillers["inside"])
    if joins_clauses:
        leads = _phrases([("", fillers["connects"])], raw["lists"])
        tails = _tails(fillers["closes"], raw["lists"])
        phrases.add("", "".join(fillers[kind] for kind in ("before", "asks", "after")))
    asks_first = frozenset(section["asks_first"].split("|"))
    ignored = fillers["anywhere"].split("|")
    words = frozenset({*leads.words, *tails.words, *phrases.words, *asks_first, *ignored})
    frames = tuple(_frames(section["frames"]))
    return IntentLexicon(
        before=leads,
        after=tails,
        phrases=phrases,
        asks_first=asks_first,
        questions=frozenset(section["questions"].split()),
        whole=frozenset(section.get("whole", "").split()),
        joins_clauses=joins_clauses,
        frames=frames,
        frames_by_need=_by_need(frames),
        words=words,
        words_by_start=_grouped((word[:1], word) for word in words),
    )


def _by_need(frames: Collection[Frame]) -> Mapping[str, Collection[Frame]]:
    how_often = Counter(concept for frame in frames for concept in frame.needed)
    return _grouped((min(frame.needed, key=how_often.__getitem__), frame) for frame in frames)


def _grouped(items: Iterable[tuple[str, _T]]) -> Mapping[str, Collection[_T]]:
    groups: dict[str, list[_T]] = {}
    for key, item in items:
        groups.setdefault(key, []).append(item)
    return groups


_LEADS = (
    ("hellos", ""),
    ("connects", ""),
    ("before", ""),
    ("never", "never"),
    ("tells", "tell"),
    ("asks", "ask"),
)


def _phrases(patterns_by_concepts: Iterable[tuple[str, str]], lists: Mapping[str, str]) -> Phrases:
    phrases = Phrases(lists)
    for concepts, patterns in patterns_by_concepts:
        phrases.add(concepts, patterns)
    return phrases


def _tails(patterns: str, lists: Mapping[str, str]) -> Phrases:
    """What is left out at the end, read backwards from there."""
    turned = {name: _turned(eithers) for name, eithers in lists.items()}
    return _phrases([("", _backwards(patterns))], turned)


def _frames(patterns_by_sample: Mapping[str, str]) -> Iterable[Frame]:
    for sample, patterns in patterns_by_sample.items():
        for line in patterns.splitlines():
            for needed, allowed in choices(line):
                if needed:
                    yield Frame(needed, allowed, sample)


def _backwards(patterns: str) -> str:
    """The same patterns read from their ends, since what comes last is looked for from there."""
    return "\n".join(
        " ".join(_turned(item) for item in reversed(line.split())) for line in patterns.splitlines()
    )


def _turned(item: str) -> str:
    either = "|".join("_".join(reversed(e.split("_"))) for e in item.removesuffix("?").split("|"))
    return either + "?" * item.endswith("?")
