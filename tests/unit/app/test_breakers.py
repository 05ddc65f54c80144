"""Who rests, for how long and who may try first again: every rest ends by the injected clock."""

from __future__ import annotations

import pytest

from chalicelib.breakers import (
    FAILED_REST_SECONDS,
    FAILURES_BEFORE_REST,
    LONGEST_REST_SECONDS,
    PROBE_SECONDS,
    THROTTLED_REST_SECONDS,
    Breakers,
)
from chalicelib.model_router import Route
from tests.fakes import FakeClock

ROUTE = Route(("first", "second"), 150)
BOTH = ("first", "second")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.fixture
def breakers(clock: FakeClock) -> Breakers:
    return Breakers(clock, jitter=lambda: 1.0)


def rest_of(breakers: Breakers, clock: FakeClock) -> float:
    """Seconds until the first model may be asked again, in steps of 0.25 s."""
    started = clock.now
    while "first" not in breakers.available(ROUTE):
        clock.advance(0.25)
    return clock.now - started


def test_all_models_are_available_in_the_routes_order(breakers: Breakers) -> None:
    assert breakers.available(ROUTE) == BOTH


def test_a_throttled_model_rests_at_once_and_comes_back(
    breakers: Breakers, clock: FakeClock
) -> None:
    breakers.throttled("first")
    assert breakers.available(ROUTE) == ("second",)
    assert not breakers.begin("first")
    assert rest_of(breakers, clock) == THROTTLED_REST_SECONDS


def test_each_further_rest_is_twice_as_long_until_a_success(
    breakers: Breakers, clock: FakeClock
) -> None:
    rests = []
    for _ in range(12):
        breakers.throttled("first")
        rests.append(rest_of(breakers, clock))
        assert breakers.begin("first")
    assert rests[:4] == [0.25, 0.5, 1.0, 2.0]
    assert rests[-1] == LONGEST_REST_SECONDS
    breakers.succeeded("first")
    breakers.throttled("first")
    assert rest_of(breakers, clock) == THROTTLED_REST_SECONDS


def test_rests_differ_between_environments_by_up_to_half(clock: FakeClock) -> None:
    early, late = Breakers(clock, jitter=lambda: 0.0), Breakers(clock, jitter=lambda: 1.0)
    for breakers in (early, late):
        breakers.throttled("first")
    clock.advance(THROTTLED_REST_SECONDS / 2)
    assert (early.available(ROUTE), late.available(ROUTE)) == (BOTH, ("second",))


def test_a_failing_model_rests_only_when_it_fails_again(
    breakers: Breakers, clock: FakeClock
) -> None:
    for _ in range(FAILURES_BEFORE_REST - 1):
        breakers.failed("first")
    assert breakers.available(ROUTE) == BOTH
    breakers.failed("first")
    assert breakers.available(ROUTE) == ("second",)
    assert rest_of(breakers, clock) == FAILED_REST_SECONDS


def test_a_success_forgets_earlier_failures(breakers: Breakers) -> None:
    for _ in range(2):
        for _ in range(FAILURES_BEFORE_REST - 1):
            breakers.failed("first")
        breakers.succeeded("first")
    assert breakers.available(ROUTE) == BOTH


def test_after_a_rest_one_request_at_a_time_tries(breakers: Breakers, clock: FakeClock) -> None:
    breakers.throttled("first")
    clock.advance(THROTTLED_REST_SECONDS)
    assert breakers.available(ROUTE) == BOTH
    assert breakers.begin("first")
    assert not breakers.begin("first")
    assert breakers.available(ROUTE) == ("second",)
    breakers.succeeded("first")
    assert breakers.begin("first")
    assert breakers.begin("first"), "a healthy model is asked by as many as like"


def test_a_failed_probe_rests_the_model_at_once(breakers: Breakers, clock: FakeClock) -> None:
    for _ in range(FAILURES_BEFORE_REST):
        breakers.failed("first")
    clock.advance(FAILED_REST_SECONDS)
    assert breakers.begin("first")
    breakers.failed("first")
    assert rest_of(breakers, clock) == 2 * FAILED_REST_SECONDS


def test_a_probe_without_a_verdict_leaves_the_next_request_to_try(
    breakers: Breakers, clock: FakeClock
) -> None:
    breakers.throttled("first")
    clock.advance(THROTTLED_REST_SECONDS)
    assert breakers.begin("first")
    breakers.let_go("first")
    assert breakers.begin("first")
    clock.advance(PROBE_SECONDS)
    assert breakers.begin("first"), "the environment of the last probe is gone"


def test_nobody_is_available_when_all_rest(breakers: Breakers) -> None:
    breakers.throttled("first")
    breakers.throttled("second")
    assert breakers.available(ROUTE) == ()
