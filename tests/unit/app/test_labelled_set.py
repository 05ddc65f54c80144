"""The labelled questions are enough, half and half, split by rule, and truly hard."""

from __future__ import annotations

from collections import Counter
from statistics import mean

import pytest

from chalicelib.bot import utterances_by_intent
from chalicelib.questions import canonical, words
from tests.labelled_set import Labelled, fresh, labelled, part_of

INTENTS = ("GreetingIntent", "AboutTechnologyIntent", "AboutDemoIntent")
WHYS = {
    "circumstances",
    "comparison",
    "earlier conversation",
    "instruction",
    "language",
    "name",
    "negation",
    "number",
    "other topic",
    "place",
    "second question",
    "time",
}
COMMON = """
a about am an and are at can did do does for from have how i in is it me my of on or that the their
there they this to was we were what when where which who why will with would you your
"""
FUNCTION_WORDS = frozenset(COMMON.split())
SAMPLES = utterances_by_intent("en_US")
TUNING, HELD_OUT = labelled("tuning"), labelled("held_out")
ROWS = (*TUNING, *HELD_OUT)
PARAPHRASES = [row for row in ROWS if row.is_paraphrase]
NEGATIVES = [row for row in ROWS if not row.is_paraphrase]


def shared(row: Labelled) -> float:
    """How much of the nearest utterance a hard negative repeats: a share of its content words."""
    asked = set(words(row.near))
    content = asked - FUNCTION_WORDS or asked
    return len(content & set(words(row.question))) / len(content)


def test_the_set_is_large_enough_and_half_of_it_is_hard():
    assert len(ROWS) >= 1_200
    assert 0.45 <= len(NEGATIVES) / len(ROWS) <= 0.55


@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_each_row_stands_where_its_hash_puts_it(part):
    assert [row for row in labelled(part) if part_of(row.intent, row.question) != part] == []


def test_a_third_is_held_out_of_both_halves():
    for half in (PARAPHRASES, NEGATIVES):
        held_out = [row for row in half if row in HELD_OUT]
        assert 0.28 <= len(held_out) / len(half) <= 0.39


def test_no_question_stands_twice():
    counts = Counter((row.intent, canonical(row.question)) for row in ROWS)
    assert [question for question, count in counts.items() if count > 1] == []


def test_every_row_names_sample_utterances_of_its_own_intent():
    for row in ROWS:
        assert row.intent in INTENTS
        assert set(row.same_as) | {row.near or row.same_as[0]} <= set(SAMPLES[row.intent]), row


def test_a_row_is_either_a_paraphrase_or_says_why_it_is_none():
    for row in ROWS:
        assert bool(row.near) == bool(row.why) == (not row.is_paraphrase), row
        assert row.is_paraphrase or row.why in WHYS, row


def test_no_question_is_a_sample_utterance_already():
    samples = {canonical(text) for texts in SAMPLES.values() for text in texts}
    assert [row.question for row in ROWS if canonical(row.question) in samples] == []


@pytest.mark.parametrize("intent", INTENTS)
def test_both_halves_reach_every_sample_utterance(intent):
    samples = set(SAMPLES[intent])
    assert {same for row in PARAPHRASES if row.intent == intent for same in row.same_as} == samples
    assert {row.near for row in NEGATIVES if row.intent == intent} == samples


def test_hard_negatives_share_most_content_words_with_the_nearest_utterance():
    assert [row for row in NEGATIVES if shared(row) < 0.5] == []
    assert mean(shared(row) for row in NEGATIVES) >= 0.75


@pytest.mark.parametrize("why", sorted(WHYS))
def test_each_kind_of_difference_is_met_in_both_parts(why):
    assert any(row.why == why for row in TUNING)
    assert any(row.why == why for row in HELD_OUT)


@pytest.mark.parametrize("intent", INTENTS)
def test_the_fresh_wordings_are_as_many_for_each_intent_and_nearly_all_have_an_utterance(intent):
    rows = [row for row in fresh() if row.intent == intent]
    assert len({canonical(row.question) for row in rows}) == len(rows) == 120
    assert all(set(row.same_as) <= set(SAMPLES[intent]) for row in rows)
    assert sum(not row.same_as for row in rows) <= 4


def test_fresh_wordings_stand_in_no_other_part_and_seldom_are_sample_utterances():
    known = {(row.intent, canonical(row.question)) for row in ROWS}
    assert [row for row in fresh() if (row.intent, canonical(row.question)) in known] == []
    samples = {canonical(text) for texts in SAMPLES.values() for text in texts}
    assert sum(canonical(row.question) in samples for row in fresh()) <= len(fresh()) / 10
