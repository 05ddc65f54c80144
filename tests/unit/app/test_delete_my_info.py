"""DeleteMyInfoIntent: what is asked, what is proved, and words that tell nobody what is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import RetryableDependencyError
from chalicelib.intents.delete_my_info import DELETE_MY_INFO
from chalicelib.intents.deletion import ANSWER_SECONDS, PER_NUMBER, PER_SESSION
from chalicelib.intents.outcome import DELEGATED, ConfirmIntent, ElicitSlot, Outcome
from chalicelib.intents.writing import WRITE_SECONDS
from chalicelib.lex import Turn
from tests.chat_world import ChatWorld, chat_world
from tests.fakes import CONTENTS
from tests.lead_world import INTERACTION, PHONE, LeadWorld
from tests.phone_world import KEY, PhoneWorld, a_turn, phone_world

TEXTS = CONTENTS.in_locale("en_US").texts
INTENT = "DeleteMyInfoIntent"
OTHER = "cd" * 16
BOOKED = {"bookedInteraction": INTERACTION}
ERASE = ("atlas-local-erase_lead:live", INTERACTION)


class FakeTeam:
    """Remembers which requests it was told of."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.error: Exception | None = None

    def deletion_waits(self, request_id: str) -> None:
        if self.error is not None:
            raise self.error
        self.waiting.append(request_id)

    def callback_requested(self, lead: Any, task_id: str) -> None:
        raise NotImplementedError

    def lead_parked(self, interaction_id: str, reason: str) -> None:
        raise NotImplementedError


@pytest.fixture
def phone() -> Iterator[PhoneWorld]:
    with phone_world() as phone:
        yield phone


@pytest.fixture
def team() -> FakeTeam:
    return FakeTeam()


@pytest.fixture
def world(phone: PhoneWorld, team: FakeTeam) -> LeadWorld:
    phone.world.with_services(team=team)
    return phone.world


def a_slot(value: str) -> Any:
    return {"shape": "Scalar", "value": {"interpretedValue": value}}


def a_claim(number: str = PHONE, name: str = "Lopez", **changes: Any) -> Turn:
    """The turn that carries it out: both slots are filled and the visitor has said yes."""
    slots = {"VisitorPhoneNumber": a_slot(number), "VisitorLastName": a_slot(name)}
    attributes = changes.pop("attributes", {})
    fields: dict[str, Any] = {"channel": "chat", "confirmation": "Confirmed", "slots": slots}
    return a_turn(attributes, "yes", intent=INTENT, **{**fields, **changes})


def answered(world: LeadWorld, turn: Turn) -> Outcome:
    return DELETE_MY_INFO.answer(turn, Deadline.after(3.0, clock=world.clock), world.services)


def claimed(world: LeadWorld, number: str = PHONE, name: str = "Lopez", **changes: Any) -> str:
    """The name of the text that such a claim gets."""
    return named(answered(world, a_claim(number, name, **changes)))


def named(outcome: Outcome) -> str:
    return next(name for name, text in TEXTS.items() if text == outcome.answer.text)


def invoked(world: LeadWorld) -> list[tuple[str, str]]:
    return [(name, payload["interaction_id"]) for name, payload in world.background.invoked]


def erase_rows(world: LeadWorld) -> list[str]:
    return [work.interaction_id for work in world.services.pending.all("erase")]


def queued(world: LeadWorld) -> list[tuple[str, ...]]:
    return [request.interaction_ids for request in world.services.deletions.waiting()]


def test_what_this_chat_made_is_erased_at_once(world: LeadWorld, team: FakeTeam) -> None:
    world.consented()
    outcome = answered(world, a_claim(attributes=BOOKED | {"history": "[]"}))
    assert (named(outcome), outcome.state) == ("delete_requested", "Fulfilled")
    assert world.lead().status == "erasing"
    assert (erase_rows(world), invoked(world)) == ([INTERACTION], [ERASE])
    assert (queued(world), team.waiting) == ([], [])
    assert set(outcome.attributes) >= {"bookedInteraction", "interactionId", "history", "scenario"}
    assert set(outcome.attributes.values()) == {None}


def test_the_session_alone_is_proof_where_its_attributes_are_gone(world: LeadWorld) -> None:
    world.consented()
    assert claimed(world) == "delete_requested"
    assert world.lead().status == "erasing"


def test_an_offer_that_nobody_has_answered_yet_goes_too(world: LeadWorld) -> None:
    world.offered()
    claimed(world, attributes={"interactionId": INTERACTION})
    lead = world.lead()
    assert (lead.status, lead.expires_at) == ("erasing", 0.0)


