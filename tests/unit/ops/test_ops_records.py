"""What ops writes down, read back: order, filters, the table's absence."""

from __future__ import annotations

import pytest
from ops_fakes import World

from ops import records
from ops.errors import RefusedError


@pytest.fixture
def world() -> World:
    return World()


def test_moment_is_utc_with_microseconds(world: World) -> None:
    assert records.write(world.context(), "audit") == "2026-11-24T04:00:00.000000+00:00"


def test_newest_comes_first_with_its_moment_and_its_facts(world: World) -> None:
    moments = []
    for number in range(3):
        world.now = number
        moments.append(records.write(world.context(), "audit", number=number))
    found = records.newest(world.context(), "audit", 2)
    assert found == [{"number": 2, "at": moments[2]}, {"number": 1, "at": moments[1]}]


def test_latest_is_the_newest_of_those_that_are_equal(world: World) -> None:
    for number, outcome in enumerate(("released", "released", "rolled_back")):
        world.now = number
        records.write(world.context(), "release", outcome=outcome, number=number)
    found = records.latest(world.context(), "release", outcome="released")
    assert found is not None
    assert found["number"] == 1
    assert records.latest(world.context(), "release", outcome="moved") is None
    assert records.latest(world.context(), "release", absent="x") is None


def test_kinds_do_not_mix(world: World) -> None:
    records.write(world.context(), "baseline")
    assert records.latest(world.context(), "evaluation") is None


def test_two_of_one_moment_are_both_kept(world: World) -> None:
    first, second = (records.write(world.context(), "audit", number=n) for n in range(2))
    assert first < second
    assert len(records.newest(world.context(), "audit", 9)) == 2


def test_record_expires_after_its_days(world: World) -> None:
    records.write(world.context(), "audit")
    [item] = world.dynamodb.items.values()
    seconds = int(item["expires_at"]["N"]) - world.context().now().timestamp()
    assert seconds == records.KEPT_DAYS * 86_400


def test_missing_table_says_which_verb_makes_it(world: World) -> None:
    world.dynamodb.tables.clear()
    with pytest.raises(RefusedError, match="no table atlas-local-operations: run `python -m ops"):
        records.write(world.context(), "audit")
    with pytest.raises(RefusedError, match="no table atlas-local-operations"):
        records.latest(world.context(), "audit")


def test_record_that_no_item_can_hold_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="350017 characters"):
        records.write(world.context(), "audit", text="x" * 350_005)
