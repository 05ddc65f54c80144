"""Extra calls: a share of the ordinary ones, one from the start, and no more than a few saved."""

from __future__ import annotations

import pytest

from chalicelib.call_budget import INITIAL_CALLS, MOST_SAVED_CALLS, CallBudget


@pytest.mark.parametrize("share", [0.05, 0.2, 1.0])
def test_extra_calls_stay_within_their_share(share: float) -> None:
    budget, extra = CallBudget(share), 0
    for _ in range(1000):
        budget.earn()
        extra += budget.spend()
    assert share * 1000 <= extra <= share * 1000 + INITIAL_CALLS


def test_one_is_there_from_the_start_and_no_second() -> None:
    budget = CallBudget(0.05)
    assert budget.spend()
    assert not budget.spend()


def test_a_quiet_time_saves_only_a_few() -> None:
    budget = CallBudget(0.5)
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend() for _ in range(100)) == MOST_SAVED_CALLS


def test_a_share_of_nothing_allows_nothing() -> None:
    budget = CallBudget(0.0)
    for _ in range(1000):
        budget.earn()
    assert not budget.spend()
