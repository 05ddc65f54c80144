"""Lead capture: from "start the demo" to a promise that is written, and every way it may end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import RejectedByDependencyError, RetryableDependencyError
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents.consent import consent_version
from chalicelib.invocation import HEALTH_EVENT
from chalicelib.lead import session_hash
from tests.chat_world import SESSION, ChatWorld, chat_world
from tests.fakes import CONTENTS, EPOCH, an_invocation
from tests.lead_world import LeadWorld
from tests.lex_shapes import problems

CONTENT = CONTENTS.in_locale("en_US")
NUMBER = "+1 415 555 0132"
E164 = "+14155550132"
QUESTION = CONTENT.said("consent", number=NUMBER)
BOOKED = CONTENT.said("booked", number=NUMBER)
NIGHT = (21 * 60, 8 * 60)


@pytest.fixture
def chat() -> Iterator[ChatWorld]:
    with chat_world() as chat:
        yield chat


def up_to_consent(chat: ChatWorld, number: str = NUMBER, session: str = SESSION) -> str:
    chat.say("start the demo", session)
    chat.say("Maria Lopez", session)
    return chat.say(number, session)


def refuse_tables(chat: ChatWorld, operation: str, *codes: str) -> None:
    chat.world.wire.faults[operation] = list(codes)


# The way it should go.


def test_a_visitor_is_asked_for_name_number_and_consent_and_is_called(chat: ChatWorld) -> None:
    assert chat.say("start the demo") == CONTENT.texts["ask_name"]
    assert chat.action == "ElicitSlot VisitorFullName"
    assert chat.say("my name is Maria Lopez, thanks") == CONTENT.texts["ask_number"]
    assert chat.action == "ElicitSlot VisitorPhoneNumber"
    assert chat.say("it's (415) 555-0132") == QUESTION
    assert chat.action == "ConfirmIntent"
    interaction = chat.attributes["interactionId"]
    assert chat.say("yes please") == BOOKED
    assert chat.state["intent"]["state"] == "Fulfilled"
    assert chat.world.workflow.started == [(interaction, 0)]
    assert chat.attributes["bookedInteraction"] == interaction
    assert not {"interactionId", "demoTries"} & chat.attributes.keys()


def test_the_offer_holds_who_was_asked_what_and_when(chat: ChatWorld) -> None:
    chat.say("what technology do you use")
    up_to_consent(chat)
    lead = chat.lead()
    assert lead is not None
    assert (lead.status, lead.name, lead.phone) == ("offered", "Maria Lopez", E164)
    assert lead.phone_hash == chat.world.services.phone_hash(E164)
    assert lead.session == session_hash(SESSION)
    assert lead.asked == ("what technology do you use",)
    assert lead.consent_words == QUESTION
    assert (
        lead.consent_version == hashlib.sha256(CONTENT.texts["consent"].encode()).hexdigest()[:16]
    )
    assert lead.offered_at == chat.world.clock()
    assert lead.locale == "en_US"


def test_a_changed_wording_is_another_version() -> None:
    other = {**CONTENT.texts, "consent": "May we call {number}?"}
    changed = type(CONTENT)(**{**_fields(CONTENT), "texts": other})
    assert consent_version(changed) != consent_version(CONTENT)


def _fields(content: Any) -> dict[str, Any]:
    return {name: getattr(content, name) for name in content.__slots__}


def test_the_yes_turns_the_offer_into_a_consent_with_work_to_do(chat: ChatWorld) -> None:
    up_to_consent(chat)
    assert chat.items("pending_work_table") == []
    chat.say("yes")
    lead = chat.lead()
    assert lead is not None
    assert (lead.status, lead.consented_at > 0, lead.expires_at) == ("consented", True, 0.0)
    (work,) = chat.items("pending_work_table")
    assert work["kind"]["S"] == "start"


def test_a_number_in_the_first_sentence_is_not_asked_for_again(chat: ChatWorld) -> None:
    assert chat.say("call me on +1 415 555 0132") == CONTENT.texts["ask_name"]
    assert chat.say("Maria Lopez") == QUESTION


def test_a_bad_number_in_the_first_sentence_is_named_at_once(chat: ChatWorld) -> None:
    assert chat.say("call me on +1 900 555 0132") == CONTENT.number_problems["premium_rate"]
    assert chat.say(NUMBER) == CONTENT.texts["ask_name"]
    assert chat.say("Maria Lopez") == QUESTION


def test_asking_again_later_is_a_new_interaction(chat: ChatWorld) -> None:
    up_to_consent(chat)
    chat.say("yes")
    first = chat.attributes["bookedInteraction"]
    assert up_to_consent(chat) == QUESTION
    second = chat.attributes["interactionId"]
    assert chat.say("yes") == BOOKED
    assert second != first
    assert chat.attributes["bookedInteraction"] == second
    assert chat.world.workflow.started == [(first, 0), (second, 0)]


def test_starting_over_without_an_answer_is_a_new_interaction_too(chat: ChatWorld) -> None:
    chat.say("start the demo")
    first = chat.attributes["interactionId"]
    chat.say("stop")
    chat.say("start the demo")
    assert chat.attributes["interactionId"] != first
    assert chat.attributes["demoTries"] == "000"


# Made ready while the visitor still types.


def test_the_scenario_is_drafted_and_the_call_warmed_once_the_name_is_known(
    chat: ChatWorld,
) -> None:
    chat.say("what technology do you use")
    chat.say("start the demo")
    assert chat.world.background.invoked == []
    chat.say("Maria Lopez")
    settings = chat.world.services.settings
    interaction = chat.attributes["interactionId"]
    assert chat.world.background.invoked == [
        (settings.generate_scenario_function, {"interaction_id": interaction}),
        (settings.invoke_call_function, {"atlas": "health"}),
    ]
    draft = chat.world.services.scenarios.visitor(interaction)
    assert draft is not None
    assert (draft.name, tuple(draft.asked)) == ("Maria Lopez", ("what technology do you use",))
    chat.say("12")
    chat.say(NUMBER)
    chat.say("yes")
    assert len(chat.world.background.invoked) == 2


def test_a_scenario_that_cannot_be_drafted_stops_nobody(chat: ChatWorld) -> None:
    chat.say("start the demo")
    refuse_tables(chat, "update_item", "InternalServerError")
    assert chat.say("Maria Lopez") == CONTENT.texts["ask_number"]
    assert [payload for _, payload in chat.world.background.invoked] == [HEALTH_EVENT]
    assert chat.say(NUMBER) == QUESTION


def test_only_a_few_short_questions_go_along(chat: ChatWorld) -> None:
    for number in range(8):
        chat.say(f"what about point {number} " + "and so on " * 30)
    up_to_consent(chat)
    lead = chat.lead()
    assert lead is not None
    assert 1 <= len(lead.asked) <= 5
    assert max(map(len, lead.asked)) <= 200


def test_a_greeting_is_no_question_and_one_asked_twice_is_one(chat: ChatWorld) -> None:
    for words in ("hello", "What technology do you use?", "what technology do you use"):
        chat.say(words)
    up_to_consent(chat)
    lead = chat.lead()
    assert lead is not None
    assert lead.asked == ("what technology do you use",)


# What bad input gets: names.


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("415 555 0132", "number"),
        ("maria@example.com", "address"),
        ("why do you need that?", "question"),
        ("I want to know the price first", "not_a_name"),
        ("<script>alert(1)</script>", "not_a_name"),
        ("Robert'); DROP TABLE Leads;--", "not_a_name"),
        ("Maria " * 60, "too_long"),
        ("\U0001f600", "missing"),
    ],
)
def test_a_bad_name_is_asked_again_with_what_was_wrong(
    chat: ChatWorld, answer: str, reason: str
) -> None:
    chat.say("start the demo")
    assert chat.say(answer) == CONTENT.name_problems[reason]
    assert chat.action == "ElicitSlot VisitorFullName"
    assert chat.state["intent"]["slots"]["VisitorFullName"] is None
    assert chat.say("Maria Lopez") == CONTENT.texts["ask_number"]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Cher", "Cher"),
        ("I'm O'Neil", "O'Neil"),
        ("O\u2019Neil OR Name LIKE 'A", "O\u2019Neil OR Name LIKE 'A"),
        ("\u5c71\u7530\u592a\u90ce", "\u5c71\u7530\u592a\u90ce"),
        (
            "\u0645\u062d\u0645\u062f \u0639\u0644\u064a",
            "\u0645\u062d\u0645\u062f \u0639\u0644\u064a",
        ),
        ("x" * 80, "x" * 80),
        ("\u6f22" * 80, "\u6f22" * 80),
    ],
)
def test_a_name_of_any_kind_is_stored_as_it_is_written(
    chat: ChatWorld, answer: str, name: str
) -> None:
    chat.say("start the demo")
    chat.say(answer)
    chat.say(NUMBER)
    assert chat.say("yes") == BOOKED
    lead = chat.lead()
    assert lead is not None
    assert lead.name == name


def test_a_long_answer_does_not_travel_with_the_dialog(chat: ChatWorld) -> None:
    chat.say("start the demo")
    chat.say("my name is Maria Lopez, but everyone calls me " + "Mia " * 70)
    slot = chat.state["intent"]["slots"]["VisitorFullName"]
    assert slot == {"shape": "Scalar", "value": {"interpretedValue": "Maria Lopez"}}


@pytest.mark.parametrize("answer", ["no", "I'd rather not", "cancel", "stop", "never mind"])
def test_who_gives_no_name_is_left_in_peace(chat: ChatWorld, answer: str) -> None:
    chat.say("start the demo")
    assert chat.say(answer) == CONTENT.texts["declined"]
    assert chat.state["intent"]["state"] == "Failed"
    assert "interactionId" not in chat.attributes


# What bad input gets: numbers.


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("12", "too_short"),
        ("555 0132", "too_short"),
        ("+1 415 555 01320000", "too_long"),
        ("+1 015 555 0132", "not_valid"),
        ("+1 900 555 0132", "premium_rate"),
        ("+1 800 555 0132", "service_number"),
        ("+49 1805 123456", "premium_rate"),
        ("+55 11 91234 5678", "country_not_allowed"),
        ("+999 1234 5678", "unknown_country_code"),
        ("415 555 0132 or 415 555 0133", "several"),
        ("415 555 0132 ext 12", "extension"),
        ("1-800-FLOWERS", "letters"),
        ("what for?", "question"),
        ("Maria", "not_a_number"),
    ],
)
def test_a_bad_number_is_asked_again_with_what_was_wrong(
    chat: ChatWorld, answer: str, reason: str
) -> None:
    chat.say("start the demo")
    chat.say("Maria Lopez")
    assert chat.say(answer) == CONTENT.number_problems[reason]
    assert chat.action == "ElicitSlot VisitorPhoneNumber"
    assert chat.items("leads_table") == []
    assert chat.say(NUMBER) == QUESTION


@pytest.mark.parametrize(
    ("answer", "e164"),
    [
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("0049 30 901820", "+4930901820"),
        ("\u0664\u0661\u0665\u0665\u0665\u0665\u0660\u0661\u0663\u0662", E164),
        ("four one five double five five oh one three two", E164),
    ],
)
def test_a_number_is_normalized_as_it_arrives(chat: ChatWorld, answer: str, e164: str) -> None:
    up_to_consent(chat, answer)
    assert chat.action == "ConfirmIntent"
    lead = chat.lead()
    assert lead is not None
    assert lead.phone == e164
    assert chat.state["intent"]["slots"]["VisitorPhoneNumber"]["value"] == {
        "interpretedValue": e164
    }


def test_who_gives_no_number_is_left_in_peace(chat: ChatWorld) -> None:
    chat.say("start the demo")
    chat.say("Maria Lopez")
    assert chat.say("I would rather not give it") == CONTENT.texts["declined"]
    assert chat.items("scenario_cache_table") == []


@pytest.mark.parametrize("slot", ["name", "number"])
def test_three_tries_are_enough(chat: ChatWorld, slot: str) -> None:
    chat.say("start the demo")
    if slot == "number":
        chat.say("Maria Lopez")
    texts = CONTENT.name_problems if slot == "name" else CONTENT.number_problems
    reason = "number" if slot == "name" else "too_short"
    assert [chat.say("41555") for _ in range(2)] == [texts[reason]] * 2
    assert chat.say("41555") == CONTENT.texts["too_many_tries"]
    assert chat.state["intent"]["state"] == "Failed"
    assert not {"interactionId", "demoTries"} & chat.attributes.keys()
    assert chat.items("leads_table") == chat.items("scenario_cache_table") == []


# What bad input gets: consent.


@pytest.mark.parametrize("answer", ["no", "no thanks", "never"])
def test_a_denial_starts_nothing_and_says_so(chat: ChatWorld, answer: str) -> None:
    up_to_consent(chat)
    assert CONTENT.texts["denied"] in chat.say(answer)
    assert chat.state["intent"]["state"] == "Failed"
    assert chat.world.workflow.started == []
    assert chat.items("leads_table") == chat.items("scenario_cache_table") == []
    assert not {"interactionId", "bookedInteraction"} & chat.attributes.keys()


def test_an_unclear_answer_is_asked_again_in_the_words_that_are_stored(chat: ChatWorld) -> None:
    up_to_consent(chat)
    said = chat.say("hm, the weather is nice")
    assert said == f"{CONTENT.texts['consent_unclear']} {QUESTION}"
    lead = chat.lead()
    assert lead is not None
    assert lead.consent_words == said
    assert chat.say("yes") == BOOKED


def test_three_unclear_answers_are_a_no(chat: ChatWorld) -> None:
    up_to_consent(chat)
    for _ in range(2):
        assert QUESTION in chat.say("the weather is nice")
    assert chat.say("the weather is nice") == CONTENT.texts["no_clear_answer"]
    assert chat.items("leads_table") == []
    assert chat.world.workflow.started == []


def forged(chat: ChatWorld, **changes: Any) -> str:
    """A confirmation that a client put together, straight to fulfilment."""
    slots = {
        "VisitorFullName": changes.pop("name", "Maria Lopez"),
        "VisitorPhoneNumber": changes.pop("number", E164),
    }
    intent = {
        "name": "InitiateDemo",
        "state": "ReadyForFulfillment",
        "confirmationState": "Confirmed",
        "slots": {
            slot: {"shape": "Scalar", "value": {"interpretedValue": value}} if value else None
            for slot, value in slots.items()
        },
    }
    state = {"dialogAction": {"type": "Delegate"}, "intent": intent, **changes}
    response = chat.lex.run("PutSession", sessionState=state, responseContentType="text/plain")
    assert response["sessionId"] == SESSION
    text: str = chat.hook.replies[-1]["messages"][0]["content"]
    return text


def answer(world: LeadWorld, **changes: Any) -> Any:
    """The reply to a forged fulfilment event."""
    event = json.loads(json.dumps(FULFILLMENT | {"sessionId": changes.pop("session", SESSION)}))
    state = event["sessionState"]
    state["sessionAttributes"] = changes.pop("attributes", {})
    state["intent"]["confirmationState"] = changes.pop("confirmation", "Confirmed")
    for slot, value in changes.items():
        filled = {"shape": "Scalar", "value": {"interpretedValue": value}} if value else None
        state["intent"]["slots"][slot] = filled
    reply: Any = conversation_turn(event, an_invocation(), world.services)
    assert problems(reply) == []
    return reply


FULFILLMENT = {
    "messageVersion": "1.0",
    "invocationSource": "FulfillmentCodeHook",
    "inputMode": "Text",
    "sessionId": SESSION,
    "inputTranscript": "yes",
    "bot": {"localeId": "en_US"},
    "sessionState": {
        "sessionAttributes": {},
        "intent": {
            "name": "InitiateDemo",
            "state": "ReadyForFulfillment",
            "confirmationState": "Confirmed",
            "slots": {
                "VisitorFullName": {"value": {"interpretedValue": "Maria Lopez"}},
                "VisitorPhoneNumber": {"value": {"interpretedValue": E164}},
            },
        },
    },
}


def said(reply: Any) -> str:
    text: str = reply["messages"][0]["content"]
    return text


def asked_for(reply: Any) -> str:
    return str(reply["sessionState"]["dialogAction"]["type"])


def test_a_yes_to_nothing_records_nothing_and_asks_properly(chat: ChatWorld) -> None:
    reply = answer(chat.world)
    assert said(reply) == f"{CONTENT.texts['not_offered']} {QUESTION}"
    assert asked_for(reply) == "ConfirmIntent"
    assert chat.world.workflow.started == []
    (item,) = chat.items("leads_table")
    assert item["status"]["S"] == "offered"
    # That question is a real one, so the next yes counts.
    reply = answer(chat.world, attributes=reply["sessionState"]["sessionAttributes"])
    assert said(reply) == BOOKED


def test_a_number_that_was_changed_after_the_question_is_not_called(chat: ChatWorld) -> None:
    up_to_consent(chat)
    reply = answer(chat.world, attributes=chat.attributes, VisitorPhoneNumber="+14155550199")
    assert asked_for(reply) == "ConfirmIntent"
    assert "+1 415 555 0199" in said(reply)
    assert chat.world.workflow.started == []


def test_another_sessions_offer_cannot_be_confirmed(chat: ChatWorld) -> None:
    up_to_consent(chat)
    interaction = chat.attributes["interactionId"]
    reply = answer(chat.world, session="somebody-else", attributes=chat.attributes)
    assert asked_for(reply) == "ConfirmIntent"
    assert reply["sessionState"]["sessionAttributes"]["interactionId"] != interaction
    lead = chat.world.services.leads.get(interaction)
    assert lead is not None
    assert lead.status == "offered"
    assert lead.session == session_hash(SESSION)


def test_another_sessions_offer_cannot_be_denied_away(chat: ChatWorld) -> None:
    up_to_consent(chat)
    attributes = chat.attributes
    answer(chat.world, session="somebody-else", attributes=attributes, confirmation="Denied")
    assert chat.lead() is not None
    assert chat.say("yes") == BOOKED
    answer(chat.world, attributes=attributes, confirmation="Denied")
    lead = chat.lead()
    assert lead is not None
    assert lead.status == "consented"


def test_a_lapsed_offer_is_asked_again(chat: ChatWorld) -> None:
    up_to_consent(chat)
    chat.world.clock.advance(3_700)
    reply = answer(chat.world, attributes=chat.attributes)
    assert said(reply) == f"{CONTENT.texts['not_offered']} {QUESTION}"
    assert chat.world.workflow.started == []


@pytest.mark.parametrize(
    ("slots", "text"),
    [
        ({"VisitorFullName": None}, CONTENT.texts["ask_name"]),
        ({"VisitorPhoneNumber": None}, CONTENT.texts["ask_number"]),
        ({"VisitorPhoneNumber": "+19005550132"}, CONTENT.number_problems["premium_rate"]),
        ({"VisitorPhoneNumber": "call 911"}, CONTENT.number_problems["too_short"]),
        ({"VisitorFullName": "<b>Maria</b>"}, CONTENT.name_problems["not_a_name"]),
        ({"VisitorFullName": "x" * 5_000}, CONTENT.name_problems["too_long"]),
    ],
)
def test_forged_slots_are_checked_again_at_fulfilment(
    chat: ChatWorld, slots: dict[str, Any], text: str
) -> None:
    up_to_consent(chat)
    reply = answer(chat.world, attributes=chat.attributes, **slots)
    assert said(reply) == text
    assert asked_for(reply) == "ElicitSlot"
    assert reply["sessionState"]["intent"]["confirmationState"] == "None"
    assert chat.world.workflow.started == []


@pytest.mark.parametrize(
    "attributes",
    [
        {"interactionId": "x" * 32},
        {"interactionId": "0" * 32},
        {"interactionId": "'; DROP TABLE leads"},
        {"bookedInteraction": "0" * 32},
        {"demoTries": "9999", "interactionId": "0" * 32},
    ],
)
def test_forged_attributes_book_nothing(chat: ChatWorld, attributes: dict[str, str]) -> None:
    reply = answer(chat.world, attributes=attributes)
    assert asked_for(reply) == "ConfirmIntent"
    assert chat.world.workflow.started == []


def test_a_yes_to_nothing_is_not_asked_for_ever(chat: ChatWorld) -> None:
    attributes = {"interactionId": "0" * 32, "demoTries": "002p"}
    reply = answer(chat.world, attributes=attributes)
    assert said(reply) == CONTENT.texts["no_clear_answer"]
    assert asked_for(reply) == "Close"
    assert chat.items("leads_table") == []


def test_put_session_with_a_forged_confirmation_books_nothing(chat: ChatWorld) -> None:
    assert QUESTION in forged(chat)
    assert chat.world.workflow.started == []


# Yes, twice.


def test_a_second_yes_gets_the_same_answer_and_no_second_call(chat: ChatWorld) -> None:
    up_to_consent(chat)
    assert chat.say("yes") == BOOKED
    assert chat.say("yes") == BOOKED
    assert chat.say("Yes, please!") == BOOKED
    assert len(chat.world.workflow.started) == 1
    assert len(chat.items("leads_table")) == 1


def test_the_same_event_twice_is_one_lead_and_one_call(chat: ChatWorld) -> None:
    up_to_consent(chat)
    attributes = chat.attributes
    replies = [answer(chat.world, attributes=attributes) for _ in range(3)]
    assert [said(reply) for reply in replies] == [BOOKED] * 3
    assert len(chat.world.workflow.started) == 1
    assert len(chat.items("leads_table")) == 1
    counters = [item for item in chat.items("call_limits_table") if "used" in item]
    assert {item["used"]["N"] for item in counters} == {"1"}


@pytest.mark.parametrize("ended", [{"call_ended_at": 1.0}, {"call_outcome": "timed_out"}])
@pytest.mark.parametrize("name", ["interactionId", "bookedInteraction"])
def test_a_yes_that_comes_again_after_its_call_promises_none(
    chat: ChatWorld, name: str, ended: dict[str, Any]
) -> None:
    up_to_consent(chat)
    attributes = chat.attributes
    interaction = attributes.pop("interactionId")
    answer(chat.world, attributes=attributes | {"interactionId": interaction})
    chat.world.services.leads.update(interaction, ended)
    chat.world.workflow.started.clear()
    reply = answer(chat.world, attributes=attributes | {name: interaction})
    assert said(reply) == CONTENT.texts["booking_over"]
    assert chat.world.workflow.started == []


def test_a_yes_after_another_question_is_no_second_yes(chat: ChatWorld) -> None:
    up_to_consent(chat)
    chat.say("yes")
    chat.say("what technology do you use")
    assert chat.say("yes") != BOOKED
    assert chat.world.models.prompts


def test_a_second_yes_while_the_table_is_down_is_answered_all_the_same(chat: ChatWorld) -> None:
    up_to_consent(chat)
    chat.say("yes")
    refuse_tables(chat, "get_item", "InternalServerError")
    assert chat.say("yes")
    assert len(chat.world.workflow.started) == 1


def test_a_yes_after_a_stop_of_calls_promises_no_call(chat: ChatWorld) -> None:
    up_to_consent(chat)
    assert chat.say("yes") == BOOKED
    chat.say("stop calling me")
    assert chat.say(NUMBER) == CONTENT.said("stopped", number=NUMBER)
    assert chat.say("yes") != BOOKED
    assert chat.world.models.prompts


# Limits, hours and failures.


def test_a_number_that_had_its_calls_is_refused_politely(chat: ChatWorld) -> None:
    for _ in range(chat.world.services.settings.calls_per_number_per_day):
        up_to_consent(chat)
        assert chat.say("yes") == BOOKED
    up_to_consent(chat)
    booked = len(chat.items("leads_table")) - 1
    assert chat.say("yes") == CONTENT.said("refused_number", number=NUMBER)
    assert chat.state["intent"]["state"] == "Failed"
    assert len(chat.items("leads_table")) == booked == len(chat.world.workflow.started)


def test_a_number_that_wants_no_calls_is_not_called(chat: ChatWorld) -> None:
    chat.world.services.call_limits.stop_calling(chat.world.services.phone_hash(E164))
    up_to_consent(chat)
    assert chat.say("yes") == CONTENT.said("refused_number", number=NUMBER)
    assert chat.items("leads_table") == []
    assert chat.world.workflow.started == []


def test_when_all_lines_are_taken_the_lead_counts_and_says_so(chat: ChatWorld) -> None:
    hour = "2027-01-15T08"
    chat.world.wire.put_item(
        TableName=chat.world.services.settings.call_limits_table,
        Item={"key": {"S": f"hour#{hour}"}, "used": {"N": "100000"}},
    )
    up_to_consent(chat)
    assert chat.say("yes") == CONTENT.texts["refused_hour"]
    lead = chat.lead()
    assert lead is not None
    assert (lead.status, lead.call_refused) == ("consented", "hourly_limit")
    assert len(chat.world.workflow.started) == 1
    assert chat.say("yes") == CONTENT.texts["refused_hour"]


def test_in_quiet_hours_the_reply_says_when_it_rings(chat: ChatWorld) -> None:
    """The tests' clock stands at midnight in California."""
    assert EPOCH == 1_800_000_000
    chat.settings(quiet_hours=NIGHT)
    up_to_consent(chat)
    expected = CONTENT.said("booked_later", number=NUMBER, time="8:00 AM")
    assert chat.say("yes") == expected
    assert len(chat.world.workflow.started) == 1
    assert chat.say("yes") == expected


