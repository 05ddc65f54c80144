"""One letter off a long word is that word; short words, plurals and other signs are themselves."""

from __future__ import annotations

import pytest

from chalicelib.typos import meant_word

KNOWN = ("technology", "recorded", "recording", "happens", "demo", "stack", "free", "hey", "hello")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("techonlogy", "technology"),
        ("technolgy", "technology"),
        ("technollogy", "technology"),
        ("technilogy", "technology"),
        ("hapens", "happens"),
        ("stak", "stack"),
        ("stcak", "stack"),
        ("dmeo", "demo"),
        ("heyyyy", "hey"),
        ("hellooo", "hello"),
        ("helllo", "hello"),
    ],
)
def test_one_letter_off_is_the_word(written: str, meant: str) -> None:
    assert meant_word(written, KNOWN) == meant


@pytest.mark.parametrize(
    "written",
    [
        "stock",
        "fee",
        "demon",
        "memo",
        "demos",
        "technologys",
        "free0",
        "technolo9y",
        "technolo\u0261y",
        "rtechnology",
        "hechnology",
        "tecnholgy",
        "",
    ],
)
def test_what_may_be_another_word_is_none(written: str) -> None:
    assert meant_word(written, KNOWN) is None


def test_what_is_as_near_to_two_words_is_neither() -> None:
    assert meant_word("planned", ("planner", "planted")) is None
    assert meant_word("planned", ("planner",)) == "planner"


def test_the_likelier_slip_is_meant() -> None:
    """Two letters that changed places are a likelier slip than a wrong letter."""
    assert meant_word("answesr", ("answers", "answer")) == "answers"
    assert meant_word("planend", ("planned", "planent")) == "planned"
