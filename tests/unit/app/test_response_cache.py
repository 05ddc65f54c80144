"""The latency engine: where an answer comes from, who makes it, and what outlives the turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from chalicelib.answer import Answer, Source
from chalicelib.answer_table import LEASE_SECONDS, Claim
from chalicelib.answers import answer_key, grounded_answer
from chalicelib.background import Background, finish_answer
from chalicelib.content import Contents
from chalicelib.deadline import Deadline
from chalicelib.errors import InvalidRequestError
from chalicelib.model_router import Route
from chalicelib.observability import Log
from chalicelib.services import Services
from chalicelib.single_flight import HAND_OFF_SECONDS
from tests.fakes import (
    CONTENTS,
    SETTINGS,
    LogLines,
    Reply,
    World,
    a_question,
    an_invocation,
    client_error,
    settle_refreshes,
    settle_table_calls,
)

QUESTION = a_question(is_folded=True)
FRESH_SECONDS, STALE_SECONDS = SETTINGS.answer_fresh_seconds, SETTINGS.answer_stale_seconds
FLOOR = CONTENTS.in_locale("en_US").grounded_text("technology", "chat")
WHOLE = Reply("It runs on Lambda. It is serverless.")
LATE = Reply(seconds=5.0, arrived="It runs on Lambda. It is serv")
SILENT = Reply(seconds=5.0, arrived="It ru")


@pytest.fixture
def world() -> World:
    world = World()
    world.models.replies = [WHOLE]
    return world


def ask(world: World, question: Any = QUESTION, services: Services | None = None) -> Answer:
    return grounded_answer(question, world.deadline(), services or world.services)


def item(world: World, question: Any = QUESTION) -> dict[str, Any]:
    return world.table.items[answer_key(question, world.services)]


def test_a_miss_asks_the_model_and_stores_and_remembers(world: World) -> None:
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.MODEL, WHOLE.text)
    assert item(world)["answer"]["S"] == WHOLE.text
    assert "lease_owner" not in item(world)
    assert ask(world).source is Source.MEMORY


def test_memory_answers_without_the_table_or_a_model(world: World) -> None:
    ask(world)
    world.table.calls.clear()
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.MEMORY, WHOLE.text)
    assert world.table.calls == []
    assert len(world.models.prompts) == 1


def test_another_environment_finds_it_in_the_table_and_then_in_memory(world: World) -> None:
    ask(world)
    other = world.environment()
    assert ask(world, services=other).source is Source.TABLE
    assert ask(world, services=other).source is Source.MEMORY
    assert len(world.models.prompts) == 1


def test_memory_forgets_when_the_answer_is_no_longer_fresh(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    assert ask(world).source is Source.STALE


def test_a_stale_answer_is_served_and_refreshed_by_one_caller_only(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    answers = [ask(world, services=world.environment()) for _ in range(3)]
    assert {a.source for a in answers} == {Source.STALE}
    assert {a.text for a in answers} == {WHOLE.text}
    assert len(world.background.tasks) == 1
    assert world.background.tasks[0][1].lease == item(world)["lease_owner"]["S"]
    assert len(world.models.prompts) == 1


def test_a_stale_answer_waits_for_its_hand_off_no_longer_than_is_kept_back(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    assert ask(world, services=world.environment()).source is Source.STALE
    assert world.background.waits == [pytest.approx(HAND_OFF_SECONDS)]


def test_a_stale_answer_is_not_refreshed_while_no_model_may_be_asked(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    world.models.resting = True
    assert ask(world).source is Source.STALE
    settle_refreshes(world.services)
    assert world.background.tasks == []


def test_past_its_hard_age_an_answer_is_made_again(world: World) -> None:
    ask(world)
    world.clock.advance(STALE_SECONDS + 1)
    world.models.replies = [Reply("Made anew. Indeed.")]
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.MODEL, "Made anew. Indeed.")


def test_a_late_model_gives_its_whole_sentences_and_hands_the_rest_on(world: World) -> None:
    world.models.replies = [LATE]
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.PARTIAL, "It runs on Lambda.")
    ((question, claim),) = world.background.tasks
    assert question == QUESTION
    assert claim.lease == item(world)["lease_owner"]["S"]
    assert "answer" not in item(world)


def test_a_model_without_a_sentence_in_time_gives_the_grounding_text(world: World) -> None:
    world.models.replies = [SILENT]
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.GROUNDED, FLOOR)
    assert len(world.background.tasks) == 1


def test_the_hand_off_has_its_time_kept_back_from_the_model(world: World) -> None:
    started = world.clock()
    world.models.replies = [SILENT]
    ask(world)
    assert world.clock() - started == pytest.approx(0.8 - HAND_OFF_SECONDS)


def test_a_text_cut_at_its_token_limit_is_stored_in_whole_sentences(world: World) -> None:
    world.models.replies = [Reply("One is whole. Two is no", stop_reason="max_tokens")]
    assert ask(world).source is Source.MODEL
    assert item(world)["answer"]["S"] == "One is whole."


def test_resting_models_give_the_floor_at_once_and_nothing_is_handed_on(world: World) -> None:
    world.models.resting = True
    started = world.clock()
    assert ask(world).source is Source.GROUNDED
    assert world.clock() == started
    assert world.background.tasks == []


def test_a_failing_table_does_not_keep_the_model_from_answering(world: World) -> None:
    world.table.is_down = True
    assert ask(world).source is Source.MODEL
    assert world.table.items == {}
    assert ask(world).source is Source.MEMORY


def test_a_failing_table_is_logged_once_a_turn(world: World) -> None:
    world.table.is_down = True
    ask(world)
    assert len(world.lines.of("table failed")) == 1


def test_a_failing_table_and_a_late_model_hand_nothing_on(world: World) -> None:
    world.table.is_down = True
    world.models.replies = [SILENT]
    assert ask(world).source is Source.GROUNDED
    assert world.background.tasks == []


def test_a_table_that_takes_longer_than_its_wait_is_a_miss(world: World) -> None:
    world.table.open.clear()
    try:
        assert ask(world).source is Source.MODEL
    finally:
        world.table.open.set()


def test_a_claim_that_comes_while_the_model_answers_is_used_to_store(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending: list[Future[Claim]] = []
    cache = world.services.response_cache
    start_claim = cache.start_claim

    def remember_the_claim(key: str) -> Future[Claim]:
        pending.append(start_claim(key))
        return pending[0]

    def let_the_table_go_on() -> None:
        world.table.open.set()
        pending[0].result(5)

    monkeypatch.setattr(cache, "start_claim", remember_the_claim)
    world.table.open.clear()
    world.models.before_answer = let_the_table_go_on
    assert ask(world).source is Source.MODEL
    assert item(world)["answer"]["S"] == WHOLE.text


def test_another_callers_answer_is_waited_for_and_found(world: World) -> None:
    table, key = world.services.response_cache.table, answer_key(QUESTION, world.services)
    claim = table.claim(key)
    entry = grounded_answer.entry(Answer("Theirs. Whole.", Source.MODEL), world.services)

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        if world.clock() > entry.created_at + 0.3:
            table.store(key, claim.lease, entry)

    services = replace(world.services, sleep=sleep)
    answer = ask(world, services=services)
    assert (answer.source, answer.text) == (Source.TABLE, "Theirs. Whole.")
    assert world.clock() < entry.created_at + 0.5
    assert world.models.prompts == []
    assert ask(world, services=services).source is Source.MEMORY


def test_waiting_for_another_ends_at_the_deadline_with_the_floor(world: World) -> None:
    world.services.response_cache.table.claim(answer_key(QUESTION, world.services))
    started = world.clock()
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.GROUNDED, FLOOR)
    assert world.clock() - started == pytest.approx(0.8)
    assert world.models.prompts == []
    assert world.background.tasks == []


def test_waiting_for_another_ends_at_the_deadline_when_the_table_hangs(world: World) -> None:
    world.services.response_cache.table.claim(answer_key(QUESTION, world.services))

    def sleep(seconds: float) -> None:
        world.clock.advance(seconds)
        if world.clock() > started + 0.7:
            world.table.open.clear()

    started = world.clock()
    try:
        answer = ask(world, services=replace(world.services, sleep=sleep))
        assert answer.source is Source.GROUNDED
        assert not world.table.open.is_set(), "the read was waited for"
    finally:
        world.table.open.set()


def test_waiting_for_another_ends_when_the_table_fails(world: World) -> None:
    world.services.response_cache.table.claim(answer_key(QUESTION, world.services))

    def sleep(seconds: float) -> None:
        world.table.is_down = True

    answer = ask(world, services=replace(world.services, sleep=sleep))
    assert answer.source is Source.GROUNDED
    assert len(world.lines.of("table failed")) == 1


def test_a_holder_that_vanished_is_replaced_when_its_lease_is_over(world: World) -> None:
    world.services.response_cache.table.claim(answer_key(QUESTION, world.services))
    world.clock.advance(LEASE_SECONDS + 1)
    assert ask(world).source is Source.MODEL


@pytest.mark.parametrize("text", ["my name is eleanor vance", "call me at 555 0100", "a@b.example"])
def test_words_that_may_name_somebody_are_never_looked_up_or_stored(
    world: World, text: str
) -> None:
    for _ in range(2):
        assert ask(world, a_question(text)).source is Source.MODEL
    assert world.table.calls == []
    assert world.table.items == {}
    assert len(world.models.prompts) == 2


def test_a_late_answer_to_such_words_is_not_handed_on(world: World) -> None:
    world.models.replies = [LATE]
    assert ask(world, a_question("my name is eleanor")).source is Source.PARTIAL
    assert world.background.tasks == []


def test_words_without_meaning_get_the_floor_without_any_call(world: World) -> None:
    assert ask(world, a_question("??")).source is Source.GROUNDED
    assert world.table.calls == []
    assert world.models.prompts == []


def test_a_refusal_gives_the_floor_and_is_not_stored(world: World) -> None:
    world.models.replies = [Reply("", stop_reason="refused")]
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.GROUNDED, FLOOR)
    assert "answer" not in item(world)


# What is in the key.


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "which models do you use"},
        {"grounding": "demo"},
        {"intent": "AboutDemoIntent"},
        {"channel": "phone"},
    ],
)
def test_another_question_has_another_key(world: World, changes: dict[str, Any]) -> None:
    other = a_question(**{"text": QUESTION.text, **changes})
    assert answer_key(other, world.services) != answer_key(QUESTION, world.services)


def test_another_locale_has_another_key_even_with_the_same_words(world: World) -> None:
    assert answer_key(a_question(locale="en_GB"), world.services) != answer_key(
        QUESTION, world.services
    )


def test_a_changed_grounding_text_has_another_key(world: World) -> None:
    content = CONTENTS.in_locale("en_US")
    changed = replace(content, grounding={**content.grounding, "technology": "New. Facts."})
    other = replace(world.services, contents=Contents({"en_US": changed}))
    assert answer_key(QUESTION, other) != answer_key(QUESTION, world.services)


def test_another_model_has_another_key(world: World) -> None:
    routes = {**world.services.settings.routes, "simple": Route(("other",), 150)}
    other = world.with_settings(routes=routes)
    assert answer_key(QUESTION, other) != answer_key(QUESTION, world.services)


# What goes on after the reply.


def handed_off(world: World) -> dict[str, Any]:
    """The payload that a late turn sends, through the real Background and back from JSON."""
    client = FakeLambda()
    background = Background(lambda: client, "atlas-local-generate_answer:live", world.services.log)
    world.models.replies = [SILENT]
    ask(world, services=replace(world.services, background=background))
    (invoked,) = client.invoked
    assert invoked["FunctionName"] == "atlas-local-generate_answer"
    assert invoked["Qualifier"] == "live"
    assert invoked["InvocationType"] == "Event"
    world.models.replies = [WHOLE]
    payload: dict[str, Any] = json.loads(invoked["Payload"])
    return payload


def test_what_was_late_is_finished_and_found_by_the_next_visitor(world: World) -> None:
    payload = handed_off(world)
    assert finish_answer(payload, an_invocation(15_000), world.environment()) == {"source": "model"}
    answer = ask(world, services=world.environment())
    assert (answer.source, answer.text) == (Source.TABLE, WHOLE.text)
    assert world.lines.of("answer stored")


def test_a_lease_that_was_lost_keeps_the_late_answer_out(world: World) -> None:
    payload = handed_off(world)
    item(world)["lease_owner"] = {"S": "somebody else"}
    finish_answer(payload, an_invocation(15_000), world.services)
    assert "answer" not in item(world)
    assert world.lines.of("lease lost")


def test_a_lease_that_is_over_costs_no_model_call(world: World) -> None:
    payload = handed_off(world)
    world.clock.advance(LEASE_SECONDS)
    asked = len(world.models.prompts)
    assert finish_answer(payload, an_invocation(15_000), world.services) == {"source": "grounded"}
    assert len(world.models.prompts) == asked
    assert "answer" not in item(world)


def test_an_answer_that_comes_after_its_lease_is_not_stored(world: World) -> None:
    payload = handed_off(world)
    world.models.replies = [Reply(seconds=LEASE_SECONDS)]
    finish_answer(payload, an_invocation(60_000), world.services)
    assert "answer" not in item(world)


def settle(world: World) -> None:
    """Let the table calls that nobody waits for end."""
    settle_refreshes(world.services)
    settle_table_calls(world.services)


def test_what_a_model_refused_is_not_asked_again_and_leaves_no_lease(world: World) -> None:
    world.models.replies = [Reply(text="", stop_reason="refused")]
    assert ask(world).source is Source.GROUNDED
    settle(world)
    assert world.background.tasks == []
    assert "lease_owner" not in item(world)


def test_while_every_model_rests_no_lease_is_left(world: World) -> None:
    world.models.resting = True
    assert ask(world).source is Source.GROUNDED
    settle(world)
    assert "lease_owner" not in item(world)


def test_a_stale_answer_that_nobody_can_refresh_leaves_no_lease(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    world.models.resting = True
    assert ask(world).source is Source.STALE
    settle(world)
    assert "lease_owner" not in item(world)


def test_a_look_up_that_answers_after_the_turn_leaves_no_lease(world: World) -> None:
    world.table.open.clear()
    world.models.replies = [SILENT]
    assert ask(world).source is Source.GROUNDED
    world.table.open.set()
    settle(world)
    assert "lease_owner" not in item(world)


def test_an_answer_that_failed_in_the_background_leaves_no_lease(world: World) -> None:
    payload = handed_off(world)
    world.models.replies = [Reply(text="", stop_reason="failed")]
    finish_answer(payload, an_invocation(15_000), world.services)
    assert "lease_owner" not in item(world)


def test_a_stale_answer_in_memory_is_refreshed_when_the_table_has_lost_it(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    world.table.items.clear()
    assert ask(world).source is Source.STALE
    settle(world)
    ((_, claim),) = world.background.tasks
    assert item(world)["lease_owner"]["S"] == claim.lease


def test_a_stale_answer_in_memory_is_served_while_the_table_is_down(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    world.table.is_down = True
    answer = ask(world)
    assert (answer.source, answer.text) == (Source.STALE, WHOLE.text)
    settle_refreshes(world.services)
    assert len(world.models.prompts) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"grounding": "weather"}, "question.grounding"),
        ({"route": "fastest"}, "question.route"),
        ({"text": "my name is eleanor", "is_folded": False}, "question.text"),
        ({"text": "my name is eleanor", "is_folded": True}, "question.text"),
        ({"text": "What technology do you use", "is_folded": True}, "question.text"),
        ({"intent": "GreetingIntent", "is_folded": True}, "question.text"),
    ],
)
def test_a_question_that_this_version_cannot_answer_is_refused(
    world: World, change: dict[str, Any], field: str
) -> None:
    payload = handed_off(world)
    payload["question"] |= change
    with pytest.raises(InvalidRequestError) as caught:
        finish_answer(payload, an_invocation(15_000), world.services)
    assert caught.value.field == field


def test_an_answer_that_is_late_in_the_background_too_is_not_stored(world: World) -> None:
    payload = handed_off(world)
    world.models.replies = [Reply(seconds=60, arrived="It runs on Lambda. It")]
    assert finish_answer(payload, an_invocation(15_000), world.services) == {"source": "partial"}
    assert "answer" not in item(world)


def test_a_stale_answer_stays_until_its_refresh_is_stored(world: World) -> None:
    ask(world)
    world.clock.advance(FRESH_SECONDS + 1)
    ask(world)
    settle_refreshes(world.services)
    ((question, claim),) = world.background.tasks
    world.models.replies = [Reply("Refreshed. Whole.")]
    grounded_answer.make_and_store(question, claim, world.deadline(12), world.services)
    answer = ask(world, services=world.environment())
    assert (answer.source, answer.text) == (Source.TABLE, "Refreshed. Whole.")


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (None, "event"),
        ({}, "lease"),
        ({"lease": "", "lease_until": 1}, "lease"),
        ({"lease": "x", "lease_until": "soon"}, "lease_until"),
        ({"lease": "x", "lease_until": 1.0}, "question"),
        ({"lease": "x", "lease_until": 1.0, "question": {}}, "question.intent"),
    ],
)
def test_a_bad_background_event_is_refused_by_field(world: World, event: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        finish_answer(event, an_invocation(), world.services)
    assert caught.value.field == field


def test_a_failed_hand_off_is_logged_without_its_message_and_costs_no_more() -> None:
    lines = LogLines()
    client = FakeLambda(client_error("TooManyRequestsException", 429, "about 555-0100"))
    background = Background(lambda: client, "generate:live", Log(write=lines.append))
    background.generate(QUESTION, Claim(None, "lease", 1.0), Deadline.after(5))
    (line,) = lines.of("hand-off failed")
    assert line["error"] == "lambda: TooManyRequestsException"


def test_a_late_hand_off_is_waited_for_until_the_deadline_only() -> None:
    lines, lambda_answers = LogLines(), Event()
    client = FakeLambda(before=lambda_answers.wait)
    background = Background(lambda: client, "generate:live", Log(write=lines.append))
    background.generate(QUESTION, Claim(None, "lease", 1.0), Deadline.after(0))
    assert lines.of("hand-off late")
    lambda_answers.set()


class FakeLambda:
    """Takes asynchronous invokes, or refuses them with `error`."""

    def __init__(
        self, error: Exception | None = None, before: Callable[[], Any] = lambda: None
    ) -> None:
        self.invoked: list[dict[str, Any]] = []
        self._error = error
        self._before = before

    def invoke(self, **request: Any) -> dict[str, Any]:
        self._before()
        if self._error is not None:
            raise self._error
        self.invoked.append(request)
        return {"StatusCode": 202}
