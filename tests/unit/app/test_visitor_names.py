"""What people answer when they are asked for their name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.name_parts import FIRST_NAME_CHARACTERS
from chalicelib.name_parts import LAST_NAME_CHARACTERS as CHARACTERS
from chalicelib.refusals import is_question, is_refusal
from chalicelib.visitor_names import Name, Problem, read, split


def name(text: str) -> str:
    result = read(text)
    assert isinstance(result, Name), result
    return result.full


@pytest.mark.parametrize(
    "text",
    [
        "Maria Lopez",
        "  Maria \t Lopez\n",
        "my name is Maria Lopez",
        "My name's Maria Lopez, thanks!",
        "My full name is Maria Lopez.",
        "the name is Maria Lopez",
        "Name: Maria Lopez",
        "full name - Maria Lopez",
        "I'm Maria Lopez",
        "I\u2019m Maria Lopez",
        "im Maria Lopez",
        "I am called Maria Lopez",
        "it's Maria Lopez please",
        "That would be Maria Lopez",
        "this is Maria Lopez speaking",
        "call me Maria Lopez",
        "You can call me Maria Lopez",
        "I go by Maria Lopez",
        "hi, I'm Maria Lopez",
        "Hello! My name is Maria Lopez, nice to meet you",
        "sure, Maria Lopez",
        "ok it's Maria Lopez",
        "No, my name is Maria Lopez",
        "Maria Lopez is my name",
        "Maria Lopez, thank you very much!",
        "Maria Lopez here",
        '"Maria Lopez"',
        "Maria Lopez and my number is +1 415 555 0132",
        "Maria Lopez, 415-555-0132",
        "Maria Lopez 4155550132",
        "Maria Lopez, but call me Mia",
        "Maria Lopez \U0001f60a",
        "Maria\x00Lopez\x07",
        "\u202eMaria\u200b Lopez\u202c",
        "Maria\u00a0Lopez",
    ],
)
def test_what_is_said_around_a_name_is_cut(text: str) -> None:
    assert name(text) == "Maria Lopez"


@pytest.mark.parametrize(
    "text",
    [
        "Cher",
        "X",
        "Ng",
        "O'Neil",
        "O\u2019Neil",
        "O`Neil",
        "D'Angelo Russell",
        "Keala Ka\u02bbawa",
        "\u2019t Hooft",
        "Anne-Marie Smith-Jones",
        "Jos\u00e9 \u00c1ngel de la Cruz",
        "John Smith Jr.",
        "John Smith 3rd",
        "J. R. R. Tolkien",
        "Dr. Maria Lopez",
        "Robert (Bob) Smith",
        'Dwayne "The Rock" Johnson',
        "Lopez, Maria",
        "So Yeon Park",
        "Will Smith",
        "May Lee",
        "Do Nguyen",
        "\u5c71\u7530\u592a\u90ce",
        "\u30de\u30ea\u30a2\u30fb\u30ed\u30da\u30b9",
        "\uae40\ucca0\uc218",
        "\u0645\u062d\u0645\u062f \u0639\u0644\u064a",
        "\u041c\u0430\u0440\u0438\u044f \u0418\u0432\u0430\u043d\u043e\u0432\u0430",
        "\u0928\u0930\u0947\u0928\u094d\u0926\u094d\u0930 \u0915\u0941\u092e\u093e\u0930",
        "x" * CHARACTERS,
        "O'Neil OR Name LIKE 'A",
    ],
)
def test_names_stay_as_they_are_written(text: str) -> None:
    assert name(text) == text


def test_the_same_letters_in_another_encoding_are_the_same_name() -> None:
    assert name("Jose\u0301 Lopez") == "Jos\u00e9 Lopez"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing"),
        (" \n\x00\u200b", "missing"),
        ("no", "refused"),
        ("No.", "refused"),
        ("no thanks", "refused"),
        ("I'd rather not", "refused"),
        ("I\u2019d rather not say, sorry", "refused"),
        ("cancel", "refused"),
        ("stop", "refused"),
        ("stop asking", "refused"),
        ("please cancel the demo", "refused"),
        ("never mind", "refused"),
        ("nevermind", "refused"),
        ("I don't want to give my name", "refused"),
        ("I changed my mind", "refused"),
        ("don't call me", "refused"),
        ("none of your business", "refused"),
        ("why do you need that?", "question"),
        ("why?", "question"),
        ("what for", "question"),
        ("who are you", "question"),
        ("do I have to tell you", "question"),
        ("is this a bot?", "question"),
        ("415 555 0132", "number"),
        ("+1 415 555 0132", "number"),
        ("my number is 415 555 0132", "number"),
        ("agent 007", "number"),
        ("maria@example.com", "address"),
        ("https://example.com/maria", "address"),
        ("www.example.com", "address"),
        ("example.com", "address"),
        ("x" * (CHARACTERS + 1), "too_long"),
        ("Maria " * 200, "too_long"),
        ("...", "missing"),
        ("'", "not_a_name"),
        ("\U0001f60a!", "missing"),
        ("7", "not_a_name"),
        ("hello", "not_a_name"),
        ("yes please", "not_a_name"),
        ("my name is", "not_a_name"),
        ("I want a demo", "not_a_name"),
        ("I need to know the price first", "not_a_name"),
        ("<b>Maria</b>", "not_a_name"),
        ("<script>alert(1)</script>", "not_a_name"),
        ("Robert'); DROP TABLE Leads;--", "not_a_name"),
        ("' OR Name LIKE '%", "not_a_name"),
        ("{{name}}", "not_a_name"),
    ],
)
def test_what_is_no_name_is_named(text: str, reason: str) -> None:
    assert read(text) == Problem(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Maria Lopez", "Maria", "Lopez"),
        ("Cher", "", "Cher"),
        ("\u5c71\u7530\u592a\u90ce", "", "\u5c71\u7530\u592a\u90ce"),
        ("O'Neil", "", "O'Neil"),
        ("Maria Jos\u00e9 Lopez", "Maria Jos\u00e9", "Lopez"),
        ("Jos\u00e9 \u00c1ngel de la Cruz", "Jos\u00e9 \u00c1ngel", "de la Cruz"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Van Johnson", "Van", "Johnson"),
        ("van Gogh", "", "van Gogh"),
        ("\u2019t Hooft", "", "\u2019t Hooft"),
        ("Dr. Maria Lopez", "Maria", "Lopez"),
        ("Mr. T", "", "T"),
        ("Lopez, Maria", "Maria", "Lopez"),
        ("Martin Luther King, Jr.", "Martin Luther", "King Jr."),
        ("Smith Jr.", "", "Smith Jr."),
        ("John Smith 3rd", "John", "Smith 3rd"),
        ("Dr.", "", "Dr."),
        ("Lopez,", "", "Lopez"),
    ],
)
def test_salesforce_gets_a_first_and_a_last_name(full: str, first: str, last: str) -> None:
    assert split(full) == (first, last)


TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "my name is",
                "I'm",
                "Maria",
                "O'Neil",
                "no",
                ",",
                "please",
                "call me",
                "Jr.",
                "'",
                "1",
            ]
        )
    ).map(" ".join),
)


@given(TEXTS)
def test_any_answer_is_a_name_or_a_problem(text: str) -> None:
    result = read(text)
    if isinstance(result, Name):
        assert 1 <= len(result.full) <= CHARACTERS
        assert result.full.isprintable() or "\u200c" in result.full or "\u200d" in result.full
        first, last = split(result.full)
        assert last.strip()
        assert len(first) <= FIRST_NAME_CHARACTERS


@given(TEXTS)
def test_a_name_that_is_read_again_is_the_same_name(text: str) -> None:
    """Slots are read once more at fulfilment, from what was put there."""
    result = read(text)
    if isinstance(result, Name):
        assert read(result.full) == result


@pytest.mark.parametrize(
    "text", ["Maria Lopez", "Noah Stone", "4155550132", "Nora", "", "Stoppard"]
)
def test_names_and_numbers_are_neither_refusals_nor_questions(text: str) -> None:
    assert not is_refusal(text)
    assert not is_question(text)
