"""Where a sentence ends, so that nothing is ever shown or spoken that stops in the middle. Pure."""

from __future__ import annotations

import re

_ABBREVIATIONS = frozenset(
    ("e.g.", "i.e.", "etc.", "vs.", "mr.", "mrs.", "ms.", "dr.", "no.", "approx.", "inc.", "ltd.")
)
# An end mark, closing quotes or brackets, then space or the end: "v2.5" and "atlas.io" hold none.
_END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*(?=\s|$)|[。！？]+")  # noqa: RUF001


def sentence_ends(text: str) -> list[int]:
    """The index just after each whole sentence, ascending."""
    return [match.end() for match in _END.finditer(text) if not _is_abbreviation(text, match)]


def whole_sentences(text: str) -> str:
    """A text that was cut off, up to its last whole sentence; empty when there is none.

    An end mark at the very end proves nothing: "costs 2." may have been on its way to "2.5".
    """
    ends = [end for end in sentence_ends(text) if end < len(text)]
    return text[: ends[-1]].strip() if ends else ""


def first_sentences(text: str, count: int) -> str:
    """At most `count` sentences; a text without any end mark is one sentence."""
    ends = sentence_ends(text)
    return text[: ends[count - 1]].strip() if len(ends) >= count else text.strip()


def utf16_length(text: str) -> int:
    """Length in UTF-16 units: the stricter reading of a limit given in characters."""
    # The encoder counts some fifty times faster than a loop, and a turn asks this of every text.
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut_to(text: str, limit: int) -> str:
    """`text` within `limit` UTF-16 units: cut at a sentence, else at a word, else hard."""
    if utf16_length(text) <= limit:
        return text
    room = _longest_prefix(text, limit)
    # One unit further shows whether the room ends with a sentence or within "2.5".
    if whole := whole_sentences(_longest_prefix(text, limit + 2)[: len(room) + 1]):
        return whole
    room = _longest_prefix(text, limit - 1)
    head, space, _ = room.rpartition(" ")
    return (head.rstrip(" ,;:") if space and head.strip() else room) + "…"


def _longest_prefix(text: str, limit: int) -> str:
    units = 0
    for index, character in enumerate(text):
        units += 2 if ord(character) > 0xFFFF else 1
        if units > limit:
            return text[:index]
    return text


def _is_abbreviation(text: str, match: re.Match[str]) -> bool:
    word = text[: match.end()].rsplit(None, 1)[-1].lower().lstrip("(\"'")
    return word in _ABBREVIATIONS
