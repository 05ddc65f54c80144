"""The one table of stages and functions: names, sizes, models, how each may be invoked.

config.json, the policies and the release all read it, so a name is never written twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

APP = "atlas"
STAGES = ("local", "dev", "prod")
LIVE = "live"
FULFILLMENT = "lex_fulfillment"
GENERATE_ANSWER = "generate_answer"
KEEP_WARM = "keep_warm"
CREATE_LEAD = "create_lead"
GENERATE_SCENARIO = "generate_scenario"
INVOKE_CALL = "invoke_call"
UPDATE_LEAD = "update_lead"
START_TRANSCRIPTION = "start_transcription"
SUMMARIZE_CALL = "summarize_call"
CALL_ENDED = "call_ended"
RECOVER_LEADS = "recover_leads"
ERASE_LEAD = "erase_lead"

_HAIKU_4_5 = "anthropic.claude-haiku-4-5-20251001-v1:0"
_HAIKU_5_5 = "global.anthropic.claude-haiku-5-5"
_SONNET = "global.anthropic.claude-sonnet-4-6"
_HAIKU_PACE = {"first_ms": [190, 245], "hundred_characters_ms": [176, 229]}
# `strength` is the team's verdict after `ops evaluate`: until the newer Haiku has been evaluated it
# counts less than the model in use. Prices: the Bedrock price list of `priced_on`; a `us.` profile
# costs 10% more than `global.` and is a second way to the same model, for stages whose region is
# in the US (elsewhere name that geography's). `first_ms` and `hundred_characters_ms` are the
# median and the p95 of the latency profile `reported`, until a stage has measured its own.
MODEL_TABLE: dict[str, dict[str, Any]] = {
    f"global.{_HAIKU_4_5}": {
        "strength": 2,
        "usd": [1.0, 5.0],
        "priced_on": "2026-11-23",
        **_HAIKU_PACE,
    },
    f"us.{_HAIKU_4_5}": {
        "strength": 2,
        "usd": [1.1, 5.5],
        "priced_on": "2026-11-23",
        **_HAIKU_PACE,
    },
    # About 30% more tokens for the same text.
    _HAIKU_5_5: {
        "strength": 1,
        "usd": [0.1, 0.5],
        "priced_on": "2026-11-23",
        "first_ms": [190, 245],
        "hundred_characters_ms": [234, 305],
    },
    _SONNET: {
        "strength": 3,
        "usd": [3.0, 15.0],
        "priced_on": "2026-11-23",
        "first_ms": [750, 975],
        "hundred_characters_ms": [703, 914],
    },
}
_FAST = [f"global.{_HAIKU_4_5}", f"us.{_HAIKU_4_5}", _HAIKU_5_5]
# `characters`: two sentences of about 80 are what a turn's answer has.
MODEL_ROUTES: dict[str, dict[str, Any]] = {
    "simple": {"models": _FAST, "max_tokens": 150, "characters": 160},
    "conversation": {"models": _FAST, "max_tokens": 150, "characters": 160},
    "scenario": {"models": [_SONNET], "max_tokens": 600, "characters": 600},
}

# A shared answer changes only with its prompt and its models, which are in its key; being made
# anew guards against one unlucky wording. docs/decisions/0062 has what each hour costs.
ANSWER_FRESH_SECONDS = 21_600
ANSWER_STALE_SECONDS = 86_400
# One run makes all sample utterances' answers; at once no more than an environment has streams.
WARMING_MODEL_CALLS = 200
WARMING_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class StageSizes:
    """What may differ between stages besides names; counts are environments, not requests.

    `provisioned_most`: up to how many Application Auto Scaling may go; the same is no scaling.
    `drain_seconds`: how long the former version stays provisioned after its alias moved, because
    a moved alias reaches all of Lambda's front ends within seconds, not at once.
    `turn_deadline_ms`, `phone_deadline_ms`, `consent_deadline_ms`: how long a visitor waits for a
    turn in the chat, on the phone, and for the turn that says yes. `hedge_percent`: second model
    requests, of a hundred first ones.
    """

    provisioned_fulfillment: int
    provisioned_most: int
    reserved_generate_answer: int
    log_retention_days: int
    drain_seconds: float
    turn_deadline_ms: int
    phone_deadline_ms: int
    hedge_percent: int
    consent_deadline_ms: int


STAGE_SIZES = {
    "local": StageSizes(
        provisioned_fulfillment=2,
        provisioned_most=2,
        reserved_generate_answer=2,
        log_retention_days=1,
        drain_seconds=0.5,
        turn_deadline_ms=800,
        phone_deadline_ms=800,
        hedge_percent=5,
        consent_deadline_ms=3000,
    ),
    "dev": StageSizes(
        provisioned_fulfillment=1,
        provisioned_most=1,
        reserved_generate_answer=5,
        log_retention_days=14,
        drain_seconds=5,
        turn_deadline_ms=800,
        phone_deadline_ms=800,
        hedge_percent=5,
        consent_deadline_ms=3000,
    ),
    "prod": StageSizes(
        provisioned_fulfillment=5,
        provisioned_most=20,
        reserved_generate_answer=5,
        log_retention_days=90,
        drain_seconds=15,
        turn_deadline_ms=800,
        phone_deadline_ms=800,
        hedge_percent=5,
        consent_deadline_ms=3000,
    ),
}


@dataclass(frozen=True, slots=True)
class AsynchronousInvokes:
    """How long Lambda keeps an event that the function did not take or finish, and its tries.

    Without this Lambda tries three times in all and keeps an event for six hours:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    retries: int
    max_age_seconds: int


