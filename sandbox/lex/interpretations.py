"""The ordered list of what an utterance might mean, with FallbackIntent at the threshold."""

from __future__ import annotations

from typing import Any

from infra.bot_definition import Intent, Locale
from sandbox.lex.matcher import MAX_INTERPRETATIONS, Match

Wire = dict[str, Any]


def interpretations(locale: Locale, matches: list[Match], current: str | None = None) -> list[Wire]:
    """Best first; FallbackIntent stands between those above and those below the threshold.

    `current` is an intent whose slot or confirmation the utterance answered: certain, so first.
    """
    threshold = locale.nlu_confidence_threshold
    others = [match for match in matches if match.intent != current]
    above = [_of(locale, match) for match in others if match.score >= threshold]
    below = [_of(locale, match) for match in others if match.score < threshold]
    fallback = locale.fallback
    between = [_entry(fallback)] if fallback and fallback.name != current else []
    first = [_certain(locale, current)] if current else []
    return [*first, *above, *between, *below][:MAX_INTERPRETATIONS]


def fallback_first(locale: Locale, matches: list[Match]) -> list[Wire]:
    """For an utterance that nobody could use, however well it matched."""
    fallback = locale.fallback
    others = [_of(locale, match) for match in matches]
    return [*([_entry(fallback)] if fallback else []), *others][:MAX_INTERPRETATIONS]


def _certain(locale: Locale, name: str) -> Wire:
    intent = locale.intent(name)
    entry = _entry(intent) if intent else {"intent": {"name": name, "slots": {}}}
    # FallbackIntent never has a confidence.
    return entry if intent is not None and intent is locale.fallback else _scored(entry, 1.0)


def _of(locale: Locale, match: Match) -> Wire:
    intent = locale.intent(match.intent) or Intent(match.intent)
    entry = _entry(intent)
    entry["intent"]["slots"] |= {name: value.wire() for name, value in match.slots.items()}
    return _scored(entry, match.score)


def _entry(intent: Intent) -> Wire:
    slots = {slot.name: None for slot in intent.slots}
    return {"intent": {"name": intent.name, "slots": slots}, "interpretationSource": "Lex"}


def _scored(entry: Wire, score: float) -> Wire:
    # A number in the event, as Lex sends it today; clients get {"score": ...}, see wire.py.
    return {**entry, "nluConfidence": score}
