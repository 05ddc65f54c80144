"""CallbackIntent: written before it is promised, carried out once, on both channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import RetryableDependencyError
from chalicelib.intents.callback import CALLBACK
from chalicelib.intents.outcome import Outcome
from chalicelib.lead import CallOutcome
from tests.fakes import CONTENTS
from tests.lead_world import INTERACTION, SESSION_ID, LeadWorld
from tests.phone_world import CALL_KEY, KEY, PhoneWorld, a_turn, phone_world

TEXTS = CONTENTS.in_locale("en_US").texts
BOOKED = {"bookedInteraction": INTERACTION}
CALL = {"interactionKey": KEY}
UPDATE = ("atlas-local-update_lead:live", INTERACTION)


@pytest.fixture
def phone() -> Iterator[PhoneWorld]:
    with phone_world() as phone:
        yield phone


@pytest.fixture
def world(phone: PhoneWorld) -> LeadWorld:
    return phone.world


def asked(world: LeadWorld, attributes: dict[str, str], **changes: Any) -> Outcome:
    turn = a_turn(attributes, "call me back", intent="CallbackIntent", **changes)
    deadline = Deadline.after(3.0, clock=world.clock)
    return CALLBACK.answer(turn, deadline, world.services)


def in_chat(world: LeadWorld, attributes: dict[str, str] = BOOKED, **changes: Any) -> Outcome:
    return asked(world, attributes, channel="chat", **changes)


def named(outcome: Outcome) -> str:
    return next(name for name, text in TEXTS.items() if text == outcome.answer.text)


def invoked(world: LeadWorld) -> list[tuple[str, str]]:
    return [(name, payload["interaction_id"]) for name, payload in world.background.invoked]


def test_a_wish_in_the_chat_is_written_and_carried_out(world: LeadWorld) -> None:
    world.consented()
    outcome = in_chat(world)
    assert (named(outcome), outcome.state) == ("callback_arranged", "Fulfilled")
    assert world.lead().callback_requested_at == world.clock()
    (row,) = world.services.pending.all("callback")
    assert (row.interaction_id, row.due_at) == (INTERACTION, world.clock() + 120)
    assert invoked(world) == [UPDATE]


def test_a_wish_in_the_call_counts_as_well(phone: PhoneWorld) -> None:
    phone.open_call()
    assert named(asked(phone.world, CALL)) == "callback_arranged"
    assert phone.world.lead().callback_requested_at
    assert invoked(phone.world) == [UPDATE]


def test_a_second_wish_hears_that_it_is_arranged_and_does_nothing(phone: PhoneWorld) -> None:
    phone.open_call()
    in_chat(phone.world)
    phone.world.clock.advance(30)
    assert named(asked(phone.world, CALL)) == "callback_already"
    assert phone.world.lead().callback_requested_at == phone.world.clock() - 30
    assert invoked(phone.world) == [UPDATE]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"bookedInteraction": "cd" * 16},
        {"bookedInteraction": "' OR 1=1"},
        {"interactionId": INTERACTION},
        {"interactionKey": KEY},
    ],
)
def test_without_an_interaction_of_this_chat_the_demo_is_offered(
    world: LeadWorld, attributes: dict[str, str]
) -> None:
    world.consented(call_key=CALL_KEY)
    outcome = in_chat(world, attributes)
    assert (named(outcome), outcome.state) == ("callback_offer", "Failed")
    assert "demo" in outcome.answer.text
    assert not world.lead().callback_requested_at
    assert world.services.pending.all("callback") == []


def test_the_interaction_of_another_session_is_not_touched(world: LeadWorld) -> None:
    world.consented()
    assert named(in_chat(world, session_id="another")) == "callback_offer"
    assert not world.lead().callback_requested_at


@pytest.mark.parametrize("status", ["offered", "withdrawn", "erasing"])
def test_a_lead_that_does_not_stand_is_called_by_nobody(world: LeadWorld, status: str) -> None:
    world.consented(status=status)
    assert named(in_chat(world)) == "callback_offer"
    assert invoked(world) == []


@pytest.mark.parametrize("key", [INTERACTION + "ef" * 16, "cd" * 16 + CALL_KEY, "x", ""])
def test_a_forged_key_opens_nothing(phone: PhoneWorld, key: str) -> None:
    phone.open_call()
    assert named(asked(phone.world, {"interactionKey": key})) == "callback_unknown_caller"
    assert not phone.world.lead().callback_requested_at


def test_the_key_of_a_call_that_is_over_opens_nothing(phone: PhoneWorld) -> None:
    phone.open_call(call_ended_at=1.0, call_outcome=str(CallOutcome.COMPLETED))
    assert named(asked(phone.world, CALL)) == "callback_unknown_caller"


def test_a_table_that_stumbles_is_tried_again(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["update_item"] = ["InternalServerError"]
    assert named(in_chat(world)) == "callback_arranged"
    assert world.lead().callback_requested_at


def test_a_lead_that_cannot_be_read_gets_no_promise(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["get_item"] = ["InternalServerError"]
    outcome = in_chat(world)
    assert (named(outcome), outcome.state) == ("callback_not_recorded", "Failed")
    assert world.services.pending.all("callback") == []


@pytest.mark.parametrize("operation", ["put_item", "update_item"])
@pytest.mark.parametrize("code", ["InternalServerError", "lost:InternalServerError"])
def test_what_cannot_be_written_in_time_is_taken_back_before_it_is_denied(
    world: LeadWorld, operation: str, code: str
) -> None:
    world.consented()
    world.wire.faults[operation] = [code] * 3
    outcome = in_chat(world)
    assert (named(outcome), outcome.state) == ("callback_not_recorded", "Failed")
    assert not world.lead().callback_requested_at
    assert world.services.pending.all("callback") == []
    assert invoked(world) == []


def test_a_wish_that_was_taken_back_can_be_made_again(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["update_item"] = ["InternalServerError"] * 3
    in_chat(world)
    assert named(in_chat(world)) == "callback_arranged"
    assert world.lead().callback_requested_at


def test_when_nobody_knows_it_says_so(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["update_item"] = ["lost:InternalServerError"] * 4
    assert named(in_chat(world)) == "callback_unconfirmed"


def test_a_failing_turn_does_not_take_back_the_wish_of_another(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.consented()
    put, other_wish = world.services.pending.put, world.clock() - 1

    def overtaken(*arguments: Any) -> None:
        put(*arguments)
        world.services.leads.update(INTERACTION, {"callback_requested_at": other_wish})
        raise RetryableDependencyError("dynamodb", "late")

    monkeypatch.setattr(world.services.pending, "put", overtaken)
    assert named(in_chat(world)) == "callback_already"
    assert world.lead().callback_requested_at == other_wish
    assert world.services.pending.all("callback")


@pytest.mark.parametrize("is_first", [True, False])
def test_taking_back_at_the_moment_of_another_wish_leaves_it_and_its_row(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    """The other turn's wish comes before or after what this one looks at last."""
    world.consented()
    world.wire.faults["update_item"] = ["InternalServerError"] * 3
    call, at = world.services.leads.table.call, world.clock()

    def other_wish() -> None:
        world.services.pending.put("callback", INTERACTION, at + 150)
        world.services.leads.update(INTERACTION, once={"callback_requested_at": at + 30})

    def meanwhile(operation: str, **request: Any) -> Any:
        takes_back = request.get("UpdateExpression") == "REMOVE callback_requested_at"
        if takes_back and is_first:
            other_wish()
        answer = call(operation, **request)
        if takes_back:
            other_wish()
        return answer

    monkeypatch.setattr(world.services.leads.table, "call", meanwhile)
    expected = "callback_already" if is_first else "callback_not_recorded"
    assert named(in_chat(world)) == expected
    assert world.lead().callback_requested_at == at + 30
    (row,) = world.services.pending.all("callback")
    assert row.due_at == at + 150


