"""Conversations: slots, re-prompts, confirmation, fallback and every answer a hook may give."""

from typing import Any

import pytest
from lex_fakes import Event, Lex, bot, delegate, fulfil, prompt, text, well_behaved

from infra.bot_definition import FREE_FORM, PHONE_NUMBER, CodeHook, Confirmation, Intent, Slot
from sandbox.aws_api import ApiError


@pytest.fixture
def lex():
    return Lex()


def action(response: Event) -> Event:
    return response["sessionState"]["dialogAction"]


def intent(response: Event) -> Event:
    return response["sessionState"]["intent"]


def test_intent_without_slots_costs_one_invocation(lex):
    response = lex.say("hello there")
    assert lex.texts(response) == ["done GreetingIntent"]
    assert [event["invocationSource"] for event in lex.function.events] == ["FulfillmentCodeHook"]
    assert (intent(response)["state"], action(response)) == ("Fulfilled", {"type": "Close"})


def test_demo_asks_name_number_and_consent_and_is_then_fulfilled(lex):
    said = ["start the demo", "Maria Lopez", "+1 (415) 555-0132", "yes please"]
    turns = [lex.say(each) for each in said]
    assert [action(turn).get("slotToElicit") for turn in turns[:2]] == [
        "VisitorFullName",
        "VisitorPhoneNumber",
    ]
    assert action(turns[2]) == {"type": "ConfirmIntent"}
    assert "+14155550132" in lex.texts(turns[2])[0]
    assert (intent(turns[3])["state"], intent(turns[3])["confirmationState"]) == (
        "Fulfilled",
        "Confirmed",
    )


def test_denied_consent_reaches_the_dialog_hook_and_fulfils_nothing(lex):
    for each in ("start the demo", "Maria Lopez", "+1 415 555 0132"):
        lex.say(each)
    lex.function.events.clear()
    response = lex.say("no thanks")
    (event,) = lex.function.events
    assert event["invocationSource"] == "DialogCodeHook"
    assert event["sessionState"]["intent"]["confirmationState"] == "Denied"
    assert "proposedNextState" not in event
    assert (intent(response)["state"], lex.texts(response)) == ("Failed", ["All right."])


def test_unclear_consent_is_asked_again_twice_and_then_falls_back(lex):
    for each in ("start the demo", "Maria Lopez", "+1 415 555 0132"):
        lex.say(each)
    asked = [lex.texts(lex.say("hmm, maybe"))[0] for _ in range(2)]
    assert len(set(asked)) == 2
    assert all("yes" in each for each in asked)
    assert lex.texts(lex.say("hmm, maybe")) == ["done FallbackIntent"]


def test_unreadable_number_is_asked_again_with_other_words_and_then_falls_back(lex):
    lex.say("delete my data")
    prompts = [lex.texts(lex.say("qwertz"))[0] for _ in range(2)]
    assert "whole number" in prompts[0]
    assert "only the digits" in prompts[1]
    attempts = [
        event["proposedNextState"]["prompt"]["attempt"]
        for event in lex.function.events
        if "proposedNextState" in event
    ]
    assert attempts == ["Initial", "Retry1", "Retry2"]
    response = lex.say("qwertz")
    assert intent(response)["name"] == "FallbackIntent"
    assert response["interpretations"][0]["intent"]["name"] == "FallbackIntent"


def test_retries_start_anew_with_the_next_slot(lex):
    for each in ("delete my data", "qwertz", "+1 415 555 0132"):
        lex.say(each)
    lex.function.events.clear()
    lex.say("12")
    proposed = lex.function.events[0]["proposedNextState"]
    assert proposed["dialogAction"] == {"type": "ElicitSlot", "slotToElicit": "VisitorLastName"}
    assert proposed["prompt"] == {"attempt": "Retry1"}


def test_number_said_in_the_utterance_is_not_asked_for(lex):
    response = lex.say("stop calling +1 (415) 555-0132")
    assert lex.texts(response) == ["done StopCallingIntent"]
    value = intent(response)["slots"]["VisitorPhoneNumber"]["value"]
    assert (value["originalValue"], value["interpretedValue"]) == (
        "+1 (415) 555-0132",
        "+14155550132",
    )


