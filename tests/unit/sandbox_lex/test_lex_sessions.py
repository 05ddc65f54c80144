"""Sessions: their life, what clients may put in, one request at a time, and the addresses."""

import base64
import gzip
import json
import threading
from typing import Any

import botocore.session
import pytest
from lex_fakes import Event, Lex, bot, call, fulfil, locale_setting, well_behaved

from infra.bot_definition import CodeHook, Intent
from sandbox.aws_api import ApiError
from sandbox.rest_json import serialise


@pytest.fixture
def lex():
    return Lex()


def failure(lex: Lex, operation: str, session_id: str = "visitor-1", **params: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        lex.run(operation, session_id, **params)
    return caught.value


def unpacked(header: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(header)))


def test_session_ends_after_its_idle_time(lex):
    lex.say("start the demo")
    lex.clock.now += 1799
    lex.say("Maria Lopez")
    lex.clock.now += 1799
    assert lex.run("GetSession")["sessionState"]["dialogAction"]["type"] == "ElicitSlot"
    lex.clock.now += 1
    assert failure(lex, "GetSession").code == "ResourceNotFoundException"
    assert lex.say("Maria Lopez")["sessionState"]["intent"]["name"] == "FallbackIntent"


def test_sessions_are_separate_and_the_oldest_goes_when_there_are_too_many():
    lex = Lex(max_sessions=2)
    for visitor in ("visitor-1", "visitor-2", "visitor-3"):
        lex.say("start the demo", visitor)
    assert failure(lex, "GetSession", "visitor-1").status == 404
    assert lex.run("GetSession", "visitor-3")["sessionId"] == "visitor-3"


def test_deleted_session_is_gone(lex):
    lex.say("start the demo")
    assert lex.run("DeleteSession")["sessionId"] == "visitor-1"
    assert failure(lex, "DeleteSession").code == "ResourceNotFoundException"


def test_attributes_stay_until_the_hook_or_the_client_sets_others(lex):
    lex.say("hello", sessionState={"sessionAttributes": {"a": "1", "b": "2"}})
    response = lex.say("hello")
    assert response["sessionState"]["sessionAttributes"] == {"a": "1", "b": "2"}
    response = lex.say("hello", sessionState={"sessionAttributes": {"c": "3"}})
    assert response["sessionState"]["sessionAttributes"] == {"c": "3"}


def test_hook_that_returns_no_attributes_loses_them(lex):
    def forgetful(event: Event) -> Event:
        made = fulfil(event)
        del made["sessionState"]["sessionAttributes"]
        return made

    lex.function.answer = forgetful
    response = lex.say("hello", sessionState={"sessionAttributes": {"a": "1"}})
    assert response["sessionState"]["sessionAttributes"] == {}


def test_request_attributes_reach_the_hook_and_come_back(lex):
    response = lex.say("hello", requestAttributes={"channel": "web"})
    assert lex.function.events[0]["requestAttributes"] == {"channel": "web"}
    assert response["requestAttributes"] == {"channel": "web"}
    assert lex.say("hello")["requestAttributes"] == {}
    assert lex.function.events[1]["requestAttributes"] is None


def test_client_may_set_slots_and_confirmation(lex):
    value = {"interpretedValue": "+14155550132", "originalValue": "x"}
    intent = {
        "name": "StopCallingIntent",
        "slots": {"VisitorPhoneNumber": {"value": value, "shape": "Scalar"}},
        "state": "ReadyForFulfillment",
        "confirmationState": "Confirmed",
    }
    state = {"intent": intent, "dialogAction": {"type": "Delegate"}}
    put = lex.run("PutSession", sessionState=state)
    assert unpacked(put["messages"])[0]["content"] == "done StopCallingIntent"
    sent = lex.function.events[0]["sessionState"]["intent"]
    assert (sent["confirmationState"], sent["state"]) == ("Confirmed", "ReadyForFulfillment")


