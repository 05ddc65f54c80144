"""One caller asks a model; the others wait, or are told that there is nothing to wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from chalicelib import single_flight
from chalicelib.answer import Answer, Source
from chalicelib.answer_ages import FAILED_SECONDS, REFUSED_SECONDS
from chalicelib.answer_memory import TABLE_REST_SECONDS
from chalicelib.answer_table import LEASE_SECONDS, Claim, Entry
from chalicelib.answers import answer_key, grounded_answer
from chalicelib.questions import Question
from chalicelib.services import Services
from chalicelib.single_flight import FIRST_LOOK_SECONDS, POLL_SECONDS
from tests.fakes import (
    CONTENTS,
    Reply,
    World,
    a_question,
    client_error,
    settle_refreshes,
    settle_table_calls,
)

FOLDED = a_question(is_folded=True)
RARE = a_question("which technology do you really use today")
FLOOR = CONTENTS.in_locale("en_US").grounded_text("technology", "chat")
WHOLE = Reply("It runs on Lambda. It is serverless.")
REFUSED = Reply("", stop_reason="refused")
FAILED = Reply("", stop_reason="failed")
ENVIRONMENTS = 50


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.models.replies = [WHOLE]
    yield world
    world.table.open.set()


def ask(world: World, question: Question = FOLDED, services: Services | None = None) -> Answer:
    return grounded_answer(question, world.deadline(), services or world.services)


def item(world: World, question: Question = FOLDED) -> dict[str, Any]:
    return world.table.items[answer_key(question, world.services)]


def end_table_calls(services: Services) -> None:
    settle_refreshes(services)
    settle_table_calls(services)


# Many at once.


def test_fifty_environments_that_miss_at_once_make_one_model_call(world: World) -> None:
    stored, claims = Event(), []
    others = [
        replace(world.environment(), sleep=lambda _: assert_set(stored))
        for _ in range(ENVIRONMENTS - 1)
    ]
    with ThreadPoolExecutor(ENVIRONMENTS) as pool:

        def let_the_others_come() -> None:
            claims.extend(pool.submit(ask, world, FOLDED, services) for services in others)
            until(lambda: world.table.calls.count("UpdateItem") == ENVIRONMENTS)

        world.models.before_answer = let_the_others_come
        first = ask(world)
        stored.set()
        answers = [first, *(claim.result(10) for claim in claims)]
    assert len(world.models.prompts) == 1
    assert Counter(str(answer.source) for answer in answers) == {"model": 1, "table": 49}
    assert {answer.text for answer in answers} == {WHOLE.text}


def assert_set(event: Event) -> None:
    assert event.wait(10), "the answer was never stored"


def until(condition: Callable[[], bool]) -> None:
    """Give way to other threads until it holds; the bound is what makes a failure."""
    for _ in range(10_000):
        if condition():
            return
        Event().wait(0.001)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(("begun_ago", "looks"), [(0.0, 3), (0.1, 3), (0.4, 2)])
def test_who_waits_does_not_look_before_a_model_can_have_answered(
    world: World, begun_ago: float, looks: int
) -> None:
    """It finds what is stored 0.36 s after its lease began, or 0.11 s after the question."""
    table, key = world.services.response_cache.table, answer_key(FOLDED, world.services)
    claim, entry = table.claim(key), an_entry(world)
    world.clock.advance(begun_ago)
    stored_at = world.clock() + max(0.36 - begun_ago, 0.11)

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        if world.clock() >= stored_at:
            table.store(key, claim.lease, entry)

    answer = ask(world, services=replace(world.services, sleep=sleep))
    assert answer.source is Source.TABLE
    assert world.clock() - stored_at < POLL_SECONDS
    assert world.table.calls.count("GetItem") == looks


def an_entry(world: World) -> Entry:
    return grounded_answer.entry(Answer("Theirs. Whole.", Source.MODEL), world.services)


def test_who_waits_takes_over_when_the_lease_is_given_back(world: World) -> None:
    table, key = world.services.response_cache.table, answer_key(FOLDED, world.services)
    claim = table.claim(key)

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        table.release(key, claim.lease)

    assert ask(world, services=replace(world.services, sleep=sleep)).source is Source.MODEL
    assert item(world)["answer"]["S"] == WHOLE.text


def test_who_waits_takes_over_when_the_lease_runs_out(world: World) -> None:
    world.services.response_cache.table.claim(answer_key(FOLDED, world.services))
    world.clock.advance(LEASE_SECONDS - 0.3)
    assert ask(world).source is Source.MODEL


def test_who_waits_is_told_when_the_model_refused(world: World) -> None:
    table, key = world.services.response_cache.table, answer_key(FOLDED, world.services)
    claim, started = table.claim(key), world.clock()

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        table.release(key, claim.lease, REFUSED_SECONDS)

    answer = ask(world, services=replace(world.services, sleep=sleep))
    assert (answer.source, answer.text) == (Source.GROUNDED, FLOOR)
    assert world.clock() - started <= FIRST_LOOK_SECONDS
    assert world.models.prompts == []


# What no model answered.


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (REFUSED, REFUSED_SECONDS),
        (Reply("Never one whole", stop_reason="max_tokens"), REFUSED_SECONDS),
        (Reply(" "), REFUSED_SECONDS),
        (FAILED, FAILED_SECONDS),
    ],
)
def test_a_failure_counts_for_a_while_in_every_environment(
    world: World, reply: Reply, seconds: float
) -> None:
    world.models.replies = [reply]
    assert ask(world).source is Source.GROUNDED
    end_table_calls(world.services)
    world.models.replies = [WHOLE]
    started = world.clock()
    for services in (world.services, world.environment()):
        assert ask(world, services=services).source is Source.GROUNDED
    assert world.clock() == started, "nobody waits for what will not come"
    assert len(world.models.prompts) == 1
    assert world.background.tasks == []
    world.clock.advance(seconds + 1)
    assert ask(world, services=world.environment()).source is Source.MODEL


def test_a_refusal_costs_no_look_up_where_it_is_remembered(world: World) -> None:
    world.models.replies = [REFUSED]
    ask(world)
    end_table_calls(world.services)
    world.table.calls.clear()
    assert ask(world).source is Source.GROUNDED
    assert world.table.calls == []


def test_a_refusal_of_one_question_is_no_refusal_of_another(world: World) -> None:
    world.models.replies = [REFUSED, WHOLE]
    ask(world)
    assert ask(world, a_question("which models do you use", is_folded=True)).source is Source.MODEL


def test_a_stale_answer_is_better_than_a_refusal(world: World) -> None:
    ask(world)
    key = answer_key(FOLDED, world.services)
    world.clock.advance(world.services.settings.answer_fresh_seconds + 1)
    table = world.services.response_cache.table
    table.release(key, table.claim(key).lease, REFUSED_SECONDS)
    answer = ask(world, services=world.environment())
    assert (answer.source, answer.text) == (Source.STALE, WHOLE.text)
    assert len(world.models.prompts) == 1


def test_a_hand_off_that_lambda_refuses_leaves_no_lease(world: World) -> None:
    world.background.takes = False
    world.models.replies = [Reply(seconds=5.0)]
    assert ask(world).source is Source.GROUNDED
    end_table_calls(world.services)
    assert "lease_owner" not in item(world)


# A table that does not answer.


def test_a_table_that_failed_twice_is_left_alone_for_a_while(world: World) -> None:
    world.table.is_down = True
    questions = [a_question(text, is_folded=True) for text in ("one", "two", "three", "four")]
    assert {ask(world, question).source for question in questions} == {Source.MODEL}
    assert world.table.calls == ["UpdateItem"] * 2
    world.table.is_down = False
    world.clock.advance(TABLE_REST_SECONDS)
    assert ask(world, a_question("five", is_folded=True)).source is Source.MODEL
    assert world.table.calls == ["UpdateItem"] * 4, "a look-up and a store"


def test_while_the_table_rests_an_answer_is_made_once_and_remembered(world: World) -> None:
    for _ in range(2):
        world.services.response_cache.rest.failed()
    assert [ask(world).source for _ in range(2)] == [Source.MODEL, Source.MEMORY]
    assert world.table.calls == []


def test_while_the_table_rests_a_refusal_is_remembered_too(world: World) -> None:
    for _ in range(2):
        world.services.response_cache.rest.failed()
    world.models.replies = [REFUSED]
    assert [ask(world).source for _ in range(2)] == [Source.GROUNDED] * 2
    assert len(world.models.prompts) == 1


# A question that few will ask again does not wait.


def test_its_model_starts_beside_a_slow_look_up_and_its_answer_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = claims_of(world, monkeypatch)
    world.table.open.clear()
    world.models.before_answer = lambda: come(world, pending)
    assert ask(world, RARE).source is Source.MODEL
    assert item(world, RARE)["answer"]["S"] == WHOLE.text


@pytest.mark.parametrize("question", [RARE, FOLDED])
def test_the_table_s_answer_wins_when_it_comes_first_and_ends_the_model_s(
    world: World, monkeypatch: pytest.MonkeyPatch, question: Question
) -> None:
    """Of a folded one too: there the model was asked when the table was late."""
    ask(world, question, world.environment())
    world.models.replies = [Reply("Made twice. For nothing.")]
    pending = claims_of(world, monkeypatch)
    world.table.open.clear()
    world.models.before_answer = lambda: come(world, pending)
    answer = ask(world, question)
    assert (answer.source, answer.text) == (Source.TABLE, WHOLE.text)
    assert answer.generated is not None
    assert answer.generated.stop_reason == "cancelled"
    assert ask(world, question).source is Source.MEMORY


def test_a_table_that_is_late_again_and_again_comes_to_rest_though_it_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = claims_of(world, monkeypatch)
    monkeypatch.setattr(single_flight, "TABLE_WAIT_SECONDS", 0.0)
    world.models.replies = [Reply(seconds=5.0)]
    world.models.before_answer = lambda: come(world, pending)
    for text in ("one", "two", "three"):
        world.table.open.clear()
        assert ask(world, a_question(text, is_folded=True)).source is Source.GROUNDED
    assert len(pending) == 2


@pytest.mark.parametrize("question", [RARE, FOLDED])
def test_a_table_that_fails_while_the_model_answers_is_logged_once(
    world: World, monkeypatch: pytest.MonkeyPatch, question: Question
) -> None:
    pending = claims_of(world, monkeypatch)
    world.table.open.clear()
    world.table.is_down = True

    def fail() -> None:
        world.table.open.set()
        wait((pending[0],), timeout=10)

    world.models.before_answer = fail
    assert ask(world, question).source is Source.MODEL
    assert len(world.lines.of("table failed")) == 1


def test_the_model_s_answer_wins_when_it_comes_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(world, RARE, world.environment())
    world.models.replies = [Reply("Made twice. In time.")]
    world.table.open.clear()
    answer = ask(world, RARE)
    assert (answer.source, answer.text) == (Source.MODEL, "Made twice. In time.")


def test_an_answer_that_the_table_has_at_once_costs_no_model_call(world: World) -> None:
    ask(world, RARE, world.environment())
    answer = ask_patiently(world, world.environment())
    assert answer.source is Source.TABLE
    assert len(world.models.prompts) == 1


def test_it_does_not_wait_for_another_s_lease(world: World) -> None:
    key = answer_key(RARE, world.services)
    claim = world.services.response_cache.table.claim(key)
    assert ask(world, RARE).source is Source.MODEL
    assert item(world, RARE)["lease_owner"]["S"] == claim.lease
    assert ask(world, RARE).source is Source.MEMORY


def test_a_late_one_is_handed_on_under_the_lease_that_came_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = claims_of(world, monkeypatch)
    world.table.open.clear()
    world.models.replies = [Reply(seconds=5.0, arrived="It runs on Lambda. It is serv")]
    world.models.before_answer = lambda: come(world, pending)
    assert ask(world, RARE).source is Source.PARTIAL
    ((question, claim),) = world.background.tasks
    assert question == RARE
    assert item(world, RARE)["lease_owner"]["S"] == claim.lease


def ask_patiently(world: World, services: Services) -> Answer:
    """With the look-up answered before the question is asked on, whatever the machine's speed."""
    cache = services.response_cache
    start_claim = cache.start_claim

    def start_and_wait(key: str) -> Future[Claim]:
        pending = start_claim(key)
        wait((pending,), timeout=10)
        return pending

    cache.start_claim = start_and_wait  # type: ignore[method-assign]
    return ask(world, RARE, services)