def test_other_intent_in_place_of_a_number_switches(lex):
    lex.say("delete my data")
    assert intent(lex.say("actually, what is the demo about"))["name"] == "AboutDemoIntent"


def test_free_form_slot_takes_everything_even_another_intents_utterance(lex):
    lex.say("start the demo")
    response = lex.say("stop calling me")
    assert intent(response)["name"] == "InitiateDemo"
    assert (
        intent(response)["slots"]["VisitorFullName"]["value"]["interpretedValue"]
        == "stop calling me"
    )


def test_other_intents_utterance_switches_a_confirmation(lex):
    for each in ("start the demo", "Maria Lopez", "+1 415 555 0132"):
        lex.say(each)
    assert intent(lex.say("stop calling me"))["name"] == "StopCallingIntent"


def test_unknown_question_is_the_fallback_with_its_alternatives(lex):
    response = lex.say("is there a data protection officer for calls")
    names = [each["intent"]["name"] for each in response["interpretations"]]
    assert names[0] == "FallbackIntent"
    assert "nluConfidence" not in response["interpretations"][0]
    assert all("state" not in each["intent"] for each in response["interpretations"][1:])


def test_fallback_stands_behind_those_above_the_threshold(lex):
    found = lex.say("start the demo please")["interpretations"]
    scores = [each.get("nluConfidence", {}).get("score") for each in found]
    place = scores.index(None)
    assert all(score >= 0.4 for score in scores[:place])
    assert all(score < 0.4 for score in scores[place + 1 :])


def hooked(answer: Any) -> Lex:
    lex = Lex()
    lex.function.answer = answer
    return lex


def reply(kind: str, messages: list[str] | None = None, **state: Any) -> Event:
    made: Event = {"sessionState": {"dialogAction": {"type": kind}, **state}}
    if messages:
        made["messages"] = [{"contentType": "PlainText", "content": each} for each in messages]
    return made


def test_hook_may_elicit_another_slot_in_its_own_words():
    def answer(event: Event) -> Event:
        made = reply("ElicitSlot", ["Which number?"], intent=event["sessionState"]["intent"])
        made["sessionState"]["dialogAction"]["slotToElicit"] = "VisitorPhoneNumber"
        return made

    lex = hooked(answer)
    response = lex.say("start the demo")
    assert action(response) == {"type": "ElicitSlot", "slotToElicit": "VisitorPhoneNumber"}
    assert lex.texts(response) == ["Which number?"]


def test_hook_that_elicits_without_words_gets_the_slots_prompt():
    def answer(event: Event) -> Event:
        made = reply("ElicitSlot", intent=event["sessionState"]["intent"])
        made["sessionState"]["dialogAction"]["slotToElicit"] = "VisitorPhoneNumber"
        return made

    lex = hooked(answer)
    assert lex.texts(lex.say("start the demo")) == [
        "What is your phone number, with the country code?"
    ]


def test_hooks_own_reprompts_are_not_counted_by_lex():
    def answer(event: Event) -> Event:
        if event.get("invocationLabel", "").endswith("Retry"):
            made = reply("ElicitSlot", ["Again?"], intent=event["sessionState"]["intent"])
            made["sessionState"]["dialogAction"]["slotToElicit"] = "VisitorPhoneNumber"
            return made
        return well_behaved(event)

    lex = hooked(answer)
    lex.say("stop calling me")
    assert {lex.texts(lex.say("qwertz"))[0] for _ in range(6)} == {"Again?"}


def test_hook_may_ask_for_an_intent():
    lex = hooked(lambda event: reply("ElicitIntent", ["What else?"]))
    response = lex.say("hello")
    assert action(response) == {"type": "ElicitIntent"}
    lex.function.answer = well_behaved
    assert lex.texts(lex.say("goodbye")) == ["done CloseIntent"]


def test_hook_may_offer_another_intent_and_the_yes_starts_it():
    offered = {"name": "InitiateDemo", "state": "InProgress", "confirmationState": "None"}
    lex = hooked(lambda event: reply("ConfirmIntent", ["A demo instead?"], intent=offered))
    response = lex.say("I want a callback")
    assert (action(response), intent(response)["name"]) == (
        {"type": "ConfirmIntent"},
        "InitiateDemo",
    )
    lex.function.answer = well_behaved
    response = lex.say("yes")
    assert action(response)["slotToElicit"] == "VisitorFullName"


