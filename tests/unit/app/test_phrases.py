"""Patterns of phrases: what they match, longest first, and how they cover a row of words."""

from __future__ import annotations

import pytest

from chalicelib.phrases import Phrases, choices


def phrases(**patterns_by_concepts: str) -> Phrases:
    made = Phrases()
    for concepts, patterns in patterns_by_concepts.items():
        made.add(concepts.replace("_", " "), patterns)
    return made


RECORDING = phrases(
    record="record|tape\nbe recorded|taped_by_you",
    call="the? call|phone_call now?",
    say_it="say what?\nput it",
)


@pytest.mark.parametrize(
    ("words", "concepts"),
    [
        ("record", ["record"]),
        ("be recorded", ["record"]),
        ("be taped by you", ["record"]),
        ("the phone call", ["call"]),
        ("call now", ["call"]),
        ("record the call", ["record", "call"]),
        ("say", ["say", "it"]),
        ("", []),
    ],
)
def test_phrases_cover_words(words: str, concepts: list[str]) -> None:
    assert RECORDING.cover(words.split()) == concepts


@pytest.mark.parametrize("words", ["be", "the", "phone", "record it", "taped by you", "now call"])
def test_a_word_that_fits_in_no_phrase_covers_nothing(words: str) -> None:
    assert RECORDING.cover(words.split()) is None


def test_the_longest_phrase_comes_first_and_a_shorter_one_where_it_leads_nowhere() -> None:
    both = phrases(a="go", b="go on", c="on and on")
    assert both.at(["go", "on"], 0) == [(("b",), 2), (("a",), 1)]
    assert both.cover(["go", "on"]) == ["b"]
    assert both.cover(["go", "on", "and", "on"]) == ["a", "c"]


def test_the_first_added_wins_a_tie() -> None:
    assert phrases(first="word", second="word").cover(["word"]) == ["first"]


def test_covering_takes_no_longer_than_words_times_phrases() -> None:
    """Without remembering dead ends, forty words would be tried in a trillion ways."""
    assert phrases(a="x", b="x x").cover(["x"] * 40 + ["y"]) is None


def test_words_and_concepts_are_told() -> None:
    words = "record tape be taped recorded by you the call phone now say what put it"
    assert RECORDING.words == set(words.split())
    assert RECORDING.concepts == {"record", "call", "say", "it"}


def test_choices_of_an_unordered_pattern() -> None:
    found = {(" ".join(sorted(n)), " ".join(sorted(a))) for n, a in choices("a b|c d?")}
    assert found == {("a b", "a b d"), ("a c", "a c d")}


def test_a_list_stands_for_its_members_and_its_words_are_known() -> None:
    made = Phrases({"me": "me|the_two_of_us"})
    made.add("call", "call $me|him now?")
    assert made.cover(["call", "the", "two", "of", "us", "now"]) == ["call"]
    assert made.cover(["call", "$me"]) is None
    assert made.words == {"call", "me", "the", "two", "of", "us", "him", "now"}
