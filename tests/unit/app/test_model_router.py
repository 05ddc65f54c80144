"""Who is asked first, and how: by strength, price and what is left of the deadline."""

from __future__ import annotations

import pytest

from chalicelib.latency_estimates import LatencyEstimates, Prior, Quantiles
from chalicelib.model_router import Model, Route, can_say_something, family_of, ranked
from tests.fakes import FakeClock


def a_prior(first: float, hundred_characters: float) -> Prior:
    pace = hundred_characters / 100
    return Prior(Quantiles(first, first * 1.2), Quantiles(pace, pace * 1.2))


STRONG = Model("strong", strength=2, usd_in=1, usd_out=5, prior=a_prior(0.2, 0.2))
STRONG_ELSEWHERE = Model("elsewhere", strength=2, usd_in=1.1, usd_out=5.5, prior=STRONG.prior)
CHEAP = Model("cheap", strength=1, usd_in=0.1, usd_out=0.5, prior=a_prior(0.1, 0.1))
SLOW = Model("slow", strength=3, usd_in=3, usd_out=15, prior=a_prior(0.8, 0.7))
TABLE = (SLOW, STRONG, STRONG_ELSEWHERE, CHEAP)
ROUTE = Route(tuple(model.id for model in TABLE), 150, answer_characters=100, table=TABLE)


@pytest.fixture
def estimates() -> LatencyEstimates:
    return LatencyEstimates(FakeClock())


@pytest.mark.parametrize(
    ("seconds", "order"),
    [
        (2.0, ["slow", "strong", "elsewhere", "cheap"]),
        (0.8, ["strong", "elsewhere", "cheap", "slow"]),
        (0.3, ["cheap", "elsewhere", "strong", "slow"]),
        (0.1, ["cheap", "elsewhere", "strong", "slow"]),
    ],
)
def test_the_strongest_that_is_expected_in_time_comes_first_then_the_fastest(
    estimates: LatencyEstimates, seconds: float, order: list[str]
) -> None:
    assert ranked(ROUTE, ROUTE.models, estimates, seconds) == order


def test_of_equals_the_cheaper_comes_first_whatever_the_order(estimates: LatencyEstimates) -> None:
    route = Route(("elsewhere", "strong"), 150, 100, TABLE)
    assert ranked(route, route.models, estimates, 0.8) == ["strong", "elsewhere"]


def test_of_models_nobody_described_the_first_comes_first(estimates: LatencyEstimates) -> None:
    route = Route(("b", "a"), 150)
    assert ranked(route, route.models, estimates, 0.8) == ["b", "a"]


def test_what_was_measured_moves_a_model_back_and_its_age_brings_it_again() -> None:
    clock = FakeClock()
    estimates = LatencyEstimates(clock)
    route = Route(("strong", "cheap"), 150, 100, TABLE)
    for _ in range(10):
        estimates.note_first_token("strong", 0.7)
    assert ranked(route, route.models, estimates, 0.8) == ["cheap", "strong"]
    clock.advance(1800)
    assert ranked(route, route.models, estimates, 0.8) == ["strong", "cheap"]


def test_one_late_call_moves_no_traffic(estimates: LatencyEstimates) -> None:
    estimates.note_first_token("strong", 3.0)
    assert ranked(ROUTE, ("strong", "cheap"), estimates, 0.8) == ["strong", "cheap"]


def test_only_who_can_say_a_sentence_in_time_is_worth_a_call(estimates: LatencyEstimates) -> None:
    assert can_say_something(STRONG, estimates, 0.37)
    assert not can_say_something(STRONG, estimates, 0.35)


def test_a_call_costs_what_the_table_says() -> None:
    assert STRONG.usd(1_000_000, 0) == pytest.approx(1.0)
    assert STRONG.usd(300, 40) == pytest.approx(0.0005)
    assert ROUTE.model("unheard-of").usd(10, 10) == 0.0


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
