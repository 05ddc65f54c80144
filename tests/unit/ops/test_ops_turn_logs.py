"""A version's turns read from its log lines, whoever else writes into the same group."""

from __future__ import annotations

from datetime import timedelta

import pytest
from release_world import ReleaseWorld, turn_line

from ops.turn_logs import Turn, VersionLog


@pytest.fixture
def world() -> ReleaseWorld:
    return ReleaseWorld()


def log(world: ReleaseWorld, version: str = "2") -> VersionLog:
    context = world.context()
    return VersionLog(context, version, context.now() - timedelta(seconds=5))


def write(world: ReleaseWorld, message: str, version: str = "2") -> None:
    world.logs.write(world.context().now().timestamp(), version, message)


def test_turn_is_what_its_line_says(world: ReleaseWorld) -> None:
    changes = {"TurnLatency": 812.5, "Failed": 1.0, "start": "cold", "source": "fixed"}
    write(world, turn_line("2", "s1", **changes))
    version = log(world)
    version.read()
    assert version.turns == [Turn("s1", 812.5, True, "cold", "fixed")]


def test_other_versions_hooks_and_other_lines_are_no_turns(world: ReleaseWorld) -> None:
    write(world, turn_line("12", "s1"), "12")
    write(world, '{"message": "turn", "version": "2", "intent": "InitiateDemo"}')
    write(world, '{"message": "model", "version": "2", "TurnLatency": 1}')
    write(world, '["turn"]')
    write(world, "START RequestId: 1 Version: 2")
    version = log(world)
    version.read()
    assert (version.turns, version.crashes) == ([], 0)


@pytest.mark.parametrize(
    ("message", "count"),
    [
        ("[ERROR] RuntimeError: no\nTraceback", 1),
        ("REPORT RequestId: 1\tDuration: 10000.00 ms\tStatus: timeout", 1),
        ("REPORT RequestId: 1\tStatus: error\tError Type: Runtime.ExitError", 1),
        ("[ERROR]\t2026-11-24T04:00:00Z\t1\ta library's own error", 0),
        ("REPORT RequestId: 1\tDuration: 3.00 ms", 0),
        ('{"message": "what [ERROR] means"}', 0),
    ],
)
def test_crash_is_what_left_the_function(world: ReleaseWorld, message: str, count: int) -> None:
    write(world, message)
    version = log(world)
    version.read()
    assert version.crashes == count


def test_crash_of_another_version_is_not_this_one_s(world: ReleaseWorld) -> None:
    write(world, "[ERROR] RuntimeError: no", "12")
    version = log(world)
    version.read()
    assert version.crashes == 0


def test_nothing_is_counted_twice_however_often_it_is_read(world: ReleaseWorld) -> None:
    version = log(world)
    for number in range(60):
        write(world, turn_line("2", f"s{number}"))
        write(world, "[ERROR] RuntimeError: no")
        world.now += 1
        version.read()
        version.read()
    assert (len(version.turns), version.crashes) == (60, 60)


def test_line_that_arrives_late_is_counted(world: ReleaseWorld) -> None:
    version = log(world)
    wrote = world.context().now().timestamp()
    world.now += 20
    version.read()
    world.logs.write(wrote, "2", turn_line("2", "late"))
    version.read()
    assert [turn.session for turn in version.turns] == ["late"]


def test_what_was_before_is_not_read(world: ReleaseWorld) -> None:
    write(world, turn_line("2", "before"))
    world.now += 6
    version = log(world)
    version.read()
    assert version.turns == []


def test_group_that_is_not_there_yet_has_no_turns(world: ReleaseWorld) -> None:
    world.logs.is_there = False
    version = log(world)
    version.read()
    assert version.turns == []


def test_crash_of_an_environment_that_began_days_ago_is_counted(world: ReleaseWorld) -> None:
    write(world, "[ERROR] RuntimeError: no")
    world.logs.events[-1]["logStreamName"] = "2026/11/21/[2]abc"
    version = log(world)
    version.read()
    assert version.crashes == 1
    asked = [given for name, given in world.timeline if name == "filter_log_events"]
    assert not any("logStreamNamePrefix" in given for given in asked)
