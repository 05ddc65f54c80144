"""Built-in slot types, by the examples of the Lex guide and by what people type."""

import pytest

from infra.bot_definition import FREE_FORM, LAST_NAME, PHONE_NUMBER
from sandbox.lex.slots import resolve
from sandbox.lex.yes_no import yes_or_no


@pytest.mark.parametrize(
    ("said", "interpreted"),
    [
        ("+1 (415) 555-0132", "+14155550132"),
        ("+61 7 4445 1061", "+61744451061"),
        ("1 (509) 555-1212", "15095551212"),
        ("(03) 5115 4444", "0351154444"),
        ("555-1212", "5551212"),
        ("my number is 415.555.0132, thanks", "4155550132"),
        ("plus one four one five five five five oh one three two", "+14155550132"),
        ("four four double seven zero zero nine zero zero one two three", "447700900123"),
        ("+4479\u00a0460 95812", "+447946095812"),
    ],
)
def test_phone_number_loses_its_punctuation_and_keeps_its_plus(said, interpreted):
    assert resolve(PHONE_NUMBER, said).interpreted == interpreted


def test_phone_number_is_only_the_part_that_is_a_number():
    value = resolve(PHONE_NUMBER, "you can use +1 (415) 555-0132 please")
    assert value.original == "+1 (415) 555-0132"


@pytest.mark.parametrize("said", ["12345", "no", "one demo please", "1" * 16, "", "call me", "😀"])
def test_no_phone_number(said):
    assert resolve(PHONE_NUMBER, said) is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Lopez", "Lopez"),
        ("My last name is O'Brien.", "O'Brien"),
        ("it's van der Berg", "van der Berg"),
        ("Müller-Lüdenscheidt", "Müller-Lüdenscheidt"),
    ],
)
def test_last_name_is_taken_without_the_words_around_it(said, name):
    assert resolve(LAST_NAME, said).interpreted == name


@pytest.mark.parametrize("said", ["why do you ask", "12", "I don't want to say", "", "😀"])
def test_no_last_name(said):
    assert resolve(LAST_NAME, said) is None


def test_free_form_takes_the_whole_input():
    assert resolve(FREE_FORM, "well, stop calling me").interpreted == "well, stop calling me"


@pytest.mark.parametrize(
    "said", ["yes", "Yes please!", "yeah sure", "ok", "go ahead", "Of course."]
)
def test_yes(said):
    assert yes_or_no(said) is True


@pytest.mark.parametrize(
    "said", ["no", "No thanks.", "nope", "please don\u2019t", "not now", "cancel"]
)
def test_no(said):
    assert yes_or_no(said) is False


@pytest.mark.parametrize(
    "said", ["maybe", "yes but not now", "what for?", "", "hmm", "...", "yes " * 9]
)
def test_neither_yes_nor_no(said):
    assert yes_or_no(said) is None