def test_hook_may_close_from_the_dialog():
    def answer(event: Event) -> Event:
        failed = {**event["sessionState"]["intent"], "state": "Failed"}
        return reply("Close", ["Not today."], intent=failed)

    lex = hooked(answer)
    response = lex.say("start the demo")
    assert (intent(response)["state"], lex.texts(response)) == ("Failed", ["Not today."])


def test_hook_may_delegate_straight_to_fulfilment():
    def answer(event: Event) -> Event:
        if event["invocationSource"] == "FulfillmentCodeHook":
            return fulfil(event)
        ready = {**event["sessionState"]["intent"], "state": "ReadyForFulfillment"}
        return reply("Delegate", intent=ready)

    lex = hooked(answer)
    assert lex.texts(lex.say("start the demo")) == ["done InitiateDemo"]


def test_hook_that_empties_a_slot_has_it_asked_again():
    def answer(event: Event) -> Event:
        made = delegate(event)
        made["sessionState"]["intent"]["slots"]["VisitorPhoneNumber"] = None
        return made

    lex = hooked(answer)
    response = lex.say("stop calling +1 415 555 0132")
    assert action(response)["slotToElicit"] == "VisitorPhoneNumber"


def test_fulfilment_that_delegates_and_changes_nothing_is_an_error():
    lex = hooked(delegate)
    with pytest.raises(ApiError, match="returned Delegate and removed no slot") as caught:
        lex.say("hello")
    assert caught.value.code == "DependencyFailedException"


def test_fulfilment_that_fails_without_words_says_the_bots_words():
    def answer(event: Event) -> Event:
        return reply("Close", intent={**event["sessionState"]["intent"], "state": "Failed"})

    assert Lex.texts(Lex(), hooked(answer).say("hello"))[0].startswith(
        "Sorry, something went wrong"
    )


def test_bot_without_hooks_collects_and_hands_over_to_the_client():
    slot = Slot("Number", PHONE_NUMBER, prompt("Number?", "Again?", retries=1))
    lex = Lex(
        bot(
            Intent(
                "Order",
                ("order a pizza",),
                (slot,),
                initial_response=text("Gladly."),
                closing_response=text("Thanks."),
                confirmation=Confirmation(prompt("To {Number}?"), confirmed_response=text("Good.")),
            )
        )
    )
    first = lex.say("order a pizza")
    assert lex.texts(first) == ["Gladly.", "Number?"]
    assert lex.texts(lex.say("what")) == ["Again?"]
    assert lex.texts(lex.say("555-1212")) == ["To 5551212?"]
    last = lex.say("yes")
    assert lex.texts(last) == ["Good.", "Thanks."]
    assert intent(last)["state"] == "ReadyForFulfillment"
    assert lex.function.events == []


def test_bot_without_decline_step_fails_the_intent():
    order = Intent(
        "Order",
        ("order a pizza",),
        confirmation=Confirmation(prompt("Sure?"), declined_response=text("Fine.")),
    )
    lex = Lex(bot(order))
    lex.say("order a pizza")
    response = lex.say("no")
    assert (intent(response)["state"], lex.texts(response)) == ("Failed", ["Fine."])


def test_optional_slot_is_never_asked_for():
    note = Slot("Note", FREE_FORM, prompt("Note?"), required=False)
    lex = Lex(bot(Intent("Order", ("order a pizza",), (note,), fulfillment_hook=CodeHook())))
    response = lex.say("order a pizza")
    assert lex.texts(response) == ["done Order"]
    assert lex.function.events[0]["sessionState"]["intent"]["slots"] == {"Note": None}


def test_prompts_may_name_session_attributes():
    order = Intent("Order", ("order a pizza",), initial_response=text("Hi [who]."))
    lex = Lex(bot(order))
    state = {"sessionAttributes": {"who": "Maria"}}
    assert lex.texts(lex.say("order a pizza", sessionState=state)) == ["Hi Maria."]


def test_bot_without_fallback_ends_what_was_not_understood():
    slot = Slot("Number", PHONE_NUMBER, prompt("Number?", retries=0))
    lex = Lex(bot(Intent("Order", ("order a pizza",), (slot,)), fallback=False))
    lex.say("order a pizza")
    assert intent(lex.say("qwertz"))["state"] == "Failed"
