"""Writes an answer from nothing but the prompt's own sentences, so that a wrong prompt shows."""

from __future__ import annotations

import re

from sandbox.bedrock.prompt_reader import PromptParts
from sandbox.bedrock.vocabulary import STOP_WORDS, TOPICS

_WORD = re.compile(r"[a-z0-9][a-z0-9']*")
_SUFFIXES = ("ational", "ies", "ing", "ed", "es", "s", "ly", "y", "e")
_LONG_SENTENCE = 160
_TELLING_WORDS = 4
# Who said a sentence of a transcript.
_SPEAKER = re.compile(r"^[A-Z]\w*(?: \w+)?: (?=\S)")


def write_answer(prompt: PromptParts) -> str:
    """Up to `max_sentences` of the sentences known; the same prompt gives the same answer.

    Where the prompt asks for labelled lines, each line gets the sentence that suits it best.
    """
    if len(prompt.labels) > 1:
        return _labelled(prompt)
    asked = _stems(prompt.question) - _STEMMED_STOP_WORDS
    if not prompt.knowledge:
        return _ignorance(prompt.question)
    if not asked:
        return _joined(list(prompt.knowledge[: prompt.max_sentences]))
    scores = [_score(sentence, asked) for sentence in prompt.knowledge]
    if not any(scores):
        return _ignorance(prompt.question)
    ranked = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    chosen = ranked[: prompt.max_sentences]
    return _joined([prompt.knowledge[index] for index in chosen])


def write_thoughts(prompt: PromptParts, effort: str) -> str:
    """What a thinking model says to itself before it answers."""
    first = f"The question is about {_topic_words(prompt.question)}."
    if effort == "low":
        return first
    count = len(prompt.knowledge)
    return (
        f"{first} The prompt holds {count} sentences that I may use, and the answer may have "
        f"{prompt.max_sentences} of them. I take those that share most with the question."
    )


def _labelled(prompt: PromptParts) -> str:
    said = [_SPEAKER.sub("", sentence) for sentence in prompt.knowledge]
    left = [sentence for sentence in said if len(sentence.split()) >= _TELLING_WORDS] or said
    lines = []
    for index, (label, meaning) in enumerate(prompt.labels):
        if not left:
            lines.append(f"{label}: {_ignorance(meaning)}")
            continue
        asked = _stems(f"{label} {meaning}") - _STEMMED_STOP_WORDS
        # Of equals, the first line takes what was said first and the last what was said last.
        expected = index * (len(left) - 1) / (len(prompt.labels) - 1)
        best = min(
            range(len(left)), key=lambda at: (-_score(left[at], asked), abs(at - expected), at)
        )
        lines.append(f"{label}: {_shortened(left.pop(best))}")
    return "\n".join(lines)


def _score(sentence: str, asked: set[str]) -> float:
    """A shared word counts one, a word of the same topic a quarter, once per topic."""
    words = _stems(sentence)
    related = sum(1 for topic in _TOPIC_STEMS if topic & asked and topic & words)
    return len(words & asked) + related / 4


def _ignorance(question: str) -> str:
    return f"I am sorry, I do not know anything about {_topic_words(question)}."


def _topic_words(question: str) -> str:
    words = [w for w in _WORD.findall(question.lower()) if _stem(w) not in _STEMMED_STOP_WORDS]
    return " ".join(dict.fromkeys(words[:6])) or "that"


def _joined(sentences: list[str]) -> str:
    return " ".join(_shortened(sentence) for sentence in sentences)


def _shortened(sentence: str) -> str:
    """A very long sentence ends at its last clause that fits: a model keeps to about 20 tokens."""
    if len(sentence) <= _LONG_SENTENCE:
        return sentence
    end = max(sentence.rfind(mark, 40, _LONG_SENTENCE) for mark in (", ", "; "))
    return f"{sentence[:end]}." if end > 0 else sentence


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text.lower())}


def _stem(word: str) -> str:
    word = word.replace("'s", "").replace("'", "")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


_STEMMED_STOP_WORDS = frozenset(_stem(word) for word in STOP_WORDS)
_TOPIC_STEMS = tuple(frozenset(_stem(word) for word in topic) for topic in TOPICS)
