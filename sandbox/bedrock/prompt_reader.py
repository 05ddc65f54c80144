"""Takes a prompt apart: what is asked, what is known, how many sentences are allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_SENTENCES = 4

_NUMBERS = {
    word: number
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1
    )
} | {"a single": 1}
_NUMBER = r"(?:\d{1,2}|a single|" + "|".join(_NUMBERS) + ")"
_LIMIT = re.compile(
    rf"\b({_NUMBER})(?:\s*(?:or|to|-)\s*({_NUMBER}))?\s+(?:[a-z]+,?\s+){{0,2}}?sentences?\b",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"<([a-z_]+)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_QUESTION = re.compile(r"^\s*(?:question|visitor|user)\s*:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')]*\s+|\n+")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_LABELLED = re.compile(r"^([A-Z][A-Za-z ]{1,30}): <([^<>\n]{3,120})>[ \t]*$", re.MULTILINE)
_INSTRUCTION = re.compile(
    r"^(?:you are|you're|you must|you may|you should|your|answer|reply|respond|write|use|do not|"
    r"don't|never|always|only|keep|if|be|speak|stay|avoid|say|tell|ask|make|end|begin|start|"
    r"when the|the visitor'?s?|instructions?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PromptParts:
    """What the stand-in makes of a prompt; `knowledge` are sentences in their order.

    `labels`: the lines that the answer is to have, each with what belongs there.
    """

    question: str
    knowledge: tuple[str, ...]
    max_sentences: int
    labels: tuple[tuple[str, str], ...] = ()


def read_prompt(params: Mapping[str, Any]) -> PromptParts:
    """Take the system blocks and the last user message for all that is known."""
    system = "\n".join(_texts(params.get("system") or []))
    last = _last_user_text(params["messages"])
    question, rest = _split_question(last)
    labels = tuple((match[1], match[2]) for match in _LABELLED.finditer(system))
    known = [*_knowledge(_LABELLED.sub("", system)), *_knowledge(rest)]
    return PromptParts(question, tuple(known), _sentence_limit(f"{system}\n{rest}"), labels)


def prompt_texts(params: Mapping[str, Any]) -> list[str]:
    """Every text of the request in the order in which a model reads it."""
    messages = [text for m in params["messages"] for text in _texts(m["content"])]
    return [*_texts(params.get("system") or []), *messages]


def text_before_cache_point(params: Mapping[str, Any]) -> str | None:
    """All that stands before the last cache point, or None without one."""
    blocks = [*(params.get("system") or []), *(b for m in params["messages"] for b in m["content"])]
    positions = [index for index, block in enumerate(blocks) if "cachePoint" in block]
    return "\n".join(_texts(blocks[: positions[-1]])) if positions else None


def _texts(blocks: list[Mapping[str, Any]]) -> list[str]:
    return [block["text"] for block in blocks if "text" in block]


def _last_user_text(messages: list[Mapping[str, Any]]) -> str:
    last = next(message for message in reversed(messages) if message["role"] == "user")
    return "\n".join(_texts(last["content"]))


def _split_question(text: str) -> tuple[str, str]:
    """The question and what stands around it: a tag, a label, else the last paragraph."""
    for match in _TAGGED.finditer(text):
        if match[1].lower() in ("question", "input", "user_question", "message"):
            return match[2].strip(), text.replace(match[0], "")
    labelled = list(_QUESTION.finditer(text))
    if labelled:
        return labelled[-1][1].strip(), text.replace(labelled[-1][0], "")
    head, _, tail = text.strip().rpartition("\n\n")
    return tail.strip(), head


def _knowledge(text: str) -> list[str]:
    """Text in tags is knowledge as it stands; without tags, whatever instructs nobody."""
    tagged = [match[2] for match in _TAGGED.finditer(text)]
    if tagged:
        return [sentence for part in tagged for sentence in _sentences(part)]
    return [s for s in _sentences(text) if not _INSTRUCTION.match(s) and not s.endswith(":")]


def _sentences(text: str) -> list[str]:
    parts = (_BULLET.sub("", part).strip(" #\t") for part in _SENTENCE_END.split(text))
    return [part if part[-1] in ".!?" else f"{part}." for part in parts if part]


def _sentence_limit(text: str) -> int:
    """The smallest limit stated; of a range its larger number."""
    stated = [_number(match[2] or match[1]) for match in _LIMIT.finditer(text)]
    return min([limit for limit in stated if limit > 0], default=DEFAULT_SENTENCES)


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word.lower()]