def test_of_two_wishes_at_once_the_first_one_stands(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.consented()
    put, earlier = world.services.pending.put, world.clock() - 1

    def overtaken(*arguments: Any) -> None:
        put(*arguments)
        world.services.leads.update(INTERACTION, once={"callback_requested_at": earlier})

    monkeypatch.setattr(world.services.pending, "put", overtaken)
    assert named(in_chat(world)) == "callback_arranged"
    assert world.lead().callback_requested_at == earlier


def test_a_lead_marked_for_erasure_while_it_is_written_is_not_promised(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.consented()
    put = world.services.pending.put

    def marked(*arguments: Any) -> None:
        put(*arguments)
        world.services.leads.update(INTERACTION, {"status": "erasing"})

    monkeypatch.setattr(world.services.pending, "put", marked)
    assert named(in_chat(world)) == "callback_not_recorded"
    assert not world.lead().callback_requested_at
    assert world.services.pending.all("callback") == []


def test_an_invoke_that_is_refused_leaves_it_to_the_row(world: LeadWorld) -> None:
    world.consented()
    world.background.takes = False
    assert named(in_chat(world)) == "callback_arranged"
    assert world.services.pending.all("callback")


def test_a_lead_erased_while_it_is_written_is_not_promised(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.consented()
    put = world.services.pending.put

    def erased(*arguments: Any) -> None:
        put(*arguments)
        world.services.leads.delete(INTERACTION)

    monkeypatch.setattr(world.services.pending, "put", erased)
    assert named(in_chat(world)) == "callback_not_recorded"
    assert world.services.leads.get(INTERACTION) is None
    assert world.services.pending.all("callback") == []


def test_nothing_of_the_person_is_logged(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["update_item"] = ["InternalServerError"] * 4
    outcome = in_chat(world, session_id=SESSION_ID)
    written = "\n".join([*world.lines, outcome.problem])
    assert outcome.problem
    assert "Maria" not in written
    assert "415" not in written
