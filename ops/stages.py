"""The one table of stages and functions: names, sizes, environment and provisioned concurrency.

config.json, the policies and the release all read it, so a name is never written twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

APP = "atlas"
STAGES = ("local", "dev", "prod")
LIVE = "live"
FULFILLMENT = "lex_fulfillment"
GENERATE_ANSWER = "generate_answer"
KEEP_WARM = "keep_warm"

# First the model in use, then its fallbacks; the haiku entries are the two generations that
# answer inside a turn's deadline (PERFORMANCE: the class, not the generation, decides).
_HAIKU = ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "global.anthropic.claude-haiku-5-5")
_SONNET = ("global.anthropic.claude-sonnet-4-6",)
MODEL_ROUTES: dict[str, dict[str, Any]] = {
    "simple": {"models": list(_HAIKU), "max_tokens": 150},
    "conversation": {"models": list(_HAIKU), "max_tokens": 150},
    "scenario": {"models": list(_SONNET), "max_tokens": 600},
}


@dataclass(frozen=True, slots=True)
class StageSizes:
    """What differs between stages besides names; counts are environments, not requests.

    `drain_seconds`: how long the former version stays provisioned after its alias moved, because
    a moved alias reaches all of Lambda's front ends within seconds, not at once.
    """

    provisioned_fulfillment: int
    reserved_generate_answer: int
    log_retention_days: int
    drain_seconds: float


STAGE_SIZES = {
    "local": StageSizes(
        provisioned_fulfillment=2,
        reserved_generate_answer=2,
        log_retention_days=1,
        drain_seconds=0.5,
    ),
    "dev": StageSizes(
        provisioned_fulfillment=1,
        reserved_generate_answer=5,
        log_retention_days=14,
        drain_seconds=5,
    ),
    "prod": StageSizes(
        provisioned_fulfillment=5,
        reserved_generate_answer=5,
        log_retention_days=90,
        drain_seconds=15,
    ),
}


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """One function of app.py; `routes` are the model routes that it may call."""

    name: str
    timeout_seconds: int
    memory_mb: int = 512
    routes: tuple[str, ...] = ("simple",)
    invokes: tuple[str, ...] = ()
    is_background: bool = False


# Fulfilment last: its alias moves when everything that it calls has moved.
FUNCTIONS = (
    LambdaFunction(GENERATE_ANSWER, timeout_seconds=15, is_background=True),
    LambdaFunction(KEEP_WARM, timeout_seconds=60),
    LambdaFunction(
        FULFILLMENT,
        timeout_seconds=10,
        routes=("simple", "conversation"),
        invokes=(GENERATE_ANSWER,),
    ),
)


def function_name(stage: str, function: str) -> str:
    """The deployed name: `<app>-<stage>-<function>`, as `chalice deploy` makes it."""
    return f"{APP}-{stage}-{function}"


def bot_name(stage: str) -> str:
    """The Lex bot's name, as `infra/lex_bot.yaml` makes it."""
    return f"{APP}-{stage}"


def response_cache_table(stage: str) -> str:
    """The response cache's table, as `infra/tables.yaml` makes it."""
    return f"{APP}-{stage}-response-cache"


def environment(stage: str) -> dict[str, str]:
    """Every variable that the app's Settings reads on `stage`."""
    variables = {
        "ATLAS_STAGE": stage,
        "RESPONSE_CACHE_TABLE": response_cache_table(stage),
        "GENERATE_ANSWER_FUNCTION": f"{function_name(stage, GENERATE_ANSWER)}:{LIVE}",
        "MODEL_ROUTES": json.dumps(MODEL_ROUTES, separators=(",", ":")),
        "LOG_LEVEL": "INFO",
    }
    return variables | ({"ATLAS_LOCAL_HTTP": "1"} if stage == "local" else {})