def test_another_sessions_record_waits_for_approval(world: LeadWorld, team: FakeTeam) -> None:
    world.consented()
    assert claimed(world, session_id="another") == "delete_requested"
    assert world.lead().status == "consented"
    assert (queued(world), invoked(world), erase_rows(world)) == ([(INTERACTION,)], [], [])
    (request,) = world.services.deletions.waiting()
    assert team.waiting == [request.request_id]
    stored = json.dumps(world.wire.scan(TableName="atlas-local-deletions")["Items"])
    assert not [word for word in ("Lopez", "Maria", PHONE) if word in stored]


def outcome_in_session(world: LeadWorld, session: str, name: str) -> tuple[Outcome, list[str]]:
    world.wire.calls.clear()
    before = world.clock()
    outcome = answered(world, a_claim(name=name, session_id=session))
    assert world.clock() - before == pytest.approx(ANSWER_SECONDS)
    return outcome, list(world.wire.calls)


def test_found_and_not_found_sound_look_and_last_the_same(world: LeadWorld) -> None:
    world.consented()
    found = outcome_in_session(world, "another", "Lopez")
    not_found = outcome_in_session(world, "a third", "Miller")
    assert found == not_found
    assert queued(world) == [(INTERACTION,)]


def test_the_own_record_is_answered_in_the_same_words(world: LeadWorld) -> None:
    world.consented()
    own, _ = outcome_in_session(world, a_claim().session_id, "Lopez")
    other, _ = outcome_in_session(world, "another", "Miller")
    assert (own.answer, own.state, own.next_step) == (other.answer, other.state, other.next_step)


@pytest.mark.parametrize("name", ["Lopes", "Maria", "%", "Lopez' OR LastName != '", "\u6797"])
def test_a_wrong_name_erases_nothing(world: LeadWorld, name: str) -> None:
    world.consented()
    claimed(world, name=name, attributes=BOOKED)
    assert world.lead().status == "consented"
    assert (queued(world), invoked(world)) == ([], [])


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Sean O'Neil", "O\u2019Neil"),
        ("Sean O'Neil", "oneil"),
        ("Mar\u00eda L\u00f3pez", "lopez"),
        ("\u674e\u5c0f\u9f99", "\u674e\u5c0f\u9f99"),
        (
            "\u041f\u0451\u0442\u0440 \u0418\u0432\u0430\u043d\u043e\u0432",
            "\u0438\u0432\u0430\u043d\u043e\u0432",
        ),
        ("Madonna", "madonna"),
    ],
)
def test_names_of_every_kind_are_known_again(world: LeadWorld, stored: str, typed: str) -> None:
    world.consented(name=stored)
    claimed(world, name=typed)
    assert world.lead().status == "erasing"


def test_another_number_of_the_same_session_erases_nothing(world: LeadWorld) -> None:
    world.consented()
    claimed(world, number="+14155550199", attributes=BOOKED)
    assert world.lead().status == "consented"


def test_only_what_fits_is_asked_about(world: LeadWorld) -> None:
    world.consented(session="ee" * 16)
    world.offered(interaction_id=OTHER, name="John Miller", session="ff" * 16)
    claimed(world)
    assert queued(world) == [(INTERACTION,)]


@pytest.mark.parametrize("attribute", ["bookedInteraction", "interactionId"])
def test_a_forged_interaction_is_no_proof(world: LeadWorld, attribute: str) -> None:
    world.consented()
    claimed(world, attributes={attribute: INTERACTION}, session_id="another")
    assert world.lead().status == "consented"
    assert (queued(world), erase_rows(world)) == ([(INTERACTION,)], [])


def test_a_forged_yes_without_good_slots_is_asked_again(world: LeadWorld) -> None:
    world.consented()
    outcome = answered(world, a_claim(number="12", attributes=BOOKED))
    assert outcome.next_step == ElicitSlot("VisitorPhoneNumber")
    assert world.lead().status == "consented"


def test_fulfilment_without_a_yes_asks_for_it(world: LeadWorld) -> None:
    world.consented()
    outcome = answered(world, a_claim(confirmation="None", attributes=BOOKED))
    assert outcome.next_step == ConfirmIntent()
    assert "+1 415 555" in outcome.answer.text
    assert world.lead().status == "consented"


def test_a_no_changes_nothing(world: LeadWorld) -> None:
    world.consented()
    turn = a_claim(confirmation="Denied", source="DialogCodeHook", attributes=BOOKED)
    assert named(answered(world, turn)) == "delete_kept"
    assert world.lead().status == "consented"


