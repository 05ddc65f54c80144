"""What is known of an invocation, and the health check that a release sends."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import invocation
from chalicelib.invocation import HEALTH_EVENT, Invocation, answers_health
from tests.fakes import FakeContext


@pytest.fixture(autouse=True)
def new_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation, "_seen_first_invocation", False)


@answers_health
def lex_fulfillment(event: Any, context: Any) -> Any:
    return ["reached", event]


def test_the_context_tells_who_runs_and_for_how_long() -> None:
    running = Invocation.of(FakeContext(1_500))
    assert (running.request_id, running.function_version) == ("request-1", "7")
    assert running.remaining_ms() == 1_500


def test_nobody_counts_without_a_context() -> None:
    running = Invocation.of(None)
    assert running.remaining_ms() is None
    assert (running.request_id, running.function_version) == ("", "")


def test_an_environments_first_invocation_is_cold_and_later_ones_warm() -> None:
    assert [Invocation.of(None).start_kind for _ in range(3)] == ["cold", "warm", "warm"]


def test_provisioned_concurrency_is_never_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")
    assert [Invocation.of(None).start_kind for _ in range(2)] == ["provisioned"] * 2


def test_a_health_check_is_answered_before_the_function() -> None:
    assert lex_fulfillment(dict(HEALTH_EVENT), FakeContext()) == {
        "ok": True,
        "function": "lex_fulfillment",
        "version": "7",
    }


@pytest.mark.parametrize("event", [{}, None, {"atlas": "other"}, {**HEALTH_EVENT, "more": 1}])
def test_any_other_event_reaches_the_function(event: Any) -> None:
    assert lex_fulfillment(event, FakeContext()) == ["reached", event]
