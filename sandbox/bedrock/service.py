"""Converse and ConverseStream: one answer, whole or token by token at its model's pace."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws_api import Operation, Params
from sandbox.bedrock import request_rules
from sandbox.bedrock.families import Family, base_model_id, family_of
from sandbox.bedrock.prompt_reader import prompt_texts, read_prompt, text_before_cache_point
from sandbox.bedrock.quotas import Quotas
from sandbox.bedrock.writer import write_answer, write_thoughts
from sandbox.callers import ModelUsage, caller
from sandbox.faults import Effect, met
from sandbox.latency import Pace, TokenTiming

CACHE_SECONDS = 300.0
CACHE_MINIMUM_TOKENS = 512

Event = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the model says; both texts are cut into tokens already."""

    thoughts: tuple[str, ...]
    words: tuple[str, ...]
    stop_reason: str
    usage: dict[str, int]
    stop_sequence: str | None = None

    @property
    def tokens(self) -> int:
        return len(self.thoughts) + len(self.words)


class BedrockRuntime:
    """An AwsService. Tokens: one per four characters begun, three on the 5.5 generation.

    `hold` blocks as long as a stream that meets a stall is to hang.
    """

    service_name = "bedrock-runtime"

    def __init__(
        self,
        latency: TokenTiming,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        hold: Callable[[], None] = lambda: None,
    ) -> None:
        self._timing = latency
        self._clock, self._sleep, self._hold = clock, sleep, hold
        self.usage = ModelUsage()
        self._quotas = Quotas(clock)
        self._cache = _PromptCache(clock)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"Converse": self._converse, "ConverseStream": self._converse_stream}

    def set_quotas(self, requests_per_minute: Mapping[str, int]) -> None:
        """Throttle model ids that contain a name, such as `claude-haiku-4-5`; {} throttles none."""
        self._quotas.replace(requests_per_minute)

    def quotas(self) -> dict[str, int]:
        return self._quotas.current()

    def _converse(self, params: Params) -> Params:
        started = self._clock()
        answer, pace = self._begin(params)
        self._wait_until(started + pace.due(answer.tokens))
        self.usage.add(caller(), params["modelId"], output_tokens=answer.tokens)
        return {
            "output": {"message": {"role": "assistant", "content": _content(answer)}},
            "stopReason": answer.stop_reason,
            "usage": answer.usage,
            "metrics": {"latencyMs": self._milliseconds_since(started)},
            **_extra_fields(params, answer),
        }

    def _converse_stream(self, params: Params) -> Params:
        started = self._clock()
        answer, pace = self._begin(params)
        events = self._events(params, answer, pace, started, met())
        return {"stream": self._counted(events, params["modelId"], caller())}

    def _begin(self, params: Params) -> tuple[_Answer, Pace]:
        family = family_of(params["modelId"])
        request_rules.check(params, family)
        self._quotas.take(base_model_id(params["modelId"]))
        pace = self._timing.pace(family.model_class).slower(met().times_slower)
        answer = _answer(params, family, self._cache)
        asked = answer.usage["totalTokens"] - answer.usage["outputTokens"]
        self.usage.add(caller(), params["modelId"], calls=1, input_tokens=asked)
        return answer, pace

    def _counted(self, events: Iterator[Event], model_id: str, who: str) -> Iterator[Event]:
        """The same events; what was written counts when the stream ends, however it does."""
        written = 0
        try:
            for event in events:
                yield event
                written += "contentBlockDelta" in event
        finally:
            self.usage.add(who, model_id, output_tokens=written)

    def _events(
        self, params: Params, answer: _Answer, pace: Pace, started: float, effect: Effect
    ) -> Iterator[Event]:
        yield {"messageStart": {"role": "assistant"}}
        spoken = 0
        stalls_after = effect.stalls_after(answer.tokens)
        for index, tokens in enumerate(part for part in (answer.thoughts, answer.words) if part):
            is_thought = tokens is answer.thoughts
            for token in tokens:
                if spoken == stalls_after:
                    self._hold()
                spoken += 1
                self._wait_until(started + pace.due(spoken))
                yield _delta(index, {"reasoningContent": {"text": token}} if is_thought else token)
            if is_thought:
                signature = {"reasoningContent": {"signature": _signature(answer.thoughts)}}
                yield _delta(index, signature)
            yield {"contentBlockStop": {"contentBlockIndex": index}}
        if spoken == stalls_after:
            self._hold()
        yield {"messageStop": {"stopReason": answer.stop_reason, **_extra_fields(params, answer)}}
        metrics = {"latencyMs": self._milliseconds_since(started)}
        yield {"metadata": {"usage": answer.usage, "metrics": metrics}}

    def _wait_until(self, moment: float) -> None:
        remaining = moment - self._clock()
        if remaining > 0:
            self._sleep(remaining)

    def _milliseconds_since(self, started: float) -> int:
        return round((self._clock() - started) * 1000)


