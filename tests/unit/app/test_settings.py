"""The environment, read once: good settings are typed, and one error names all that is bad."""

from __future__ import annotations

import json

import pytest

from chalicelib import settings
from chalicelib.errors import ConfigError
from chalicelib.model_router import RacePolicy
from chalicelib.settings import ROUTES, Settings

ROUTE = {"models": ["model-a", "model-b"], "max_tokens": 150, "characters": 160}
MODEL = {
    "strength": 2,
    "usd": [1, 5],
    "priced_on": "2026-11-23",
    "first_ms": [200, 300],
    "hundred_characters_ms": [176, 229],
}
MODELS = {"model-a": MODEL, "model-b": {**MODEL, "strength": 1}}
GOOD = {
    "ATLAS_STAGE": "dev",
    "RESPONSE_CACHE_TABLE": "atlas-dev-response-cache",
    "GENERATE_ANSWER_FUNCTION": "atlas-dev-generate_answer:live",
    "MODEL_ROUTES": json.dumps(dict.fromkeys(ROUTES, ROUTE)),
    "MODEL_TABLE": json.dumps(MODELS),
    "LEADS_TABLE": "atlas-dev-leads",
    "SCENARIO_CACHE_TABLE": "atlas-dev-scenario-cache",
    "CALL_LIMITS_TABLE": "atlas-dev-call-limits",
    "PENDING_WORK_TABLE": "atlas-dev-pending-work",
    "CONTACTS_TABLE": "atlas-dev-contacts",
    "DELETIONS_TABLE": "atlas-dev-deletions",
    "LEAD_WORKFLOW": "atlas-dev-lead-workflow",
    "TEAM_TOPIC": "atlas-dev-team",
    "GENERATE_SCENARIO_FUNCTION": "atlas-dev-generate_scenario:live",
    "INVOKE_CALL_FUNCTION": "atlas-dev-invoke_call:live",
    "UPDATE_LEAD_FUNCTION": "atlas-dev-update_lead:live",
    "ERASE_LEAD_FUNCTION": "atlas-dev-erase_lead:live",
    "SALESFORCE_SECRET": "atlas/dev/salesforce",
    "PHONE_HASH_SECRET": "atlas/dev/phone-hash",
    "ALLOWED_COUNTRIES": "US, CA,GB",
    "DEFAULT_COUNTRY": "US",
    "RECORDING_KEY_PATTERN": r"connect/.+/(?P<contact>[0-9a-f-]{36})_[^/]+\.wav",
}


