"""The stand-in for Bedrock: text from the prompt, tokens in time, refusals in Bedrock's words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from gateway_harness import RunningGateway
from urllib3.exceptions import ReadTimeoutError

from sandbox.aws_api import ApiError
from sandbox.bedrock import BedrockRuntime
from sandbox.faults import Effect, meeting
from sandbox.latency import Latency, TokenTiming

HAIKU = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
THINKER = "us.anthropic.claude-haiku-5-5"
FACTS = (
    "You are Ada. Answer in at most two sentences.\n<facts>\nOur bakery opens at seven. Rye bread "
    "costs four euros. Cakes need a day's notice. The shop is in Ghent.\n</facts>"
)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bedrock(clock: Clock) -> BedrockRuntime:
    timing = TokenTiming(Latency("reported"), seed=3)
    return BedrockRuntime(timing, clock=clock, sleep=clock.sleep)


def ask(question: str = "When does the bakery open?", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": [{"text": question}]}]
    return {"modelId": HAIKU, "system": [{"text": FACTS}], "messages": messages, **more}


def text_of(bedrock: BedrockRuntime, **params: Any) -> str:
    answer = bedrock.operations["Converse"](params)
    blocks = answer["output"]["message"]["content"]
    return "".join(block.get("text", "") for block in blocks)


def streamed(bedrock: BedrockRuntime, **params: Any) -> list[dict[str, Any]]:
    return list(bedrock.operations["ConverseStream"](params)["stream"])


def test_the_answer_is_the_sentence_that_the_question_shares_most_with(
    bedrock: BedrockRuntime,
) -> None:
    assert text_of(bedrock, **ask()).startswith("Our bakery opens at seven.")
    assert text_of(bedrock, **ask("What is the price of rye?")).startswith("Rye bread costs four")


def test_another_prompt_gives_another_answer(bedrock: BedrockRuntime) -> None:
    other = ask(system=[{"text": "<facts>The bakery opens at noon.</facts>"}])
    assert text_of(bedrock, **other) == "The bakery opens at noon."


def test_what_the_prompt_does_not_hold_is_not_known(bedrock: BedrockRuntime) -> None:
    assert "not know anything about capital peru" in text_of(
        bedrock, **ask("What is the capital of Peru?")
    )
    assert "not know" in text_of(bedrock, **ask(system=[{"text": "You are Ada."}]))


def test_instructions_are_not_knowledge(bedrock: BedrockRuntime) -> None:
    system = [{"text": "You are Ada.\nAnswer questions about bread kindly.\nBread is fresh."}]
    assert text_of(bedrock, **ask("Tell me about bread", system=system)) == "Bread is fresh."


def test_knowledge_may_stand_before_the_question_in_the_users_message(
    bedrock: BedrockRuntime,
) -> None:
    words = "The museum closes at six.\n\nWhen does the museum close?"
    assert text_of(bedrock, modelId=HAIKU, messages=ask(words)["messages"]) == (
        "The museum closes at six."
    )


LIMITS = [
    ("Answer in one sentence.", 1),
    ("Use no more than 3 sentences.", 3),
    ("Write two or three short sentences.", 3),
    ("At most two sentences, please.", 2),
    ("Answer well.", 4),
]


@pytest.mark.parametrize(("rule", "count"), LIMITS)
def test_a_limit_of_sentences_in_the_prompt_is_obeyed(
    bedrock: BedrockRuntime, rule: str, count: int
) -> None:
    facts = " ".join(f"Bread number {n} is good." for n in "abcdef")
    params = ask("Which bread is good?", system=[{"text": f"{rule}\n<facts>{facts}</facts>"}])
    assert text_of(bedrock, **params).count(".") == count


LABELLED = "You are Ada.\nTopic: <what bread the guest wants>\nNext step: <what the baker does>\n"
TALK = (
    "<talk>\nBaker: Good day.\nGuest: I would like bread made of rye.\nGuest: It is raining a lot."
    "\nBaker: The baker keeps one for you.\n</talk>\n\nSum it up."
)


def test_labelled_lines_get_the_sentences_that_suit_them_best(bedrock: BedrockRuntime) -> None:
    asked = ask(TALK, system=[{"text": LABELLED}])
    assert text_of(bedrock, **asked).splitlines() == [
        "Topic: I would like bread made of rye.",
        "Next step: The baker keeps one for you.",
    ]


def test_labelled_lines_say_so_when_there_is_nothing_to_write(bedrock: BedrockRuntime) -> None:
    asked = ask("<talk></talk>\n\nSum it up.", system=[{"text": LABELLED}])
    topic, step = text_of(bedrock, **asked).splitlines()
    assert topic.startswith("Topic: I am sorry, I do not know anything about bread")
    assert step.startswith("Next step: I am sorry")


def test_one_label_alone_is_no_form_to_fill_in(bedrock: BedrockRuntime) -> None:
    system = [{"text": f"{FACTS}\nHours: <when it opens>"}]
    assert text_of(bedrock, **ask(system=system)).startswith("Our bakery opens at seven.")


def test_the_same_prompt_gives_the_same_answer(bedrock: BedrockRuntime) -> None:
    assert text_of(bedrock, **ask()) == text_of(bedrock, **ask())


def test_an_answer_of_n_tokens_takes_a_quarter_and_its_share(
    bedrock: BedrockRuntime, clock: Clock
) -> None:
    expected = TokenTiming(Latency("reported"), seed=3).pace("haiku")
    answer = bedrock.operations["Converse"](ask())
    assert clock.now == pytest.approx(expected.due(answer["usage"]["outputTokens"]))
    assert answer["metrics"]["latencyMs"] == round(clock.now * 1000)


def test_tokens_of_a_stream_come_evenly_after_the_first(
    bedrock: BedrockRuntime, clock: Clock
) -> None:
    pace = TokenTiming(Latency("reported"), seed=3).pace("haiku")
    times = [
        clock.now
        for event in bedrock.operations["ConverseStream"](ask())["stream"]
        if "contentBlockDelta" in event
    ]
    assert times == pytest.approx([pace.due(n) for n in range(1, len(times) + 1)])


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_a_slow_model_is_slow_from_its_first_token_to_its_last(
    bedrock: BedrockRuntime, clock: Clock, operation: str
) -> None:
    pace = TokenTiming(Latency("reported"), seed=3).pace("haiku")
    with meeting(Effect(times_slower=3)):
        answer = bedrock.operations[operation](ask())
    times = [clock.now for event in answer.get("stream", ()) if "contentBlockDelta" in event]
    if times:
        assert times[0] == pytest.approx(3 * pace.due(1))
    tokens = len(times) or answer["usage"]["outputTokens"]
    assert clock.now == pytest.approx(3 * pace.due(tokens))


@pytest.mark.parametrize(("after", "heard"), [(0, 0), (5, 5), (999, None)])
def test_a_stream_hangs_after_its_tokens_and_goes_on_when_let_go(
    clock: Clock, after: int, heard: int | None
) -> None:
    holds: list[int] = []
    words: list[str] = []
    timing = TokenTiming(Latency())
    bedrock = BedrockRuntime(timing, clock, clock.sleep, hold=lambda: holds.append(len(words)))
    with meeting(Effect(stall_tokens=after)):
        stream = bedrock.operations["ConverseStream"](ask())["stream"]
    for event in stream:
        if "contentBlockDelta" in event:
            words.append(event["contentBlockDelta"]["delta"]["text"])
    assert holds == [len(words) if heard is None else heard]
    assert "".join(words) == text_of(bedrock, **ask())


def test_a_real_client_meets_slow_throttled_and_stalled_streams(gateway: RunningGateway) -> None:
    client = gateway.client("bedrock-runtime", read_timeout=0.3)
    gateway.faults.replace([{"service": "bedrock-runtime", "stall": 2}])
    heard: list[Any] = []
    with pytest.raises(ReadTimeoutError):
        heard.extend(client.converse_stream(**ask())["stream"])
    assert sum("contentBlockDelta" in event for event in heard) == 2
    throttling = {"service": "bedrock-runtime", "error": "ThrottlingException", "rate": 0.3}
    gateway.faults.replace([throttling])
    codes = []
    for _ in range(40):
        try:
            list(client.converse_stream(**ask())["stream"])
        except ClientError as exc:
            codes.append(exc.response["Error"]["Code"])
    assert set(codes) == {"ThrottlingException"}
    assert 4 <= len(codes) <= 22


def test_a_stream_has_bedrocks_order_and_says_the_same(bedrock: BedrockRuntime) -> None:
    events = streamed(bedrock, **ask())
    names = [next(iter(event)) for event in events]
    assert list(dict.fromkeys(names)) == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    deltas = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert "".join(deltas) == text_of(bedrock, **ask())
    assert events[-1]["metadata"]["usage"]["outputTokens"] == len(deltas)


def test_max_tokens_stops_in_the_middle_of_a_sentence(bedrock: BedrockRuntime) -> None:
    answer = bedrock.operations["Converse"](ask(inferenceConfig={"maxTokens": 3}))
    assert answer["output"]["message"]["content"] == [{"text": "Our bakery o"}]
    assert (answer["stopReason"], answer["usage"]["outputTokens"]) == ("max_tokens", 3)


def test_a_stop_sequence_ends_the_text_before_it(bedrock: BedrockRuntime) -> None:
    params = ask(
        inferenceConfig={"stopSequences": [" at", " opens"]},
        additionalModelResponseFieldPaths=["/stop_sequence"],
    )
    answer = bedrock.operations["Converse"](params)
    assert answer["output"]["message"]["content"] == [{"text": "Our bakery"}]
    assert answer["stopReason"] == "stop_sequence"
    assert answer["additionalModelResponseFields"] == {"stop_sequence": " opens"}


def test_a_thinking_model_thinks_first_and_pays_for_it(bedrock: BedrockRuntime) -> None:
    events = streamed(bedrock, **ask(modelId=THINKER))
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    assert "reasoningContent" in deltas[0]["delta"]
    assert {d["contentBlockIndex"] for d in deltas if "text" in d["delta"]} == {1}
    spent = events[-1]["metadata"]["usage"]["outputTokens"]
    assert spent == sum(
        1 for d in deltas if "signature" not in d["delta"].get("reasoningContent", {})
    )


def test_thinking_can_use_up_all_tokens(bedrock: BedrockRuntime) -> None:
    answer = bedrock.operations["Converse"](ask(modelId=THINKER, inferenceConfig={"maxTokens": 5}))
    assert [*answer["output"]["message"]["content"][0]] == ["reasoningContent"]
    assert answer["stopReason"] == "max_tokens"


def test_thinking_can_be_switched_off_or_shortened(bedrock: BedrockRuntime) -> None:
    def spent(**fields: Any) -> int:
        params = ask(modelId=THINKER, additionalModelRequestFields=fields)
        tokens: int = bedrock.operations["Converse"](params)["usage"]["outputTokens"]
        return tokens

    off = spent(thinking={"type": "disabled"})
    assert off < spent(output_config={"effort": "low"}) < spent()


def test_a_long_prompt_is_read_from_the_cache_the_second_time(
    bedrock: BedrockRuntime, clock: Clock
) -> None:
    system = [{"text": "Bread is good. " * 200}, {"cachePoint": {"type": "default"}}]
    first = bedrock.operations["Converse"](ask(system=system))["usage"]
    second = bedrock.operations["Converse"](ask(system=system))["usage"]
    assert (first["cacheReadInputTokens"], first["cacheWriteInputTokens"]) == (0, 750)
    assert (second["cacheReadInputTokens"], second["cacheWriteInputTokens"]) == (750, 0)
    assert second["totalTokens"] == second["inputTokens"] + 750 + second["outputTokens"]
    clock.now += 301
    assert bedrock.operations["Converse"](ask(system=system))["usage"]["cacheReadInputTokens"] == 0


def test_a_short_prompt_gains_nothing_from_a_cache_point(bedrock: BedrockRuntime) -> None:
    system = [{"text": FACTS}, {"cachePoint": {"type": "default"}}]
    for _ in range(2):
        usage = bedrock.operations["Converse"](ask(system=system))["usage"]
        assert usage["cacheReadInputTokens"] == usage["cacheWriteInputTokens"] == 0


def user(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]} for text in texts]


ASSISTANT = {"role": "assistant", "content": [{"text": "So"}]}
REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"modelId": "anthropic.claude-haiku-9"}, "The provided model identifier is invalid."),
    ({"modelId": "haiku"}, "The provided model identifier is invalid."),
    ({"messages": []}, "A conversation must start with a user message."),
    ({"messages": [ASSISTANT]}, "A conversation must start with a user message."),
    ({"messages": user("a", "b")}, "must alternate between user and assistant roles"),
    (
        {"messages": user(" \n")},
        "The text field in the ContentBlock object at messages.0.content.0",
    ),
    ({"system": [{"text": ""}]}, "The text field in the ContentBlock object at system.0 is blank"),
    ({"messages": [{"role": "user", "content": []}]}, "messages.0 is empty"),
    ({"messages": [{"role": "user", "content": [{"image": {}}]}]}, "reads text, not image"),
    ({"toolConfig": {"tools": []}}, "uses no tools"),
    (
        {"inferenceConfig": {"temperature": 0.1, "topP": 0.9}},
        "`temperature` and `top_p` cannot both be specified for this model.",
    ),
    ({"inferenceConfig": {"maxTokens": 64_001}}, "exceeds the model limit of 64000"),
    (
        {"modelId": THINKER, "inferenceConfig": {"temperature": 1.0}},
        "`temperature` is deprecated for this model.",
    ),
    (
        {"modelId": THINKER, "inferenceConfig": {"topP": 1.0}},
        "`top_p` is deprecated for this model.",
    ),
    (
        {"modelId": THINKER, "additionalModelRequestFields": {"top_k": 5}},
        "`top_k` is deprecated for this model.",
    ),
    (
        {"modelId": THINKER, "messages": [*user("a"), ASSISTANT]},
        "This model does not support assistant message prefill.",
    ),
    (
        {"modelId": "anthropic.claude-sonnet-5-5", "inferenceConfig": {"temperature": 0.2}},
        "`temperature` may only be set to 1 when thinking is enabled.",
    ),
    ({"performanceConfig": {"latency": "optimized"}}, "not supported for this model"),
]


@pytest.mark.parametrize(("change", "words"), REFUSALS)
def test_bedrock_refuses(bedrock: BedrockRuntime, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError) as caught:
        bedrock.operations["Converse"](ask() | change)
    assert caught.value.code == "ValidationException"
    assert words in caught.value.message


def test_a_model_at_its_end_of_life_is_gone(bedrock: BedrockRuntime) -> None:
    model = "us.anthropic.claude-3-5-haiku-20241022-v1:0"
    with pytest.raises(ApiError, match="has reached the end of its life") as caught:
        bedrock.operations["Converse"](ask(modelId=model))
    assert (caught.value.code, caught.value.status) == ("ResourceNotFoundException", 404)


KNOWN_IDS = [
    HAIKU,
    THINKER,
    "anthropic.claude-sonnet-4-6",
    "eu.anthropic.claude-sonnet-5-5",
    f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{HAIKU}",
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
]


@pytest.mark.parametrize("model_id", KNOWN_IDS)
def test_known_families_answer_under_every_kind_of_id(
    bedrock: BedrockRuntime, model_id: str
) -> None:
    assert "bakery" in text_of(bedrock, **ask(modelId=model_id))


def test_prefill_is_taken_where_the_family_takes_it(bedrock: BedrockRuntime) -> None:
    messages = [*user("When does the bakery open?"), ASSISTANT]
    assert "bakery" in text_of(bedrock, **ask(messages=messages))


def test_a_quota_counts_the_last_minute(bedrock: BedrockRuntime, clock: Clock) -> None:
    bedrock.set_quotas({"claude-haiku-4-5": 2})
    for _ in range(2):
        streamed(bedrock, **ask())
    with pytest.raises(ApiError, match="Too many requests") as caught:
        bedrock.operations["ConverseStream"](ask())
    assert caught.value.status == 429
    text_of(bedrock, **ask(modelId=THINKER))
    clock.now += 60
    streamed(bedrock, **ask())


def test_a_real_client_reads_answer_and_stream(gateway: RunningGateway) -> None:
    client = gateway.client("bedrock-runtime")
    whole = client.converse(**ask(modelId=THINKER))
    assert whole["output"]["message"]["content"][1]["text"].startswith("Our bakery opens")
    parts = [
        event["contentBlockDelta"]["delta"].get("text", "")
        for event in client.converse_stream(**ask())["stream"]
        if "contentBlockDelta" in event
    ]
    assert "".join(parts).startswith("Our bakery opens")
