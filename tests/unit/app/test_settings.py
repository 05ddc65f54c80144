"""The environment, read once: good settings are typed, and one error names all that is bad."""

from __future__ import annotations

import json

import pytest

from chalicelib import settings
from chalicelib.errors import ConfigError
from chalicelib.settings import ROUTES, Settings

ROUTE = {"models": ["model-a", "model-b"], "max_tokens": 150}
GOOD = {
    "ATLAS_STAGE": "dev",
    "RESPONSE_CACHE_TABLE": "atlas-dev-response-cache",
    "GENERATE_ANSWER_FUNCTION": "atlas-dev-generate_answer:live",
    "MODEL_ROUTES": json.dumps(dict.fromkeys(ROUTES, ROUTE)),
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


@pytest.mark.parametrize("value", ["{", "[]", "null", "7"])
def test_routes_that_are_no_object_are_a_problem(value: str) -> None:
    assert problems_of(MODEL_ROUTES=value) == ("MODEL_ROUTES must be a JSON object",)


def test_every_bad_route_is_named_by_its_field() -> None:
    routes = {
        "simple": {"models": [], "max_tokens": 150},
        "conversation": {"models": ["model-a"], "max_tokens": True},
        "scenario": "model-a",
    }
    assert [p.partition(" ")[0] for p in problems_of(MODEL_ROUTES=json.dumps(routes))] == [
        "MODEL_ROUTES.simple.models",
        "MODEL_ROUTES.conversation.max_tokens",
        "MODEL_ROUTES.scenario.models",
        "MODEL_ROUTES.scenario.max_tokens",
    ]


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
