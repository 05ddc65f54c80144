"""`python -m ops`: exit codes, one line per expected failure, JSON where asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from ops_fakes import World, client_error

from ops import __main__ as command_line
from ops import aws, stage_files


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr("ops.release_verb.clients", lambda stage: world.context().clients)
    world.lambda_.looks_until_ready = 0
    monkeypatch.setattr("ops.waiting.time.sleep", lambda seconds: None)
    return world


def test_release_prints_the_chain_and_then_that_nothing_is_left(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["release", "--stage", "local"]) == 0
    first = capsys.readouterr().out
    assert "Lex alias live (ALIAS00001) -> bot version 1" in first
    assert first.endswith("Released.\n")
    assert command_line.main(["release", "--stage", "local"]) == 0
    assert capsys.readouterr().out.endswith("Nothing to do: everything is live as deployed.\n")


def test_release_as_json_keeps_progress_off_standard_output(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["release", "--stage", "local", "--json"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert data["changed"] is True
    assert data["chain"]["links"][-1]["provisioned"] == "2 provisioned, READY"
    assert len(data["steps"]) == 22
    assert "publish versions" in err


def test_refusal_is_one_line_and_exit_code_1(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.lambda_.functions.clear()
    assert command_line.main(["release", "--stage", "local"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("ops: there is no function atlas-local-")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDeniedException", "GetFunctionConfiguration"),
        NoCredentialsError(),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"),
    ],
)
def test_aws_that_does_not_permit_or_answer_is_one_line_and_exit_code_3(
    world: World, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    world.lambda_.fail_next["get_function_configuration"] = error  # type: ignore[assignment]
    assert command_line.main(["release", "--stage", "local"]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_refusal_as_json_tells_how_far_it_came(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.lex.bots.clear()
    assert command_line.main(["release", "--stage", "local", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["error"].startswith("there is no Lex bot atlas-local")
    assert [step["step"] for step in data["steps"]] == [
        "find the functions",
        "find the tables",
        "find the workflow",
    ]


@pytest.mark.parametrize(("stage", "asks"), [("local", True), ("prod", False)])
def test_only_stage_local_is_asked_whether_the_sandbox_is_up(
    world: World, capsys: pytest.CaptureFixture[str], stage: str, asks: bool
) -> None:
    error = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    world.lambda_.fail_next["get_function_configuration"] = error  # type: ignore[assignment]
    assert command_line.main(["release", "--stage", stage]) == 3
    assert ("is the sandbox up" in capsys.readouterr().err) is asks


def test_missing_region_says_how_to_give_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert command_line.main(["release", "--stage", "prod"]) == 3
    assert "Set AWS_DEFAULT_REGION" in capsys.readouterr().err


def test_interruption_is_told_and_exits_130(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.lambda_.fail_next["publish_version"] = KeyboardInterrupt()
    assert command_line.main(["release", "--stage", "local"]) == 130
    assert "run it again" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["release"], ["release", "--stage", "moon"]])
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    assert ended.value.code == 2


def test_generate_check_names_the_stale_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale: Callable[[], list[Path]] = lambda: [Path("atlas/.chalice/config.json")]  # noqa: E731
    monkeypatch.setattr(stage_files, "stale_files", stale)
    assert command_line.main(["generate", "--check"]) == 1
    assert "stale: atlas/.chalice/config.json; run" in capsys.readouterr().err


def test_generate_check_of_the_committed_files_is_green() -> None:
    assert command_line.main(["generate", "--check"]) == 0


def test_stage_local_never_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = aws.clients("local")
    for client in (made.lambda_, made.lex, made.dynamodb):
        assert client.meta.endpoint_url == "http://127.0.0.1:4566"


def test_clients_follow_the_endpoint_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for stage in ("local", "prod"):
        assert aws.clients(stage).lambda_.meta.endpoint_url == "http://127.0.0.1:9"