def claims_of(world: World, monkeypatch: pytest.MonkeyPatch) -> list[Future[Claim]]:
    """The look-ups of the world's own environment, as they are begun."""
    pending: list[Future[Claim]] = []
    cache = world.services.response_cache
    start_claim = cache.start_claim

    def remembered(key: str) -> Future[Claim]:
        pending.append(start_claim(key))
        return pending[-1]

    monkeypatch.setattr(cache, "start_claim", remembered)
    return pending


def come(world: World, pending: list[Future[Claim]]) -> None:
    """Let the table answer now, while the model is at work."""
    world.table.open.set()
    pending[-1].result(10)


# A lease in trouble.


def at_skew(world: World, seconds: float) -> Services:
    """Another environment, whose clock is that much ahead."""
    services = world.environment()

    def skewed() -> float:
        return world.clock() + seconds

    services.response_cache.table._clock = skewed
    services.response_cache.clock = skewed
    return services


def test_a_holder_that_was_killed_costs_one_more_model_call_and_no_more(world: World) -> None:
    """The killed one's call, and one after its lease: nobody calls in between."""
    world.services.response_cache.table.claim(answer_key(FOLDED, world.services))
    sources: Counter[str] = Counter()
    while sources["model"] == 0:
        sources[str(ask(world, services=world.environment()).source)] += 1
        assert world.clock() < 1_800_000_000 + 2 * LEASE_SECONDS
    assert sources["grounded"] == pytest.approx(LEASE_SECONDS / 0.8, abs=1.5)
    assert [ask(world, services=world.environment()).source for _ in range(49)] == ["table"] * 49
    assert len(world.models.prompts) == 1


