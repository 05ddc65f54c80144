"""Which words are the same question, and which may never reach anybody else."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content import Contents
from chalicelib.errors import InvalidRequestError
from chalicelib.questions import CHARACTERS, Question, canonical, has_meaning, may_be_shared
from tests.fakes import a_question


@pytest.mark.parametrize(
    "text",
    [
        "What technology do you use?",
        "  what   technology\tdo you use ?! ",
        "WHAT TECHNOLOGY DO YOU USE",
        "“What technology do you use…”",
        "\uff37hat technology do you use",
        "what technology\u00a0do you use",
    ],
)
def test_the_same_words_are_one_question(text: str) -> None:
    assert canonical(text) == "what technology do you use"


def test_a_curly_apostrophe_is_an_apostrophe() -> None:
    assert canonical("what\u2019s up") == canonical("What's up?")


@given(st.text(max_size=80))
def test_a_canonical_text_has_no_space_at_its_ends_or_twice(text: str) -> None:
    assert canonical(text) == canonical(text).strip()
    assert "  " not in canonical(text)


@pytest.mark.parametrize("text", ["", "?!", "1 2 3", "😀😀", "a", "\x00\x01"])
def test_words_that_mean_nothing_are_not_asked_about(text: str) -> None:
    assert not has_meaning(text)


VOCABULARY = Contents.load().in_locale("en_US").vocabulary


@pytest.mark.parametrize("text", ["hi", "ça va", "日本", "is it 5 dollars"])
def test_two_letters_are_a_question(text: str) -> None:
    assert has_meaning(text)


@pytest.mark.parametrize(
    "text",
    [
        "my name is Eleanor Vance",
        "Hi, I am Eleanor",
        "I\u2019m Eleanor",
        "this is eleanor vance",
        "call me eleanor",
        "my number is 555 0100",
        "\u0665\u0665\u0665 is mine",
        "write to eleanor@vance.example",
        "i work at Hill House",
        "call me tom",
        "call me ingrid",
        "hi i`m john smith",
        "hello i\u00b4m john",
        "hello from maria lopez",
        "jane doe here",
        "my number is five five five",
        "my email is john at example dot com",
        "i suffer from diabetes",
        "soy juan perez",
        "a" * (CHARACTERS + 1),
    ],
)
def test_words_that_may_name_somebody_are_not_shared(text: str) -> None:
    assert not may_be_shared(canonical(text), VOCABULARY)


@pytest.mark.parametrize(
    "text", ["what technology do you use", "how does the demo work", "good morning", "bedrock?"]
)
def test_plain_questions_are_shared(text: str) -> None:
    assert may_be_shared(canonical(text), VOCABULARY)


def test_a_question_survives_the_way_to_the_background_function() -> None:
    question = a_question(channel="phone")
    assert Question.from_json(question.to_json()) == question


@pytest.mark.parametrize("field", [field.name for field in fields(Question)])
@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_a_wrong_field_of_a_question_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Question.from_json({**a_question().to_json(), field: value})
    assert caught.value.field == f"question.{field}"


def test_a_channel_that_nobody_knows_is_named() -> None:
    with pytest.raises(InvalidRequestError, match="chat or phone"):
        Question.from_json({**a_question().to_json(), "channel": "fax"})


@pytest.mark.parametrize("raw", [None, "text", 5, []])
def test_a_question_must_be_an_object(raw: object) -> None:
    with pytest.raises(InvalidRequestError):
        Question.from_json(raw)
