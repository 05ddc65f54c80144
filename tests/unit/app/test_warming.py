"""keep_warm: shared answers made ahead, once each, within a budget, whatever fails."""

from __future__ import annotations

from threading import Barrier, Lock

import pytest

from chalicelib import warming
from chalicelib.answer import Answer, Source
from chalicelib.answer_ages import JITTER
from chalicelib.answers import answer_key, grounded_answer
from chalicelib.errors import ThrottledError
from chalicelib.warming import AHEAD_SECONDS, fill_memory, sample_questions, warm_answers
from tests.fakes import SETTINGS, Reply, World, an_invocation, settle_table_calls

QUESTIONS = sample_questions(World().services)
ALL = len(QUESTIONS)
BUDGET = 40
FRESH_SECONDS = SETTINGS.answer_fresh_seconds
UTTERANCES = {
    "GreetingIntent": ("Hello!", "hello", "my name is Eleanor"),
    "AboutDemoIntent": ("how does the demo work",),
    "CloseIntent": ("bye",),
}


@pytest.fixture
def world() -> World:
    """One environment whose model answers at once."""
    world = World()
    world.models.replies = [Reply(seconds=0)]
    return world


def warm(
    world: World, remaining_ms: float | None = None, budget: int | None = None
) -> dict[str, int]:
    services = world.services
    if budget is not None:
        services = world.with_settings(warming_model_calls=budget)
    return warm_answers(an_invocation(remaining_ms), services).to_json()


def answered(world: World) -> set[str]:
    return {key for key, item in world.table.items.items() if "answer" in item}


def test_questions_are_canonical_shared_and_asked_once_a_channel(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "utterances_by_intent", lambda locale: UTTERANCES)
    questions = [(q.intent, q.text, q.channel) for q in sample_questions(world.services)]
    assert questions == [
        ("GreetingIntent", "hello", "chat"),
        ("GreetingIntent", "hello", "phone"),
        ("AboutDemoIntent", "how does the demo work", "chat"),
        ("AboutDemoIntent", "how does the demo work", "phone"),
    ]


def test_the_shipped_utterances_cover_every_grounded_intent() -> None:
    assert {q.intent for q in QUESTIONS} == {
        "GreetingIntent",
        "AboutTechnologyIntent",
        "AboutDemoIntent",
    }
    assert len(set(QUESTIONS)) == ALL > BUDGET


def test_one_run_of_every_deployment_can_make_everything() -> None:
    assert SETTINGS.warming_model_calls >= ALL


def test_one_run_makes_every_answer_and_the_next_none(world: World) -> None:
    assert warm(world) == {"made": ALL, "fresh": 0, "failed": 0, "left": 0}
    assert answered(world) == {answer_key(question, world.services) for question in QUESTIONS}
    world.table.calls.clear()
    assert warm(world) == {"made": 0, "fresh": ALL, "failed": 0, "left": 0}
    assert len(world.models.prompts) == ALL
    assert set(world.table.calls) == {"BatchGetItem"}


def test_a_run_makes_as_many_answers_as_its_budget_allows(world: World) -> None:
    done = warm(world, budget=BUDGET)
    assert done == {"made": BUDGET, "fresh": 0, "failed": 0, "left": ALL - BUDGET}
    assert len(world.models.prompts) == BUDGET


def test_what_is_missing_comes_before_what_is_old(world: World) -> None:
    warm(world, budget=BUDGET)
    first = answered(world)
    world.clock.advance(FRESH_SECONDS + 1)
    done = warm(world, budget=ALL - BUDGET)
    assert done == {"made": ALL - BUDGET, "fresh": 0, "failed": 0, "left": BUDGET}
    assert len(answered(world) - first) == ALL - BUDGET


def test_of_what_is_stale_the_oldest_comes_first(world: World) -> None:
    for _ in range(3):
        warm(world, budget=BUDGET)
        world.clock.advance(60)
    created = {key: float(item["created_at"]["N"]) for key, item in world.table.items.items()}
    oldest = {key for key, at in created.items() if at == min(created.values())}
    warm(world, budget=ALL - 3 * BUDGET)
    world.clock.advance(FRESH_SECONDS)
    before = world.clock()
    warm(world, budget=BUDGET)
    renewed = {
        key for key, item in world.table.items.items() if float(item["created_at"]["N"]) >= before
    }
    assert renewed == oldest


def test_an_answer_is_made_anew_before_visitors_find_it_stale(world: World) -> None:
    warm(world)
    ends = min(float(item["fresh_until"]["N"]) for item in world.table.items.values())
    world.clock.now = ends - AHEAD_SECONDS - 1
    assert warm(world)["made"] == 0
    world.clock.now = ends - AHEAD_SECONDS + 1
    assert warm(world)["made"] > 0