@pytest.mark.parametrize("skews", [(0, 2), (0, -2), (2, 0), (-2, 0), (1, -1), (-1, 1)])
def test_clocks_two_seconds_apart_give_nobody_a_lease_that_is_held(
    world: World, skews: tuple[float, float]
) -> None:
    holder, other = (at_skew(world, seconds) for seconds in skews)
    key = answer_key(FOLDED, world.services)
    claim = holder.response_cache.table.claim(key)
    world.clock.advance(11.9)
    assert not other.response_cache.table.claim(key).lease
    entry = Entry("Theirs. Whole.", "m", world.clock(), world.clock() + 300, world.clock() + 900)
    assert holder.response_cache.table.store(key, claim.lease, entry)
    assert ask(world, services=other).source is Source.TABLE


def test_clocks_four_seconds_apart_may_cost_a_second_call_and_never_a_second_write(
    world: World,
) -> None:
    """Two seconds wrong each way is more than the lease keeps back: the fence holds yet."""
    behind, ahead = at_skew(world, -2), at_skew(world, 2)
    key = answer_key(FOLDED, world.services)
    claim = behind.response_cache.table.claim(key)
    world.clock.advance(10.5)
    world.models.replies = [Reply("Second. Whole.", seconds=0.1)]
    assert ask(world, services=ahead).source is Source.MODEL
    world.models.replies = [Reply("First. Late.", seconds=0.1)]
    grounded_answer.make_and_store(FOLDED, claim, world.deadline(12), behind)
    assert item(world)["answer"]["S"] == "Second. Whole."
    assert len(world.models.prompts) == 2
    assert world.lines.of("lease lost")


def test_a_holder_that_was_frozen_past_its_lease_writes_nothing(world: World) -> None:
    other = world.environment()

    def frozen_meanwhile() -> None:
        world.models.before_answer = lambda: None
        world.clock.advance(LEASE_SECONDS + 1)
        world.models.replies = [Reply("Theirs. Whole.", seconds=0.1)]
        assert ask(world, services=other).source is Source.MODEL

    world.models.before_answer = frozen_meanwhile
    grounded_answer(FOLDED, world.deadline(60), world.services)
    assert item(world)["answer"]["S"] == "Theirs. Whole."
    assert "lease_owner" not in item(world)


@pytest.mark.parametrize("turns", [1, 10])
def test_a_throttled_table_costs_model_calls_and_never_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    def throttled(**_: Any) -> Any:
        raise client_error("ProvisionedThroughputExceededException")

    monkeypatch.setattr(world.table, "update_item", throttled)
    monkeypatch.setattr(world.table, "get_item", throttled)
    sources = [ask(world, services=world.environment()).source for _ in range(turns)]
    assert sources == [Source.MODEL] * turns
    assert ask(world).source is Source.MODEL
    assert ask(world).source is Source.MEMORY