def test_outside_quiet_hours_it_rings_at_once(chat: ChatWorld) -> None:
    chat.settings(quiet_hours=NIGHT)
    chat.world.clock.advance(12 * 3_600)
    up_to_consent(chat)
    assert chat.say("yes") == BOOKED


def test_a_number_of_several_time_zones_is_told_without_a_clock(chat: ChatWorld) -> None:
    chat.settings(quiet_hours=NIGHT)
    up_to_consent(chat, "+1 208 200 2000")
    said = chat.say("yes")
    assert said == CONTENT.said("booked_by_day", number="+1 208 200 2000")


def test_an_offer_that_cannot_be_written_asks_for_no_yes(chat: ChatWorld) -> None:
    refuse_tables(chat, "put_item", *["InternalServerError"] * 3)
    assert up_to_consent(chat) == CONTENT.texts["not_recorded"]
    assert chat.action == "Close"
    assert chat.state["intent"]["state"] == "Failed"
    assert chat.items("leads_table") == []
    assert chat.world.lines.of("turn")[-1]["problem"] == "offer not written"


@pytest.mark.parametrize("code", ["InternalServerError", "lost:InternalServerError"])
def test_what_was_drafted_for_an_offer_that_was_not_written_goes(
    chat: ChatWorld, code: str
) -> None:
    refuse_tables(chat, "put_item", *[code] * 3)
    assert up_to_consent(chat) == CONTENT.texts["not_recorded"]
    assert chat.items("scenario_cache_table") == []
    assert chat.items("leads_table") == []