class _PromptCache:
    """Which prompt beginnings were written in the last five minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._expires: dict[str, float] = {}

    def split(self, model_id: str, beginning: str | None, tokens: int) -> tuple[int, int]:
        """Tokens read from the cache, tokens written to it; short prompts gain nothing."""
        if beginning is None or tokens < CACHE_MINIMUM_TOKENS:
            return 0, 0
        key = hashlib.sha256(f"{model_id}\n{beginning}".encode()).hexdigest()
        now = self._clock()
        with self._lock:
            self._expires = {k: end for k, end in self._expires.items() if end > now}
            was_cached = key in self._expires
            self._expires[key] = now + CACHE_SECONDS
        return (tokens, 0) if was_cached else (0, tokens)


def _answer(params: Params, family: Family, cache: _PromptCache) -> _Answer:
    prompt = read_prompt(params)
    limit = request_rules.max_tokens(params, family)
    thoughts: tuple[str, ...] = ()
    if request_rules.thinking(params, family):
        thoughts = _tokens(write_thoughts(prompt, request_rules.effort(params)), family)[:limit]
    text, stop_sequence = _stopped(write_answer(prompt), params)
    words = _tokens(text, family)
    stop_reason = "stop_sequence" if stop_sequence is not None else "end_turn"
    if len(thoughts) + len(words) > limit:
        words, stop_reason, stop_sequence = words[: limit - len(thoughts)], "max_tokens", None
    usage = _usage(params, family, cache, len(thoughts) + len(words))
    return _Answer(thoughts, words, stop_reason, usage, stop_sequence)


def _stopped(text: str, params: Params) -> tuple[str, str | None]:
    """The text up to the first stop sequence that occurs in it, and which one that was."""
    sequences = params.get("inferenceConfig", {}).get("stopSequences") or []
    found = [(text.index(sequence), sequence) for sequence in sequences if sequence in text]
    if not found:
        return text, None
    position, sequence = min(found)
    return text[:position], sequence


def _usage(params: Params, family: Family, cache: _PromptCache, output: int) -> dict[str, int]:
    total_input = sum(len(_tokens(text, family)) for text in prompt_texts(params))
    beginning = text_before_cache_point(params)
    cacheable = len(_tokens(beginning or "", family))
    read, written = cache.split(params["modelId"], beginning, cacheable)
    return {
        "inputTokens": max(0, total_input - read - written),
        "outputTokens": output,
        "totalTokens": total_input + output,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def _tokens(text: str, family: Family) -> tuple[str, ...]:
    size = family.characters_per_token
    return tuple(text[start : start + size] for start in range(0, len(text), size))


def _content(answer: _Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.thoughts:
        text = {"text": "".join(answer.thoughts), "signature": _signature(answer.thoughts)}
        blocks.append({"reasoningContent": {"reasoningText": text}})
    if answer.words:
        blocks.append({"text": "".join(answer.words)})
    return blocks


def _delta(index: int, delta: dict[str, Any] | str) -> Event:
    body = {"text": delta} if isinstance(delta, str) else delta
    return {"contentBlockDelta": {"delta": body, "contentBlockIndex": index}}


def _extra_fields(params: Params, answer: _Answer) -> dict[str, Any]:
    """What `additionalModelResponseFieldPaths` asks for, of the one field there is."""
    if "/stop_sequence" not in (params.get("additionalModelResponseFieldPaths") or []):
        return {}
    return {"additionalModelResponseFields": {"stop_sequence": answer.stop_sequence}}


def _signature(thoughts: tuple[str, ...]) -> str:
    return hashlib.sha256("".join(thoughts).encode()).hexdigest()