def problems_of(**changes: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({**GOOD, **changes})
    return caught.value.problems


def test_a_full_environment_becomes_typed_settings() -> None:
    parsed = Settings.from_env({**GOOD, "LOG_LEVEL": "WARNING", "TURN_DEADLINE_MS": "1200"})
    assert parsed.stage == "dev"
    assert parsed.routes["simple"].models == ("model-a", "model-b")
    assert parsed.log_level == "WARNING"
    assert parsed.turn_deadline_seconds == pytest.approx(1.2)


def test_tunables_have_defaults() -> None:
    parsed = Settings.from_env(GOOD)
    assert parsed.log_level == "INFO"
    assert parsed.turn_deadline_seconds == pytest.approx(0.8)


def test_the_process_environment_is_read_when_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_env() == Settings.from_env(GOOD)


def test_one_error_names_every_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({"LOG_LEVEL": "LOUD", "TURN_DEADLINE_MS": "soon"})
    message = str(caught.value)
    for name in (*GOOD, "LOG_LEVEL", "TURN_DEADLINE_MS"):
        assert name in message


@pytest.mark.parametrize("value", ["99", "20001", "nan", "inf", "-1", "", "0x10"])
def test_a_deadline_outside_its_range_is_a_problem(value: str) -> None:
    assert problems_of(TURN_DEADLINE_MS=value) == (
        "TURN_DEADLINE_MS must be a number from 100 to 20000",
    )


def problems_with_model(**changes: object) -> tuple[str, ...]:
    models = {"model-a": {**MODEL, **changes}, "model-b": MODEL}
    return problems_of(MODEL_TABLE=json.dumps(models))


def problems_with_route(**changes: object) -> tuple[str, ...]:
    routes = {**dict.fromkeys(ROUTES, ROUTE), "simple": {**ROUTE, **changes}}
    return problems_of(MODEL_ROUTES=json.dumps(routes))


def test_a_route_knows_its_models_as_the_table_describes_them() -> None:
    route = Settings.from_env(GOOD).routes["conversation"]
    assert (route.models, route.max_tokens, route.answer_characters) == (
        ("model-a", "model-b"),
        150,
        160,
    )
    first, second = route.table
    assert (first.id, first.strength, second.strength) == ("model-a", 2, 1)
    assert (first.usd_in, first.usd_out, first.priced_on) == (1, 5, "2026-11-23")
    assert (first.prior.first.p50, first.prior.first.p95) == (0.2, 0.3)
    assert first.prior.character.p95 == pytest.approx(0.00229)


@pytest.mark.parametrize("name", ["MODEL_ROUTES", "MODEL_TABLE"])
@pytest.mark.parametrize("value", ["{", "[]", "null", "7"])
def test_a_table_that_is_no_object_is_a_problem(name: str, value: str) -> None:
    assert problems_of(**{name: value}) == (f"{name} must be a JSON object",)


@pytest.mark.parametrize("name", ["MODEL_ROUTES", "MODEL_TABLE"])
def test_what_is_said_twice_is_a_problem(name: str) -> None:
    assert problems_of(**{name: '{"a": {"x": 1, "y": 2, "x": 3}}'}) == (f"{name} has x twice",)


def test_every_bad_route_is_named_by_its_field() -> None:
    routes = {
        "simple": {"models": [], "max_tokens": 150, "characters": 0},
        "conversation": {**ROUTE, "max_tokens": True},
        "scenario": "model-a",
        "small talk": ROUTE,
    }
    assert [p.partition(" must")[0] for p in problems_of(MODEL_ROUTES=json.dumps(routes))] == [
        "MODEL_ROUTES.small talk is not used",
        "MODEL_ROUTES.simple.models",
        "MODEL_ROUTES.simple.characters",
        "MODEL_ROUTES.conversation.max_tokens",
        "MODEL_ROUTES.scenario.models",
        "MODEL_ROUTES.scenario.max_tokens",
        "MODEL_ROUTES.scenario.characters",
    ]


def test_a_route_names_each_model_once_and_only_models_of_the_table() -> None:
    assert problems_with_route(models=["model-a", "model-a"]) == (
        "MODEL_ROUTES.simple.models names a model twice",
    )
    assert problems_with_route(models=["model-a", "model-c"]) == (
        "MODEL_ROUTES.simple.models names model-c, which MODEL_TABLE lacks",
    )
    assert problems_with_route(temperature=1) == ("MODEL_ROUTES.simple.temperature is not used",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strength", 0),
        ("strength", 1.5),
        ("strength", True),
        ("usd", None),
        ("usd", [1]),
        ("usd", [1, -5]),
        ("usd", ["1", "5"]),
        ("priced_on", None),
        ("priced_on", "23.11.2026"),
        ("first_ms", [300, 200]),
        ("first_ms", [0, 200]),
        ("first_ms", 200),
        ("hundred_characters_ms", [176]),
        ("hundred_characters_ms", None),
    ],
)
def test_a_bad_field_of_a_model_is_one_problem(field: str, value: object) -> None:
    (problem,) = problems_with_model(**{field: value})
    assert problem.startswith(f"MODEL_TABLE.model-a.{field} must be ")


def test_a_model_with_fields_nobody_knows_or_on_no_route_is_a_problem() -> None:
    assert problems_with_model(colour=1) == ("MODEL_TABLE.model-a.colour is not used",)
    assert problems_of(MODEL_TABLE=json.dumps({**MODELS, "model-c": 7})) == (
        "MODEL_TABLE.model-c must be an object",
    )
    assert problems_of(MODEL_TABLE=json.dumps({**MODELS, "model-c": MODEL})) == (
        "MODEL_TABLE.model-c is on no route",
    )


def test_hedges_and_stalls_are_configuration() -> None:
    parsed = Settings.from_env(GOOD)
    assert parsed.race == RacePolicy(0.05, 0.28, 0.15)
    changed = {"HEDGE_PERCENT": "0", "HEDGE_AFTER_MS": "400", "STALL_MS": "90"}
    assert Settings.from_env({**GOOD, **changed}).race == RacePolicy(0.0, 0.4, 0.09)


