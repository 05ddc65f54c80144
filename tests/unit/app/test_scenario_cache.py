"""The scenario's table: drafts, leases and fences, on moto's DynamoDB."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.answer_table import LEASE_SECONDS
from chalicelib.errors import RetryableDependencyError, ThrottledError
from chalicelib.scenario import Scenario, Visitor
from chalicelib.scenario_table import DRAFT_SECONDS, ScenarioTable
from tests.lead_world import INTERACTION, LeadWorld, lead_world

MADE = Scenario("Hello Maria.\nNotes.", "made")
GROUNDED = Scenario("Hello Maria.", "grounded")
ASKED = ("what technology do you use",)
DAY = 86_400.0


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


@pytest.fixture
def table(world: LeadWorld) -> ScenarioTable:
    name = world.services.settings.scenario_cache_table
    return ScenarioTable(lambda: world.wire, name, world.clock)


def drafted(table: ScenarioTable, name: str = "Maria Lopez") -> bool:
    return table.draft(INTERACTION, name, ASKED, "en_US")


def stored(table: ScenarioTable, scenario: Scenario = MADE) -> bool:
    return table.store(INTERACTION, table.claim(INTERACTION).lease, scenario, DAY)


def test_a_draft_is_read_back(table: ScenarioTable) -> None:
    assert table.visitor(INTERACTION) is None
    assert drafted(table)
    assert table.visitor(INTERACTION) == Visitor(INTERACTION, "Maria Lopez", ASKED, "en_US")
    assert table.read(INTERACTION) is None


def test_a_corrected_name_takes_the_drafts_place(table: ScenarioTable) -> None:
    drafted(table, "Mario")
    assert drafted(table, "Maria")
    visitor = table.visitor(INTERACTION)
    assert visitor is not None
    assert visitor.name == "Maria"


def test_a_draft_without_questions_is_one_too(table: ScenarioTable) -> None:
    assert table.draft(INTERACTION, "王小明", (), "en_US")
    assert table.visitor(INTERACTION) == Visitor(INTERACTION, "王小明", (), "en_US")


def test_a_draft_is_gone_after_a_day(world: LeadWorld, table: ScenarioTable) -> None:
    drafted(table)
    world.clock.advance(DRAFT_SECONDS + 2)
    assert table.visitor(INTERACTION) is None


def test_a_draft_never_overwrites_a_scenario(table: ScenarioTable) -> None:
    drafted(table)
    assert stored(table)
    assert not drafted(table, "Another")
    assert table.read(INTERACTION) == MADE
    visitor = table.visitor(INTERACTION)
    assert visitor is not None
    assert visitor.name == "Maria Lopez"


def test_the_first_claim_gets_the_lease_and_the_second_nothing(
    world: LeadWorld, table: ScenarioTable
) -> None:
    first, second = table.claim(INTERACTION), table.claim(INTERACTION)
    assert first.lease
    assert first.lease_until == world.clock() + LEASE_SECONDS
    assert (second.lease, second.scenario) == ("", None)


def test_a_made_scenario_is_found_and_leased_to_nobody(table: ScenarioTable) -> None:
    assert stored(table)
    claim = table.claim(INTERACTION)
    assert (claim.scenario, claim.lease) == (MADE, "")


def test_a_grounded_scenario_may_be_replaced_by_a_made_one(table: ScenarioTable) -> None:
    assert stored(table, GROUNDED)
    assert table.read(INTERACTION) == GROUNDED
    claim = table.claim(INTERACTION)
    assert claim.scenario == GROUNDED
    assert table.store(INTERACTION, claim.lease, MADE, DAY)
    assert table.read(INTERACTION) == MADE


def test_a_lease_that_ran_out_is_anothers_and_stores_nothing(
    world: LeadWorld, table: ScenarioTable
) -> None:
    late = table.claim(INTERACTION).lease
    world.clock.advance(LEASE_SECONDS + 1)
    assert table.claim(INTERACTION).lease
    assert not table.store(INTERACTION, late, MADE, DAY)
    assert table.read(INTERACTION) is None


def test_a_released_lease_is_free_at_once(table: ScenarioTable) -> None:
    table.release(INTERACTION, table.claim(INTERACTION).lease)
    assert table.claim(INTERACTION).lease


def test_nobody_else_can_release_a_lease(table: ScenarioTable) -> None:
    table.claim(INTERACTION)
    table.release(INTERACTION, "not-mine")
    assert table.claim(INTERACTION).lease == ""


def test_what_is_deleted_while_it_is_made_is_not_written(table: ScenarioTable) -> None:
    drafted(table)
    lease = table.claim(INTERACTION).lease
    table.delete(INTERACTION)
    assert not table.store(INTERACTION, lease, MADE, DAY)
    assert table.read(INTERACTION) is None
    table.release(INTERACTION, lease)
    table.delete(INTERACTION)


def test_a_claim_that_needs_a_draft_makes_no_item(world: LeadWorld, table: ScenarioTable) -> None:
    assert table.claim(INTERACTION, needs_draft=True).lease == ""
    drafted(table)
    assert table.claim(INTERACTION, needs_draft=True).lease


def test_a_scenario_expires_and_may_then_be_made_again(
    world: LeadWorld, table: ScenarioTable
) -> None:
    assert stored(table)
    world.clock.advance(DAY + 2)
    assert table.read(INTERACTION) is None
    claim = table.claim(INTERACTION)
    assert claim.scenario is None
    assert claim.lease


def test_of_many_claims_at_once_one_gets_the_lease(table: ScenarioTable) -> None:
    start = threading.Barrier(8)

    def claim(_: int) -> str:
        start.wait(10)
        return table.claim(INTERACTION).lease

    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(claim, range(8)))
    assert len([lease for lease in leases if lease]) == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InternalServerError", RetryableDependencyError),
        ("ProvisionedThroughputExceededException", ThrottledError),
    ],
)
@pytest.mark.parametrize("operation", ["draft", "claim", "read", "visitor", "delete"])
def test_a_failing_table_is_named(
    world: LeadWorld, table: ScenarioTable, operation: str, code: str, error: type[Exception]
) -> None:
    calls = ("get_item", "update_item", "delete_item")
    world.wire.faults = {call: [code] for call in calls}
    call = {
        "draft": lambda: drafted(table),
        "claim": lambda: table.claim(INTERACTION),
        "read": lambda: table.read(INTERACTION),
        "visitor": lambda: table.visitor(INTERACTION),
        "delete": lambda: table.delete(INTERACTION),
    }[operation]
    with pytest.raises(error) as caught:
        call()
    assert "Maria" not in str(caught.value)