# Worth nothing later, and another invocation follows or a row in pending-work waits behind it.
ONCE = AsynchronousInvokes(retries=0, max_age_seconds=60)
# An event that nobody sends again; a row in pending-work, or a time-out, stands behind it.
PATIENTLY = AsynchronousInvokes(retries=2, max_age_seconds=3600)


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """One function; `rule`: the end of the name of the event rule that invokes it, if one does."""

    name: str
    timeout_seconds: int
    memory_mb: int = 512
    asynchronous: AsynchronousInvokes | None = None
    rule: str = ""


# In the order in which aliases move: each comes after all that it invokes, fulfilment last.
FUNCTIONS = (
    LambdaFunction(GENERATE_ANSWER, timeout_seconds=15, asynchronous=ONCE),
    LambdaFunction(KEEP_WARM, timeout_seconds=60, asynchronous=ONCE, rule="keep-warm"),
    LambdaFunction(CREATE_LEAD, timeout_seconds=30),
    LambdaFunction(GENERATE_SCENARIO, timeout_seconds=30, asynchronous=ONCE),
    LambdaFunction(INVOKE_CALL, timeout_seconds=15, asynchronous=ONCE),
    LambdaFunction(UPDATE_LEAD, timeout_seconds=30, asynchronous=ONCE),
    LambdaFunction(ERASE_LEAD, timeout_seconds=60, asynchronous=ONCE),
    LambdaFunction(
        START_TRANSCRIPTION, timeout_seconds=30, asynchronous=PATIENTLY, rule="recording-created"
    ),
    LambdaFunction(
        SUMMARIZE_CALL, timeout_seconds=60, asynchronous=PATIENTLY, rule="transcript-ready"
    ),
    LambdaFunction(CALL_ENDED, timeout_seconds=30, asynchronous=PATIENTLY, rule="call-ended"),
    LambdaFunction(RECOVER_LEADS, timeout_seconds=55, asynchronous=ONCE, rule="recover-leads"),
    LambdaFunction(FULFILLMENT, timeout_seconds=10),
)


def function_name(stage: str, function: str) -> str:
    """The deployed name: `<app>-<stage>-<function>`, as `chalice deploy` makes it."""
    return f"{APP}-{stage}-{function}"


def bot_name(stage: str) -> str:
    """The Lex bot's name, as `infra/lex_bot.yaml` makes it."""
    return f"{APP}-{stage}"


def table(stage: str, name: str) -> str:
    """A table's full name, as `infra/tables.yaml` makes it."""
    return f"{APP}-{stage}-{name}"


def lead_workflow(stage: str) -> str:
    """The state machine's name, as `infra/lead_workflow.yaml` makes it."""
    return f"{APP}-{stage}-lead-workflow"


def team_topic(stage: str) -> str:
    """The SNS topic's name, as `infra/lead_workflow.yaml` makes it."""
    return f"{APP}-{stage}-team"


def rule_name(stage: str, rule: str) -> str:
    """An event rule's full name, as `infra/lead_workflow.yaml` makes it."""
    return f"{APP}-{stage}-{rule}"


def secret(stage: str, name: str) -> str:
    """A secret's full name, as `infra/lead_workflow.yaml` makes it."""
    return f"{APP}/{stage}/{name}"
