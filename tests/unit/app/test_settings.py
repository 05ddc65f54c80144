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


def test_a_resource_name_of_spaces_is_missing() -> None:
    assert problems_of(RESPONSE_CACHE_TABLE="  ") == ("RESPONSE_CACHE_TABLE is missing",)


def test_a_process_is_in_lambda_only_with_lambdas_own_two_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "atlas-dev-lex_fulfillment")
    assert not settings.in_lambda()
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    assert settings.in_lambda()
    assert settings.function_name() == "atlas-dev-lex_fulfillment"
