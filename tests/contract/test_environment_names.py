"""What Settings reads and what a deployment sets are the same names, both ways, on every stage."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chalicelib.answer_table import GENERATION_SECONDS
from chalicelib.settings import LOCAL_HTTP_VARIABLE, STAGES, Settings
from tests.noted_environment import NotedEnvironment, names_that_settings_read

CONFIG = json.loads(
    (Path(__file__).parents[2] / "atlas" / ".chalice" / "config.json").read_text(encoding="utf-8")
)


def variables(stage: str) -> dict[str, str]:
    found: dict[str, str] = CONFIG["stages"][stage]["environment_variables"]
    return found


def names_read(stage: str) -> set[str]:
    environment = NotedEnvironment(variables(stage))
    Settings.from_env(environment)
    return environment.names


def test_there_is_a_configuration_for_every_stage() -> None:
    assert set(CONFIG["stages"]) == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_everything_that_is_read_is_set_by_every_deployment(stage: str) -> None:
    assert names_read(stage) - set(variables(stage)) == set()
    assert Settings.from_env(variables(stage)).stage == stage


@pytest.mark.parametrize("stage", STAGES)
def test_everything_that_is_set_is_read(stage: str) -> None:
    assert set(variables(stage)) - {LOCAL_HTTP_VARIABLE} - names_read(stage) == set()


@pytest.mark.parametrize("stage", STAGES)
def test_no_test_sees_a_setting_of_the_machine_it_runs_on(stage: str) -> None:
    assert names_read(stage) == names_that_settings_read()
    assert names_that_settings_read() & set(os.environ) == set()


def test_only_the_local_stage_wants_the_http_route() -> None:
    assert [s for s in STAGES if LOCAL_HTTP_VARIABLE in variables(s)] == ["local"]


@pytest.mark.parametrize("stage", STAGES)
def test_no_function_sets_variables_of_its_own(stage: str) -> None:
    functions = CONFIG["stages"][stage]["lambda_functions"]
    assert [name for name, f in functions.items() if "environment_variables" in f] == []


@pytest.mark.parametrize("stage", STAGES)
def test_functions_have_the_time_that_their_work_takes(stage: str) -> None:
    functions = CONFIG["stages"][stage]["lambda_functions"]
    assert functions["generate_answer"]["lambda_timeout"] > GENERATION_SECONDS
    deadline = Settings.from_env(variables(stage)).turn_deadline_seconds
    assert functions["lex_fulfillment"]["lambda_timeout"] > deadline + 1
