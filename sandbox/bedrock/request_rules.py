"""Refuses what Bedrock refuses, in Bedrock's words.

Wordings as reported in public issue threads of 2024 to 2026; the wire shape itself is checked
against botocore's model before this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from sandbox.aws_api import ApiError, Params
from sandbox.bedrock.families import Family

_FROM_THE_MODEL = "The model returned the following errors: "
_TEXT_ONLY = ("text", "cachePoint", "reasoningContent")
_MINIMUM_THINKING_TOKENS = 1024


def check(params: Params, family: Family) -> None:
    """ApiError (ValidationException) for the first rule that the request breaks."""
    for problem in _problems(params, family):
        raise ApiError("ValidationException", problem)


def thinking(params: Mapping[str, Any], family: Family) -> bool:
    """Whether this request thinks before it answers."""
    setting = _extra(params).get("thinking")
    kind = setting.get("type") if isinstance(setting, Mapping) else None
    return family.thinks_by_default if kind is None else kind != "disabled"


def effort(params: Mapping[str, Any]) -> str:
    """The effort asked for, `high` when nothing is said."""
    setting = _extra(params).get("output_config")
    return str(setting.get("effort", "high")) if isinstance(setting, Mapping) else "high"


def max_tokens(params: Mapping[str, Any], family: Family) -> int:
    return int(params.get("inferenceConfig", {}).get("maxTokens") or family.max_tokens)


def _problems(params: Params, family: Family) -> Iterator[str]:
    messages = params.get("messages") or []
    yield from _turn_problems(messages, family)
    yield from _content_problems(params, messages)
    yield from _length_problems(params, family)
    yield from _sampling_problems(params, family)
    if params.get("performanceConfig", {}).get("latency") == "optimized":
        yield "Latency performance configuration is not supported for this model."


def _turn_problems(messages: list[dict[str, Any]], family: Family) -> Iterator[str]:
    if not messages or messages[0]["role"] != "user":
        yield (
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
        return
    roles = [message["role"] for message in messages]
    if any(first == second for first, second in pairwise(roles)):
        yield (
            "A conversation must alternate between user and assistant roles. Make sure the "
            "conversation alternates between user and assistant roles and try again."
        )
    if roles[-1] == "assistant" and not family.takes_prefill:
        yield (
            f"{_FROM_THE_MODEL}This model does not support assistant message prefill. The "
            "conversation must end with a user message."
        )


def _content_problems(params: Params, messages: list[dict[str, Any]]) -> Iterator[str]:
    for index, message in enumerate(messages):
        if not message.get("content"):
            yield f"The content field in the Message object at messages.{index} is empty."
        yield from _block_problems(message.get("content") or [], f"messages.{index}.content")
    yield from _block_problems(params.get("system") or [], "system")
    if params.get("toolConfig"):
        yield "The sandbox's stand-in for a model uses no tools."


def _block_problems(blocks: list[dict[str, Any]], path: str) -> Iterator[str]:
    for index, block in enumerate(blocks):
        if "text" in block and not block["text"].strip():
            yield (
                f"The text field in the ContentBlock object at {path}.{index} is blank. Add text "
                "to the text field, and try again."
            )
        for name in block.keys() - set(_TEXT_ONLY):
            yield f"The sandbox's stand-in for a model reads text, not {name} ({path}.{index})."


def _length_problems(params: Params, family: Family) -> Iterator[str]:
    asked = params.get("inferenceConfig", {}).get("maxTokens")
    if asked is not None and asked > family.max_tokens:
        yield (
            f"The maximum tokens you requested exceeds the model limit of {family.max_tokens}. "
            f"Try again with a maximum tokens value that is lower than {family.max_tokens}."
        )
    setting = _extra(params).get("thinking")
    budget = setting.get("budget_tokens") if isinstance(setting, Mapping) else None
    if budget is not None and budget < _MINIMUM_THINKING_TOKENS:
        yield (
            f"{_FROM_THE_MODEL}thinking.enabled.budget_tokens: Input should be greater than or "
            f"equal to {_MINIMUM_THINKING_TOKENS}"
        )
    if budget is not None and budget >= max_tokens(params, family):
        yield f"{_FROM_THE_MODEL}`max_tokens` must be greater than `thinking.budget_tokens`."


def _sampling_problems(params: Params, family: Family) -> Iterator[str]:
    given = _sampling(params)
    if not family.takes_sampling:
        for name in given:
            yield f"{_FROM_THE_MODEL}`{name}` is deprecated for this model."
    if {"temperature", "top_p"} <= given.keys():
        yield (
            f"{_FROM_THE_MODEL}`temperature` and `top_p` cannot both be specified for this "
            "model. Please use only one."
        )
    if thinking(params, family) and given.get("temperature", 1) != 1:
        yield f"{_FROM_THE_MODEL}`temperature` may only be set to 1 when thinking is enabled."


def _sampling(params: Params) -> dict[str, Any]:
    config, extra = params.get("inferenceConfig", {}), _extra(params)
    given = {
        "temperature": config.get("temperature", extra.get("temperature")),
        "top_p": config.get("topP", extra.get("top_p")),
        "top_k": extra.get("top_k"),
    }
    return {name: value for name, value in given.items() if value is not None}


def _extra(params: Mapping[str, Any]) -> Mapping[str, Any]:
    found = params.get("additionalModelRequestFields")
    return found if isinstance(found, Mapping) else {}
