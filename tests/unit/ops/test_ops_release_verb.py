"""The words of `ops release` and `ops rollback`: usage, JSON, the closing line."""

from __future__ import annotations

import json

import pytest
from release_world import ReleaseWorld

from ops import __main__ as command_line


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> ReleaseWorld:
    world = ReleaseWorld()
    context = world.context()
    world.lambda_.looks_until_ready = 0
    monkeypatch.setattr("ops.release_verb.clients", lambda stage: context.clients)
    monkeypatch.setattr(
        "ops.release_verb.Context",
        lambda stage, clients, waiter, dry_run: world.context(dry_run),
    )
    return world


@pytest.mark.parametrize(
    "words",
    [
        ["--steps", "50,10"],
        ["--steps", "0"],
        ["--steps", "100"],
        ["--steps", "x"],
        ["--turns", "1"],
        ["--turns", "many"],
        ["--patience", "-1"],
        ["--patience", "nan"],
        ["--patience", "soon"],
    ],
)
def test_wrong_pace_is_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["release", "--stage", "prod", *words])
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_roll_back_before_any_release_is_one_line_and_exit_code_1(
    world: ReleaseWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["rollback", "--stage", "local"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("ops: no record tells how version ? of lex_fulfillment was released")
    assert err.count("\n") == 1


def test_roll_back_as_json_names_what_is_live_and_what_was_left(
    world: ReleaseWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    for code in ("code-1", "code-2"):
        world.lambda_.deploy("local", code)
        assert command_line.main(["release", "--stage", "local"]) == 0
    capsys.readouterr()
    assert command_line.main(["rollback", "--stage", "local", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["live"], told["left"], told["changed"]) == ("1", "2", True)


def test_release_in_steps_by_the_command_line_tells_its_judgements(
    world: ReleaseWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["release", "--stage", "local"]) == 0
    world.lambda_.deploy("local", "code-2")
    capsys.readouterr()
    words = ["--no-at-once", "--steps", "5,25", "--turns", "4", "--no-rehearsal", "--json"]
    assert command_line.main(["release", "--stage", "local", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(j["step"], j["turns"]) for j in told["release"]["judged"]] == [
        ("5%", 4),
        ("25%", 4),
        ("100%", 4),
    ]


def test_release_that_rolls_itself_back_exits_1_with_its_numbers(
    world: ReleaseWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["release", "--stage", "local"]) == 0
    world.lambda_.deploy("local", "code-2")
    world.faults.lines["2"] = {"Failed": 1.0}
    capsys.readouterr()
    assert command_line.main(["release", "--stage", "local", "--no-at-once", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    words = (
        "rolled back to version 1, because version 2 had 10 of 10 turns failed (100%, allowed 1%)"
    )
    assert told["error"].startswith(words)
    assert told["release"]["outcome"] == "rolled_back"
    assert told["release"]["noticed"]["visitors"] == 0