@pytest.mark.parametrize("code", ["InternalServerError", ""])
def test_a_new_interaction_is_prepared_only_once_it_is_offered(chat: ChatWorld, code: str) -> None:
    chat.say("start the demo")
    chat.say("Maria Lopez")
    first = chat.attributes["interactionId"]
    other = chat.world.a_lead(interaction_id=first, session=session_hash("another"))
    assert chat.world.services.leads.offer(other)
    chat.world.background.invoked.clear()
    # The first put finds the item of the other session, and takes none of these.
    refuse_tables(chat, "put_item", "", *[code] * 3)
    assert (chat.say(NUMBER) == QUESTION) is not bool(code)
    prepared = [payload.get("interaction_id") for _, payload in chat.world.background.invoked]
    drafted = {item["interaction_id"]["S"] for item in chat.items("scenario_cache_table")}
    if code:
        assert (prepared, drafted) == ([], {first})
    else:
        assert chat.attributes["interactionId"] in prepared
        assert chat.attributes["interactionId"] in drafted


def test_a_withdrawn_yes_leaves_no_draft(chat: ChatWorld) -> None:
    up_to_consent(chat)
    interaction = chat.attributes["interactionId"]
    assert chat.items("scenario_cache_table")

    class Withdrawn:
        def record(self, *_: Any) -> str:
            chat.world.services.leads.update(interaction, {"status": "withdrawn"})
            return "not_recorded"

    chat.world.with_services(consents=Withdrawn())
    assert chat.say("yes") == CONTENT.texts["not_recorded"]
    assert chat.items("scenario_cache_table") == []


