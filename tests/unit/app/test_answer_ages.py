"""Ages: jitter in its bounds, early refresh as the paper has it, failures that count briefly."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.answer import Answer, Generated, Source
from chalicelib.answer_ages import (
    FAILED_SECONDS,
    JITTER,
    REFUSED_SECONDS,
    Ages,
    is_due,
    refused_seconds,
)

AGES = Ages(fresh_seconds=1_000.0, stale_seconds=5_000.0)
CHANCES = st.floats(0, 1, exclude_max=True)


@given(CHANCES)
def test_jitter_shortens_and_never_lengthens_and_keeps_stale_after_fresh(chance: float) -> None:
    fresh, stale = AGES.ends(100.0, chance)
    assert 100 + (1 - JITTER) * 1_000 <= fresh <= 1_100
    assert 100 + (1 - JITTER) * 5_000 <= stale <= 5_100
    assert fresh < stale


def test_two_answers_of_one_moment_end_at_different_times() -> None:
    assert AGES.ends(0.0, 0.0) != AGES.ends(0.0, 0.5)


@given(CHANCES, st.floats(0, 60))
def test_past_its_fresh_time_an_answer_is_due_to_everyone(chance: float, making: float) -> None:
    assert is_due(fresh_until=100.0, making_seconds=making, now=100.0, chance=chance)


@given(CHANCES)
def test_what_takes_no_time_to_make_is_never_due_early(chance: float) -> None:
    assert not is_due(fresh_until=100.0, making_seconds=0.0, now=99.9, chance=chance)


@pytest.mark.parametrize("left", [0.5, 1.0, 3.0])
def test_the_share_of_early_refreshes_falls_with_the_time_left_as_in_the_paper(left: float) -> None:
    """P(-ln u >= left / delta) = exp(-left / delta)."""
    chance = random.Random(4).random
    making, draws = 0.75, 20_000
    due = sum(is_due(left, making, now=0.0, chance=chance()) for _ in range(draws))
    assert due / draws == pytest.approx(math.exp(-left / making), abs=0.01)


def test_the_least_and_the_greatest_draw_are_both_taken() -> None:
    assert not is_due(100.0, 1.0, now=99.0, chance=0.0)
    assert is_due(100.0, 1.0, now=70.0, chance=math.nextafter(1.0, 0.0))


@pytest.mark.parametrize(
    ("reason", "in_turn", "at_last"),
    [
        ("refused", REFUSED_SECONDS, REFUSED_SECONDS),
        ("max_tokens", REFUSED_SECONDS, REFUSED_SECONDS),
        ("end_turn", REFUSED_SECONDS, REFUSED_SECONDS),
        ("tool_use", REFUSED_SECONDS, REFUSED_SECONDS),
        ("failed", FAILED_SECONDS, FAILED_SECONDS),
        ("deadline", 0.0, FAILED_SECONDS),
        ("resting", 0.0, 0.0),
        ("cancelled", 0.0, 0.0),
    ],
)
def test_how_long_a_failure_counts(reason: str, in_turn: float, at_last: float) -> None:
    made = Answer("The floor.", Source.GROUNDED, generated=Generated("", reason))
    assert (refused_seconds(made), refused_seconds(made, is_last=True)) == (in_turn, at_last)


def test_a_whole_answer_counts_as_no_failure_even_when_it_was_cut_at_its_last_sentence() -> None:
    made = Answer("It is whole.", Source.MODEL, "m", Generated("It is whole. And", "max_tokens"))
    assert refused_seconds(made) == 0.0
    assert refused_seconds(Answer("The floor.", Source.GROUNDED)) == 0.0