def test_the_phone_has_the_chats_deadline_unless_it_is_given_its_own() -> None:
    parsed = Settings.from_env({**GOOD, "TURN_DEADLINE_MS": "1200"})
    assert parsed.deadline_seconds("phone") == pytest.approx(1.2)
    parsed = Settings.from_env({**GOOD, "PHONE_DEADLINE_MS": "1200"})
    assert parsed.deadline_seconds("phone") == pytest.approx(1.2)
    assert parsed.deadline_seconds("chat") == pytest.approx(0.8)


def test_what_only_the_team_knows_is_typed_and_may_be_missing() -> None:
    parsed = Settings.from_env({**GOOD, "QUIET_HOURS": "21:30-08:00"})
    assert parsed.allowed_countries == {"US", "CA", "GB"}
    assert parsed.quiet_hours == (21 * 60 + 30, 8 * 60)
    assert parsed.connect_instance_id == ""
    assert Settings.from_env({**GOOD, "QUIET_HOURS": "off"}).quiet_hours is None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ALLOWED_COUNTRIES", "US,Germany", "ALLOWED_COUNTRIES holds Germany"),
        ("DEFAULT_COUNTRY", "usa", "DEFAULT_COUNTRY must be a country's two letters"),
        ("DEFAULT_COUNTRY", "XX", "DEFAULT_COUNTRY must be a country's two letters"),
        ("DEFAULT_COUNTRY", "", "DEFAULT_COUNTRY is missing"),
        ("QUIET_HOURS", "9pm-8am", "QUIET_HOURS must be off or two times"),
        ("QUIET_HOURS", "08:00-08:00", "QUIET_HOURS must be off or two times"),
        ("QUIET_HOURS", "24:00-08:00", "QUIET_HOURS must be off or two times"),
        ("RECORDING_KEY_PATTERN", "(", "RECORDING_KEY_PATTERN is no regular expression"),
        ("RECORDING_KEY_PATTERN", "connect/.+", "RECORDING_KEY_PATTERN needs a group"),
        ("CONNECT_INSTANCE_ID", "our-instance", "CONNECT_INSTANCE_ID must be a UUID"),
        ("CONNECT_SOURCE_PHONE_NUMBER", "4155550100", "CONNECT_SOURCE_PHONE_NUMBER must be a"),
        ("SALESFORCE_API_VERSION", "v62", "SALESFORCE_API_VERSION must be a version"),
        ("SALESFORCE_EXTERNAL_ID_FIELD", "a b", "SALESFORCE_EXTERNAL_ID_FIELD must be a field"),
        ("SALESFORCE_LEAD_DEFAULTS", "[]", "SALESFORCE_LEAD_DEFAULTS must be a JSON object"),
        ("SALESFORCE_LEAD_DEFAULTS", '{"firm": "x"}', "SALESFORCE_LEAD_DEFAULTS.firm is not used"),
        ("CALLS_PER_HOUR", "0", "CALLS_PER_HOUR must be a number from 1"),
        ("RING_SECONDS", "61", "RING_SECONDS must be a number from 15 to 60"),
        ("HEDGE_PERCENT", "101", "HEDGE_PERCENT must be a number from 0 to 100"),
        ("HEDGE_AFTER_MS", "0", "HEDGE_AFTER_MS must be a number from 10"),
        ("STALL_MS", "soon", "STALL_MS must be a number from 10"),
        ("CONSENT_DEADLINE_MS", "100", "CONSENT_DEADLINE_MS must be a number from 1500"),
    ],
)
def test_a_bad_value_is_one_problem_that_names_it(name: str, value: str, problem: str) -> None:
    (found,) = problems_of(**{name: value})
    assert found.startswith(problem)


def test_a_resource_name_of_spaces_is_missing() -> None:
    assert problems_of(RESPONSE_CACHE_TABLE="  ") == ("RESPONSE_CACHE_TABLE is missing",)


def test_a_process_is_in_lambda_only_with_lambdas_own_two_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "atlas-dev-lex_fulfillment")
    assert not settings.in_lambda()
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    assert settings.in_lambda()
    assert settings.function() == "lex_fulfillment"
