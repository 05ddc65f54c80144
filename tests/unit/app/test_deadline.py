"""One turn's time budget, on a clock that the test moves."""

from __future__ import annotations

import pytest

from chalicelib.deadline import LAMBDA_MARGIN_SECONDS, Deadline
from tests.fakes import FakeClock


def test_a_deadline_counts_down_and_never_below_zero() -> None:
    clock = FakeClock()
    deadline = Deadline.after(0.8, clock=clock)
    clock.advance(0.3)
    assert deadline.remaining() == pytest.approx(0.5)
    assert not deadline.is_over()
    clock.advance(1)
    assert deadline.remaining() == 0
    assert deadline.is_over()


def test_what_lambda_has_left_ends_a_deadline_sooner() -> None:
    deadline = Deadline.after(0.8, lambda_remaining_ms=500, clock=FakeClock())
    assert deadline.remaining() == pytest.approx(0.5 - LAMBDA_MARGIN_SECONDS)


def test_an_invocation_without_time_has_a_deadline_that_is_over() -> None:
    assert Deadline.after(0.8, lambda_remaining_ms=10, clock=FakeClock()).is_over()


def test_plenty_of_lambda_time_changes_nothing() -> None:
    deadline = Deadline.after(0.8, lambda_remaining_ms=10_000, clock=FakeClock())
    assert deadline.remaining() == pytest.approx(0.8)


def test_keeping_back_moves_the_end_and_shares_the_clock() -> None:
    clock = FakeClock()
    earlier = Deadline.after(0.8, clock=clock).keeping_back(0.1)
    clock.advance(0.7)
    assert earlier.remaining() == pytest.approx(0, abs=1e-6)


def test_a_wait_takes_the_sooner_of_its_own_limit_and_the_deadline() -> None:
    clock = FakeClock()
    deadline = Deadline.after(0.8, clock=clock)
    assert deadline.sooner_of(0.12) == 0.12
    clock.advance(0.75)
    assert deadline.sooner_of(0.12) == pytest.approx(0.05)