def test_an_offer_is_tried_again(chat: ChatWorld) -> None:
    codes = ("InternalServerError", "lost:InternalServerError")
    refuse_tables(chat, "put_item", *codes)
    assert up_to_consent(chat) == QUESTION
    assert chat.say("yes") == BOOKED


def test_an_offer_that_is_refused_for_good_is_not_tried_again(chat: ChatWorld) -> None:
    refuse_tables(chat, "put_item", "AccessDeniedException")
    assert up_to_consent(chat) == CONTENT.texts["not_recorded"]
    assert chat.world.wire.calls.count("put_item") == 1


def test_without_the_key_of_the_numbers_nothing_is_offered(chat: ChatWorld) -> None:
    chat.world.with_services(phone_hash=_no_key)
    assert up_to_consent(chat) == CONTENT.texts["not_recorded"]
    assert chat.items("leads_table") == []


def _no_key(phone: str) -> str:
    raise RejectedByDependencyError("secretsmanager", "AccessDeniedException")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("not_recorded", "not_recorded"),
        ("unconfirmed", "unconfirmed"),
        ("refused_hour", "refused_hour"),
        ("recorded", None),
        ("already", None),
    ],
)
def test_every_result_of_the_writing_has_its_words(
    chat: ChatWorld, result: str, text: str | None
) -> None:
    up_to_consent(chat)
    interaction = chat.attributes["interactionId"]
    chat.world.with_services(consents=_Decided(result))
    assert chat.say("yes") == (CONTENT.texts[text] if text else BOOKED)
    is_promised = result in ("recorded", "already", "refused_hour")
    assert chat.world.workflow.started == ([(interaction, 0)] if is_promised else [])
    assert "interactionId" not in chat.attributes
    assert ("bookedInteraction" in chat.attributes) == (is_promised or result == "unconfirmed")
    (line,) = chat.world.lines.of("consent")
    assert line["result"] == result


