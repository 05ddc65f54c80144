"""Refreshes beside turns that memory has answered: by one caller, never waited for, never lost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import refreshing
from chalicelib.answer import Answer, Source
from chalicelib.answer_table import LEASE_SECONDS
from chalicelib.answers import answer_key, grounded_answer
from chalicelib.refreshing import AGAIN_SECONDS, LOST_SECONDS
from chalicelib.services import Services
from tests.fakes import SETTINGS, Reply, World, a_question, settle_refreshes

QUESTION = a_question(is_folded=True)
WHOLE = Reply("It runs on Lambda. It is serverless.")
FREEZE_SECONDS = 60.0


@pytest.fixture
def world() -> Iterator[World]:
    """One environment that knows an answer, which has just grown stale."""
    world = World()
    world.models.replies = [WHOLE]
    assert ask(world).source is Source.MODEL
    world.clock.advance(SETTINGS.answer_fresh_seconds + 1)
    world.table.calls.clear()
    yield world
    world.table.open.set()


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that is known to end by its time-out need not be long."""
    monkeypatch.setattr(refreshing, "WAIT_SECONDS", 0.01)


@pytest.fixture
def long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for until it has happened must not depend on the machine's speed."""
    monkeypatch.setattr(refreshing, "WAIT_SECONDS", 10.0)


def ask(world: World, services: Services | None = None) -> Answer:
    return grounded_answer(QUESTION, world.deadline(10), services or world.services)


def item(world: World) -> dict[str, Any]:
    return world.table.items[answer_key(QUESTION, world.services)]


def finish(world: World, text: str = "Refreshed. Whole.") -> None:
    """What `generate_answer` does with the last hand-off."""
    question, claim = world.background.tasks[-1]
    world.models.replies = [Reply(text, seconds=0)]
    grounded_answer.make_and_store(question, claim, world.deadline(12), world.environment())


def test_a_stale_answer_in_memory_is_served_without_waiting_for_the_table(world: World) -> None:
    world.table.open.clear()
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.STALE, WHOLE.text)


def test_its_refresh_is_claimed_and_handed_over_beside_the_turn(world: World) -> None:
    ask(world)
    settle_refreshes(world.services)
    ((question, claim),) = world.background.tasks
    assert question == QUESTION
    assert item(world)["lease_owner"]["S"] == claim.lease
    assert len(world.models.prompts) == 1


def test_of_many_environments_that_know_it_one_has_it_made_anew(world: World) -> None:
    environments = [world.environment() for _ in range(20)]
    entry = world.services.response_cache.memory.entry(_key(world))
    assert entry is not None
    for services in environments:
        services.response_cache.memory.remember(_key(world), entry)
        assert ask(world, services).source is Source.STALE
        settle_refreshes(services)
    assert len(world.background.tasks) == 1


def test_after_a_refresh_memory_learns_the_new_answer_and_stops_asking(world: World) -> None:
    ask(world)
    settle_refreshes(world.services)
    finish(world)
    world.clock.advance(AGAIN_SECONDS + 0.1)
    assert ask(world).text == WHOLE.text
    settle_refreshes(world.services)
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.MEMORY, "Refreshed. Whole.")
    assert len(world.background.tasks) == 1


def test_turns_in_between_leave_the_table_alone(world: World) -> None:
    for _ in range(5):
        assert ask(world).source is Source.STALE
        settle_refreshes(world.services)
    assert world.table.calls == ["UpdateItem"]


def test_a_fresh_answer_whose_turn_it_is_by_chance_is_refreshed_early(world: World) -> None:
    entry = world.services.response_cache.memory.entry(_key(world))
    assert entry is not None
    world.clock.now = entry.fresh_until - 2 * entry.making_seconds
    world.services.response_cache.chance = lambda: 1 - math.exp(-1.9)
    assert ask(world).source is Source.MEMORY
    assert world.table.calls == []
    world.services.response_cache.chance = lambda: 1 - math.exp(-2.1)
    assert ask(world).source is Source.MEMORY
    settle_refreshes(world.services)
    assert len(world.background.tasks) == 1


def test_a_fresh_answer_from_the_table_may_be_refreshed_early_too(world: World) -> None:
    entry = world.services.response_cache.memory.entry(_key(world))
    assert entry is not None
    world.clock.now = entry.fresh_until - entry.making_seconds
    other = world.environment()
    other.response_cache.chance = lambda: math.nextafter(1.0, 0.0)
    assert ask(world, other).source is Source.TABLE
    settle_refreshes(other)
    assert len(world.background.tasks) == 1


def test_while_every_model_rests_nothing_is_handed_over_and_no_lease_is_left(world: World) -> None:
    world.models.resting = True
    assert ask(world).source is Source.STALE
    settle_refreshes(world.services)
    assert world.background.tasks == []
    assert "lease_owner" not in item(world)


def test_a_hand_over_that_is_refused_leaves_no_lease_and_is_tried_again_later(
    world: World,
) -> None:
    world.background.takes = False
    for _ in range(3):
        ask(world)
        settle_refreshes(world.services)
    assert len(world.background.tasks) == 1
    assert "lease_owner" not in item(world)
    world.background.takes = True
    world.clock.advance(AGAIN_SECONDS)
    ask(world)
    settle_refreshes(world.services)
    assert len(world.background.tasks) == 2
    assert item(world)["lease_owner"]["S"] == world.background.tasks[-1][1].lease


