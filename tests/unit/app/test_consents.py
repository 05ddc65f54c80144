"""A yes counts once, only for what was offered, and is never promised without being written."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.consents import START_LATER_SECONDS, ConsentResult
from chalicelib.lead import OFFER_SECONDS, session_hash
from tests.fakes import SETTINGS
from tests.lead_world import INTERACTION, PHONE, LeadWorld, lead_world

SESSION = session_hash("6c1e8a54-0d0f-4b0e-8d8a-5c6a3f0a9b11")
LOST = "lost:InternalServerError"
DOWN = "InternalServerError"


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


def yes(world: LeadWorld, interaction: str = INTERACTION, **changes: str) -> ConsentResult:
    said = {"phone": PHONE, "session": SESSION, "phone_hash": world.services.phone_hash(PHONE)}
    return world.services.consents.record(
        interaction, **(said | changes), deadline=world.deadline(3)
    )


def used(world: LeadWorld, prefix: str) -> list[int]:
    items = world.wire.scan(TableName=SETTINGS.call_limits_table)["Items"]
    return [int(i["used"]["N"]) for i in items if i["key"]["S"].startswith(prefix)]


def test_a_yes_to_an_offer_is_recorded_and_can_be_started_later(world: LeadWorld) -> None:
    world.offered()
    assert yes(world) is ConsentResult.RECORDED
    lead = world.lead()
    assert (lead.status, lead.consented_at, lead.expires_at) == ("consented", world.clock(), 0.0)
    (row,) = world.services.pending.all("start")
    assert row.due_at == world.clock() + START_LATER_SECONDS
    assert used(world, "number#") == used(world, "hour#") == [1]


def test_a_second_yes_finds_the_first_and_counts_nothing(world: LeadWorld) -> None:
    world.offered()
    assert [yes(world), yes(world)] == [ConsentResult.RECORDED, ConsentResult.ALREADY]
    assert used(world, "number#") == [1]


def test_two_at_the_same_time_are_one(world: LeadWorld) -> None:
    world.offered()
    with ThreadPoolExecutor(2) as pool:
        results = Counter(pool.map(lambda _: yes(world), range(2)))
    assert results == {ConsentResult.RECORDED: 1, ConsentResult.ALREADY: 1}
    assert used(world, "number#") == [1]


def test_a_yes_without_an_offer_records_nothing(world: LeadWorld) -> None:
    assert yes(world) is ConsentResult.NOT_OFFERED
    assert world.services.leads.get(INTERACTION) is None
    assert world.services.pending.all("start") == []


@pytest.mark.parametrize("changes", [{"phone": "+442071838750"}, {"session": "another"}])
def test_a_yes_to_something_else_than_was_offered_records_nothing(
    world: LeadWorld, changes: dict[str, str]
) -> None:
    world.offered()
    assert yes(world, **changes) is ConsentResult.NOT_OFFERED
    assert world.lead().status == "offered"
    assert yes(world) is ConsentResult.RECORDED
    assert yes(world, **changes) is ConsentResult.NOT_OFFERED


def test_a_lapsed_offer_cannot_be_consented_to(world: LeadWorld) -> None:
    world.offered()
    world.clock.advance(OFFER_SECONDS + 2)
    assert yes(world) is ConsentResult.NOT_OFFERED


def test_a_number_on_the_do_not_call_list_is_refused(world: LeadWorld) -> None:
    lead = world.offered()
    world.services.call_limits.stop_calling(lead.phone_hash)
    assert yes(world) is ConsentResult.REFUSED_NUMBER
    assert world.lead().status == "offered"
    assert world.services.pending.all("start") == []
    world.services.call_limits.allow_again(lead.phone_hash)
    assert yes(world) is ConsentResult.RECORDED


def test_a_number_may_be_called_so_often_a_day(world: LeadWorld) -> None:
    results = []
    for number in range(SETTINGS.calls_per_number_per_day + 1):
        interaction = f"{number:032x}"
        world.offered(interaction_id=interaction)
        results.append(yes(world, interaction))
    assert results[-1] is ConsentResult.REFUSED_NUMBER
    assert set(results[:-1]) == {ConsentResult.RECORDED}
    world.clock.advance(86_400)
    world.offered(interaction_id="f" * 32)
    assert yes(world, "f" * 32) is ConsentResult.RECORDED


def test_beyond_the_hours_calls_the_lead_is_kept_without_a_call(world: LeadWorld) -> None:
    limits = replace(world.services.consents._limits, per_hour=1)
    world.services.consents._limits = limits
    world.offered()
    other = "+442071838750"
    hash_ = world.services.phone_hash(other)
    world.offered(interaction_id="cd" * 16, phone=other, phone_hash=hash_)
    assert yes(world) is ConsentResult.RECORDED
    again = [yes(world, "cd" * 16, phone=other, phone_hash=hash_) for _ in range(2)]
    assert again == [ConsentResult.REFUSED_HOUR] * 2
    lead = world.services.leads.get("cd" * 16)
    assert lead is not None
    assert (lead.status, lead.call_refused) == ("consented", "hourly_limit")
    assert len(world.services.pending.all("start")) == 2


def test_a_throttled_table_is_asked_again(world: LeadWorld) -> None:
    world.offered()
    world.wire.faults["transact_write_items"] = ["ThrottlingException"] * 3
    assert yes(world) is ConsentResult.RECORDED


def test_a_lost_answer_is_found_out(world: LeadWorld) -> None:
    world.offered()
    world.wire.faults["transact_write_items"] = [LOST]
    assert yes(world) is ConsentResult.RECORDED
    assert used(world, "number#") == [1]


def test_a_refusing_table_records_nothing_at_once(world: LeadWorld) -> None:
    world.offered()
    world.wire.faults["transact_write_items"] = ["AccessDeniedException"]
    assert yes(world) is ConsentResult.NOT_RECORDED
    assert world.wire.calls.count("transact_write_items") == 1


def test_a_yes_that_was_perhaps_written_is_taken_back(world: LeadWorld) -> None:
    world.offered()
    world.wire.faults["transact_write_items"] = [LOST, *[DOWN] * 99]
    assert yes(world) is ConsentResult.NOT_RECORDED
    assert world.lead().status == "withdrawn"
    world.wire.faults.clear()
    assert yes(world) is ConsentResult.NOT_OFFERED


def test_a_yes_that_was_not_written_cannot_arrive_late(world: LeadWorld) -> None:
    world.offered()
    world.wire.faults["transact_write_items"] = [DOWN] * 99
    assert yes(world) is ConsentResult.NOT_RECORDED
    assert world.lead().status == "withdrawn"


def test_taking_back_spares_the_same_yes_that_got_through(world: LeadWorld) -> None:
    world.offered()
    assert yes(world) is ConsentResult.RECORDED
    world.wire.faults["transact_write_items"] = [DOWN] * 99
    assert yes(world) is ConsentResult.ALREADY
    assert world.lead().status == "consented"


def test_when_not_even_taking_back_works_nobody_can_say(world: LeadWorld) -> None:
    world.offered()
    world.wire.faults["transact_write_items"] = [LOST, *[DOWN] * 99]
    world.wire.faults["update_item"] = [DOWN]
    assert yes(world) is ConsentResult.UNCONFIRMED


def test_what_another_yes_was_promised_is_not_taken_back(world: LeadWorld) -> None:
    world.offered()
    # The first yes is written and its answer lost; the second one comes before it is tried again.
    world.wire.faults["transact_write_items"] = [LOST, "", *[DOWN] * 99]
    second: list[ConsentResult] = []

    def meanwhile(seconds: float) -> None:
        if not second:
            second.append(ConsentResult.UNCONFIRMED)
            second[0] = yes(world)
        world.clock.advance(0.5)

    world.services.consents._sleep = meanwhile
    assert yes(world) is ConsentResult.RECORDED
    assert second == [ConsentResult.ALREADY]
    assert world.lead().status == "consented"


def test_a_yes_that_cannot_be_kept_is_not_promised(world: LeadWorld) -> None:
    world.offered()
    assert yes(world) is ConsentResult.RECORDED
    world.wire.faults["update_item"] = [DOWN] * 99
    assert yes(world) is ConsentResult.UNCONFIRMED


def test_a_yes_that_was_taken_back_meanwhile_is_not_promised(world: LeadWorld) -> None:
    world.offered()
    assert yes(world) is ConsentResult.RECORDED
    keeping = world.wire.faults["update_item"] = [DOWN]
    world.services.consents._sleep = lambda seconds: withdraw(world)
    assert yes(world) is ConsentResult.NOT_OFFERED
    assert not keeping


def withdraw(world: LeadWorld) -> None:
    assert world.services.leads.update(INTERACTION, {"status": "withdrawn"})


def test_no_attempt_begins_that_could_not_be_taken_back_in_time(world: LeadWorld) -> None:
    world.offered()
    result = world.services.consents.record(
        INTERACTION, PHONE, SESSION, world.services.phone_hash(PHONE), world.deadline(1.0)
    )
    assert result is ConsentResult.NOT_RECORDED
    assert "transact_write_items" not in world.wire.calls


def test_under_random_failures_every_answer_is_true(world: LeadWorld) -> None:
    chance = random.Random(7)
    told: Counter[str] = Counter()
    for number in range(60):
        interaction = f"{number:032x}"
        phone = f"+1415555{number:04d}"
        hash_ = world.services.phone_hash(phone)
        world.offered(interaction_id=interaction, phone=phone, phone_hash=hash_)
        faults = [chance.choice(["", "", DOWN, LOST]) for _ in range(60)]
        world.wire.faults = {"transact_write_items": faults, "update_item": faults[::-1]}
        result = yes(world, interaction, phone=phone, phone_hash=hash_)
        world.wire.faults = {}
        lead = world.services.leads.get(interaction)
        assert lead is not None
        if result is not ConsentResult.UNCONFIRMED:
            promised = result in (ConsentResult.RECORDED, ConsentResult.ALREADY)
            assert promised == (lead.status == "consented")
        told[str(result)] += 1
    assert told["recorded"] > 30
