"""The timeline in text: bars on one axis, within the width, whatever is on it."""

from __future__ import annotations

import pytest

from sandbox.conversation.gantt import Span, gantt

SPANS = [
    Span("| CreateLead", 0.0, 1.0, "created"),
    Span("| InvokeCall", 0.0, None),
    Span("UpdateLead", 3.0, 1.0, "updated"),
    Span("Updated", 4.0, 0.0),
]


def columns(line: str) -> tuple[int, int]:
    marks = [at for at, mark in enumerate(line) if mark in "=>"]
    return marks[0], marks[-1]


def test_bars_stand_where_their_times_are() -> None:
    _, create, invoke, update, updated = gantt(SPANS, 4.0, 100).splitlines()
    first, last = columns(invoke)
    assert columns(create)[0] == first
    assert columns(create)[1] == pytest.approx(first + (last - first) / 4, abs=1)
    assert columns(update) == (pytest.approx(first + (last - first) * 3 / 4, abs=1), last)
    assert columns(updated) == (last, last)


def test_what_goes_on_reaches_to_now_and_is_told() -> None:
    line = gantt(SPANS, 4.0, 100).splitlines()[2]
    assert "so far" in line
    assert line.endswith("=>")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("last", [0.01, 0.9, 4.0, 22.0, 300.0])
def test_it_fits_and_its_axis_begins_at_zero(width: int, last: float) -> None:
    lines = gantt([*SPANS, Span("phone rings", last, 0.0)], last, width).splitlines()
    assert max(map(len, lines)) <= width
    assert "0 s" in lines[0]


def test_ticks_stand_above_their_times() -> None:
    head, *lines = gantt([Span("a", 0.0, 4.0), Span("b", 2.0, 1.0)], 4.0, 100).splitlines()
    assert head.index("2 s") == columns(lines[1])[0]


def test_narrow_terminal_keeps_the_bars_and_leaves_out_the_starts() -> None:
    head, *_ = gantt([Span("a" * 25, 0.0, 1.0, "note" * 4)], 1.0, 60).splitlines()
    assert "start" not in head
    assert "took" in head