class _Decided:
    def __init__(self, result: str) -> None:
        self.result = result

    def record(self, *_: Any) -> str:
        return self.result


def test_a_workflow_that_does_not_start_is_left_to_the_recovery(chat: ChatWorld) -> None:
    up_to_consent(chat)
    chat.world.workflow.error = RetryableDependencyError("stepfunctions", "ThrottlingException")
    assert chat.say("yes") == BOOKED
    assert chat.world.workflow.started == []
    (work,) = chat.items("pending_work_table")
    assert work["kind"]["S"] == "start"


def test_a_yes_that_could_not_be_written_can_be_asked_for_again(chat: ChatWorld) -> None:
    up_to_consent(chat)
    refuse_tables(chat, "transact_write_items", "AccessDeniedException")
    assert chat.say("yes") == CONTENT.texts["not_recorded"]
    assert chat.world.workflow.started == []
    assert up_to_consent(chat) == QUESTION
    assert chat.say("yes") == BOOKED
    assert len(chat.world.workflow.started) == 1


# Privacy, and the phone.


def test_name_and_number_stay_out_of_history_prompts_and_logs(chat: ChatWorld) -> None:
    chat.say("what technology do you use")
    up_to_consent(chat)
    chat.say("yes")
    chat.say("and what does it cost")
    history = chat.attributes["history"]
    prompts = str(chat.world.models.prompts)
    for written in (history, prompts, "".join(chat.world.lines)):
        assert "Lopez" not in written
        assert "5550132" not in written
        assert "555 0132" not in written
        assert "555-0132" not in written


def test_nothing_of_the_person_is_in_the_workflow_or_in_what_is_invoked(chat: ChatWorld) -> None:
    up_to_consent(chat)
    chat.say("yes")
    handed_over = str(chat.world.workflow.started) + str(chat.world.background.invoked)
    assert "Lopez" not in handed_over
    assert "0132" not in handed_over


def test_a_denied_visitor_can_go_on_talking(chat: ChatWorld) -> None:
    up_to_consent(chat)
    chat.say("no")
    assert chat.say("what technology do you use") == "The model wrote this. It is whole."


def test_in_a_call_the_demo_is_not_arranged_again(chat: ChatWorld) -> None:
    event = json.loads(json.dumps(FULFILLMENT | {"inputMode": "Speech"}))
    reply: Any = conversation_turn(event, an_invocation(), chat.world.services)
    assert said(reply) == CONTENT.texts["demo_on_phone"]
    assert chat.items("leads_table") == []
