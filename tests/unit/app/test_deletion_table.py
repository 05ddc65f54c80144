"""The list of what waits for a person's decision: whole, or an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib import deletions
from chalicelib.errors import RejectedByDependencyError
from tests.lead_world import INTERACTION, LeadWorld, lead_world

OTHER = "cd" * 16


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


def test_receipts_decided_and_unfounded_requests_do_not_wait(world: LeadWorld) -> None:
    table = world.services.deletions
    table.note(OTHER, 1, {"leads": 1})
    table.request((), "chat")
    table.request((OTHER,), "chat")
    (decided,) = table.waiting()
    assert table.decide(decided, "refused")
    wanted = table.request((INTERACTION,), "phone")
    assert [request.request_id for request in table.waiting()] == [wanted]


def test_a_list_that_cannot_be_whole_is_an_error(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = world.services.deletions
    for _ in range(4):
        table.request(("e" * 300_000,), "chat")
    monkeypatch.setattr(deletions, "SCANNED_PAGES", 1)
    with pytest.raises(RejectedByDependencyError, match="MoreThanScanned"):
        table.waiting()
    monkeypatch.setattr(deletions, "SCANNED_PAGES", 9)
    assert len(table.waiting()) == 4
