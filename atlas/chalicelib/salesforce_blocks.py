"""Atlas's own paragraphs in a text that people write in too. Pure.

A block stands between two lines that name it. It is added at the end, or takes its own former
place; every other byte stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.sentences import utf16_length

DESCRIPTION_UNITS = 32_000
"""The length of Description on Lead and Task, in UTF-16 units as Salesforce counts."""
LINE_CHARACTERS = 2_000
_BRACKETS = str.maketrans("[]", "()")


@dataclass(frozen=True, slots=True)
class Block:
    """`name`: see `block_name`. `lines` may hold anything; each is made plain."""

    name: str
    lines: tuple[str, ...]

    @property
    def first_line(self) -> str:
        return f"[{self.name}]"

    @property
    def last_line(self) -> str:
        return f"[end of {self.name}]"

    @property
    def text(self) -> str:
        return "\n".join((self.first_line, *map(plain_line, self.lines), self.last_line))


def block_name(purpose: str, interaction_id: str) -> str:
    """How a text names an interaction's block; each purpose has one."""
    return f"Atlas {purpose} {interaction_id}"


def with_blocks(text: str, blocks: Sequence[Block]) -> str:
    """The text with each block in it; one that no longer fits is left out, never others' words."""
    for block in blocks:
        changed = _with_block(text, block)
        if utf16_length(changed) <= DESCRIPTION_UNITS:
            text = changed
    return text


def plain_line(text: str) -> str:
    """On one line, bounded, and without the brackets by which blocks are found."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:LINE_CHARACTERS].translate(_BRACKETS)


def _with_block(text: str, block: Block) -> str:
    start = text.rfind(block.first_line)
    end = text.find(block.last_line, start)
    if start >= 0 and end >= 0:
        return text[:start] + block.text + text[end + len(block.last_line) :]
    return f"{text}\n\n{block.text}" if text else block.text
