"""The leads table: offers lapse, writes are conditional, and no item comes back from the dead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.errors import RejectedByDependencyError, RetryableDependencyError, ThrottledError
from chalicelib.lead import OFFER_SECONDS, Lead, Summary, session_hash
from chalicelib.lead_table import LEADS_PER_PHONE
from tests.lead_world import INTERACTION, LeadWorld, lead_world

OTHER = "cd" * 16


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


def test_an_offered_lead_comes_back_as_it_was_written(world: LeadWorld) -> None:
    offered = world.offered(asked=("what is it", "what does it cost"))
    read = world.lead()
    assert read.asked == ("what is it", "what does it cost")
    assert (read.name, read.phone, read.status) == (offered.name, offered.phone, "offered")
    assert read.expires_at == int(world.clock() + OFFER_SECONDS) + 1


def test_a_lead_that_is_not_there_is_none(world: LeadWorld) -> None:
    assert world.services.leads.get(OTHER) is None
    assert world.services.leads.update(OTHER, {"call_outcome": "busy"}) is None
    world.services.leads.delete(OTHER)
    assert world.services.leads.get(OTHER) is None


def test_an_offer_lapses_although_dynamodb_still_returns_it(world: LeadWorld) -> None:
    world.offered()
    world.clock.advance(OFFER_SECONDS + 1)
    assert world.services.leads.get(INTERACTION) is None


def test_the_same_session_may_offer_again_with_another_number(world: LeadWorld) -> None:
    world.offered()
    world.offered(phone="+442071838750")
    assert world.lead().phone == "+442071838750"


def test_another_session_cannot_take_an_offer_over(world: LeadWorld) -> None:
    world.offered()
    theirs = world.a_lead(session=session_hash("theirs"), phone="+442071838750")
    assert not world.services.leads.offer(theirs)
    assert world.lead().phone == "+14155550132"


def test_a_consented_lead_cannot_be_offered_again(world: LeadWorld) -> None:
    world.consented()
    assert not world.services.leads.offer(world.a_lead())
    assert world.lead().status == "consented"


def test_only_an_own_offer_is_withdrawn(world: LeadWorld) -> None:
    session = world.offered().session
    leads = world.services.leads
    assert not leads.withdraw_offer(INTERACTION, "another")
    assert leads.withdraw_offer(INTERACTION, session)
    assert leads.withdraw_offer(INTERACTION, session)
    world.consented()
    assert not leads.withdraw_offer(INTERACTION, session)
    assert world.lead().status == "consented"


def test_once_keeps_the_first_value_and_changes_take_the_last(world: LeadWorld) -> None:
    world.consented()
    leads = world.services.leads
    first = leads.update(INTERACTION, {"task_token": "t1"}, once={"call_key": "k1"})
    second = leads.update(INTERACTION, {"task_token": "t2"}, once={"call_key": "k2"})
    assert first is not None
    assert second is not None
    assert (first.task_token, first.call_key) == ("t1", "k1")
    assert (second.task_token, second.call_key) == ("t2", "k1")


def test_a_field_that_a_lead_does_not_have_is_a_mistake_of_ours(world: LeadWorld) -> None:
    with pytest.raises(ValueError, match="colour"):
        world.services.leads.update(INTERACTION, {"colour": "red"})


def test_a_summary_survives_the_table(world: LeadWorld) -> None:
    world.consented(summary=Summary("prices", "wants an offer", "send it"))
    assert world.lead().summary == Summary("prices", "wants an offer", "send it")


def test_all_leads_of_a_number_are_found(world: LeadWorld) -> None:
    hash_ = world.offered().phone_hash
    assert world.services.leads.offer(world.a_lead(interaction_id=OTHER, name="M. Lopez"))
    assert {lead.interaction_id for lead in world.services.leads.by_phone(hash_)} == {
        INTERACTION,
        OTHER,
    }
    world.services.leads.delete(OTHER)
    assert [lead.name for lead in world.services.leads.by_phone(hash_)] == ["Maria Lopez"]


def test_no_number_of_offers_hides_a_lead(world: LeadWorld) -> None:
    world.consented()
    for number in range(60):
        world.offered(interaction_id=f"{number:032x}", session=session_hash(f"s{number}"))
    found = world.services.leads.by_phone(world.lead().phone_hash)
    assert (found[0].interaction_id, len(found)) == (INTERACTION, LEADS_PER_PHONE)
    world.clock.advance(OFFER_SECONDS + 2)
    found = world.services.leads.by_phone(world.lead().phone_hash)
    assert [lead.interaction_id for lead in found] == [INTERACTION]


def test_the_search_by_number_goes_on_over_pages(world: LeadWorld) -> None:
    words = "w" * 60_000
    for number in range(40):
        world.offered(interaction_id=f"{number:032x}", consent_words=words)
    assert len(world.services.leads.by_phone(world.a_lead().phone_hash)) == 40


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", ThrottledError),
        ("InternalServerError", RetryableDependencyError),
        ("AccessDeniedException", RejectedByDependencyError),
    ],
)
def test_failures_are_translated(world: LeadWorld, code: str, error: type[Exception]) -> None:
    world.wire.faults["get_item"] = [code]
    with pytest.raises(error, match=code):
        world.services.leads.get(INTERACTION)


def test_the_call_is_open_from_its_placing_to_its_end() -> None:
    lead = Lead(INTERACTION, "consented", "Maria", "+14155550132", "h", "en_US", "s")
    assert not lead.call_is_open
    placed = Lead(
        INTERACTION, "consented", "Maria", "+14155550132", "h", "en_US", "s", call_key="ef" * 16
    )
    assert placed.call_is_open
    assert placed.interaction_key == "ab" * 16 + "ef" * 16