def test_client_may_take_the_conversation_to_a_slot(lex):
    state = {
        "intent": {"name": "StopCallingIntent"},
        "dialogAction": {"type": "ElicitSlot", "slotToElicit": "VisitorPhoneNumber"},
    }
    response = lex.say("+1 415 555 0132", sessionState=state)
    assert lex.texts(response) == ["done StopCallingIntent"]


def test_put_session_answers_in_packed_headers(lex):
    state = {
        "sessionAttributes": {"a": "1"},
        "intent": {"name": "StopCallingIntent"},
        "dialogAction": {"type": "ElicitSlot", "slotToElicit": "VisitorPhoneNumber"},
    }
    put = lex.run("PutSession", sessionState=state, requestAttributes={"r": "1"})
    assert put["contentType"] == "text/plain; charset=utf-8"
    assert unpacked(put["sessionState"])["sessionAttributes"] == {"a": "1"}
    assert unpacked(put["requestAttributes"]) == {"r": "1"}
    assert unpacked(put["messages"])[0]["content"].startswith("Which phone number")
    assert lex.run("GetSession")["messages"] == unpacked(put["messages"])


def test_put_session_delegates_to_the_beginning_of_an_intent(lex):
    state = {"intent": {"name": "InitiateDemo"}, "dialogAction": {"type": "Delegate"}}
    lex.run("PutSession", sessionState=state)
    assert lex.function.events[0]["invocationLabel"] == "InitiateDemoStart"
    assert (
        lex.run("GetSession")["sessionState"]["dialogAction"]["slotToElicit"] == "VisitorFullName"
    )


def test_put_session_says_the_clients_own_messages(lex):
    sent = [{"contentType": "PlainText", "content": "Welcome back."}]
    state = {"dialogAction": {"type": "ElicitIntent"}}
    put = lex.run("PutSession", sessionState=state, messages=sent)
    assert unpacked(put["messages"]) == sent


@pytest.mark.parametrize(
    "state",
    [
        {"intent": {"name": "Nobody"}},
        {"intent": {"name": "InitiateDemo", "slots": {"Nobody": None}}},
        {"intent": {"name": "InitiateDemo"}, "dialogAction": {"type": "ElicitSlot"}},
        {"dialogAction": {"type": "ConfirmIntent"}},
        {"activeContexts": [{}] * 21},
    ],
)
def test_client_state_that_names_nothing_is_refused(lex, state):
    assert failure(lex, "PutSession", sessionState=state).code == "ValidationException"
    assert failure(lex, "RecognizeText", text="hello", sessionState=state).status == 400


@pytest.mark.parametrize("session_id", ["a", "x" * 101, "a b", "a/b", "änn"])
def test_bad_session_id_is_refused(lex, session_id):
    assert failure(lex, "RecognizeText", session_id, text="hello").code == "ValidationException"


@pytest.mark.parametrize("session_id", ["ab", "x" * 100, "0.a_b:c-d"])
def test_session_id_at_the_limits_is_taken(lex, session_id):
    assert lex.say("hello", session_id)["sessionId"] == session_id


@pytest.mark.parametrize("text", ["", "   ", "x" * 1025])
def test_text_outside_the_limits_is_refused(lex, text):
    assert failure(lex, "RecognizeText", text=text).code == "ValidationException"


def test_text_is_measured_in_code_units_of_which_an_emoji_has_two(lex):
    assert lex.say("😀" * 512)["sessionState"]["intent"]["name"] == "FallbackIntent"
    assert failure(lex, "RecognizeText", text="😀" * 513).code == "ValidationException"


def test_address_that_does_not_exist_is_refused(lex):
    where = {**lex.address(), "text": "hello"}
    for change, code in (
        ({"botId": "ABCDEFGHIJ"}, "ResourceNotFoundException"),
        ({"botAliasId": "ABCDEFGHIJ"}, "ResourceNotFoundException"),
        ({"localeId": "de_DE"}, "ValidationException"),
    ):
        with pytest.raises(ApiError) as caught:
            call(lex.runtime, "RecognizeText", **{**where, **change})
        assert caught.value.code == code


