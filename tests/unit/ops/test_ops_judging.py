"""When a version counts as worse, and who noticed."""

from __future__ import annotations

from typing import Any

import pytest

from ops.judging import Noticed, Tally, faults, noticed, slow_limit
from ops.turn_logs import Turn

NOBODY = Tally([], 0, 1000)


def turns(count: int, session: str = "s", **changes: Any) -> list[Turn]:
    facts = {"milliseconds": 3.0, "has_failed": False, "start": "provisioned", "source": "memory"}
    return [Turn(f"{session}{n}", **(facts | changes)) for n in range(count)]


def tally(good: int, bad: int, **changes: Any) -> Tally:
    return Tally(turns(good) + turns(bad, "bad", **changes), 0, 1000)


def kinds(new: Tally, former: Tally = NOBODY) -> list[str]:
    return [fault.kind for fault in faults(new, former)]


@pytest.mark.parametrize(
    ("good", "bad", "is_faulty"),
    [(0, 1, False), (9, 1, False), (49, 1, False), (0, 2, True), (38, 2, True), (98, 2, False)],
)
def test_two_failures_among_few_turns_are_too_many(good: int, bad: int, is_faulty: bool) -> None:
    assert kinds(tally(good, bad, has_failed=True)) == ["failed"] * is_faulty


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"has_failed": True}, "failed"),
        ({"milliseconds": 1000.1}, "slow"),
        ({"start": "cold"}, "cold"),
        ({"source": "grounded"}, "without a model's words"),
    ],
)
def test_each_kind_of_fault_is_named(changes: dict[str, Any], kind: str) -> None:
    [fault] = faults(tally(2, 18, **changes), NOBODY)
    assert fault.kind == kind
    assert "18 of 20 turns" in fault.text
    assert "90%" in fault.text


def test_turn_at_the_limit_is_not_slow() -> None:
    assert kinds(tally(0, 20, milliseconds=1000.0)) == []


def test_crashes_are_failures_of_turns_without_a_line() -> None:
    [fault] = faults(Tally(turns(8), 2, 1000), NOBODY)
    assert fault.text == "2 of 10 turns failed (20%, allowed 1%)"


def test_what_the_former_version_shows_too_is_allowed() -> None:
    former = tally(80, 20, has_failed=True)
    assert kinds(tally(40, 10, has_failed=True), former) == []
    assert kinds(tally(10, 40, has_failed=True), former) == ["failed"]


def test_every_turn_a_quarter_second_slower_is_a_fault_though_none_is_slow() -> None:
    former = Tally(turns(20), 0, 1000)
    assert kinds(Tally(turns(20, milliseconds=254.0), 0, 1000), former) == ["slow"]
    assert kinds(Tally(turns(20, milliseconds=253.0), 0, 1000), former) == []
    assert kinds(Tally(turns(19, milliseconds=900.0), 0, 1000), former) == []
    assert kinds(Tally(turns(20, milliseconds=900.0), 0, 1000), Tally(turns(19), 0, 1000)) == []


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    each = [turn for n in range(100, 0, -1) for turn in turns(1, milliseconds=float(n))]
    assert Tally(each, 0, 1000).percentile(share) == expected


def test_limit_follows_a_former_version_that_was_slow_itself() -> None:
    assert slow_limit(800, []) == 1000
    assert slow_limit(800, turns(20)) == 1000
    assert slow_limit(800, turns(20, milliseconds=1000.0)) == 1500
    assert slow_limit(800, turns(19, milliseconds=1000.0)) == 1000


def test_visitors_are_counted_once_and_made_sessions_never() -> None:
    own = turns(1, "a", has_failed=True) + turns(1, "a", milliseconds=2000.0)
    other = turns(1, "b", start="cold") + turns(3, "c")
    made = turns(2, "made", has_failed=True)
    met = noticed(Tally(own + other + made, 3, 1000), {"made0", "made1"}, synthetic_crashes=1)
    assert met == Noticed(visitors=4, failed=3, slow=1, cold=1, crashed=2)
    assert met.text() == (
        "4 visitors noticed (3 turns failed, 1 were slow, 1 started cold; "
        "2 of them left no session, and count as a visitor each)"
    )


def test_nobody_noticed_is_said_so() -> None:
    assert noticed(Tally(turns(9), 0, 1000), set(), 0).text() == "no visitor noticed"
