"""A timeline in text: one line per span, its bar on an axis that all of them share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.conversation.layout import GAP

# No wait of the demo is longer than some minutes.
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_TICK_COLUMNS = 7
# As wide as "12.34 s".
_NUMBER_COLUMNS = 7
_LEAST_COLUMNS, _ENOUGH_COLUMNS = 8, 16


@dataclass(frozen=True, slots=True)
class Span:
    """Times in seconds after the axis' zero; `seconds` is None while it goes on."""

    label: str
    start: float
    seconds: float | None
    note: str = ""

    def end(self, now: float) -> float:
        return now if self.seconds is None else self.start + self.seconds


def gantt(spans: Sequence[Span], now: float, width: int) -> str:
    """The spans in the order given, on an axis from 0 to the last end (or `now`, if one runs).

    Where there is little room the starts are left out: the bars show them.
    """
    label_width = max(len(span.label) for span in spans)
    note_width = max(len(span.note) for span in spans)
    columns = width - label_width - note_width - 2 * _NUMBER_COLUMNS - 4 * len(GAP)
    has_starts = columns >= _ENOUGH_COLUMNS
    if not has_starts:
        columns = max(_LEAST_COLUMNS, columns + _NUMBER_COLUMNS + len(GAP))
    axis = _Axis(max([*(span.end(now) for span in spans), 0.1]), columns)
    rows = [("", "start", "took", axis.head(), "")]
    rows += [(span.label, *_times(span), axis.bar(span, now), span.note) for span in spans]
    return "\n".join(_line(row, label_width, has_starts) for row in rows)


@dataclass(frozen=True, slots=True)
class _Axis:
    last: float
    columns: int

    def column(self, seconds: float) -> int:
        return round(max(0.0, seconds) / self.last * (self.columns - 1))

    def head(self) -> str:
        most = max(1, self.columns // _TICK_COLUMNS)
        step = next((tick for tick in _TICKS if self.last / tick <= most), _TICKS[-1])
        text = ""
        for index in range(int(self.last / step) + 1):
            tick = f"{index * step:.1f}".removesuffix(".0") + " s"
            column = self.column(index * step)
            if column + len(tick) <= self.columns:
                text = text.ljust(column) + tick
        return text.ljust(self.columns)

    def bar(self, span: Span, now: float) -> str:
        first, last = self.column(span.start), self.column(span.end(now))
        tip = ">" if span.seconds is None else "="
        return (" " * first + "=" * (last - first) + tip).ljust(self.columns)


def _times(span: Span) -> tuple[str, str]:
    took = "so far" if span.seconds is None else f"{span.seconds:.2f} s"
    return f"{span.start:.2f} s", took


def _line(row: tuple[str, str, str, str, str], label_width: int, has_starts: bool) -> str:
    label, start, took, bar, note = row
    numbers = [start, took] if has_starts else [took]
    cells = [label.ljust(label_width), *(number.rjust(_NUMBER_COLUMNS) for number in numbers)]
    return GAP.join([*cells, bar, note]).rstrip()
