"""What the plot's lines are made of, without drawing any."""

from __future__ import annotations

import pytest

from bench.plot import decades, slower, spoken, steps


def test_distribution_climbs_by_one_share_at_each_value_in_order() -> None:
    assert steps([3.0, 1.0, 2.0, 2.0], 0.5) == ([1.0, 1.0, 2.0, 2.0, 3.0], [0, 0.25, 0.5, 0.75, 1])


def test_value_that_has_no_logarithm_stands_at_the_left_edge() -> None:
    assert steps([0.0, 0.2], 0.01)[0] == [0.01, 0.01, 0.2]


def test_tail_ends_with_the_share_of_the_slowest_value() -> None:
    assert slower([1.0, 2.0, 4.0, 8.0], 0.1) == ([1.0, 1.0, 2.0, 4.0], [1.0, 0.75, 0.5, 0.25])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([[0.003, 0.2], [3.9]], (0.001, 10.0)),
        ([[0.01]], (0.01, 0.1)),
        ([[0.0]], (0.1, 1.0)),
        ([], (0.1, 1.0)),
    ],
)
def test_axis_holds_every_value_between_powers_of_ten(
    columns: list[list[float]], expected: tuple[float, float]
) -> None:
    assert decades(columns) == pytest.approx(expected)


def test_ticks_speak_the_unit_of_their_size() -> None:
    assert [spoken(value) for value in (1e-5, 0.002, 0.8, 10)] == [
        "10 µs",
        "2 ms",
        "800 ms",
        "10 s",
    ]
