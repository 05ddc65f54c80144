"""The generated files: up to date, complete per stage, and no wider than they have to be."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from chalice.config import Config

from ops import stage_files
from ops.stages import FUNCTIONS, MODEL_ROUTES, STAGES, environment

ROOT = stage_files.ROOT
EVERY_POLICY = [(stage, function.name) for stage in STAGES for function in FUNCTIONS]

# Region and account may stay open; a log stream's name is known to Lambda alone.
_ALLOWED = re.compile(
    r"arn:aws:[a-z]+:(\*?:\*?):[^*]+$|arn:aws:logs:\*:\*:log-group:/aws/lambda/[a-z_-]+:\*$"
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the generator reads, in a folder of its own."""
    (tmp_path / "infra").mkdir()
    shutil.copy(ROOT / stage_files.BOT_TEMPLATE, tmp_path / stage_files.BOT_TEMPLATE)
    return tmp_path


def policy(stage: str, function: str) -> list[dict[str, Any]]:
    path = ROOT / stage_files.CHALICE_FOLDER / stage_files.policy_file(stage, function)
    statements: list[dict[str, Any]] = json.loads(path.read_text())["Statement"]
    return statements


def chalice_config(stage: str, function: str) -> Config:
    path = ROOT / stage_files.CHALICE_FOLDER / "config.json"
    return Config(
        chalice_stage=stage, function_name=function, config_from_disk=json.loads(path.read_text())
    )


def test_committed_files_follow_from_the_table() -> None:
    assert stage_files.stale_files() == []


def test_write_makes_everything_and_then_nothing(clone: Path) -> None:
    assert len(stage_files.write(clone)) == 2 + len(EVERY_POLICY)
    assert stage_files.write(clone) == []


def test_edited_file_is_stale_and_is_written_again(clone: Path) -> None:
    stage_files.write(clone)
    edited = stage_files.CHALICE_FOLDER / "config.json"
    (clone / edited).write_text("{}")
    assert stage_files.stale_files(clone) == [edited]
    stage_files.write(clone)
    assert stage_files.stale_files(clone) == []


def test_policy_of_a_removed_function_is_stale_and_is_deleted(clone: Path) -> None:
    stage_files.write(clone)
    left = stage_files.CHALICE_FOLDER / "policy-dev-removed.json"
    (clone / left).write_text("{}")
    assert stage_files.stale_files(clone) == [left]
    stage_files.write(clone)
    assert not (clone / left).exists()


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_policy_has_no_wildcard_but_for_region_account_and_tracing(
    stage: str, function: str
) -> None:
    for statement in policy(stage, function):
        assert "*" not in "".join(statement["Action"])
        for resource in statement["Resource"]:
            is_tracing = all(action.startswith("xray:") for action in statement["Action"])
            assert _ALLOWED.match(resource) or (resource == "*" and is_tracing), resource


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:dynamodb:*:*:table/*", "arn:aws:dynamodb:*:*:table/atlas-*", "arn:*"]
)
def test_wildcard_check_would_notice_a_wider_resource(resource: str) -> None:
    assert not _ALLOWED.match(resource)


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_policy_names_its_own_stage_only(stage: str, function: str) -> None:
    text = json.dumps(policy(stage, function))
    assert set(re.findall(r"atlas-(\w+)-", text)) == {stage}


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_policy_allows_every_model_of_the_turns_routes_and_no_other(
    stage: str, function: str
) -> None:
    [models] = [s for s in policy(stage, function) if s["Sid"] == "Models"]
    profiles = {arn.split("/")[1] for arn in models["Resource"] if "inference-profile" in arn}
    assert profiles == set(MODEL_ROUTES["simple"]["models"])
    for profile in profiles:
        model = profile.removeprefix("global.")
        assert f"arn:aws:bedrock:*::foundation-model/{model}" in models["Resource"]
        assert f"arn:aws:bedrock:::foundation-model/{model}" in models["Resource"]


@pytest.mark.parametrize("stage", STAGES)
def test_only_fulfilment_may_invoke_and_only_the_live_background_function(stage: str) -> None:
    invokes = {
        (function.name, resource)
        for function in FUNCTIONS
        for statement in policy(stage, function.name)
        if "lambda:InvokeFunction" in statement["Action"]
        for resource in statement["Resource"]
    }
    arn = f"arn:aws:lambda:*:*:function:atlas-{stage}-generate_answer:live"
    assert invokes == {("lex_fulfillment", arn)}


@pytest.mark.parametrize(("stage", "function"), EVERY_POLICY)
def test_chalice_reads_each_setting_as_it_is_meant(stage: str, function: str) -> None:
    config = chalice_config(stage, function)
    assert config.autogen_policy is False
    assert config.xray_enabled is True
    assert config.iam_policy_file == f"policy-{stage}-{function}.json"
    assert config.lambda_memory_size == 512
    timeouts = {"lex_fulfillment": 10, "generate_answer": 15, "keep_warm": 60}
    assert config.lambda_timeout == timeouts[function]
    assert config.log_retention_in_days
    assert config.environment_variables == environment(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_background_function_has_reserved_concurrency(stage: str) -> None:
    reserved = {f.name for f in FUNCTIONS if chalice_config(stage, f.name).reserved_concurrency}
    assert reserved == {"generate_answer"}


def test_local_http_is_switched_on_for_the_local_stage_alone() -> None:
    assert [stage for stage in STAGES if "ATLAS_LOCAL_HTTP" in environment(stage)] == ["local"]


def test_utterances_that_hold_a_slot_are_left_out() -> None:
    data = json.loads((ROOT / stage_files.BOT_UTTERANCES).read_text())
    intents = data["locales"]["en_US"]
    texts = [text for intent in intents.values() for text in intent["utterances"]]
    assert "GreetingIntent" in intents
    assert len(texts) > 100
    assert not [text for text in texts if "{" in text]
    assert intents["InitiateDemo"]["slots"] == ["VisitorFullName", "VisitorPhoneNumber"]
