"""Trees of segments as text: one line each, its bar on an axis that all of them share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.trace.tree import Node, walk

_NAME_COLUMNS, _NUMBER_COLUMNS, _NOTE_COLUMNS = 46, 8, 34
_LEAST_BAR, _GAP = 16, "  "


@dataclass(frozen=True, slots=True)
class Part:
    """One trace of the picture, under a line that names it."""

    title: str
    roots: Sequence[Node]


def waterfall(parts: Sequence[Part], width: int) -> str:
    """All parts on one axis, from the first start to the last end.

    `>` ends the bar of what goes on still, `!` marks what failed.
    """
    roots = [root for part in parts for root in part.roots]
    axis = _Axis(
        min(root.start for root in roots),
        max(root.latest() for root in roots),
        max(
            _LEAST_BAR, width - _NAME_COLUMNS - 2 * _NUMBER_COLUMNS - _NOTE_COLUMNS - 4 * len(_GAP)
        ),
    )
    lines = [_line("", "start", "took", f"0{span(axis.last - axis.first):>{axis.columns - 1}}", "")]
    for part in parts:
        lines.append(part.title)
        lines += [_row(depth, node, axis) for root in part.roots for depth, node in walk(root)]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Axis:
    first: float
    last: float
    columns: int

    def column(self, moment: float) -> int:
        length = self.last - self.first
        share = (moment - self.first) / length if length > 0 else 0.0
        return min(self.columns - 1, max(0, int(share * self.columns)))

    def bar(self, node: Node) -> str:
        begun = self.column(node.start)
        ended = self.column(self.last if node.end is None else node.end)
        tip = ">" if node.end is None else "!" if node.is_bad else "="
        return (" " * begun + "=" * (ended - begun) + tip).ljust(self.columns)


def _row(depth: int, node: Node, axis: _Axis) -> str:
    name = ("  " * depth + node.name)[:_NAME_COLUMNS]
    took = "so far" if node.end is None else span(node.end - node.start)
    return _line(name, span(node.start - axis.first), took, axis.bar(node), node.note)


def _line(name: str, start: str, took: str, bar: str, note: str) -> str:
    numbers = [each.rjust(_NUMBER_COLUMNS) for each in (start, took)]
    return _GAP.join([name.ljust(_NAME_COLUMNS), *numbers, bar, note[:_NOTE_COLUMNS]]).rstrip()


def span(seconds: float) -> str:
    """`0.4 ms`, `412 ms`, `3.20 s` or `4 m 05 s`, whichever is read most easily."""
    if seconds < 0.01:
        return f"{max(0.0, seconds) * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s"
