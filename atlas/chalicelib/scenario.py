"""What a phone call knows of its visitor: its opening, its notes, and what may stand in them. Pure.

A scenario is a text of a few lines: the opening that is said when the phone is answered, what was
asked in the chat, and notes for the conversation. Only the notes are ever a model's. They come from
words that anyone can have typed, about to be heard by whoever owns the number, so they are checked
here before anything is kept, and cut to what a session can carry.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.content import Content
from chalicelib.conversation import Exchange, carried_bytes
from chalicelib.lead import ASKED_CHARACTERS, ASKED_QUESTIONS
from chalicelib.questions import canonical, has_meaning, may_be_shared, words
from chalicelib.sentences import cut_to, first_sentences, sentence_ends

BYTES = 2_000
"""A scenario's text in the session's count; its attribute and a marker stay within 2 KB."""
ASKED_BYTES = 400
NAME_CHARACTERS = 80
NOTES_SENTENCES = 6
ECHOED_WORDS = 5
"""So many words in a row, not all of them ordinary, were not found by chance."""

Maker = Literal["made", "grounded"]
Problem = Literal["", "empty", "tag", "link", "number", "order", "echo"]


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a scenario is made from."""

    interaction_id: str
    name: str
    asked: tuple[str, ...]
    locale: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """`made`: there is none better to wait for. `problem`: why it is only grounded."""

    text: str
    maker: Maker
    problem: str = ""


_IN_NAMES = frozenset(" '\u2019.-\u200c\u200d")
_TAG = re.compile(r"[<>{}`]")
_LINK = re.compile(r"\S*(?:@|://|www\.)\S*|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_NUMBER_WORDS = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple|plus"
_DICTATED = re.compile(
    rf"\b(?:(?:{_NUMBER_WORDS})[\s,.-]+){{2,}}(?:{_NUMBER_WORDS})\b|\b(?:at|dot)\s\S+\sdot\s\w+"
    r"|\bdot (?:com|net|org|io|example)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,60}\b(?:instruction|rule|prompt|previous|above)"
    r"|\b(?:system|previous|new) (?:prompt|instruction)|^(?:i am|i'm) sorry\b|\bas an ai language",
    re.IGNORECASE,
)


def grounded_scenario(content: Content, name: str = "", asked: Sequence[str] = ()) -> str:
    """The floor, made of the content alone but for the name; without one, an unknown caller's."""
    return composed(content, name, asked, content.scenario["notes"])


def composed(content: Content, name: str, asked: Sequence[str], notes: str) -> str:
    """Opening, what was asked and notes as one text of at most BYTES."""
    told = sayable_questions(asked, content)
    head = [_opening(content, clean_name(name), bool(told))]
    if told:
        line = content.scenario["asked"].replace("{asked}", "; ".join(told))
        head.append(fitted(line, ASKED_BYTES))
    room = BYTES - carried_bytes("\n".join([*head, ""]))
    return "\n".join(filter(None, [*head, fitted(plain(notes), room)]))


def opening_of(text: str) -> str:
    """What is said first."""
    return text.partition("\n")[0]


def briefing_of(text: str) -> str:
    """What a model is told of it: what was asked and the notes first, then how it was opened."""
    opening, _, rest = text.partition("\n")
    return "\n".join(filter(None, (rest, opening)))


def sayable_questions(asked: Sequence[str], content: Content) -> tuple[str, ...]:
    """What was asked in nothing but ordinary words, newest last; all else is never repeated.

    Names, numbers, addresses and most insults are in no vocabulary, and neither are the words
    that instructions to a model are made of.
    """
    ordinary = content.vocabulary | frozenset(words(content.knowledge))
    spelled = dict.fromkeys(canonical(question) for question in meaningful(asked))
    return tuple(q for q in spelled if may_be_shared(q, ordinary))[-3:]


def meaningful(asked: Sequence[str]) -> tuple[str, ...]:
    """The questions that a scenario is made from: the latest few, each cut, without the empty."""
    cut = (cut_to(plain(question), ASKED_CHARACTERS) for question in asked)
    return tuple(question for question in cut if has_meaning(question))[-ASKED_QUESTIONS:]


def problem_of(notes: str, asked: Sequence[str], content: Content) -> Problem:
    """Why a model's notes may not be kept; "" when they may.

    Whatever number, address or link is in them must stand in the content itself.
    """
    known = facts(content)
    if not has_meaning(notes):
        return "empty"
    if _TAG.search(notes):
        return "tag"
    if any(link.strip(".,;:").lower() not in known.lower() for link in _LINK.findall(notes)):
        return "link"
    if set(_DIGITS.findall(notes)) - set(_DIGITS.findall(known)) or _DICTATED.search(notes):
        return "number"
    if _ORDER.search(notes):
        return "order"
    return "echo" if _echoes(notes, asked, content) else ""


def facts(content: Content) -> str:
    """What a call may be told of the company: the knowledge, and how the assistant is built."""
    return f"{content.knowledge}\n{content.grounding['technology']}"


def spoken_floor(content: Content, history: Sequence[Exchange]) -> str:
    """One sentence for a late model: the first that this call has not heard, at last the last."""
    said = {exchange.atlas for exchange in history}
    floors = sentences(content.scenario["floors"])
    return next((floor for floor in floors if floor not in said), floors[-1])


def sentences(text: str) -> list[str]:
    """A text's whole sentences."""
    ends = sentence_ends(text)
    return [text[start:end].strip() for start, end in zip([0, *ends], ends, strict=False)]


def kept_notes(notes: str) -> str:
    """A model's notes within the number of sentences that was asked for."""
    return first_sentences(plain(notes), NOTES_SENTENCES)


def clean_name(name: str) -> str:
    """The name in letters and what belongs to names, on one line; anything else is left out."""
    kept = (c if unicodedata.category(c)[0] in "LM" or c in _IN_NAMES else " " for c in name)
    return cut_to(" ".join("".join(kept).split()), NAME_CHARACTERS)


def plain(text: str) -> str:
    """The text on one line, without tags, control characters and what cannot be encoded."""
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    visible = (" " if unicodedata.category(c)[0] in "CZ" else c for c in encodable)
    return " ".join(re.sub(r"[<>{}]", " ", "".join(visible)).split())


def fitted(text: str, limit: int) -> str:
    """`text` within `limit` bytes of a session, cut at a sentence or a word; "" where none fits."""
    room = limit
    while text and carried_bytes(text) > limit:
        text = cut_to(text, room) if room > 0 else ""
        room -= max(1, (carried_bytes(text) - limit) // 3)
    return text


def _opening(content: Content, name: str, has_asked: bool) -> str:
    opening = content.scenario["opening_asked" if has_asked else "opening"]
    return opening.replace(" {visitor}", f" {name}" if name else "").replace("{visitor}", name)


def _echoes(notes: str, asked: Sequence[str], content: Content) -> bool:
    """Whether words that are not the content's were copied out, as "say this" makes a model do."""
    ordinary = content.vocabulary | frozenset(words(facts(content)))
    written = f" {' '.join(words(notes))} "
    return any(
        f" {' '.join(run)} " in written and not ordinary.issuperset(run)
        for question in asked
        for run in _runs(words(question), ECHOED_WORDS)
    )


def _runs(spoken: list[str], length: int) -> list[list[str]]:
    return [spoken[at : at + length] for at in range(len(spoken) - length + 1)]
