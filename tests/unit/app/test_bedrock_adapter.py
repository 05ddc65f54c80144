"""The Bedrock adapter behind botocore's own client, against real event streams on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from chalicelib.bedrock import WORKERS, BedrockModels
from chalicelib.bounded_workers import WAITING
from chalicelib.breakers import FAILED_REST_SECONDS, FAILURES_BEFORE_REST, Breakers
from chalicelib.cancellation import Cancellation
from chalicelib.deadline import Deadline
from chalicelib.latency_estimates import Prior, Quantiles
from chalicelib.model_race import FAIR_SECONDS
from chalicelib.model_router import Model, RacePolicy, Route
from chalicelib.model_stream import estimated_tokens
from chalicelib.prompts import Message, Prompt, request
from tests.event_stream_server import STALL, Bedrock, Refusal, bedrock_on_loopback, ending, words
from tests.fakes import FakeClock

FIRST = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
SECOND = "global.anthropic.claude-haiku-5-5"
ROUTE = Route((FIRST, SECOND), 150)
ALONE = Route((FIRST,), 150)
AT_ONCE = Prior(Quantiles(0.001, 0.002), Quantiles(0.00001, 0.00001))
CHEAP = Model(SECOND, 1, 0.1, 0.5, prior=AT_ONCE)
PROMPT = Prompt("Be brief.", (Message("user", "what is it"),))
WHOLE = [{"messageStart": {"role": "assistant"}}, *words("It is ", "serverless."), *ending()]
BOUND_SECONDS = 5.0
"""Far more than any of this takes: what is not over by then hangs."""


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    with bedrock_on_loopback() as bedrock:
        bedrock.script_by_model = {FIRST: WHOLE, SECOND: WHOLE}
        yield bedrock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breakers(clock: FakeClock) -> Breakers:
    return Breakers(clock, jitter=lambda: 1.0)


@pytest.fixture
def models(bedrock: Bedrock, breakers: Breakers) -> Iterator[BedrockModels]:
    client = bedrock.client(read_timeout=60)
    models = BedrockModels(lambda: client, breakers)
    yield models
    bedrock.over.set()
    models._workers.shutdown()


def long_deadline() -> Deadline:
    return Deadline.after(BOUND_SECONDS)


def no_worker_is_busy(models: BedrockModels) -> bool:
    """Whether every worker of the pool takes new work within the bound, all at once."""
    meeting = threading.Barrier(models._workers._max_workers + 1)
    for _ in range(models._workers._max_workers):
        models._workers.submit(meeting.wait, BOUND_SECONDS)
    try:
        meeting.wait(BOUND_SECONDS)
    except threading.BrokenBarrierError:
        return False
    return True


def test_where_no_stream_can_begin_any_more_the_answer_is_empty_and_says_why(
    models: BedrockModels,
) -> None:
    over = threading.Event()
    for _ in range(WORKERS + WAITING + 1):
        models._workers.submit(over.wait, BOUND_SECONDS)
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    over.set()
    assert (generated.text, generated.stop_reason) == ("", "failed")
    assert generated.errors == ("bedrock-runtime: QueueFull",)


def test_a_whole_answer_comes_with_its_model_and_tokens(models: BedrockModels) -> None:
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert generated.text == "It is serverless."
    assert generated.is_whole
    assert generated.model == FIRST
    assert (generated.input_tokens, generated.output_tokens) == (200, 12)
    assert generated.errors == ()
    assert 0 < generated.seconds < BOUND_SECONDS


def test_bedrock_is_told_the_prompt_and_the_length(models: BedrockModels, bedrock: Bedrock) -> None:
    models.complete(PROMPT, ROUTE, long_deadline())
    ((model, body),) = bedrock.requests
    assert model == FIRST
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "what is it"}]}],
        "inferenceConfig": {"maxTokens": 150, "temperature": 0.2},
    }


def test_the_deadline_keeps_what_has_arrived_and_frees_the_worker(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    bedrock.script_by_model[FIRST] = [*words("It is serverless. ", "It is wri"), STALL]
    started = time.monotonic()
    generated = models.complete(PROMPT, ROUTE, Deadline.after(0.8))
    assert time.monotonic() - started < 2.0
    assert generated.text == "It is serverless. It is wri"
    assert generated.stop_reason == "deadline"
    assert not generated.is_whole
    assert no_worker_is_busy(models)


def test_a_stream_that_stalls_before_its_first_word_frees_the_worker_too(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    bedrock.script_by_model[FIRST] = [{"messageStart": {"role": "assistant"}}, STALL]
    generated = models.complete(PROMPT, ROUTE, Deadline.after(0.8))
    assert (generated.text, generated.stop_reason) == ("", "deadline")
    assert bedrock.stalled.is_set()
    assert no_worker_is_busy(models)


def test_a_stream_that_trickles_for_ever_ends_at_the_deadline(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    tick = threading.Event()

    def until_over() -> Iterator[Any]:
        yield from words("Once. ")
        while not bedrock.over.is_set():
            yield lambda: tick.wait(0.02)
            yield from words("and ")

    bedrock.script_by_model[FIRST] = until_over()
    generated = models.complete(PROMPT, ROUTE, Deadline.after(0.8))
    assert generated.stop_reason == "deadline"
    assert generated.text.startswith("Once. ")
    assert not generated.has_stalled, "slow, but talking"
    assert no_worker_is_busy(models)


def test_a_model_that_sends_no_header_is_left_at_the_deadline(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    bedrock.script_by_model[FIRST] = STALL
    started = time.monotonic()
    generated = models.complete(PROMPT, ROUTE, Deadline.after(0.2))
    assert time.monotonic() - started < 2.0
    assert (generated.text, generated.stop_reason) == ("", "deadline")
    assert no_worker_is_busy(models), "long before the client's time-outs"
    assert bedrock.asked == [FIRST], "nobody waits for a second model any more"


def test_a_late_model_rests_after_it_was_late_twice(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers, clock: FakeClock
) -> None:
    bedrock.script_by_model[FIRST] = [{"messageStart": {"role": "assistant"}}, STALL]
    for _ in range(2):
        models.complete(PROMPT, ALONE, Deadline.after(FAIR_SECONDS + 0.1))
    assert breakers.available(ROUTE) == (SECOND,)
    clock.advance(FAILED_REST_SECONDS)
    assert breakers.available(ROUTE) == (FIRST, SECOND)


def test_a_model_that_only_thinks_until_the_deadline_was_late(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = [thinking("hm"), STALL]
    for _ in range(2):
        deadline = Deadline.after(FAIR_SECONDS + 0.1)
        assert models.complete(PROMPT, ALONE, deadline).text == ""
    assert breakers.available(ROUTE) == (SECOND,)


def test_a_model_that_was_given_only_a_moment_is_not_blamed(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = [{"messageStart": {"role": "assistant"}}, STALL]
    for _ in range(3):
        assert models.complete(PROMPT, ROUTE, Deadline.after(0.1)).stop_reason == "deadline"
    assert breakers.available(ROUTE) == (FIRST, SECOND)


def test_a_model_that_stops_talking_is_stalled_and_that_is_a_failure(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = [*words("It is"), STALL]
    for _ in range(2):
        generated = models.complete(PROMPT, ALONE, Deadline.after(0.8))
        assert (generated.text, generated.stop_reason) == ("It is", "deadline")
        assert generated.has_stalled
        assert generated.errors == ("bedrock-runtime: Stalled",)
    assert breakers.available(ROUTE) == (SECOND,)


def test_a_throttled_model_rests_and_the_next_answers(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = Refusal("ThrottlingException", 429)
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert generated.model == SECOND
    assert generated.is_whole
    assert generated.errors == ("bedrock-runtime: ThrottlingException",)
    assert breakers.available(ROUTE) == (SECOND,)
    models.complete(PROMPT, ROUTE, long_deadline())
    assert bedrock.asked == [FIRST, SECOND, SECOND]


def test_throttling_inside_the_stream_before_any_word_goes_to_the_next(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = [
        {"messageStart": {"role": "assistant"}},
        {"throttlingException": {"message": "slow down"}},
    ]
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert (generated.model, generated.text) == (SECOND, "It is serverless.")
    assert breakers.available(ROUTE) == (SECOND,)


def test_a_stream_that_breaks_after_some_words_keeps_them(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    bedrock.script_by_model[FIRST] = [
        *words("It is serverless. ", "It"),
        {"modelStreamErrorException": {"message": "broke"}},
    ]
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert generated.text == "It is serverless. It"
    assert generated.stop_reason == "failed"
    assert not generated.is_whole
    assert bedrock.asked == [FIRST]


def test_a_model_that_breaks_while_it_thinks_leaves_the_answer_to_the_next(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    bedrock.script_by_model[FIRST] = [
        thinking("let me see"),
        {"internalServerException": {"message": "broke"}},
    ]
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert (generated.model, generated.text) == (SECOND, "It is serverless.")


@pytest.mark.parametrize(
    "script",
    [
        [{"messageStart": {"role": "assistant"}}],
        [b"\x00\x00\x00\x20garbage that is no frame at all, and more of it"],
        Refusal("InternalServerException", 500),
        Refusal("ModelTimeoutException", 408),
        Refusal("ValidationException", 400),
        Refusal("AccessDeniedException", 403),
    ],
)
def test_a_model_that_fails_before_any_word_leaves_the_answer_to_the_next(
    models: BedrockModels, bedrock: Bedrock, script: Any
) -> None:
    bedrock.script_by_model[FIRST] = script
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert (generated.model, generated.text) == (SECOND, "It is serverless.")
    assert len(generated.errors) == 1


def test_when_all_models_fail_the_answer_is_empty_and_says_why(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    refusal = Refusal("InternalServerException", 500)
    bedrock.script_by_model = {FIRST: refusal, SECOND: refusal}
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert (generated.text, generated.stop_reason) == ("", "failed")
    assert len(generated.errors) == 2


def test_nobody_is_asked_while_all_rest(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    breakers.throttled(FIRST)
    breakers.throttled(SECOND)
    assert not models.has_candidate(ROUTE)
    assert models.complete(PROMPT, ROUTE, long_deadline()).stop_reason == "resting"
    assert bedrock.requests == []


def test_nobody_is_asked_and_nobody_blamed_when_no_time_is_left(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    for _ in range(3):
        assert models.complete(PROMPT, ROUTE, Deadline.after(0)).stop_reason == "deadline"
    assert no_worker_is_busy(models)
    assert bedrock.requests == []
    assert breakers.available(ROUTE) == (FIRST, SECOND)


@pytest.mark.parametrize("reason", ["content_filtered", "guardrail_intervened"])
def test_a_refusal_shows_nothing_and_asks_nobody_else(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers, reason: str
) -> None:
    bedrock.script_by_model[FIRST] = [*words("I can not say "), *ending(reason)]
    for _ in range(3):
        generated = models.complete(PROMPT, ROUTE, long_deadline())
        assert (generated.text, generated.stop_reason) == ("", "refused")
    assert breakers.available(ROUTE) == (FIRST, SECOND)
    assert set(bedrock.asked) == {FIRST}


def test_refused_words_and_parameters_do_not_rest_a_model(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = Refusal("ValidationException", 400)
    for _ in range(3):
        assert models.complete(PROMPT, ROUTE, long_deadline()).model == SECOND
    assert breakers.available(ROUTE) == (FIRST, SECOND)


def test_answers_one_after_another_share_one_connection(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    for _ in range(3):
        assert models.complete(PROMPT, ROUTE, long_deadline()).is_whole
    assert bedrock.connections == 1


def test_connections_that_were_dropped_meanwhile_cost_no_answer_and_blame_nobody(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    """As after a freeze: two are kept, both are dead, and the second would be no better."""

    def ask_beside() -> None:
        assert models.complete(PROMPT, Route((SECOND,), 150), long_deadline()).is_whole

    bedrock.script_by_model[FIRST] = [ask_beside, *WHOLE]
    assert models.complete(PROMPT, ALONE, long_deadline()).is_whole
    assert bedrock.connections == 2
    bedrock.resets_after, bedrock.script_by_model[FIRST] = 1, WHOLE
    for _ in range(FAILURES_BEFORE_REST):
        generated = models.complete(PROMPT, ALONE, long_deadline())
        assert (generated.text, generated.errors) == ("It is serverless.", ())
        assert (generated.calls, generated.is_hedged) == (1, False)
    assert breakers._breakers == {}
    assert bedrock.asked == [FIRST, SECOND, FIRST, FIRST], "a reset request was not heard"


def test_a_new_connection_that_breaks_is_the_models_failure(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    bedrock.resets_after = 0
    generated = models.complete(PROMPT, ALONE, long_deadline())
    assert generated.errors == ("bedrock-runtime: ConnectionClosedError",)
    assert bedrock.connections == 1


def test_after_a_dropped_connection_it_is_asked_again_once(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    assert models.complete(PROMPT, ALONE, long_deadline()).is_whole
    bedrock.resets_after = 0
    generated = models.complete(PROMPT, ALONE, long_deadline())
    assert generated.errors == ("bedrock-runtime: ConnectionClosedError",)
    assert bedrock.connections == 2


def test_thinking_is_never_shown(models: BedrockModels, bedrock: Bedrock) -> None:
    bedrock.script_by_model[FIRST] = [
        thinking("The visitor wants. "),
        {"contentBlockStop": {"contentBlockIndex": 0}},
        *WHOLE,
    ]
    assert models.complete(PROMPT, ROUTE, long_deadline()).text == "It is serverless."


def test_an_answer_cut_at_its_token_limit_is_not_whole(
    models: BedrockModels, bedrock: Bedrock
) -> None:
    bedrock.script_by_model[FIRST] = [*words("One. Tw"), *ending("max_tokens")]
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert generated.was_truncated
    assert not generated.is_whole


def test_a_connection_that_is_refused_is_a_failure_like_any(breakers: Breakers) -> None:
    with bedrock_on_loopback() as gone:
        client = gone.client()
    models = BedrockModels(lambda: client, breakers)
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert generated.stop_reason == "failed"
    assert generated.errors == ("bedrock-runtime: EndpointConnectionError",) * 2
    models._workers.shutdown()


@pytest.mark.parametrize(
    "model",
    [
        "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        "us.anthropic.claude-haiku-5-5",
        "anthropic.claude-sonnet-4-6",
        "global.anthropic.claude-sonnet-5-5",
        "someone.new-model-v1",
    ],
)
def test_every_familys_request_is_one_that_botocore_takes(model: str) -> None:
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    parameters = request(model, PROMPT, ROUTE)
    shape: Any = service.operation_model("ConverseStream").input_shape
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()
    sampling = set(parameters["inferenceConfig"]) - {"maxTokens"}
    assert len(sampling) <= 1, "temperature or topP, never both"
    if "haiku-5-5" in model:
        assert not sampling
        assert parameters["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
    else:
        assert "additionalModelRequestFields" not in parameters


def thinking(text: str) -> dict[str, Any]:
    delta = {"reasoningContent": {"text": text}}
    return {"contentBlockDelta": {"delta": delta, "contentBlockIndex": 0}}


def test_a_stream_that_nobody_wants_any_more_is_ended_from_another_thread(
    models: BedrockModels, bedrock: Bedrock, breakers: Breakers
) -> None:
    for _ in range(FAILURES_BEFORE_REST):
        cancellation = Cancellation()
        bedrock.script_by_model[FIRST] = [cancellation.cancel, STALL]
        generated = models.complete(PROMPT, ROUTE, long_deadline(), cancellation=cancellation)
        assert generated.stop_reason == "cancelled"
    assert no_worker_is_busy(models)
    assert breakers.available(ROUTE) == ROUTE.models


def test_a_fault_of_our_own_leaves_no_stream_and_no_probe_behind(
    bedrock: Bedrock, breakers: Breakers, clock: FakeClock
) -> None:
    """The first stream is silent after its rest when the second meets the fault."""
    bedrock.script_by_model[FIRST] = STALL
    client = bedrock.client(read_timeout=60)

    class Faulty:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def converse_stream(self, *, modelId: str, **parameters: Any) -> Any:
            if modelId == SECOND:
                raise KeyError(modelId)
            return client.converse_stream(modelId=modelId, **parameters)

    breakers.throttled(FIRST)
    clock.advance(60)
    models = BedrockModels(Faulty, breakers, RacePolicy(0.05, 0.02, 60))
    route = Route((FIRST, SECOND), 150, table=(Model(FIRST, 2, 1, 5, prior=AT_ONCE), CHEAP))
    with pytest.raises(KeyError):
        models.complete(PROMPT, route, long_deadline())
    assert breakers._breakers[FIRST].probed_until == 0.0, "a verdict came, whichever"
    assert no_worker_is_busy(models)
    models._workers.shutdown()


def test_what_a_cancelled_request_had_cost_is_told(models: BedrockModels, bedrock: Bedrock) -> None:
    """Bedrock bills what it read and wrote before it was ended; never sent is never billed."""
    cancellation = Cancellation()
    bedrock.script_by_model[FIRST] = [*words("It is "), cancellation.cancel, STALL]
    route = Route((FIRST,), 150, table=(Model(FIRST, 2, 1, 5),))
    cut = models.complete(PROMPT, route, long_deadline(), cancellation=cancellation)
    assert (cut.text, cut.stop_reason, cut.calls) == ("", "cancelled", 1)
    assert cut.input_tokens == estimated_tokens(len("Be brief.what is it"))
    assert cut.output_tokens <= estimated_tokens(len("It is "))
    assert cut.usd == pytest.approx(Model(FIRST, 2, 1, 5).usd(cut.input_tokens, cut.output_tokens))
    unasked = models.complete(PROMPT, route, long_deadline(), cancellation=cancellation)
    assert (unasked.stop_reason, unasked.calls, unasked.usd) == ("cancelled", 0, 0.0)


def test_a_request_that_never_left_costs_nothing(bedrock: Bedrock, breakers: Breakers) -> None:
    """Cancelled while its worker still builds the client."""
    cancellation, over = Cancellation(), threading.Event()

    def slow_client() -> Any:
        cancellation.cancel()
        over.wait(BOUND_SECONDS)
        return bedrock.client()

    models = BedrockModels(slow_client, breakers)
    cut = models.complete(PROMPT, ALONE, long_deadline(), cancellation=cancellation)
    over.set()
    assert (cut.stop_reason, cut.calls, cut.input_tokens) == ("cancelled", 1, 0)
    models._workers.shutdown()
    assert bedrock.requests == []


def test_a_late_first_token_is_answered_by_a_second_model(
    bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = [{"messageStart": {"role": "assistant"}}, STALL]
    models = BedrockModels(bedrock.client, breakers, RacePolicy(0.05, 0.02, 60))
    route = Route((FIRST, SECOND), 150, table=(Model(FIRST, 2, 1, 5, prior=AT_ONCE), CHEAP))
    generated = models.complete(PROMPT, route, long_deadline())
    assert (generated.model, generated.text) == (SECOND, "It is serverless.")
    assert (generated.calls, generated.is_hedged, generated.has_stalled) == (2, True, False)
    assert generated.first_token_seconds > 0
    assert generated.input_tokens == 400, "the first read the prompt too, as far as anyone knows"
    assert generated.usd == pytest.approx(200e-6 * 1 + CHEAP.usd(200, 12))
    assert no_worker_is_busy(models)
    models._workers.shutdown()


def test_a_stalled_stream_is_answered_by_a_second_model(
    bedrock: Bedrock, breakers: Breakers
) -> None:
    bedrock.script_by_model[FIRST] = [*words("It is a "), STALL]
    models = BedrockModels(bedrock.client, breakers, RacePolicy(0.05, 60, 0.02))
    generated = models.complete(PROMPT, ROUTE, long_deadline())
    assert (generated.model, generated.text) == (SECOND, "It is serverless.")
    assert generated.errors == ("bedrock-runtime: Stalled",)
    assert generated.has_stalled
    assert no_worker_is_busy(models)
    models._workers.shutdown()


def test_what_was_spent_is_told_with_the_answer(models: BedrockModels, bedrock: Bedrock) -> None:
    bedrock.script_by_model[FIRST] = Refusal("ThrottlingException", 429)
    route = Route((FIRST, SECOND), 150, table=(Model(FIRST, 2, 1, 5), CHEAP))
    generated = models.complete(PROMPT, route, long_deadline())
    assert generated.calls == 2
    assert generated.usd == pytest.approx(CHEAP.usd(200, 12)), "who was turned away pays nothing"
