"""The benchmark's questions are what it says they are."""

from __future__ import annotations

import json
from pathlib import Path

from bench.questions import QUESTIONS_BY_INTENT
from chalicelib.content import Contents
from chalicelib.questions import canonical, may_be_shared

BOT = Path(__file__).parents[2] / "atlas" / "chalicelib" / "bot_utterances.json"
QUESTIONS = [question for questions in QUESTIONS_BY_INTENT.values() for question in questions]


def test_there_are_twenty_distinct_questions() -> None:
    assert len({canonical(question) for question in QUESTIONS}) == 20


def test_none_is_a_sample_utterance_and_all_may_be_shared() -> None:
    locales = json.loads(BOT.read_text(encoding="utf-8"))["locales"].values()
    samples = {
        canonical(u) for intents in locales for i in intents.values() for u in i["utterances"]
    }
    assert not samples & {canonical(question) for question in QUESTIONS}
    vocabulary = Contents.load().in_locale("en_US").vocabulary
    assert all(may_be_shared(canonical(question), vocabulary) for question in QUESTIONS)
