"""The sales team's words: what ships is whole and short enough, and a bad file names its faults."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from chalicelib import phone_numbers, visitor_names
from chalicelib.content import DEFAULT_LOCALE, FOLDER, Content, Contents
from chalicelib.content_sections import NAMES, OPTIONAL_SECTIONS, PLACES_BY_TEXT, SECTIONS
from chalicelib.errors import ConfigError
from chalicelib.lex import MESSAGE_CHARACTERS, message_text
from chalicelib.sentences import sentence_ends, utf16_length, whole_sentences

SHIPPED = Contents.load()
ENGLISH = (FOLDER / "en_US.toml").read_text(encoding="utf-8")


def folder_with(path: Path, **text_by_locale: str) -> Path:
    for locale, text in text_by_locale.items():
        (path / f"{locale}.toml").write_text(text, encoding="utf-8")
    return path


def problems_in(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        Contents.load(folder)
    return "\n".join(caught.value.problems)


def every_text(content: Content) -> list[str]:
    sections = (
        content.persona,
        content.grounding,
        content.texts,
        content.name_problems,
        content.number_problems,
    )
    return [content.knowledge, *(text for section in sections for text in section.values())]


@pytest.mark.parametrize("locale", SHIPPED.locales)
@pytest.mark.parametrize("channel", ["chat", "phone"])
@pytest.mark.parametrize("grounding", SECTIONS["grounding"])
def test_every_floor_is_short_and_whole(locale: str, channel: str, grounding: str) -> None:
    floor = SHIPPED.in_locale(locale).grounded_text(grounding, channel)
    count = {"chat": 2, "phone": 1}[channel]
    assert len(sentence_ends(floor)) == count
    assert whole_sentences(f"{floor} ") == floor
    assert utf16_length(floor) <= {"chat": 500, "phone": 250}[channel]


@pytest.mark.parametrize("locale", SHIPPED.locales)
def test_fixed_texts_are_said_word_for_word(locale: str) -> None:
    content = SHIPPED.in_locale(locale)
    problems = (*content.name_problems.values(), *content.number_problems.values())
    for text in (*content.texts.values(), *problems):
        assert message_text(text) == text
        assert utf16_length(text) <= MESSAGE_CHARACTERS


@pytest.mark.parametrize("locale", SHIPPED.locales)
def test_no_placeholder_is_left_in_any_text(locale: str) -> None:
    content = SHIPPED.in_locale(locale)
    left = {key for key, text in content.texts.items() if "{" in text}
    assert left == set(PLACES_BY_TEXT)
    for text in every_text(content):
        assert "{" not in text or text in map(content.texts.get, left)


def test_a_locale_falls_back_to_its_language_and_then_to_the_default(tmp_path: Path) -> None:
    contents = Contents.load(folder_with(tmp_path, en_US=ENGLISH, de_DE=ENGLISH))
    assert contents.in_locale("de_DE").locale == "de_DE"
    assert contents.in_locale("de_AT").locale == "de_DE"
    assert contents.in_locale("fr_FR").locale == DEFAULT_LOCALE
    assert contents.in_locale("").locale == DEFAULT_LOCALE


def test_a_folder_without_the_default_locale_is_refused(tmp_path: Path) -> None:
    assert "en_US.toml is missing" in problems_in(folder_with(tmp_path, de_DE=ENGLISH))


def test_every_missing_text_of_an_empty_file_is_named(tmp_path: Path) -> None:
    problems = problems_in(folder_with(tmp_path, en_US=""))
    for name in NAMES:
        assert f"en_US.toml: {name} is missing" in problems
    for section, keys in SECTIONS.items():
        for key in keys:
            is_named = f"{section}.{key} is missing" in problems
            assert is_named != (section in OPTIONAL_SECTIONS)


def test_a_section_that_may_be_left_out_is_whole_or_not_there(tmp_path: Path) -> None:
    begun = ENGLISH.replace('helpful_button = "Yes"\n', "")
    assert "rating.helpful_button is missing" in problems_in(folder_with(tmp_path, en_US=begun))


def test_a_button_says_no_more_than_lex_shows(tmp_path: Path) -> None:
    long = ENGLISH.replace('helpful_button = "Yes"', f'helpful_button = "{"y" * 51}"')
    assert "rating.helpful_button is longer" in problems_in(folder_with(tmp_path, en_US=long))


def test_problems_of_all_files_come_in_one_error(tmp_path: Path) -> None:
    broken = ENGLISH.replace("goodbye =", "good_bye =")
    problems = problems_in(folder_with(tmp_path, en_US="not toml", de_DE=broken))
    assert "de_DE.toml: texts.goodbye is missing" in problems
    assert "de_DE.toml: texts.good_bye is not used" in problems
    assert "en_US.toml: " in problems


def test_a_grounding_of_one_sentence_is_too_short_to_be_a_floor(tmp_path: Path) -> None:
    head, _, tail = ENGLISH.partition('technology = """')
    short = f'{head}technology = "One sentence."\nleft_over = """{tail}'
    assert "grounding.technology needs at least 2" in problems_in(
        folder_with(tmp_path, en_US=short)
    )


def test_a_text_too_long_for_a_message_is_named(tmp_path: Path) -> None:
    overlong = ENGLISH.replace("Have a good day!", "Have a good day! " * 60)
    assert "texts.goodbye is longer" in problems_in(folder_with(tmp_path, en_US=overlong))


def test_names_are_filled_in_everywhere(tmp_path: Path) -> None:
    renamed = ENGLISH.replace('company = "Northlight"', 'company = "Acme"')
    content = Contents.load(folder_with(tmp_path, en_US=renamed)).in_locale("en_US")
    assert "Acme" in content.knowledge
    assert not any("Northlight" in text for text in every_text(content))


# What a visitor is told about names, numbers and times.


@pytest.mark.parametrize("text", PLACES_BY_TEXT)
def test_a_text_that_does_not_say_what_it_must_is_refused(tmp_path: Path, text: str) -> None:
    line = next(line for line in ENGLISH.splitlines() if line.startswith(f"{text} = "))
    for place in PLACES_BY_TEXT[text]:
        without = ENGLISH.replace(line, line.replace(f"{{{place}}}", "it"))
        problems = problems_in(folder_with(tmp_path, en_US=without))
        assert f"texts.{text} does not say {{{place}}}" in problems


def test_a_place_that_a_text_has_no_room_for_is_refused(tmp_path: Path) -> None:
    strange = ENGLISH.replace('booked = "Thank you!', 'booked = "Thank you, {visitor}!')
    problems = problems_in(folder_with(tmp_path, en_US=strange))
    assert "texts.booked has {visitor}, which stands for nothing" in problems


def test_a_text_is_said_with_what_it_leaves_room_for() -> None:
    said = SHIPPED.in_locale("en_US").said("booked_later", number="+1 2", time="8:00 AM")
    assert "+1 2" in said
    assert "8:00 AM" in said
    assert "{" not in said


def test_there_is_a_text_for_every_problem_of_a_name_or_a_number() -> None:
    # Who refuses is left in peace.
    names = {*get_args(visitor_names.Reason)} - {"refused"}
    assert set(SECTIONS["name_problems"]) == names
    assert set(SECTIONS["number_problems"]) == {*get_args(phone_numbers.Reason), "question"}


@pytest.mark.parametrize("section", ["name_problems", "number_problems"])
def test_every_problem_is_said_with_the_question_once_more(section: str) -> None:
    texts = getattr(SHIPPED.in_locale("en_US"), section)
    assert len(set(texts.values())) == len(texts)
    for text in texts.values():
        assert "please" in text.lower() or "?" in text