def test_a_yes_in_the_dialog_goes_on_to_fulfilment(world: LeadWorld) -> None:
    assert answered(world, a_claim(source="DialogCodeHook")) == DELEGATED


def test_a_draft_of_this_chat_goes_by_its_name_alone(world: LeadWorld) -> None:
    world.services.scenarios.draft(INTERACTION, "Maria Lopez", (), "en_US")
    attributes = {"interactionId": INTERACTION}
    claimed(world, number="+442071838750", name="Miller", attributes=attributes)
    assert invoked(world) == []
    assert claimed(world, number="+442071838750", attributes=attributes) == "delete_requested"
    assert (erase_rows(world), invoked(world)) == ([INTERACTION], [ERASE])


def test_what_is_being_erased_is_not_queued_again(world: LeadWorld) -> None:
    world.consented(status="erasing")
    assert claimed(world, attributes=BOOKED) == "delete_requested"
    assert claimed(world, session_id="another") == "delete_requested"
    assert (queued(world), invoked(world)) == ([], [])


def test_the_call_itself_is_proof_of_its_number(phone: PhoneWorld, world: LeadWorld) -> None:
    phone.open_call(session="ee" * 16)
    turn = a_claim(channel="phone", attributes={"interactionKey": KEY})
    assert named(answered(world, turn)) == "delete_requested"
    assert world.lead().status == "erasing"


@pytest.mark.parametrize("key", ["", INTERACTION + "ef" * 16])
def test_a_forged_key_is_none(phone: PhoneWorld, world: LeadWorld, key: str) -> None:
    phone.open_call()
    claimed(world, channel="phone", attributes={"interactionKey": key})
    assert world.lead().status == "consented"
    assert queued(world) == [(INTERACTION,)]


def test_in_a_call_its_own_number_is_not_asked_for(phone: PhoneWorld, world: LeadWorld) -> None:
    phone.open_call()
    start = {"source": "DialogCodeHook", "invocation_label": f"{INTENT}Start"}
    turn = a_turn({"interactionKey": KEY}, "delete my data", intent=INTENT, **start)
    outcome = answered(world, turn)
    assert outcome.next_step == ElicitSlot("VisitorLastName")
    assert outcome.slots["VisitorPhoneNumber"] == PHONE


def test_a_session_has_so_many_requests_and_no_more(world: LeadWorld) -> None:
    world.consented(session="ee" * 16)
    numbers = [f"+1415555{number}" for number in range(2671, 2671 + PER_SESSION)]
    assert {claimed(world, number=each) for each in numbers} == {"delete_requested"}
    assert claimed(world) == "delete_too_many_requests"
    assert queued(world) == []
    world.clock.advance(3_600)
    assert claimed(world) == "delete_requested"


def test_a_number_has_so_many_requests_and_no_more(world: LeadWorld) -> None:
    world.consented()
    for number in range(PER_NUMBER):
        assert claimed(world, session_id=f"session-{number}") == "delete_requested"
    assert claimed(world, session_id="one-more") == "delete_too_many_requests"
    assert len(queued(world)) == PER_NUMBER


def test_others_cannot_use_up_the_attempts_of_this_chat(world: LeadWorld) -> None:
    world.consented()
    for number in range(PER_NUMBER + 1):
        claimed(world, session_id=f"session-{number}")
    assert claimed(world, attributes=BOOKED) == "delete_requested"
    assert world.lead().status == "erasing"


def test_attempts_are_counted_by_keyed_hashes_alone(world: LeadWorld) -> None:
    claimed(world, session_id=PHONE)
    stored = json.dumps(world.wire.scan(TableName="atlas-local-call-limits")["Items"])
    assert "deletion#" in stored
    assert "4155550132" not in stored


@pytest.mark.parametrize("operation", ["update_item", "query", "put_item"])
@pytest.mark.parametrize("name", ["Lopez", "Miller"])
def test_an_outage_is_told_alike_for_whoever_is_stored(
    world: LeadWorld, operation: str, name: str
) -> None:
    world.consented(session="ee" * 16)
    world.wire.faults[operation] = ["InternalServerError"] * 3
    assert claimed(world, name=name) == "delete_not_recorded"
    assert world.lead().status == "consented"


