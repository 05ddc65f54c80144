"""Who is asked, how, and who rests: every rest ends by the injected clock."""

from __future__ import annotations

import pytest

from chalicelib.model_router import (
    FAILED_REST_SECONDS,
    FAILURES_BEFORE_REST,
    THROTTLED_REST_SECONDS,
    Breakers,
    Route,
    family_of,
)
from tests.fakes import FakeClock

ROUTE = Route(("first", "second"), 150)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breakers(clock: FakeClock) -> Breakers:
    return Breakers(clock)


def test_all_models_are_available_in_the_routes_order(breakers: Breakers) -> None:
    assert breakers.available(ROUTE) == ("first", "second")


def test_a_throttled_model_rests_at_once_and_comes_back(
    breakers: Breakers, clock: FakeClock
) -> None:
    breakers.throttled("first")
    assert breakers.available(ROUTE) == ("second",)
    clock.advance(THROTTLED_REST_SECONDS - 0.1)
    assert breakers.available(ROUTE) == ("second",)
    clock.advance(0.1)
    assert breakers.available(ROUTE) == ("first", "second")


def test_a_failing_model_rests_only_when_it_fails_again(
    breakers: Breakers, clock: FakeClock
) -> None:
    for _ in range(FAILURES_BEFORE_REST - 1):
        breakers.failed("first")
    assert breakers.available(ROUTE) == ("first", "second")
    breakers.failed("first")
    assert breakers.available(ROUTE) == ("second",)
    clock.advance(FAILED_REST_SECONDS)
    assert breakers.available(ROUTE) == ("first", "second")


def test_a_success_forgets_earlier_failures(breakers: Breakers) -> None:
    for _ in range(FAILURES_BEFORE_REST - 1):
        breakers.failed("first")
    breakers.succeeded("first")
    for _ in range(FAILURES_BEFORE_REST - 1):
        breakers.failed("first")
    assert "first" in breakers.available(ROUTE)


def test_after_a_rest_a_model_needs_as_many_failures_again(
    breakers: Breakers, clock: FakeClock
) -> None:
    for _ in range(FAILURES_BEFORE_REST):
        breakers.failed("first")
    clock.advance(FAILED_REST_SECONDS)
    breakers.failed("first")
    assert "first" in breakers.available(ROUTE)


def test_nobody_is_available_when_all_rest(breakers: Breakers) -> None:
    breakers.throttled("first")
    breakers.throttled("second")
    assert breakers.available(ROUTE) == ()


@pytest.mark.parametrize("geography", ["", "global.", "us.", "eu."])
def test_quirks_follow_the_family_whatever_the_geography(geography: str) -> None:
    haiku_5 = family_of(f"{geography}anthropic.claude-haiku-5-5")
    assert not haiku_5.sampling
    assert haiku_5.extra == {"thinking": {"type": "disabled"}}
    haiku_4 = family_of(f"{geography}anthropic.claude-haiku-4-5-20251001-v1:0")
    assert set(haiku_4.sampling) == {"temperature"}
    assert not haiku_4.extra


def test_a_model_nobody_knows_is_asked_plainly() -> None:
    family = family_of("someone.new-model-v1")
    assert not family.sampling
    assert not family.extra