def test_a_table_that_rests_is_not_asked_for_refreshes(world: World) -> None:
    for _ in range(2):
        world.services.response_cache.rest.failed()
    assert ask(world).source is Source.STALE
    settle_refreshes(world.services)
    assert world.table.calls == []


def test_a_table_that_fails_is_asked_twice_and_then_rests(world: World) -> None:
    world.table.is_down = True
    for _ in range(7):
        assert ask(world).source is Source.STALE
        settle_refreshes(world.services)
        world.clock.advance(AGAIN_SECONDS / 3)
    assert world.table.calls == ["UpdateItem"] * 2
    assert len(world.lines.of("table failed")) == 2
    assert not world.services.response_cache.rest.is_over()


def test_turns_do_not_wait_for_a_table_that_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.table.is_down = True
    ask(world)
    settle_refreshes(world.services)
    world.clock.advance(AGAIN_SECONDS)
    world.table.open.clear()
    monkeypatch.setattr(refreshing, "wait", lambda *_: pytest.fail("a turn waited"))
    for _ in range(2):
        assert ask(world).source is Source.STALE


def test_a_refresh_that_queued_before_the_table_came_to_rest_leaves_it_alone(world: World) -> None:
    cache = world.services.response_cache
    entry = cache.memory.entry(_key(world))
    assert entry is not None
    for _ in range(2):
        cache.rest.failed()
    attempt = cache.refreshes.begin(QUESTION, _key(world), entry, world.services)
    assert attempt.ended.result(10) == world.clock() + AGAIN_SECONDS
    assert world.table.calls == []


def test_a_refresh_that_succeeds_ends_a_row_of_failures(world: World) -> None:
    rest = world.services.response_cache.rest
    rest.failed()
    ask(world)
    settle_refreshes(world.services)
    rest.failed()
    assert rest.is_over()


def test_what_no_model_answered_is_not_refreshed_for_a_while(world: World) -> None:
    lease = world.services.response_cache.table.claim(_key(world)).lease
    world.services.response_cache.table.release(_key(world), lease, 60)
    for _ in range(2):
        assert ask(world).source is Source.STALE
        settle_refreshes(world.services)
        world.clock.advance(AGAIN_SECONDS + 0.1)
    assert world.table.calls == ["UpdateItem"] * 3
    assert world.background.tasks == []


# The environment is frozen as soon as its reply is out.


@pytest.mark.usefixtures("long_wait")
def test_a_claim_that_was_frozen_for_long_is_not_handed_over_and_the_next_turn_repairs_it(
    world: World,
) -> None:
    world.table.open.clear()
    ask(world)
    world.clock.advance(FREEZE_SECONDS)
    world.table.open.set()
    settle_refreshes(world.services)
    assert world.background.tasks == []
    assert ask(world).source is Source.STALE
    ((_, claim),) = world.background.tasks
    assert claim.lease_until == world.clock() + LEASE_SECONDS


@pytest.mark.usefixtures("long_wait")
def test_a_connection_that_a_freeze_broke_says_nothing_of_the_table(world: World) -> None:
    world.table.open.clear()
    ask(world)
    world.clock.advance(FREEZE_SECONDS)
    world.table.is_down = True
    world.table.open.set()
    settle_refreshes(world.services)
    world.table.is_down = False
    world.services.response_cache.rest.failed()
    assert ask(world).source is Source.STALE
    assert len(world.background.tasks) == 1, "this one was waited for"


@pytest.mark.usefixtures("long_wait")
def test_what_was_frozen_shortly_is_finished_by_itself_and_not_begun_again(world: World) -> None:
    world.table.open.clear()
    ask(world)
    world.clock.advance(LOST_SECONDS + 1)
    world.table.open.set()
    assert ask(world).source is Source.STALE
    settle_refreshes(world.services)
    assert len(world.background.tasks) == 1
    assert world.table.calls == ["UpdateItem"]


@pytest.mark.usefixtures("short_wait")
def test_a_call_that_stays_frozen_costs_the_next_turn_a_bounded_wait(world: World) -> None:
    world.table.open.clear()
    ask(world)
    world.clock.advance(FREEZE_SECONDS)
    assert ask(world).source is Source.STALE
    assert world.background.tasks == []


@pytest.mark.usefixtures("long_wait")
def test_frozen_after_every_turn_an_environment_still_has_it_refreshed(world: World) -> None:
    world.table.open.clear()
    assert ask(world).source is Source.STALE
    world.clock.advance(FREEZE_SECONDS)
    world.table.open.set()
    assert ask(world).source is Source.STALE
    assert len(world.background.tasks) == 1
    world.clock.advance(AGAIN_SECONDS)
    finish(world)
    world.table.open.clear()
    assert ask(world).source is Source.STALE
    world.clock.advance(FREEZE_SECONDS)
    world.table.open.set()
    ask(world)
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.MEMORY, "Refreshed. Whole.")
    assert len(world.background.tasks) == 1


def _key(world: World) -> str:
    return answer_key(QUESTION, world.services)
