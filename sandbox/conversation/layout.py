"""Plain-text tables as wide as the terminal, 140 columns at most.

Colour only on a terminal, and never with NO_COLOR.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

WIDTH = 100
_NARROWEST, _WIDEST = 60, 140
GAP = "  "


def wants_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal whose user did not say NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width_for(stream: TextIO) -> int:
    """How many columns to fill: the terminal's, and WIDTH where there is none to ask."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return WIDTH
    # A terminal without a size says 0.
    return max(_NARROWEST, min(_WIDEST, columns or WIDTH))


def dim(text: str, colour: bool) -> str:
    """The text, greyed where colour is wanted."""
    return f"\x1b[2m{text}\x1b[0m" if colour else text


def bold(text: str, colour: bool) -> str:
    """The text, bold where colour is wanted."""
    return f"\x1b[1m{text}\x1b[0m" if colour else text


def row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """One row whose cells are wrapped to their widths; a negative width aligns right."""
    columns = [
        textwrap.wrap(cell, abs(width)) or [""] for cell, width in zip(cells, widths, strict=True)
    ]
    height = max(len(column) for column in columns)
    lines = (
        GAP.join(
            _aligned(column, line, width) for column, width in zip(columns, widths, strict=True)
        )
        for line in range(height)
    )
    return "\n".join(line.rstrip() for line in lines)


def _aligned(column: Sequence[str], line: int, width: int) -> str:
    text = column[line] if line < len(column) else ""
    return text.rjust(-width) if width < 0 else text.ljust(width)


def listing(title: str, items: Iterable[tuple[str, object]], width: int = WIDTH) -> str:
    """A title and, wrapped below it, `name value` pairs."""
    text = ", ".join(f"{name} {value}" for name, value in items) or "none"
    indent = " " * 4
    body = textwrap.wrap(text, width - len(indent), break_on_hyphens=False)
    return "\n".join([f"  {title}", *(indent + line for line in body)])


def heading(title: str, about: str = "", width: int = WIDTH, colour: bool = False) -> str:
    """A chapter's title over a rule, and what is to be seen below it."""
    rule = f"{title} ".ljust(width, "-")
    lines = ["", bold(rule, colour)]
    return "\n".join([*lines, dim(textwrap.fill(about, width), colour)] if about else lines)


def fields(pairs: Iterable[tuple[str, str]], width: int = WIDTH) -> str:
    """Names beside their values; a value is wrapped, and keeps its own lines."""
    known = list(pairs)
    name_width = max((len(name) for name, _ in known), default=0)
    return "\n".join(_field(name, value, name_width, width) for name, value in known)


def _field(name: str, value: str, name_width: int, width: int) -> str:
    indent = " " * (name_width + 4)
    room = width - len(indent)
    wrapped = [part for line in value.splitlines() for part in textwrap.wrap(line, room) or [""]]
    first, *rest = wrapped or [""]
    lines = [f"  {name:<{name_width}}  {first}", *(indent + one for one in rest)]
    return "\n".join(line.rstrip() for line in lines)
