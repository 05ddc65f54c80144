"""Intent matching over sample utterances; a stand-in for Lex's model, deterministic and local.

The score of an utterance against a sample blends word overlap, in which words that few intents
use weigh most and unknown words count against the match, with the closeness of the whole
strings. It is calibrated so that Lex's default threshold of 0.4 separates the tests' paraphrases
from questions that the bot is not for.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz

from infra.bot_definition import LAST_NAME, PHONE_NUMBER, Locale, Slot
from infra.bot_definition_checks import mentioned_slots
from sandbox.lex.slots import SlotValue, find_phone_number, resolve

# Lex returns the best intent and up to four alternatives.
MAX_INTERPRETATIONS = 5
EXACT = 1.0
# Scores below are noise; Lex leaves such alternatives out as well.
MIN_ALTERNATIVE = 0.2


@dataclass(frozen=True, slots=True)
class Match:
    """One intent's score from 0 to 1, and the slot values that the utterance itself held."""

    intent: str
    score: float
    slots: Mapping[str, SlotValue]


@dataclass(frozen=True, slots=True)
class _Sample:
    intent: str
    text: str
    words: tuple[str, ...]


class Matcher:
    """Ranks the intents of one locale for an utterance; immutable once built."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale
        self._samples = [
            _sample(intent.name, utterance, {slot.name: slot for slot in intent.slots})
            for intent in locale.intents
            for utterance in intent.utterances
        ]
        self._weight_by_word = _weights(self._samples)
        self._share = _shares(self._samples)
        self._leads = list(_last_name_leads(locale))

    def rank(self, text: str) -> list[Match]:
        """Intents from best to worst, at most five; intents without utterances never appear."""
        masked, values = self._mask(text)
        words = tuple(normalise(masked))
        if not any(word.isalnum() or word in _MASKS.values() for word in words):
            return []
        best: dict[str, float] = {}
        for sample in self._samples:
            score = self._score(words, sample)
            best[sample.intent] = max(score, best.get(sample.intent, 0.0))
        ranked = sorted(best.items(), key=lambda item: -item[1])[:MAX_INTERPRETATIONS]
        return [
            Match(name, round(score, 2), self._slots(name, values))
            for name, score in ranked
            if score >= MIN_ALTERNATIVE
        ]

    def _mask(self, text: str) -> tuple[str, dict[str, SlotValue]]:
        """Slot values become one word each, as the slots of the sample utterances do."""
        values: dict[str, SlotValue] = {}
        if phone := find_phone_number(text):
            values[PHONE_NUMBER] = phone
            text = text.replace(phone.original, f" {_MASKS[PHONE_NUMBER]} ", 1)
        for lead in self._leads:
            found = lead.search(text)
            if found and (name := resolve(LAST_NAME, found.group("value"))):
                values[LAST_NAME] = name
                text = text[: found.start("value")] + _MASKS[LAST_NAME]
                break
        return text, values

    def _slots(self, intent_name: str, values: Mapping[str, SlotValue]) -> dict[str, SlotValue]:
        intent = self._locale.intent(intent_name)
        slots = intent.slots if intent else ()
        return {slot.name: values[slot.type_name] for slot in slots if slot.type_name in values}

    def _score(self, words: tuple[str, ...], sample: _Sample) -> float:
        if words == sample.words:
            return EXACT
        overlap = self._overlap(words, sample.words)
        closeness = fuzz.token_sort_ratio(" ".join(words), sample.text) / 100
        typical = self._typical(words, sample.intent)
        return min(0.99, 0.65 * overlap + 0.2 * closeness * closeness + 0.15 * typical)

    def _typical(self, said: tuple[str, ...], intent: str) -> float:
        """How much of what was said belongs to this intent rather than to the others."""
        total = sum(map(self._weight, said))
        telling = (word for word in said if self._is_telling(word))
        shares = (self._weight(word) * self._share[word].get(intent, 0.0) for word in telling)
        return sum(shares) / total if total else 0.0

    def _overlap(self, said: tuple[str, ...], sample: tuple[str, ...]) -> float:
        """Weighted Dice coefficient over equal or near words; half of it for fillers alone."""
        left = set(sample)
        shared_words = []
        for word in sorted(set(said)):
            twin = word if word in left else _near(word, left)
            if twin is not None:
                left.discard(twin)
                shared_words.append(twin)
        shared = sum(map(self._weight, shared_words))
        total = sum(map(self._weight, set(said))) + sum(map(self._weight, set(sample)))
        telling = any(self._is_telling(word) for word in shared_words)
        return (2 * shared / total if telling else shared / total) if total else 0.0

    @staticmethod
    def _is_telling(word: str) -> bool:
        """A number alone says as little about what somebody wants as "it is" does."""
        return word not in _FILLERS and word not in _MASKS.values()

    def _weight(self, word: str) -> float:
        return self._weight_by_word.get(word, UNKNOWN_WEIGHT)


# An unknown word is probably what the sentence is about, as "weather" is.
UNKNOWN_WEIGHT = 1.2
_FILLER_WEIGHT = 0.1
_MASKS = {PHONE_NUMBER: "slotphonenumber", LAST_NAME: "slotlastname"}


def normalise(text: str) -> list[str]:
    """Lower-case stems without punctuation, contractions written out."""
    text = text.casefold().replace("\u2019", "'")
    for short, long in _CONTRACTIONS:
        text = re.sub(short, long, text)
    return [_SYNONYMS.get(stem, stem) for stem in map(_stem, re.findall(r"[^\W_]+", text))]


def _stem(word: str) -> str:
    for suffix in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    return word.rstrip("e") if len(word) > 3 else word


_CONTRACTIONS = (
    (r"\bcan't\b", "can not"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"\blet's\b", "let us"),
    (r"'s\b", " is"),
    (r"'m\b", " am"),
    (r"'re\b", " are"),
    (r"'d\b", " would"),
    (r"'ll\b", " will"),
    (r"'ve\b", " have"),
    (r"\banymore\b", "any more"),
    (r"\bcallback\b", "call back"),
)


def _synonyms(groups: Iterable[str]) -> dict[str, str]:
    stems = [[_stem(word) for word in group.split()] for group in groups]
    return {word: group[0] for group in stems for word in group}


# Lex's model knows words of one meaning; these are the ones of this bot's field.
_SYNONYMS = _synonyms(
    (
        "call phone ring telephone",
        "delete erase remove wipe",
        "data information info details record",
        "technology tech technologies technical technically",
        "human person somebody someone anybody anyone",
        "demo demonstration",
        "speak talk",
        "want like love",
        "start begin run",
        "show see",
        "thanks thank",
        "ok okay",
        "hi hey hiya",
        "describe explain",
        "can could",
        "will would",
        "built build",
    )
)

_FILLERS = frozenset(
    normalise(
        "a an the i me my you your we us our it this that these is are am was be been do does did "
        "to of in on at for with by and or so please just now then there here what which how who "
        "can could would will should may have has had get some any really actually exactly very "
        "much many about from as if not no yes ok well also only first all think us tell time"
    )
)


def _weights(samples: list[_Sample]) -> dict[str, float]:
    """Words that one intent uses weigh 1, words of every intent next to nothing."""
    intents_by_word: dict[str, set[str]] = {}
    for sample in samples:
        for word in sample.words:
            intents_by_word.setdefault(word, set()).add(sample.intent)
    total = len({sample.intent for sample in samples})
    weights = dict.fromkeys((*_FILLERS, *_MASKS.values()), _FILLER_WEIGHT)
    for word, intents in intents_by_word.items():
        rarity = math.log(1 + total / len(intents)) / math.log(1 + total)
        slight = word in _FILLERS or word in _MASKS.values()
        weights[word] = _FILLER_WEIGHT + 0.15 * rarity if slight else rarity
    return weights


def _shares(samples: list[_Sample]) -> defaultdict[str, dict[str, float]]:
    """Per word, the part of its occurrences that each intent has."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        for word in set(sample.words):
            counts[word][sample.intent] += 1
    shares: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for word, count in counts.items():
        shares[word] = {intent: each / count.total() for intent, each in count.items()}
    return shares


def _near(word: str, words: set[str]) -> str | None:
    if len(word) < 5:
        return None
    scored = ((fuzz.ratio(word, other), other) for other in words if len(other) >= 4)
    score, other = max(scored, default=(0.0, ""))
    return other if score >= 84 else None


def _sample(intent: str, utterance: str, slot_by_name: Mapping[str, Slot]) -> _Sample:
    for name in mentioned_slots(utterance):
        utterance = utterance.replace(f"{{{name}}}", _MASKS[slot_by_name[name].type_name])
    words = tuple(normalise(utterance))
    return _Sample(intent, " ".join(words), words)


def _last_name_leads(locale: Locale) -> Iterable[re.Pattern[str]]:
    """A name is found only after the words that a sample utterance has before it."""
    for intent in locale.intents:
        slots = {slot.name for slot in intent.slots if slot.type_name == LAST_NAME}
        for utterance in intent.utterances:
            for name in slots & set(mentioned_slots(utterance)):
                lead = utterance.split(f"{{{name}}}")[0].split()[-3:]
                yield re.compile(
                    r"\b" + r"\s+".join(map(re.escape, lead)) + r"\s+(?P<value>.+)$", re.IGNORECASE
                )