@pytest.mark.parametrize("settings", [{}, {"en_US": locale_setting(enabled=False)}])
def test_locale_that_the_alias_does_not_enable_is_refused(lex, settings):
    alias = {"botAliasId": lex.alias_id, "botAliasName": "live", "botVersion": "1"}
    more = {"botAliasLocaleSettings": settings} if settings else {}
    lex.model("UpdateBotAlias", **alias, **more)
    assert failure(lex, "RecognizeText", text="hello").code == "ValidationException"


def test_test_alias_talks_to_the_draft(lex):
    lex.model(
        "UpdateBotAlias",
        botAliasId="TSTALIASID",
        botAliasName="TestBotAlias",
        botVersion="DRAFT",
        botAliasLocaleSettings={"en_US": locale_setting()},
    )
    address = {**lex.address(), "botAliasId": "TSTALIASID"}
    call(lex.runtime, "RecognizeText", text="hello", **address)
    assert lex.function.events[0]["bot"]["version"] == "DRAFT"
    assert lex.function.events[0]["bot"]["aliasName"] == "TestBotAlias"


def test_second_request_on_a_busy_session_conflicts(lex):
    entered, leave = threading.Event(), threading.Event()

    def slow(event: Event) -> Event:
        entered.set()
        assert leave.wait(10)
        return well_behaved(event)

    lex.function.answer = slow
    first: list[Event] = []
    thread = threading.Thread(target=lambda: first.append(lex.say("hello")))
    thread.start()
    assert entered.wait(10)
    try:
        for operation, params in (
            ("RecognizeText", {"text": "hello"}),
            ("PutSession", {"sessionState": {}}),
            ("DeleteSession", {}),
        ):
            error = failure(lex, operation, **params)
            assert (error.code, error.status) == ("ConflictException", 409)
        lex.function.answer = well_behaved
        assert lex.texts(lex.say("hello", "visitor-2")) == ["done GreetingIntent"]
    finally:
        leave.set()
        thread.join(10)
    assert lex.texts(first[0]) == ["done GreetingIntent"]
    assert lex.texts(lex.say("hello")) == ["done GreetingIntent"]


def context(turns: int, seconds: int = 600) -> Event:
    ttl = {"timeToLiveInSeconds": seconds, "turnsToLive": turns}
    return {"name": "offer", "timeToLive": ttl, "contextAttributes": {"kind": "demo"}}


def test_contexts_live_for_their_turns_and_their_seconds():
    lex = Lex(bot(Intent("Order", ("order a pizza",), fulfillment_hook=CodeHook())))

    def offers(event: Event) -> Event:
        made = fulfil(event)
        made["sessionState"]["activeContexts"] = [context(turns=2)]
        return made

    lex.function.answer = offers
    lex.say("order a pizza")
    lex.function.answer = fulfil
    left = [len(lex.say("order a pizza")["sessionState"]["activeContexts"]) for _ in range(2)]
    assert [len(each["sessionState"]["activeContexts"]) for each in lex.function.events] == [
        0,
        1,
        1,
    ]
    assert left == [1, 0]


def test_context_ends_with_its_seconds(lex):
    lex.run("PutSession", sessionState={"activeContexts": [context(turns=20, seconds=60)]})
    lex.clock.now += 61
    assert lex.say("hello")["sessionState"]["activeContexts"] == []


def test_empty_slots_reach_the_client_as_null(lex):
    service = botocore.session.get_session().get_service_model("lexv2-runtime")
    answer = serialise(service.operation_model("RecognizeText"), lex.say("start the demo"))
    body = json.loads(b"".join([answer.body]))
    empty = {"VisitorFullName": None, "VisitorPhoneNumber": None}
    assert body["sessionState"]["intent"]["slots"] == empty
    assert body["interpretations"][0]["intent"]["slots"] == empty


def test_client_may_send_empty_slots_back_as_null(lex):
    state = lex.say("start the demo")["sessionState"]
    answer = lex.say("Ada Lovelace", sessionState={"intent": state["intent"]})
    assert answer["sessionState"]["intent"]["name"] == "InitiateDemo"
