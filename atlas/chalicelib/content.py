"""The words that a sales team owns, one file per locale, checked as a whole when loaded."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.bot import utterances_by_intent
from chalicelib.content_sections import (
    BUTTON_CHARACTERS,
    BUTTON_TEXTS,
    CARD_CHARACTERS,
    LANGUAGE,
    NAMES,
    OPTIONAL_SECTIONS,
    PLACES_BY_SECTION,
    PLACES_BY_TEXT,
    SAID_SECTIONS,
    SECTIONS,
)
from chalicelib.errors import ConfigError
from chalicelib.questions import words
from chalicelib.sentences import first_sentences, sentence_ends, utf16_length

DEFAULT_LOCALE = "en_US"
FOLDER = Path(__file__).parent / "content"
SENTENCES_BY_CHANNEL: Mapping[str, int] = {"chat": 2, "phone": 1}
"""How long an answer may be: read on a screen, or listened to."""
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """One locale's words, with the names filled in; each is equal to itself alone."""

    locale: str
    language: str
    """What the model answers in, by its English name."""
    persona: Mapping[str, str]
    grounding: Mapping[str, str]
    knowledge: str
    scenario: Mapping[str, str]
    """What the phone says and knows before, or without, a model."""
    texts: Mapping[str, str]
    name_problems: Mapping[str, str]
    """Why an answer is no name, and the question once more; by `visitor_names.Reason`."""
    number_problems: Mapping[str, str]
    """The same for numbers, by `phone_numbers.Reason`."""
    time_format: str
    """How a time of day is told, as strftime takes it."""
    rating: Mapping[str, str]
    """The question after a goodbye, with what its buttons show and say; empty: nobody is asked."""
    vocabulary: frozenset[str]
    """The words that may stand in a question whose answer is stored: see `may_be_shared`."""

    def said(self, text: str, **places: str) -> str:
        """One of the texts, with what it leaves room for."""
        filled = self.texts[text]
        for name, value in places.items():
            filled = filled.replace("{" + name + "}", value)
        return filled

    def grounded_text(self, grounding: str, channel: str) -> str:
        """The floor of a grounded answer: true, whole, and short enough for the channel."""
        return first_sentences(self.grounding[grounding], SENTENCES_BY_CHANNEL[channel])


class Contents:
    """All locales; `in_locale` always finds one."""

    def __init__(self, by_locale: Mapping[str, Content]) -> None:
        self._by_locale = by_locale

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Contents:
        """Read every file; ConfigError names each missing, unknown or overlong text of all."""
        problems: list[str] = []
        files = sorted(folder.glob("*.toml"))
        by_locale = {file.stem: _read(file, problems) for file in files}
        if DEFAULT_LOCALE not in by_locale:
            problems.append(f"{DEFAULT_LOCALE}.toml is missing")
        if problems:
            raise ConfigError(problems)
        return cls(by_locale)

    @property
    def locales(self) -> tuple[str, ...]:
        return tuple(self._by_locale)

    def in_locale(self, locale: str) -> Content:
        """That locale's content, else one of the same language, else the default."""
        if (exact := self._by_locale.get(locale)) is not None:
            return exact
        language = locale.partition("_")[0]
        near = (c for name, c in self._by_locale.items() if name.partition("_")[0] == language)
        return next(near, self._by_locale[DEFAULT_LOCALE])


def _read(file: Path, problems: list[str]) -> Content:
    raw: dict[str, Any] = {}
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as exc:
        problems.append(f"{file.name}: {exc}")
    else:
        problems.extend(f"{file.name}: {problem}" for problem in _problems(raw))
    names = {name: str(raw.get(name, "")) for name in NAMES}
    sections = {name: _filled(_table(raw, name), names) for name in SECTIONS}
    return Content(
        locale=file.stem,
        language=str(raw.get(LANGUAGE, "")),
        persona=sections["persona"],
        grounding=sections["grounding"],
        knowledge=sections["knowledge"].get("text", ""),
        scenario=sections["scenario"],
        texts=sections["texts"],
        name_problems=sections["name_problems"],
        number_problems=sections["number_problems"],
        time_format=sections["formats"].get("time", ""),
        rating=sections["rating"],
        vocabulary=_vocabulary(file.stem, sections),
    )


def _vocabulary(locale: str, sections: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """Ordinary words, what the bot listens for, and what the groundings say anyway."""
    texts = [*sections["vocabulary"].values(), *sections["grounding"].values()]
    for utterances in utterances_by_intent(locale).values():
        texts.extend(utterances)
    return frozenset(word for text in texts for word in words(text))


def _problems(raw: Mapping[str, Any]) -> Iterable[str]:
    for name in (*NAMES, LANGUAGE):
        if not isinstance(raw.get(name), str) or not raw[name].strip():
            yield f"{name} is missing"
    for section, keys in SECTIONS.items():
        table = _table(raw, section)
        if section in OPTIONAL_SECTIONS and section not in raw:
            continue
        yield from (f"{section}.{key} is not used" for key in table if key not in keys)
        yield from (f"{section}.{key} is missing" for key in keys if not _is_text(table.get(key)))
        for key, text in table.items():
            found = _text_problems(section, key, text)
            yield from (f"{section}.{key} {problem}" for problem in found)


def _text_problems(section: str, key: str, text: object) -> Iterable[str]:
    if not isinstance(text, str):
        return
    yield from _place_problems(section, key, set(_PLACEHOLDER.findall(text)))
    sentences = max(SENTENCES_BY_CHANNEL.values())
    if section == "grounding" and len(sentence_ends(text)) < sentences:
        yield f"needs at least {sentences} sentences"
    if key in BUTTON_TEXTS and utf16_length(text) > BUTTON_CHARACTERS:
        yield f"is longer than the {BUTTON_CHARACTERS} characters of a Lex button"
    if section == "rating" and utf16_length(text) > CARD_CHARACTERS:
        yield f"is longer than the {CARD_CHARACTERS} characters of a Lex card"
    if section in SAID_SECTIONS and utf16_length(text) > 900:
        yield "is longer than a Lex message of 1,024 characters leaves room for"


def _place_problems(section: str, key: str, found: set[str]) -> Iterable[str]:
    needed = PLACES_BY_TEXT.get(key, ()) if section == "texts" else ()
    known = {*NAMES, *needed, *PLACES_BY_SECTION.get(section, ())}
    yield from (f"has {{{name}}}, which stands for nothing" for name in sorted(found - known))
    yield from (f"does not say {{{name}}}" for name in needed if name not in found)


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name)
    return table if isinstance(table, dict) else {}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _filled(table: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    filled = {}
    for key, text in table.items():
        for name, value in names.items():
            text = str(text).replace("{" + name + "}", value)
        filled[key] = text.strip()
    return filled
