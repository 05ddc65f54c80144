"""What each Claude family on Bedrock takes and refuses: one row per family, no code per model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.aws_api import ApiError
from sandbox.latency import ModelClass


@dataclass(frozen=True, slots=True)
class Family:
    """Limits and habits of one family; `characters_per_token` is this stand-in's tokenizer."""

    name: str
    model_class: ModelClass
    max_tokens: int
    thinks_by_default: bool = False
    takes_sampling: bool = True
    takes_prefill: bool = True
    characters_per_token: int = 4


# The 5.5 generation counts about 30% more tokens for the same text: three characters to a token.
_FAMILIES = (
    Family("claude-haiku-4-5", "haiku", 64_000),
    Family("claude-sonnet-4-6", "sonnet", 64_000, takes_prefill=False),
    Family(
        "claude-haiku-5-5",
        "haiku",
        64_000,
        thinks_by_default=True,
        takes_sampling=False,
        takes_prefill=False,
        characters_per_token=3,
    ),
    Family(
        "claude-sonnet-5-5",
        "sonnet",
        64_000,
        thinks_by_default=True,
        takes_prefill=False,
        characters_per_token=3,
    ),
)
_RETIRED = ("claude-3-5-haiku",)
_ID = re.compile(
    r"(?:arn:aws[\w-]*:bedrock:[^:]*:\d*:(?:inference-profile|foundation-model)/)?"
    r"(?:(?:global|us|eu|apac|jp|au|ca|us-gov)\.)?anthropic\."
    r"(?P<family>claude-[a-z0-9-]+?)(?:-\d{8})?(?:-v\d+(?::\d+)?)?"
)


def family_of(model_id: str) -> Family:
    """The family of a model id, inference profile or ARN; ApiError as Bedrock words it."""
    match = _ID.fullmatch(model_id)
    name = match["family"] if match else ""
    if name in _RETIRED:
        raise ApiError(
            "ResourceNotFoundException",
            "This model version has reached the end of its life. Please refer to the AWS "
            "documentation for more details.",
            404,
        )
    for family in _FAMILIES:
        if family.name == name:
            return family
    raise ApiError("ValidationException", "The provided model identifier is invalid.")


def base_model_id(model_id: str) -> str:
    """The id without ARN and region prefix, by which quotas are kept."""
    return model_id.rsplit("/", 1)[-1].partition("anthropic.")[2] or model_id
