"""The table of CPU per turn, from figures that are known, and from a few real turns."""

from __future__ import annotations

from bench.cpu_per_turn.__main__ import HEAD, Figures, measure, rows

FIGURES: Figures = {
    ("empty", "nothing"): [(0.0001, 0.0)],
    ("atlas", "memory, 2 KB of history"): [(0.0004, 0.0003), (0.0003, 0.0002), (0.0011, 0.001)],
    ("atlas", "table"): [(0.0021, 0.0004)],
    ("atlas", "model"): [(0.0081, 0.001)],
    ("predecessor", "chat, model"): [(0.0013, 0.0013)],
}


def test_a_row_tells_medians_the_ratio_beyond_the_harness_and_the_aim() -> None:
    by_kind = {row[1]: row for row in rows(FIGURES)}
    assert all(len(row) == len(HEAD) for row in by_kind.values())
    assert by_kind["memory, 2 KB of history"][2:] == [
        *("3", "0.40", "0.30", "0.60", "1.10", "0.25", "0.5 ms: reached")
    ]
    assert by_kind["table"][-1] == "2.0 ms: missed"
    assert by_kind["model"][-1] == ""


def test_every_kind_of_turn_is_measured_in_every_round() -> None:
    figures = measure(rounds=1, turns=2)
    assert {name for name, _ in figures} == {"empty", "atlas", "predecessor"}
    assert {len(measured) for measured in figures.values()} == {2}
    assert all(whole > 0 for measured in figures.values() for whole, _ in measured)
