"""What a model is expected to take: its configured figures, what was seen, and how that ages."""

from __future__ import annotations

import pytest

from chalicelib.latency_estimates import (
    HALF_LIFE_SECONDS,
    PRIOR_WEIGHT,
    SAMPLES,
    SHORTEST_PACED,
    LatencyEstimates,
    Prior,
    Quantiles,
    weighted_quantile,
)
from chalicelib.model_router import Model
from tests.fakes import FakeClock

MODEL = Model("model", prior=Prior(Quantiles(0.2, 0.3), Quantiles(0.001, 0.002)))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def estimates(clock: FakeClock) -> LatencyEstimates:
    return LatencyEstimates(clock)


def test_before_anything_was_seen_the_configured_figures_hold(estimates: LatencyEstimates) -> None:
    assert estimates.first_token(MODEL, 0.5) == 0.2
    assert estimates.first_token(MODEL, 0.95) == 0.3
    assert estimates.seconds(MODEL, 0.5, 100) == pytest.approx(0.3)
    assert estimates.seconds(MODEL, 0.95, 100) == pytest.approx(0.5)


def test_what_was_seen_takes_over(estimates: LatencyEstimates) -> None:
    for number in range(SAMPLES * 2):
        estimates.note_first_token("model", 1.0 + number % 2)
        estimates.note_text("model", 1.0, 100)
    assert estimates.first_token(MODEL, 0.5) == 1.0
    assert estimates.first_token(MODEL, 0.95) == 2.0
    assert estimates.seconds(MODEL, 0.5, 100) == pytest.approx(2.0)
    assert estimates.first_token(Model("other"), 0.5) == Prior().first.p50


def test_what_was_seen_ages_until_the_configured_figures_hold_again(
    estimates: LatencyEstimates, clock: FakeClock
) -> None:
    for _ in range(int(PRIOR_WEIGHT) * 2):
        estimates.note_first_token("model", 1.0)
    assert estimates.first_token(MODEL, 0.5) == 1.0
    clock.advance(HALF_LIFE_SECONDS * 2)
    assert estimates.first_token(MODEL, 0.5) == 0.25
    clock.advance(HALF_LIFE_SECONDS * 8)
    assert estimates.first_token(MODEL, 0.95) == 0.3


def test_silence_is_worth_knowing_only_where_more_was_to_be_expected(
    estimates: LatencyEstimates,
) -> None:
    for _ in range(30):
        estimates.note_silence(MODEL, 0.05)
    assert estimates.first_token(MODEL, 0.5) == 0.2
    for _ in range(30):
        estimates.note_silence(MODEL, 0.7)
    assert estimates.first_token(MODEL, 0.5) == 0.7


def test_a_few_characters_say_nothing_about_a_pace(estimates: LatencyEstimates) -> None:
    for _ in range(50):
        estimates.note_text("model", 5.0, SHORTEST_PACED - 1)
    assert estimates.seconds(MODEL, 0.5, 100) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("quantile", "value"), [(0.0, 1.0), (0.5, 1.0), (0.51, 2.0), (0.9, 2.0), (1.0, 3.0)]
)
def test_a_weighted_quantile_has_its_share_of_the_weight_at_or_below(
    quantile: float, value: float
) -> None:
    assert weighted_quantile([(3.0, 1.0), (1.0, 5.0), (2.0, 4.0)], quantile) == value
