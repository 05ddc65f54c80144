"""The golden questions: what is asked, what a good answer says, and how many must be good."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.bot import utterances_by_intent
from chalicelib.conversation import Exchange
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.lex import Channel
from ops.errors import RefusedError

FOLDER = Path(__file__).parent / "golden"
CHECKS = ("answered", "complete", "facts", "claims", "length", "persona", "language")
PHRASES = ("person", "prompt", "ignorance", "never")
CHANNELS: tuple[Channel, ...] = ("chat", "phone")
OPEN = "FallbackIntent"
_FIELDS = frozenset(
    ("intent", "asked", "channels", "facts", "never", "is_unknown", "wordings", "history")
)

Patterns = tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Golden:
    """One question. `facts`: of each, one alternative must be found in the answer.

    `wordings`: other ways to ask the same; `is_unknown`: the answer must say that it cannot tell.
    """

    intent: str
    asked: str
    channels: tuple[Channel, ...]
    facts: tuple[Patterns, ...] = ()
    never: Patterns = ()
    wordings: tuple[str, ...] = ()
    history: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A locale's questions, and what holds for all of them."""

    locale: str
    questions: tuple[Golden, ...]
    thresholds: Mapping[str, float]
    thresholds_by_stage: Mapping[str, Mapping[str, float]]
    characters: Mapping[str, int]
    phrases: Mapping[str, Patterns]
    phone_asked: tuple[str, ...]

    def thresholds_of(self, stage: str) -> dict[str, float]:
        """The share of answers that must pass each check on that stage."""
        return {**self.thresholds, **self.thresholds_by_stage.get(stage, {})}


def load(locale: str, folder: Path = FOLDER) -> GoldenSet:
    """The locale's file; RefusedError names every mistake in it at once."""
    file = folder / f"{locale}.toml"
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise RefusedError(f"no golden questions for {locale}: {exc}") from exc
    reader = _Reader(locale)
    golden_set = reader.golden_set(raw)
    if reader.problems:
        raise RefusedError(f"{file.name}: " + "; ".join(reader.problems))
    return golden_set


@dataclass(slots=True)
class _Reader:
    locale: str
    problems: list[str] = field(default_factory=list)

    def golden_set(self, raw: Mapping[str, Any]) -> GoldenSet:
        phrases = {name: self._patterns(name, _at(raw, "phrases", name, [])) for name in PHRASES}
        by_stage = raw.get("thresholds_by_stage", {})
        return GoldenSet(
            locale=self.locale,
            questions=tuple(self._question(q, phrases) for q in raw.get("question", [])),
            thresholds=self._thresholds(raw.get("thresholds", {}), CHECKS),
            thresholds_by_stage={k: self._thresholds(v) for k, v in by_stage.items()},
            characters={name: int(_at(raw, "characters", name, 400)) for name in CHANNELS},
            phrases=phrases,
            phone_asked=tuple(_at(raw, "phone", "asked", [])),
        )

    def _thresholds(
        self, given: Mapping[str, float], needed: Iterable[str] = ()
    ) -> dict[str, float]:
        wrong = [name for name, share in given.items() if name not in CHECKS or not 0 <= share <= 1]
        self.problems.extend(f"threshold {name} is no check or no share" for name in wrong)
        self.problems.extend(f"threshold {name} is missing" for name in needed if name not in given)
        return dict(given)

    def _question(self, raw: Mapping[str, Any], phrases: Mapping[str, Patterns]) -> Golden:
        asked = str(raw.get("asked", ""))
        intent = str(raw.get("intent", ""))
        facts = [self._patterns(asked, fact) for fact in raw.get("facts", [])]
        if raw.get("is_unknown"):
            facts.append(phrases["ignorance"])
        golden = Golden(
            intent=intent,
            asked=asked,
            channels=tuple(raw.get("channels", CHANNELS)),
            facts=tuple(facts),
            never=self._patterns(asked, raw.get("never", [])),
            wordings=tuple(raw.get("wordings", [])),
            history=tuple(Exchange(*pair) for pair in raw.get("history", [])),
        )
        self.problems.extend(f"{asked!r} {problem}" for problem in self._wrong(golden, raw))
        return golden

    def _wrong(self, golden: Golden, raw: Mapping[str, Any]) -> Iterable[str]:
        samples = utterances_by_intent(self.locale)
        grounded = {each.intent for each in GROUNDED_INTENTS}
        yield from (f"has {name}, which is not used" for name in sorted(raw.keys() - _FIELDS))
        if golden.intent not in {*grounded, OPEN}:
            yield f"belongs to {golden.intent!r}, which no model answers"
        elif golden.intent in grounded and golden.asked not in samples.get(golden.intent, ()):
            yield "is no sample utterance of its intent"
        if not golden.facts or not all(golden.facts):
            yield "requires no fact"
        if golden.intent == OPEN and golden.wordings:
            yield "has wordings, but open questions are never folded"
        if not golden.channels or set(golden.channels) - set(CHANNELS):
            yield "needs channels of chat and phone"

    def _patterns(self, where: str, texts: Iterable[str]) -> Patterns:
        found = []
        for text in texts:
            try:
                found.append(re.compile(text, re.IGNORECASE))
            except re.error as exc:
                self.problems.append(f"{where!r}: {text!r} is no regular expression: {exc}")
        return tuple(found)


def _at(raw: Mapping[str, Any], table: str, name: str, default: Any) -> Any:
    return raw.get(table, {}).get(name, default)
