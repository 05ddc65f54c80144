"""Where text is cut: at sentences, in UTF-16 units, never in the middle of a character."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sentences import (
    cut_to,
    first_sentences,
    sentence_ends,
    utf16_length,
    whole_sentences,
)


def sentences(text: str) -> list[str]:
    ends = [0, *sentence_ends(text)]
    return [text[a:b].strip() for a, b in pairwise(ends)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs 2.50 dollars. Yes.", ["It costs 2.50 dollars.", "Yes."]),
        ("See atlas.io for v2.5 now. Done.", ["See atlas.io for v2.5 now.", "Done."]),
        ("Ask Dr. Who, e.g. by mail. Fine.", ["Ask Dr. Who, e.g. by mail.", "Fine."]),
        ("(See Mr. X.) Then go.", ["(See Mr. X.)", "Then go."]),
        ('She said "stop." Then left.', ['She said "stop."', "Then left."]),
        ("Really?! Yes… well.", ["Really?!", "Yes…", "well."]),
        ("これは文です。次です。", ["これは文です。", "次です。"]),
        ("Great 😀. More", ["Great 😀."]),
        ("no end mark here", []),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_says_so(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_whole_sentences_drop_the_one_that_is_not_finished() -> None:
    assert whole_sentences("First one. Second o") == "First one."
    assert whole_sentences("nothing finis") == ""


@pytest.mark.parametrize(
    ("arrived", "whole"),
    [
        ("It is fast. The setup costs 2.", "It is fast."),
        ("Write to hello@northlight.", ""),
        ("It is fast. It is", "It is fast."),
        ("It is fast. ", "It is fast."),
    ],
)
def test_an_end_mark_where_a_stream_was_cut_ends_no_sentence(arrived: str, whole: str) -> None:
    assert whole_sentences(arrived) == whole


def test_an_abbreviation_at_the_end_of_a_stream_is_no_sentence() -> None:
    assert whole_sentences("We use tools, e.g.") == ""


def test_first_sentences_are_at_most_as_many_as_asked() -> None:
    assert first_sentences("A one. B two. C three.", 2) == "A one. B two."
    assert first_sentences("A one.", 2) == "A one."
    assert first_sentences(" no mark ", 1) == "no mark"


def test_emoji_count_as_two_units() -> None:
    assert utf16_length("a😀é") == 4


def test_a_text_within_the_limit_stays_as_it_is() -> None:
    assert cut_to("unfinished busin", 16) == "unfinished busin"


def test_a_long_text_is_cut_at_its_last_whole_sentence() -> None:
    assert cut_to("Short one. Then a much longer one.", 20) == "Short one."


def test_a_text_without_sentences_is_cut_at_a_word() -> None:
    assert cut_to("several words, without end", 16) == "several words…"


def test_one_endless_word_is_cut_hard() -> None:
    assert cut_to("x" * 50, 10) == "x" * 9 + "…"


def test_emoji_are_cut_in_utf16_units_and_never_in_half() -> None:
    cut = cut_to("😀" * 1_024, 1_024)
    assert cut == "😀" * 511 + "…"
    assert utf16_length(cut) == 1_023


@given(st.text(max_size=300), st.integers(min_value=2, max_value=120))
def test_a_cut_text_fits_and_is_never_empty_unless_it_was(text: str, limit: int) -> None:
    cut = cut_to(text, limit)
    assert utf16_length(cut) <= limit
    assert bool(cut) == bool(text)


@given(st.text(alphabet="ab .!?…。\"')1", max_size=120))
def test_whole_sentences_are_a_stable_beginning_of_the_text(text: str) -> None:
    whole = whole_sentences(text)
    assert text.lstrip().startswith(whole)
    assert whole_sentences(f"{whole} ") == whole
