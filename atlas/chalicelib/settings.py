"""The only reader of environment variables; every name stands here once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.environment_reader import EnvironmentReader
from chalicelib.errors import ConfigError
from chalicelib.lex import Channel
from chalicelib.model_router import RacePolicy, Route

STAGES = ("local", "dev", "prod")
ROUTES = ("simple", "conversation", "scenario")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

LEAD_DEFAULTS = ("company", "first_name", "source", "status")

LOCAL_HTTP_VARIABLE = "ATLAS_LOCAL_HTTP"

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_API_VERSION = re.compile(r"[1-9][0-9]\.0")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment says; resource names have no defaults, tunables have.

    The three Connect values are "" until the team has filled them in; only `invoke_call` needs
    them. `quiet_hours`: minutes of the day from which and until which no phone rings, None for
    never. `lead_defaults`: Salesforce's company, first_name, source and status where the visitor
    gave none.
    """

    stage: str
    response_cache_table: str
    generate_answer_function: str
    routes: Mapping[str, Route]
    leads_table: str
    scenario_cache_table: str
    call_limits_table: str
    pending_work_table: str
    contacts_table: str
    deletions_table: str
    lead_workflow: str
    team_topic: str
    generate_scenario_function: str
    invoke_call_function: str
    update_lead_function: str
    erase_lead_function: str
    salesforce_secret: str
    phone_hash_secret: str
    allowed_countries: frozenset[str]
    default_country: str
    recording_key_pattern: re.Pattern[str]
    connect_instance_id: str = ""
    connect_contact_flow_id: str = ""
    connect_source_phone_number: str = ""
    salesforce_api_version: str = "62.0"
    salesforce_external_id_field: str = ""
    lead_defaults: Mapping[str, str] = field(default_factory=dict)
    calls_per_number_per_day: int = 3
    calls_per_hour: int = 200
    quiet_hours: tuple[int, int] | None = None
    recording_wait_seconds: float = 600.0
    ring_seconds: int = 30
    log_level: str = "INFO"
    turn_deadline_seconds: float = 0.8
    phone_deadline_seconds: float = 0.8
    race: RacePolicy = field(default_factory=RacePolicy)
    consent_deadline_seconds: float = 3.0
    answer_fresh_seconds: float = 21_600.0
    answer_stale_seconds: float = 86_400.0
    warming_model_calls: int = 200
    warming_at_once: int = 4

    def deadline_seconds(self, channel: Channel) -> float:
        """How long a turn may take that writes nothing."""
        return self.phone_deadline_seconds if channel == "phone" else self.turn_deadline_seconds

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and check everything; ConfigError names every problem at once."""
        reader = EnvironmentReader(os.environ if environ is None else environ)
        turn_ms = reader.number("TURN_DEADLINE_MS", 800, 100, 20_000)
        settings = cls(
            stage=reader.choice("ATLAS_STAGE", STAGES),
            response_cache_table=reader.text("RESPONSE_CACHE_TABLE"),
            generate_answer_function=reader.text("GENERATE_ANSWER_FUNCTION"),
            routes=reader.routes("MODEL_ROUTES", "MODEL_TABLE", ROUTES),
            leads_table=reader.text("LEADS_TABLE"),
            scenario_cache_table=reader.text("SCENARIO_CACHE_TABLE"),
            call_limits_table=reader.text("CALL_LIMITS_TABLE"),
            pending_work_table=reader.text("PENDING_WORK_TABLE"),
            contacts_table=reader.text("CONTACTS_TABLE"),
            deletions_table=reader.text("DELETIONS_TABLE"),
            lead_workflow=reader.text("LEAD_WORKFLOW"),
            team_topic=reader.text("TEAM_TOPIC"),
            generate_scenario_function=reader.text("GENERATE_SCENARIO_FUNCTION"),
            invoke_call_function=reader.text("INVOKE_CALL_FUNCTION"),
            update_lead_function=reader.text("UPDATE_LEAD_FUNCTION"),
            erase_lead_function=reader.text("ERASE_LEAD_FUNCTION"),
            salesforce_secret=reader.text("SALESFORCE_SECRET"),
            phone_hash_secret=reader.text("PHONE_HASH_SECRET"),
            allowed_countries=reader.countries("ALLOWED_COUNTRIES"),
            default_country=reader.country("DEFAULT_COUNTRY"),
            recording_key_pattern=reader.pattern("RECORDING_KEY_PATTERN", "contact"),
            connect_instance_id=reader.optional("CONNECT_INSTANCE_ID", _UUID, "a UUID"),
            connect_contact_flow_id=reader.optional("CONNECT_CONTACT_FLOW_ID", _UUID, "a UUID"),
            connect_source_phone_number=reader.optional(
                "CONNECT_SOURCE_PHONE_NUMBER", _E164, "a number such as +14155550100"
            ),
            salesforce_api_version=reader.optional(
                "SALESFORCE_API_VERSION", _API_VERSION, "a version such as 62.0", "62.0"
            ),
            salesforce_external_id_field=reader.optional(
                "SALESFORCE_EXTERNAL_ID_FIELD", _FIELD_NAME, "a field's API name, or empty"
            ),
            lead_defaults=reader.texts("SALESFORCE_LEAD_DEFAULTS", LEAD_DEFAULTS),
            calls_per_number_per_day=int(reader.number("CALLS_PER_NUMBER_PER_DAY", 3, 1, 1000)),
            calls_per_hour=int(reader.number("CALLS_PER_HOUR", 200, 1, 1_000_000)),
            quiet_hours=reader.hours("QUIET_HOURS"),
            recording_wait_seconds=reader.number("RECORDING_WAIT_SECONDS", 600, 1, 86_400),
            # Connect rings for at least 15 and at most 60 seconds.
            ring_seconds=int(reader.number("RING_SECONDS", 30, 15, 60)),
            log_level=reader.choice("LOG_LEVEL", LOG_LEVELS, default="INFO"),
            turn_deadline_seconds=turn_ms / 1000,
            phone_deadline_seconds=reader.number("PHONE_DEADLINE_MS", turn_ms, 100, 20_000) / 1000,
            race=_race(reader),
            consent_deadline_seconds=reader.number("CONSENT_DEADLINE_MS", 3000, 1500, 20_000)
            / 1000,
            answer_fresh_seconds=reader.number("ANSWER_FRESH_SECONDS", 21_600, 1, 604_800),
            answer_stale_seconds=reader.number("ANSWER_STALE_SECONDS", 86_400, 1, 2_592_000),
            warming_model_calls=int(reader.number("WARMING_MODEL_CALLS", 200, 0, 10_000)),
            warming_at_once=int(reader.number("WARMING_AT_ONCE", 4, 1, 4)),
        )
        if settings.answer_stale_seconds < settings.answer_fresh_seconds:
            reader.problems.append("ANSWER_STALE_SECONDS is less than ANSWER_FRESH_SECONDS")
        if reader.problems:
            raise ConfigError(reader.problems)
        return settings


def _race(reader: EnvironmentReader) -> RacePolicy:
    return RacePolicy(
        hedge_share=reader.number("HEDGE_PERCENT", 5, 0, 100) / 100,
        hedge_after_seconds=reader.number("HEDGE_AFTER_MS", 280, 10, 20_000) / 1000,
        stall_seconds=reader.number("STALL_MS", 150, 10, 20_000) / 1000,
    )


def in_lambda() -> bool:
    """Whether Lambda's own runtime runs this process."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ and "AWS_LAMBDA_RUNTIME_API" in os.environ


def function() -> str:
    """The running function as app.py names it: of `atlas-<stage>-<function>` the last part.

    `lex_fulfillment` outside Lambda, where `chalice local` serves that one.
    """
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "lex_fulfillment").rpartition("-")[2]


def initialization_type() -> str:
    """`on-demand` or `provisioned-concurrency`, as Lambda says; empty outside Lambda."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "")


def trace_header() -> str:
    """X-Ray's header of the running invocation, `Root=...;Parent=...;Sampled=1`; empty outside."""
    return os.environ.get("_X_AMZN_TRACE_ID", "")


def xray_daemon() -> str:
    """Where X-Ray's daemon listens, `host:port`; empty outside Lambda."""
    return os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "")


def serves_local_http() -> bool:
    """Whether `chalice local` itself runs, for a stage that wants the route.

    `chalice deploy` and `package` set the stage's variables too before they import the app, and
    a shell may have exported them. What only `chalice local` does is to load its reloader.
    """
    return os.environ.get(LOCAL_HTTP_VARIABLE) == "1" and "chalice.cli.reloader" in sys.modules