def test_tables_that_are_late_cost_no_more_than_the_turn_and_nothing_is_half_done(
    phone: PhoneWorld, world: LeadWorld, team: FakeTeam
) -> None:
    world.consented()
    turn, deadline = a_claim(attributes=BOOKED), Deadline.after(WRITE_SECONDS + 0.05)
    with phone.scenarios.late(phone.scenarios.leads_open):
        outcome = DELETE_MY_INFO.answer(turn, deadline, world.services)
        assert deadline.remaining() > 0
    assert (named(outcome), outcome.state) == ("delete_not_recorded", "Failed")
    assert "nothing" not in outcome.answer.text
    phone.scenarios.finish()
    assert world.lead().status == "consented"
    assert (erase_rows(world), queued(world), team.waiting) == ([], [], [])


def test_a_mark_that_fails_is_made_again(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["put_item"] = ["lost:InternalServerError"]
    assert claimed(world, attributes=BOOKED) == "delete_requested"
    assert (world.lead().status, erase_rows(world)) == ("erasing", [INTERACTION])


def test_nothing_is_marked_that_nobody_would_carry_out(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["put_item"] = ["InternalServerError"] * 3
    assert claimed(world, attributes=BOOKED) == "delete_not_recorded"
    assert (world.lead().status, invoked(world)) == ("consented", [])


def test_a_team_that_cannot_be_told_finds_it_in_the_list(world: LeadWorld, team: FakeTeam) -> None:
    world.consented()
    team.error = RetryableDependencyError("sns", "InternalFailure")
    assert claimed(world, session_id="another") == "delete_requested"
    assert queued(world) == [(INTERACTION,)]


def test_nothing_of_the_person_is_logged(world: LeadWorld) -> None:
    world.consented()
    world.wire.faults["query"] = ["InternalServerError"]
    outcome = answered(world, a_claim(name="Lopez"))
    written = "\n".join([*world.lines, outcome.problem])
    assert outcome.problem
    assert not [word for word in ("Lopez", "415", "0132") if word in written]


@pytest.fixture
def chat(team: FakeTeam) -> Iterator[ChatWorld]:
    with chat_world() as chat:
        chat.world.with_services(team=team)
        yield chat


def test_the_whole_dialog_is_spoken_in_the_contents_words(chat: ChatWorld) -> None:
    assert chat.say("delete my data") == TEXTS["delete_ask_number"]
    assert chat.action == "ElicitSlot VisitorPhoneNumber"
    assert chat.say("my number is 415 555 0132") == TEXTS["delete_ask_name"]
    assert "+1 415 555 0132" in chat.say("Lopez")
    assert chat.action == "ConfirmIntent"
    assert chat.say("yes") == TEXTS["delete_requested"]
    assert chat.state["intent"]["state"] == "Fulfilled"
    assert "deletionTries" not in chat.attributes


def test_a_no_ends_it(chat: ChatWorld) -> None:
    for text in ("delete my data", "+14155550132", "Lopez"):
        chat.say(text)
    assert TEXTS["delete_kept"] in chat.say("no")
    assert chat.items("deletions_table") == []


def test_bad_numbers_are_explained_and_three_are_enough(chat: ChatWorld) -> None:
    problems = CONTENTS.in_locale("en_US").number_problems
    chat.say("delete my data")
    assert chat.say("415 555") == problems["too_short"]
    assert chat.say("hm") in (problems["not_a_number"], problems["letters"])
    assert chat.say("12") == TEXTS["delete_too_many_tries"]
    assert chat.state["intent"]["state"] == "Failed"


def test_bad_names_are_asked_for_again_and_three_are_enough(chat: ChatWorld) -> None:
    for text in ("delete my data", "+14155550132"):
        chat.say(text)
    assert chat.say("12345") == TEXTS["delete_name_again"]
    assert chat.say("???") == TEXTS["delete_name_again"]
    assert chat.say("www.example.com") == TEXTS["delete_too_many_tries"]


@pytest.mark.parametrize("answers", [["no"], ["+14155550132", "never mind"]])
def test_a_refusal_in_the_middle_leaves_everything(chat: ChatWorld, answers: list[str]) -> None:
    chat.say("delete my data")
    said = [chat.say(answer) for answer in answers]
    assert said[-1] == TEXTS["delete_kept"]


def test_unclear_answers_are_no_yes(chat: ChatWorld) -> None:
    for text in ("delete my data", "+14155550132", "Lopez"):
        chat.say(text)
    said = [chat.say("perhaps") for _ in range(3)]
    assert said[-1] == TEXTS["delete_kept"]
    assert chat.items("deletions_table") == []


def test_no_model_is_ever_asked(chat: ChatWorld) -> None:
    for text in ("delete my data", "+14155550132", "Lopez", "yes"):
        chat.say(text)
    assert chat.world.models.prompts == []
