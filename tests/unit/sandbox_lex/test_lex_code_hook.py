"""The boundary to the function: permission, limits, and what Lex does with a bad answer."""

from typing import Any

import pytest
from lex_fakes import FUNCTION, Event, Lex, bot, fulfil, locale_setting

from infra.bot_definition import CodeHook, Intent
from sandbox.aws_api import ApiError
from sandbox.lex.code_hook_reply import MAX_OUTPUT_BYTES


@pytest.fixture
def lex():
    return Lex()


def failure(lex: Lex, said: str = "hello", **params: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        lex.say(said, **params)
    return caught.value


def test_function_is_asked_for_permission_of_this_alias(lex):
    lex.say("hello")
    source = f"arn:aws:lex:us-east-1:123456789012:bot-alias/{lex.bot_id}/{lex.alias_id}"
    assert lex.function.asked == [(FUNCTION, "lexv2.amazonaws.com", source)]


def test_missing_permission_fails_and_invokes_nothing(lex):
    lex.function.allowed = False
    error = failure(lex)
    assert (error.code, error.status) == ("DependencyFailedException", 424)
    assert "Access Denied while invoking lambda function" in error.message
    assert lex.function.events == []


def test_alias_without_a_function_cannot_serve_a_hook(lex):
    lex.model(
        "UpdateBotAlias",
        botAliasId=lex.alias_id,
        botAliasName="live",
        botVersion="1",
        botAliasLocaleSettings={"en_US": {"enabled": True}},
    )
    assert "has no Lambda function" in failure(lex).message


def test_event_over_the_input_limit_is_never_sent(lex):
    attributes = {"big": "x" * 13_000}
    error = failure(lex, sessionState={"sessionAttributes": attributes})
    assert "exceeds maximum size" in error.message
    assert lex.function.events == []


def plain_bot() -> Lex:
    """One intent whose hook has no messages for failures."""
    return Lex(bot(Intent("Order", ("order a pizza",), fulfillment_hook=CodeHook())))


def test_exception_in_the_function_is_a_failed_dependency():
    lex = plain_bot()
    lex.function.function_error = "Unhandled"
    error = failure(lex, "order a pizza")
    assert error.code == "DependencyFailedException"
    assert error.message.endswith("Received error response from Lambda: Unhandled")


def test_thirty_seconds_are_too_long():
    lex = plain_bot()

    def slow(event: Event) -> Event:
        lex.clock.now += 30.1
        return fulfil(event)

    lex.function.answer = slow
    assert "timed out after 30 seconds" in failure(lex, "order a pizza").message


@pytest.mark.parametrize("error", ["Unhandled", None])
def test_bots_own_words_take_the_place_of_an_exception_or_a_time_out(lex, error):
    def slow(event: Event) -> Event:
        lex.clock.now += 31
        return fulfil(event)

    lex.function.function_error, lex.function.answer = error, slow
    response = lex.say("hello")
    assert response["sessionState"]["intent"]["state"] == "Failed"
    assert lex.texts(response) == [
        "Sorry, something went wrong on our side. Please try again in a moment."
    ]


@pytest.mark.parametrize(
    ("raised", "code", "status"),
    [
        (ApiError("TooManyRequestsException", "busy", 429), "ThrottlingException", 429),
        (ApiError("ServiceException", "broken", 500), "BadGatewayException", 502),
        (ApiError("ResourceNotFoundException", "gone", 404), "DependencyFailedException", 424),
    ],
)
def test_errors_of_the_lambda_service_become_lexs_own(lex, raised, code, status):
    lex.function.answer = lambda event: raised
    error = failure(lex)
    assert (error.code, error.status) == (code, status)


def changed(**changes: Any) -> Any:
    """A good fulfilment with some parts replaced; None takes a part away."""

    def answer(event: Event) -> Event:
        made = fulfil(event)
        for path, value in changes.items():
            *parents, last = path.split("__")
            node = made
            for parent in parents:
                node = node[parent]
            node[last] = value
        return made

    return answer


MESSAGE = {"contentType": "PlainText", "content": "x"}
CARD = {"title": "t", "buttons": [{"text": "a", "value": "b"}]}
CONTEXT = {
    "name": "demo",
    "timeToLive": {"timeToLiveInSeconds": 60, "turnsToLive": 2},
    "contextAttributes": {},
}
BAD = {
    "not JSON": lambda event: b"{",
    "null": lambda event: None,
    "a list": lambda event: [],
    "too large": lambda event: b'{"a": "' + b"x" * MAX_OUTPUT_BYTES + b'"}',
    "no session state": changed(sessionState=None),
    "no dialog action": changed(sessionState__dialogAction=None),
    "unknown action": changed(sessionState__dialogAction={"type": "Finish"}),
    "unhashable action": changed(sessionState__dialogAction={"type": ["Close"]}),
    "action None": changed(sessionState__dialogAction={"type": "None"}),
    "no intent": changed(sessionState__intent=None),
    "intent as a string": changed(sessionState__intent="GreetingIntent"),
    "unknown intent": changed(sessionState__intent__name="Nobody"),
    "unknown state": changed(sessionState__intent__state="Done"),
    "ready with Close": changed(sessionState__intent__state="ReadyForFulfillment"),
    "unknown confirmation": changed(sessionState__intent__confirmationState="Yes"),
    "unknown slot": changed(sessionState__intent__slots={"Nobody": None}),
    "slots as a list": changed(sessionState__intent__slots=[]),
    "no slot to elicit": changed(sessionState__dialogAction={"type": "ElicitSlot"}),
    "foreign slot to elicit": changed(
        sessionState__dialogAction={"type": "ElicitSlot", "slotToElicit": "VisitorLastName"}
    ),
    "ElicitIntent in silence": changed(
        sessionState__dialogAction={"type": "ElicitIntent"}, messages=None
    ),
    "ConfirmIntent in silence": changed(
        sessionState__dialogAction={"type": "ConfirmIntent"}, messages=[]
    ),
    "messages as an object": changed(messages={"content": "x"}),
    "eleven messages": changed(messages=[MESSAGE] * 11),
    "empty message": changed(messages=[{**MESSAGE, "content": ""}]),
    "long message": changed(messages=[{**MESSAGE, "content": "x" * 1025}]),
    "long message of emoji": changed(messages=[{**MESSAGE, "content": "😀" * 513}]),
    "message without content": changed(messages=[{"contentType": "PlainText"}]),
    "unknown content type": changed(messages=[{**MESSAGE, "contentType": "Markdown"}]),
    "card without a card": changed(messages=[{"contentType": "ImageResponseCard"}]),
    "long card title": changed(
        messages=[
            {"contentType": "ImageResponseCard", "imageResponseCard": {**CARD, "title": "x" * 251}}
        ]
    ),
    "six buttons": changed(
        messages=[
            {
                "contentType": "ImageResponseCard",
                "imageResponseCard": {**CARD, "buttons": CARD["buttons"] * 6},
            }
        ]
    ),
    "number as an attribute": changed(sessionState__sessionAttributes={"turns": 1}),
    "null as an attribute": changed(sessionState__sessionAttributes={"turns": None}),
    "large attributes": changed(sessionState__sessionAttributes={"a": "x" * 12_300}),
    "number as a request attribute": changed(requestAttributes={"a": 1}),
    "21 contexts": changed(sessionState__activeContexts=[CONTEXT] * 21),
    "context without life": changed(sessionState__activeContexts=[{**CONTEXT, "timeToLive": {}}]),
    "context named oddly": changed(sessionState__activeContexts=[{**CONTEXT, "name": "a b"}]),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_answer_is_refused(lex, name):
    lex.function.answer = BAD[name]
    error = failure(lex)
    assert (error.code, error.status) == ("DependencyFailedException", 424)
    assert error.message.startswith("Invalid Lambda Response: ")


@pytest.mark.parametrize(
    "answer",
    [
        changed(messages=[{**MESSAGE, "content": "x" * 1024}] * 10),
        changed(messages=None),
        changed(sessionState__sessionAttributes=None),
        changed(sessionState__activeContexts=[]),
        changed(sessionState__activeContexts=[CONTEXT] * 20),
        changed(requestAttributes=None, sessionId="visitor-1"),
        changed(messages=[{"contentType": "ImageResponseCard", "imageResponseCard": CARD}]),
        changed(sessionState__intent__slots=None),
    ],
)
def test_answer_at_the_limits_is_taken(lex, answer):
    lex.function.answer = answer
    assert lex.say("hello")["sessionState"]["dialogAction"] == {"type": "Close"}


def test_slot_value_without_an_interpretation_is_refused(lex):
    def answer(event: Event) -> Event:
        made = fulfil(event)
        made["sessionState"]["intent"]["slots"]["VisitorPhoneNumber"] = {"value": {}}
        return made

    lex.function.answer = answer
    assert "interpretedValue" in failure(lex, "stop calling me").message


def test_failed_turn_leaves_the_session_as_it_was(lex):
    lex.say("stop calling me", sessionState={"sessionAttributes": {"seen": "1"}})
    lex.function.answer = lambda event: None
    failure(lex, "+1 415 555 0132", sessionState={"sessionAttributes": {"seen": "2"}})
    state = lex.run("GetSession")["sessionState"]
    assert state["sessionAttributes"] == {"seen": "1"}
    assert state["dialogAction"]["slotToElicit"] == "VisitorPhoneNumber"


def test_large_event_is_measured_in_bytes_of_utf_8(lex):
    attributes = {"emoji": "😀" * 3_000}
    error = failure(lex, sessionState={"sessionAttributes": attributes})
    assert "exceeds maximum size" in error.message
    lex.say("hello", sessionState={"sessionAttributes": {"emoji": "😀" * 2_000}})


def test_alias_with_another_function_invokes_that_one(lex):
    other = FUNCTION.replace(":live", ":7")
    lex.model(
        "UpdateBotAlias",
        botAliasId=lex.alias_id,
        botAliasName="live",
        botVersion="1",
        botAliasLocaleSettings={"en_US": locale_setting(other)},
    )
    lex.say("hello")
    assert lex.function.asked[0][0] == other
