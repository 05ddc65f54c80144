"""Whom a race asks and when, and whose words are taken: streams played by hand, on a fake clock."""

from __future__ import annotations

import math

import pytest

from chalicelib.breakers import FAILURES_BEFORE_REST, Breakers
from chalicelib.call_budget import CallBudget
from chalicelib.deadline import Deadline
from chalicelib.errors import ContentRefusedError, RetryableDependencyError, ThrottledError
from chalicelib.latency_estimates import LatencyEstimates, Prior, Quantiles
from chalicelib.model_race import FAIR_SECONDS, LATE_FACTOR, SENDING_SECONDS, Race, Runners
from chalicelib.model_router import Model, RacePolicy, Route
from chalicelib.model_stream import SERVICE, ModelStream
from tests.fakes import FakeClock

ROUTE = Route(("first", "second", "third"), 150)
SECONDS = 0.75
POLICY = RacePolicy(hedge_share=0.05, hedge_after_seconds=0.28, stall_seconds=0.15)


class Track:
    """A race and its clock; `ask` does what the turn would."""

    def __init__(self, route: Route = ROUTE, policy: RacePolicy = POLICY) -> None:
        self.clock = FakeClock(0.0)
        self.breakers = Breakers(self.clock, jitter=lambda: 1.0)
        self.estimates = LatencyEstimates(self.clock)
        self.budget = CallBudget(policy.hedge_share)
        self.runners = Runners(self.breakers, self.estimates, policy, self.budget)
        self.route = route
        self.race = self.new_race()

    def new_race(self) -> Race:
        self.race = Race(self.route, self.runners, self.clock() + SECONDS)
        return self.race

    def ask(self, at: float | None = None) -> str | None:
        if at is not None:
            self.clock.now = at
        self.race.look(self.clock())
        model = self.race.next_model(self.clock())
        if model is not None:
            deadline = Deadline(self.race.ends_at, self.clock)
            stream = ModelStream(model, deadline, lambda: None, self.clock())
            stream.note_sent()
            self.race.streams.append(stream)
        return model

    def says(self, number: int, text: str, at: float) -> None:
        self.clock.now = at
        self.race.streams[number]._hear(text)

    def ends(self, number: int, error: Exception | None = None) -> None:
        stream = self.race.streams[number]
        stream.error, stream.is_over = error, True
        stream.stop_reason = "" if error else "end_turn"
        self.race.look(self.clock())


@pytest.fixture
def track() -> Track:
    return Track()


def test_a_late_first_token_brings_a_second_request_and_no_third(track: Track) -> None:
    assert track.ask() == "first"
    assert track.race.wakes_at() == 0.28
    assert track.ask(at=0.279) is None
    assert track.ask(at=0.28) == "second"
    assert track.race.is_hedged
    assert track.race.wakes_at() == SECONDS
    assert track.ask(at=0.6) is None


def test_a_request_that_is_still_on_its_way_does_not_make_its_model_late(track: Track) -> None:
    track.ask()
    track.race.streams[0].sent_at = None
    assert track.race.wakes_at() == pytest.approx(0.28 + SENDING_SECONDS)
    track.clock.now = 0.05
    track.race.streams[0].note_sent()
    assert track.race.wakes_at() == pytest.approx(0.33)
    track.says(0, "It", at=0.25)
    track.ends(0)
    assert list(track.estimates._samples("first").first) == [(0.25, pytest.approx(0.2))]


def test_a_first_token_in_time_brings_none(track: Track) -> None:
    track.ask()
    track.says(0, "It ", at=0.27)
    assert track.ask(at=0.28) is None
    assert not track.race.is_hedged


@pytest.mark.parametrize(
    ("median", "p95", "moment"),
    [(0.1, 0.12, 0.12 * LATE_FACTOR), (0.19, 0.245, 0.28), (0.3, 0.6, 0.3 * LATE_FACTOR)],
)
def test_how_late_is_late_follows_what_the_model_takes(
    median: float, p95: float, moment: float
) -> None:
    """Fast models are late sooner, slow ones are given at least a little more than their median."""
    prior = Prior(Quantiles(median, p95), Prior().character)
    table = tuple(Model(id_, prior=prior) for id_ in ROUTE.models)
    track = Track(Route(ROUTE.models, 150, table=table))
    track.ask()
    assert track.race.wakes_at() == pytest.approx(moment)


def test_without_a_share_or_another_model_there_is_no_second_request() -> None:
    for track in (Track(policy=RacePolicy(hedge_share=0.0)), Track(Route(("first",), 150))):
        assert track.ask() == "first"
        assert track.ask(at=0.3) is None
        assert not track.race.is_hedged


def test_a_spent_budget_is_said_and_the_first_is_waited_for(track: Track) -> None:
    while track.budget.spend():
        pass
    track.ask()
    assert track.ask(at=0.3) is None
    assert (track.race.is_hedged, track.race.hedge_was_skipped) == (False, True)
    assert track.race.wakes_at() == SECONDS


