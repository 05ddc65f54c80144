"""keep_warm: shared answers made ahead, once each, within a budget, whatever fails."""

from __future__ import annotations

import pytest

from chalicelib import warming
from chalicelib.answer import Source
from chalicelib.answers import FRESH_SECONDS, answer_key, grounded_answer
from chalicelib.errors import ThrottledError
from chalicelib.questions import Question
from chalicelib.warming import (
    MODEL_CALLS_PER_RUN,
    RUN_EVERY_SECONDS,
    sample_questions,
    warm_answers,
)
from tests.fakes import Reply, World, an_invocation

QUESTIONS = sample_questions(World().services)
UTTERANCES = {
    "GreetingIntent": ("Hello!", "hello", "my name is Eleanor"),
    "AboutDemoIntent": ("how does the demo work",),
    "CloseIntent": ("bye",),
}


@pytest.fixture
def world() -> World:
    return World()


def _first(world: World) -> Question:
    """The question that this run begins with."""
    return warming._in_turn(QUESTIONS, world.services)[0]


def warm(world: World, remaining_ms: float | None = None) -> dict[str, int]:
    return warm_answers(an_invocation(remaining_ms), world.services).to_json()


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
    assert len(set(QUESTIONS)) == len(QUESTIONS) > MODEL_CALLS_PER_RUN


def test_a_run_makes_as_many_answers_as_its_budget_allows(world: World) -> None:
    done = warm(world)
    left = len(QUESTIONS) - MODEL_CALLS_PER_RUN
    assert done == {"made": MODEL_CALLS_PER_RUN, "fresh": 0, "failed": 0, "left": left}
    assert len(world.models.prompts) == MODEL_CALLS_PER_RUN


def test_every_question_has_its_turn_though_answers_go_stale_in_between(world: World) -> None:
    world.models.replies = [Reply(seconds=0)]
    runs = -(-len(QUESTIONS) // MODEL_CALLS_PER_RUN)
    for _ in range(runs):
        warm(world)
        world.clock.advance(RUN_EVERY_SECONDS)
    keys = {answer_key(question, world.services) for question in QUESTIONS}
    assert keys == {key for key, item in world.table.items.items() if "answer" in item}


def test_nothing_is_claimed_while_every_model_rests(world: World) -> None:
    world.models.resting = True
    assert warm(world)["left"] == len(QUESTIONS)
    assert world.table.items == {}


def test_what_is_fresh_is_not_made_again_and_the_next_ones_are(world: World) -> None:
    world.models.replies = [Reply(seconds=0)]
    warm(world)
    done = warm(world)
    assert done["fresh"] == MODEL_CALLS_PER_RUN
    assert done["made"] == min(MODEL_CALLS_PER_RUN, len(QUESTIONS) - MODEL_CALLS_PER_RUN)


def test_runs_in_a_row_end_with_everything_fresh_and_no_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "MODEL_CALLS_PER_RUN", len(QUESTIONS))
    world.models.replies = [Reply(seconds=0)]
    assert warm(world)["made"] == len(QUESTIONS)
    asked = len(world.models.prompts)
    assert warm(world) == {"made": 0, "fresh": len(QUESTIONS), "failed": 0, "left": 0}
    assert len(world.models.prompts) == asked


def test_a_visitor_gets_what_was_warmed_from_the_table(world: World) -> None:
    world.models.replies = [Reply(seconds=0)]
    warm(world)
    answer = grounded_answer(_first(world), world.deadline(), world.environment())
    assert answer.source is Source.TABLE


def test_what_is_stale_is_made_anew(world: World) -> None:
    world.models.replies = [Reply(seconds=0)]
    warm(world)
    world.clock.advance(FRESH_SECONDS + 1)
    assert warm(world)["made"] == MODEL_CALLS_PER_RUN


def test_what_another_is_making_is_left_to_it(world: World) -> None:
    world.models.replies = [Reply(seconds=0)]
    for question in QUESTIONS:
        world.services.response_cache.table.claim(answer_key(question, world.services))
    assert warm(world)["fresh"] == len(QUESTIONS)
    assert world.models.prompts == []


@pytest.mark.parametrize(
    "reply", [Reply("", stop_reason=reason) for reason in ("failed", "refused")]
)
def test_failures_are_counted_against_the_budget(world: World, reply: Reply) -> None:
    world.models.replies = [reply]
    done = warm(world)
    assert (done["made"], done["failed"]) == (0, MODEL_CALLS_PER_RUN)
    assert not any("answer" in item for item in world.table.items.values())
    assert not any("lease_owner" in item for item in world.table.items.values())


def test_a_failing_table_is_counted_and_asks_no_model(world: World) -> None:
    world.table.is_down = True
    done = warm(world)
    assert (done["made"], done["failed"]) == (0, MODEL_CALLS_PER_RUN)
    assert world.models.prompts == []


def test_a_table_that_fails_at_storing_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise ThrottledError("dynamodb", "ThrottlingException")

    monkeypatch.setattr(world.services.response_cache.table, "store", refuse)
    assert warm(world)["failed"] == MODEL_CALLS_PER_RUN


def test_a_run_without_time_makes_nothing(world: World) -> None:
    assert warm(world, remaining_ms=10_000)["left"] == len(QUESTIONS)
    assert world.models.prompts == []


def test_what_a_run_did_is_one_line(world: World) -> None:
    done = warm(world)
    (line,) = world.lines.of("warmed")
    assert {name: line[name] for name in done} == done