def test_answers_of_one_run_do_not_end_together(world: World) -> None:
    warm(world)
    ends = [float(item["fresh_until"]["N"]) for item in world.table.items.values()]
    assert max(ends) - min(ends) > JITTER / 2 * FRESH_SECONDS
    world.clock.now = min(ends) - AHEAD_SECONDS + 60
    assert warm(world)["made"] < ALL / 10


def test_several_are_made_at_once_and_never_more_than_configured(world: World) -> None:
    at_once, most, lock, met = 0, 0, Lock(), Barrier(SETTINGS.warming_at_once)

    def count() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        # Everybody waits here until as many are there as may be; more would break the barrier.
        met.wait(10)
        with lock:
            at_once -= 1

    world.models.before_answer = count
    warm(world, budget=2 * SETTINGS.warming_at_once)
    assert most == SETTINGS.warming_at_once


def test_nothing_is_claimed_while_every_model_rests(world: World) -> None:
    world.models.resting = True
    assert warm(world)["left"] == ALL
    assert world.table.items == {}


def test_a_visitor_gets_what_was_warmed_from_the_table(world: World) -> None:
    warm(world)
    answer = grounded_answer(QUESTIONS[0], world.deadline(), world.environment())
    assert answer.source is Source.TABLE


def test_what_another_is_making_is_left_to_it(world: World) -> None:
    for question in QUESTIONS:
        world.services.response_cache.table.claim(answer_key(question, world.services))
    assert warm(world)["fresh"] == ALL
    assert world.models.prompts == []


@pytest.mark.parametrize("reason", ["failed", "refused"])
def test_failures_are_counted_against_the_budget_and_not_tried_again_at_once(
    world: World, reason: str
) -> None:
    world.models.replies = [Reply("", seconds=0, stop_reason=reason)]
    done = warm(world, budget=BUDGET)
    assert (done["made"], done["failed"]) == (0, BUDGET)
    assert answered(world) == set()
    assert not any("lease_owner" in item for item in world.table.items.values())
    assert warm(world, budget=BUDGET)["failed"] == BUDGET
    assert len(world.models.prompts) == BUDGET


def test_a_failing_table_asks_no_model(world: World) -> None:
    world.table.is_down = True
    assert warm(world) == {"made": 0, "fresh": 0, "failed": 0, "left": ALL}
    assert world.models.prompts == []
    assert len(world.lines.of("table failed")) == 1


def test_a_table_that_fails_at_storing_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise ThrottledError("dynamodb", "ThrottlingException")

    monkeypatch.setattr(world.services.response_cache.table, "store", refuse)
    assert warm(world, budget=BUDGET)["failed"] == BUDGET


def test_a_run_without_time_makes_nothing(world: World) -> None:
    assert warm(world, remaining_ms=10_000)["left"] == ALL
    assert world.models.prompts == []


def test_what_a_run_did_is_one_line(world: World) -> None:
    done = warm(world)
    (line,) = world.lines.of("warmed")
    assert {name: line[name] for name in done} == done


# An environment's start.


def test_a_new_environment_knows_what_was_warmed_before_its_first_visitor(world: World) -> None:
    warm(world)
    services = world.environment()
    fill_memory(services)
    world.table.calls.clear()
    for question in QUESTIONS:
        assert grounded_answer(question, world.deadline(), services).source is Source.MEMORY
    assert world.table.calls == []


def test_a_table_that_fails_keeps_no_environment_from_starting(world: World) -> None:
    world.table.is_down = True
    fill_memory(world.services)
    (line,) = world.lines.of("memory not filled")
    assert line["failed"] == -(-ALL // 100)


def test_a_table_that_hangs_is_not_waited_for_and_fills_memory_when_it_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm(world)
    services = world.environment()
    monkeypatch.setattr(warming, "FILL_SECONDS", 0)
    world.table.open.clear()
    try:
        fill_memory(services)
        assert world.lines.of("memory not filled")[0]["late"] == -(-ALL // 100)
    finally:
        world.table.open.set()
    settle_table_calls(services)
    assert len(services.response_cache.memory) == ALL


def test_a_fill_that_comes_late_takes_no_newer_answer_away(world: World) -> None:
    warm(world)
    cache, key = (
        world.environment().response_cache,
        grounded_answer.key(QUESTIONS[0], world.services),
    )
    world.clock.advance(1)
    newer = grounded_answer.entry(Answer("Newer. Whole.", Source.MODEL), world.services)
    cache.memory.remember(key, newer)
    cache.start_fill([key]).result(10)
    assert cache.memory.entry(key) == newer