def test_where_another_turn_takes_the_only_candidate_nothing_is_spent(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the taking, its breaker let that turn try it after a rest."""
    track.ask()
    monkeypatch.setattr(track.breakers, "begin", lambda _: False)
    assert track.ask(at=0.3) is None
    assert (track.race.is_hedged, track.race.hedge_was_skipped) == (False, True)
    assert track.budget.spend(), "it cost nothing"


def test_without_a_budget_the_try_after_a_rest_is_left_to_another_turn() -> None:
    track = Track(Route(("first", "second"), 150))
    while track.budget.spend():
        pass
    track.breakers.throttled("second")
    track.clock.advance(60)
    track.new_race()
    assert track.ask() == "first"
    assert track.ask(at=track.clock() + 0.3) is None
    assert track.breakers.available(track.route) == track.route.models


def test_second_requests_are_no_more_than_their_share(track: Track) -> None:
    hedges = 0
    for _ in range(400):
        track.new_race()
        track.ask()
        hedges += track.ask(at=track.clock() + 0.3) is not None
        track.race.finish(track.clock(), is_cancelled=True)
    assert 20 <= hedges <= 21


def test_a_second_request_that_could_say_nothing_in_time_is_not_made(track: Track) -> None:
    track.ask()
    track.says(0, "It ", at=0.35)
    assert track.ask(at=0.5) is None
    assert track.race.streams[0].has_stalled
    assert track.race.hedge_was_skipped
    assert track.budget.spend(), "it cost nothing"


def test_a_stream_that_stops_talking_is_a_failure_and_brings_a_second(track: Track) -> None:
    track.ask()
    track.says(0, "It is serverless. It", at=0.2)
    assert track.race.wakes_at() == pytest.approx(0.35)
    assert track.ask(at=0.34) is None
    assert track.ask(at=0.36) == "second"
    assert track.race.errors == ["bedrock-runtime: Stalled"]
    track.new_race()
    for _ in range(FAILURES_BEFORE_REST - 1):
        track.breakers.failed("first")
    assert "first" not in track.breakers.available(ROUTE)


def test_whoever_ends_first_is_taken_whatever_the_other_has(track: Track) -> None:
    track.ask()
    track.ask(at=0.28)
    track.says(0, "One. Two. Three. Fo", at=0.4)
    track.says(1, "Short.", at=0.5)
    assert not track.race.is_over
    track.ends(1)
    assert track.race.is_over
    assert track.race.best is track.race.streams[1]


def test_at_the_deadline_the_most_whole_sentences_are_taken(track: Track) -> None:
    track.ask()
    track.ask(at=0.28)
    track.says(0, "A very long beginning of a sentence that never", at=0.5)
    track.says(1, "Short. And", at=0.6)
    track.race.finish(SECONDS, is_cancelled=False)
    assert track.race.best is track.race.streams[1]


@pytest.mark.parametrize("number", [0, 1])
def test_a_refusal_ends_the_race_and_rests_nobody(track: Track, number: int) -> None:
    track.ask()
    track.ask(at=0.28)
    track.ends(number, ContentRefusedError(SERVICE, "refused"))
    assert track.race.is_over
    assert track.ask() is None
    assert track.race.best is track.race.streams[number]
    track.race.finish(track.clock(), is_cancelled=True)
    assert track.breakers.available(ROUTE) == ROUTE.models


def test_every_model_is_asked_once_when_all_are_throttled(track: Track) -> None:
    for expected in ROUTE.models:
        assert track.ask() == expected
        track.ends(-1, ThrottledError(SERVICE, "ThrottlingException"))
    assert track.ask() is None
    assert track.race.is_over
    assert len(track.race.errors) == len(ROUTE.models)
    assert track.breakers.available(ROUTE) == ()
    assert track.new_race().next_model(track.clock()) is None
    assert track.race.best is None


def test_what_failed_while_another_runs_is_waited_out(track: Track) -> None:
    track.ask()
    track.ask(at=0.28)
    track.ends(1, ThrottledError(SERVICE, "ThrottlingException"))
    assert not track.race.is_over
    assert track.ask() is None


def test_a_failure_too_near_the_deadline_is_the_last_word(track: Track) -> None:
    track.ask()
    track.clock.now = 0.6
    track.ends(0, RetryableDependencyError(SERVICE, "InternalServerException"))
    assert track.ask() is None
    assert track.race.is_over


def test_an_error_of_our_own_is_not_hidden(track: Track) -> None:
    track.breakers.throttled("first")
    track.clock.advance(60)
    track.new_race()
    assert track.ask() == "first"
    with pytest.raises(KeyError):
        track.ends(0, KeyError("stream"))
    assert "first" in track.breakers.available(ROUTE), "the one try after a rest was given back"


@pytest.mark.parametrize(
    ("seconds", "cancelled", "rests"),
    [(FAIR_SECONDS, False, True), (FAIR_SECONDS - 0.1, False, False), (0.6, True, False)],
)
def test_only_who_was_silent_for_a_fair_time_has_failed(
    track: Track, seconds: float, cancelled: bool, rests: bool
) -> None:
    for _ in range(FAILURES_BEFORE_REST):
        race = track.new_race()
        race.streams.append(
            ModelStream("first", Deadline(9e9, track.clock), lambda: None, track.clock())
        )
        track.clock.advance(seconds)
        race.finish(track.clock(), is_cancelled=cancelled)
    assert ("first" not in track.breakers.available(ROUTE)) is rests


def test_only_one_race_at_a_time_tries_a_model_that_rested(track: Track) -> None:
    track.breakers.throttled("first")
    track.clock.advance(60)
    track.new_race()
    assert track.ask() == "first"
    track.new_race()
    assert track.ask() == "second"


def test_nothing_wakes_a_race_of_one_before_its_end() -> None:
    track = Track(Route(("first",), 150), RacePolicy(0.0, 0.28, math.inf))
    track.ask()
    track.says(0, "It", at=0.1)
    assert track.race.wakes_at() == SECONDS
