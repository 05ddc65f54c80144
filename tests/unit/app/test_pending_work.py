"""Rows of pending work, contacts in any order, and the limits' own counters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib import pending_work
from chalicelib.call_limits import HOUR_SECONDS
from chalicelib.dynamodb import attributes
from tests.fakes import SETTINGS
from tests.lead_world import INTERACTION, LeadWorld, lead_world


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


def test_rows_come_back_when_they_are_due_the_longest_overdue_first(world: LeadWorld) -> None:
    pending = world.services.pending
    for number, due_at in enumerate((30.0, 10.0, 20.0, 40.0)):
        pending.put("start", f"{number:032x}", due_at)
    pending.put("erase", "f" * 32, 5.0)
    assert [work.due_at for work in pending.due("start", 30.0)] == [10.0, 20.0, 30.0]
    assert [work.due_at for work in pending.due("start", 30.0, limit=1)] == [10.0]
    assert len(pending.all("start")) == 4


def test_what_is_put_off_counts_its_attempts(world: LeadWorld) -> None:
    pending = world.services.pending
    pending.put("callback", INTERACTION, 10.0, reason="asked")
    (work,) = pending.all("callback")
    pending.postpone(work, 70.0)
    (later,) = pending.all("callback")
    assert (later.attempts, later.due_at, later.reason) == (1, 70.0, "asked")


def test_what_is_done_meanwhile_is_not_brought_back_by_being_put_off(world: LeadWorld) -> None:
    pending = world.services.pending
    pending.put("callback", INTERACTION, 10.0)
    (work,) = pending.all("callback")
    pending.done("callback", INTERACTION)
    pending.postpone(work, 70.0)
    assert pending.all("callback") == []


def test_a_row_that_the_workflow_wrote_can_be_read(world: LeadWorld) -> None:
    item = {
        "kind": "parked",
        "interaction_id": INTERACTION,
        "reason": "create_lead",
        "error": "RejectedByDependencyError",
        "parked_at": "2026-11-23T12:00:00Z",
    }
    world.wire.put_item(TableName=SETTINGS.pending_work_table, Item=attributes(item))
    (work,) = world.services.pending.all("parked")
    assert work.reason == "create_lead RejectedByDependencyError"


def test_the_reading_goes_on_over_several_pages(world: LeadWorld) -> None:
    for number in range(30):
        world.services.pending.put("start", f"{number:032x}", 0.0, reason="r" * 40_000)
    assert len(world.services.pending.all("start")) == 30


def test_the_reading_ends_after_its_pages(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_work, "PAGES_PER_READ", 1)
    pending = world.services.pending
    for number in range(30):
        pending.put("start", f"{number:032x}", 0.0, reason="r" * 40_000)
    first = pending.all("start")
    assert 0 < len(first) < 30
    for work in first:
        pending.done("start", work.interaction_id)
    assert len(pending.all("start")) == 30 - len(first)


def test_whoever_comes_second_learns_what_the_first_said(world: LeadWorld) -> None:
    contacts = world.services.contacts
    assert contacts.placed("c-1", INTERACTION) == ""
    assert contacts.ended("c-1", "busy") == INTERACTION
    assert contacts.ended("c-2", "declined") == ""
    assert contacts.placed("c-2", INTERACTION) == "declined"
    assert contacts.interaction_of("c-2") == INTERACTION


def test_a_second_end_does_not_turn_the_first_around(world: LeadWorld) -> None:
    contacts = world.services.contacts
    contacts.ended("c-1", "busy")
    contacts.ended("c-1", "completed")
    assert contacts.placed("c-1", INTERACTION) == "busy"


def test_a_contact_that_is_none_of_ours_has_no_interaction(world: LeadWorld) -> None:
    assert world.services.contacts.interaction_of("c-9") == ""
    world.services.contacts.delete("c-9")


def test_attempts_are_limited_within_their_window(world: LeadWorld) -> None:
    limits = world.services.call_limits
    allowed = [limits.attempt("deletion#x", 2, HOUR_SECONDS) for _ in range(3)]
    assert allowed == [True, True, False]
    world.clock.advance(HOUR_SECONDS)
    assert limits.attempt("deletion#x", 2, HOUR_SECONDS)
    assert limits.attempt("deletion#y", 2, HOUR_SECONDS)


def test_the_do_not_call_list_never_expires(world: LeadWorld) -> None:
    limits = world.services.call_limits
    limits.stop_calling("hash")
    limits.stop_calling("hash")
    assert not limits.may_call("hash")
    assert limits.may_call("other")
    (item,) = world.wire.scan(TableName=SETTINGS.call_limits_table)["Items"]
    assert "expires_at" not in item
