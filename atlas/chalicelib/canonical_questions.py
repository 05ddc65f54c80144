"""Folds a question into the sample utterance that asks the same, when that is safe. Pure.

A closed world: every word must be known to the locale's lexicon (`folding`), what is left after
greetings and politeness must be one of the lexicon's frames of concepts, and only one thing may be
asked. Negations, numbers, names, comparisons, instructions, other languages and whatever else
nobody thought of are unknown words, and one unknown word keeps a question as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from chalicelib.bot import utterances_by_intent
from chalicelib.content import Content
from chalicelib.folding import IntentLexicon, Lexicon, lexicon_of
from chalicelib.phrases import Phrases
from chalicelib.questions import CHARACTERS, canonical
from chalicelib.typos import meant_word

ASK, TELL, NEVER, YES_NO = "ask", "tell", "never", "yesno"
_SMILEY = re.compile(r"(?:^|(?<=\s))[:;]-?[)dp](?=\s|$)|[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_CLAUSE = re.compile(r"([^.!?:;]+)([.!?:;]*)")
_BETWEEN_WORDS = re.compile(r"[\s,–—-]+")  # noqa: RUF001


def fold(text: str, intent: str, content: Content) -> str | None:
    """The sample utterance, as `canonical` spells it, whose answer fits this question as well.

    None where none is safe: then the question is answered by its own words.
    """
    if len(text) > CHARACTERS:
        return None
    asked = canonical(text)
    nearest = _nearest(asked, intent, content)
    return asked if nearest is None and asked in _samples(intent, content.locale) else nearest


def is_sample(text: str, intent: str, locale: str) -> bool:
    """Whether it is one of the intent's sample utterances as `fold` spells them."""
    return text in _samples(intent, locale)


@cache
def _samples(intent: str, locale: str) -> frozenset[str]:
    """What the bot listens for, as `canonical` spells it; nothing where nothing is folded."""
    utterances = utterances_by_intent(locale).get(intent, ()) if lexicon_of(locale) else ()
    return frozenset(map(canonical, utterances))


def _nearest(asked: str, intent: str, content: Content) -> str | None:
    lexicon = lexicon_of(content.locale)
    known = lexicon.by_intent.get(intent) if lexicon else None
    if lexicon is None or known is None:
        return None
    clauses = []
    for written, ending in _CLAUSE.findall(_SMILEY.sub(" ", asked)):
        words = _words(written, lexicon, known, content.vocabulary)
        clause = _clause(words, known) if words is not None else None
        if clause is None or ("?" in ending and not clause.concepts):
            return None
        clauses.append(clause)
    meaning = _meaning(clauses, known)
    return known.sample(meaning) if meaning else None


def _words(
    written: str, lexicon: Lexicon, known: IntentLexicon, vocabulary: Collection[str]
) -> list[str] | None:
    """The clause's words in the lexicon's spelling, without fillers; None if one is unknown."""
    words: list[str] = []
    for one in _BETWEEN_WORDS.split(written):
        for word in lexicon.spellings.get(one, (one,)):
            if not word or word in lexicon.fillers:
                continue
            meant = word if word in known.words else _meant(word, lexicon, known, vocabulary)
            if meant is None:
                return None
            if meant not in lexicon.fillers:
                words.append(meant)
    return words


def _meant(
    word: str, lexicon: Lexicon, known: IntentLexicon, vocabulary: Collection[str]
) -> str | None:
    if word in vocabulary or word in lexicon.not_typos:
        return None
    return meant_word(word, known.words_by_start.get(word[:1], ()))


@dataclass(frozen=True, slots=True)
class _Clause:
    """What one clause is about, in its order, and how it was led up to: TELL, ASK or nothing.

    `words` are those without what leads up to them.
    """

    words: Sequence[str]
    leads: frozenset[str]
    concepts: tuple[str, ...]


def _clause(words: Sequence[str], known: IntentLexicon) -> _Clause | None:
    """None if words are left that no phrase takes up.

    What may lead up to a question or follow it is left out of it, unless nothing is asked then:
    "can I ask" may be what the question is about.
    """
    found = None
    for start, leads in reversed(_steps(words, known.before)):
        for after, _ in reversed(_steps(words[start:][::-1], known.after)):
            clause = _framed(words[start : len(words) - after], leads, known)
            if clause and known.sample(_asked(clause, known)):
                return clause
            found = found or clause
        if not leads:
            break
    return found


def _framed(words: Sequence[str], leads: Sequence[str], known: IntentLexicon) -> _Clause | None:
    leading = [YES_NO] if words and words[0] in known.asks_first else []
    concepts = known.phrases.cover(words)
    if concepts is None and leading:
        concepts = known.phrases.cover(words, 1)
    if concepts is None:
        return None
    if concepts and concepts[0] in known.whole:
        leading = []
    return _Clause(words, frozenset(leads), (*leading, *concepts))


def _asks_twice(words: Sequence[str], known: IntentLexicon) -> bool:
    """Whether these are two questions in a row, each of which asks for something else."""
    for at in range(1, len(words) - 1):
        if _may_open(words, at, known):
            second = _sample(words[at:], known)
            first = _sample(words[:at], known) if second else None
            if first not in (None, second):
                return True
    return False


def _may_open(words: Sequence[str], at: int, known: IntentLexicon) -> bool:
    if words[at] in known.asks_first:
        return True
    return any(known.questions & set(concepts) for concepts, _ in known.phrases.at(words, at))


def _sample(words: Sequence[str], known: IntentLexicon) -> str | None:
    clause = _clause(words, known)
    return known.sample(_asked(clause, known)) if clause else None


def _steps(words: Sequence[str], phrases: Phrases) -> list[tuple[int, tuple[str, ...]]]:
    """Where the phrases end that the words begin with, one after another, with their concepts."""
    steps: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    while found := phrases.at(words, steps[-1][0]):
        concepts, end = found[0]
        steps.append((end, steps[-1][1] + concepts))
    return steps


def _meaning(clauses: Sequence[_Clause], known: IntentLexicon) -> frozenset[str]:
    """What the whole text asks for; nothing if that is not one thing."""
    if known.joins_clauses:
        return frozenset(concept for clause in clauses for concept in clause.concepts)
    asking = [clause for clause in clauses if clause.concepts]
    is_one = len(asking) == 1 and not _asks_twice(asking[0].words, known)
    return _asked(asking[0], known) if is_one else frozenset()


def _asked(clause: _Clause, known: IntentLexicon) -> frozenset[str]:
    """Its concepts, if it asks once, and right after it was led up to.

    "Tell me about the demo, how long is it" wants two answers.
    """
    if NEVER in clause.leads:
        return frozenset()
    questions = [at for at, concept in enumerate(clause.concepts) if concept in known.questions]
    if questions:
        is_one = len(questions) == 1 and not (clause.leads and questions[0])
        return frozenset(clause.concepts) if is_one else frozenset()
    if ASK in clause.leads and TELL not in clause.leads:
        return frozenset()
    return clause.leads & {TELL} | frozenset(clause.concepts)
