"""Every way a call can go, from the first ring to what it leaves behind."""

from __future__ import annotations

import io
import wave

import pytest
from phone_fakes import FLOW, KEY, NUMBER, START, Phone, lex_reply, run

from infra.bot_definition import load_bot_definition
from sandbox.aws_api import ApiError
from sandbox.connect import DEFAULT_SCRIPT, INSTANCE_ID
from sandbox.connect.delivery import PAUSES_SECONDS, Delivered
from sandbox.latency import Latency
from sandbox.lex.matcher import Matcher


def test_a_call_is_answered_by_the_script_and_ends_with_its_goodbye(phone: Phone) -> None:
    call = phone.finished()
    assert (call["state"], call["outcome"]) == ("ended", "completed")
    assert call["disconnect_reason"] == "CONTACT_FLOW_DISCONNECT"
    (_, disclosure), *talk = phone.spoken(call["id"])
    assert "recorded" in disclosure
    assert talk == [
        ("caller", "hello?"),
        ("bot", "reply to hello?"),
        ("caller", "tell me more"),
        ("bot", "reply to tell me more"),
        ("caller", "goodbye"),
        ("bot", "reply to goodbye"),
    ]


def test_nothing_of_the_attributes_but_their_presence_is_shown(phone: Phone) -> None:
    call = phone.finished()
    assert call["attributes"] == {"interactionKey": True}
    assert KEY not in str(call)


def test_a_script_without_a_goodbye_hangs_up_itself(phone: Phone) -> None:
    call = phone.finished(script=["hello?"])
    assert (call["outcome"], call["disconnect_reason"]) == ("completed", "CUSTOMER_DISCONNECT")


def test_the_default_script_greets_asks_wants_a_callback_and_says_goodbye() -> None:
    locale = load_bot_definition(FLOW.parent / "lex_bot.yaml").locales[0]
    matcher = Matcher(locale)
    heard = [matcher.rank(words) for words in DEFAULT_SCRIPT]
    intents = [
        ranked[0].intent
        if ranked and ranked[0].score >= locale.nlu_confidence_threshold
        else "FallbackIntent"
        for ranked in heard
    ]
    free_talk = ["FallbackIntent"] * 2
    assert intents == ["GreetingIntent", *free_talk, "CallbackIntent", "CloseIntent"]


def test_times_are_those_of_the_moment(phone: Phone) -> None:
    phone.lex.time, phone.lex.seconds = phone.time, 0.5
    call = phone.finished(ring_seconds=2)
    assert (call["started"], call["ring"], call["answered"]) == (START, START, START + 2)
    said = [turn["at"] - START for turn in call["transcript"]]
    assert said == [2, 2, 2.5, 2.5, 3, 3, 3.5]
    assert call["ended"] == START + 3.5


def test_the_phone_rings_when_the_profile_says_that_the_call_is_placed() -> None:
    phone = Phone(Latency("reported", 0.5))
    contact_id = phone.place()
    phone.pass_seconds(0.399)
    assert phone.call(contact_id)["ring"] is None
    phone.pass_seconds(1)
    assert phone.call(contact_id)["ring"] == pytest.approx(START + 0.4)
    phone.close()


def test_nobody_answers_until_the_ring_timeout(phone: Phone) -> None:
    phone.line(mode="no_answer")
    contact_id = phone.place(RingTimeoutInSeconds=30)
    phone.pass_seconds(29.9)
    assert phone.call(contact_id)["state"] == "ringing"
    phone.pass_seconds(0.2)
    call = phone.call(contact_id)
    assert (call["outcome"], call["disconnect_reason"]) == ("no_answer", "TELECOM_TIMEOUT")


def test_a_shorter_ring_makes_tests_quick(phone: Phone) -> None:
    call = phone.finished(mode="no_answer", ring_seconds=0)
    assert (call["outcome"], call["ended"]) == ("no_answer", START)


@pytest.mark.parametrize(
    ("mode", "reason", "has_rung"),
    [("declined", "TELECOM_UNANSWERED", True), ("busy", "TELECOM_BUSY", False)],
)
def test_a_call_that_nobody_takes(phone: Phone, mode: str, reason: str, has_rung: bool) -> None:
    call = phone.finished(mode=mode)
    assert (call["outcome"], call["disconnect_reason"]) == (mode, reason)
    assert (call["ring"] is not None, call["answered"]) == (has_rung, None)
    assert phone.aws.types() == ["INITIATED", "DISCONNECTED", "COMPLETED"]
    assert "connectedToSystemTimestamp" not in phone.aws.details()[1]
    assert phone.aws.stored == []


@pytest.mark.parametrize(
    "error", ["DestinationNotAllowedException", "OutboundContactNotPermittedException"]
)
def test_a_refused_call_is_an_error_and_no_contact(phone: Phone, error: str) -> None:
    phone.line(mode="refused", error=error)
    with pytest.raises(ApiError, match=error):
        phone.place()
    assert phone.calls.snapshot() == []


def test_a_line_drops_in_the_middle_of_the_talk(phone: Phone) -> None:
    call = phone.finished(mode="dropped")
    assert (call["outcome"], call["disconnect_reason"]) == ("dropped", "TELECOM_PROBLEM")
    assert phone.spoken(call["id"])[1:] == [("caller", "hello?"), ("bot", "reply to hello?")]
    assert len(phone.aws.stored) == 1


def test_a_silent_line_hears_an_apology(phone: Phone) -> None:
    call = phone.finished(mode="silent")
    assert (call["outcome"], call["disconnect_reason"]) == ("silent", "CONTACT_FLOW_DISCONNECT")
    assert [speaker for speaker, _ in phone.spoken(call["id"])] == ["bot", "bot"]
    assert phone.lex.requests == []


def test_a_failing_bot_ends_the_call_as_failed(phone: Phone) -> None:
    phone.lex.replies["hello?"] = ApiError("DependencyFailedException", "x")
    assert phone.finished()["outcome"] == "failed"


def test_an_intent_with_slots_keeps_the_caller_in_the_talk(phone: Phone) -> None:
    asked = lex_reply("ElicitSlot", "CallbackIntent", "Which day?", {}, "InProgress")
    phone.lex.replies["tell me more"] = asked
    assert phone.finished()["outcome"] == "completed"


def test_events_tell_the_story_in_connects_own_shape(phone: Phone) -> None:
    call = phone.finished(ring_seconds=1)
    first, connected, disconnected, completed = phone.aws.details()
    assert phone.aws.types() == ["INITIATED", "CONNECTED_TO_SYSTEM", "DISCONNECTED", "COMPLETED"]
    assert first == {
        "eventType": "INITIATED",
        "contactId": call["id"],
        "channel": "VOICE",
        "instanceArn": f"arn:aws:connect:us-east-1:123456789012:instance/{INSTANCE_ID}",
        "initiationMethod": "API",
        "tags": {
            "aws:connect:instanceId": INSTANCE_ID,
            "aws:connect:systemEndpoint": "+14155550100",
        },
        "initiationTimestamp": "2026-09-21T14:13:20.000Z",
    }
    assert connected["connectedToSystemTimestamp"] == "2026-09-21T14:13:21.000Z"
    assert "disconnectReason" not in connected
    assert disconnected["disconnectTimestamp"] == "2026-09-21T14:13:21.000Z"
    assert disconnected["disconnectReason"] == "CONTACT_FLOW_DISCONNECT"
    assert completed == disconnected | {"eventType": "COMPLETED"}
    event = phone.aws.events[0]
    assert (event["Source"], event["DetailType"]) == ("aws.connect", "Amazon Connect Contact Event")
    assert event["Resources"][1].endswith(f"/contact/{call['id']}")


def test_no_event_holds_the_number_or_an_attribute(phone: Phone) -> None:
    phone.finished()
    assert not any(secret in str(phone.aws.events) for secret in (NUMBER, KEY))


def test_the_recording_arrives_under_connects_key(phone: Phone) -> None:
    phone.line(ring_seconds=0, recording_seconds=5)
    contact_id = phone.place()
    phone.pass_seconds(4.9)
    assert phone.aws.stored == []
    phone.pass_seconds(0.2)
    (stored,) = phone.aws.stored
    assert stored["Bucket"] == "atlas-local-recordings-123456789012"
    assert stored["Key"] == (
        f"connect/atlas-local/CallRecordings/2026/09/21/{contact_id}_20260921T14:13_UTC.wav"
    )
    with wave.open(io.BytesIO(stored["Body"])) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (8000, 1)
    assert phone.call(contact_id)["recording"] == f"{stored['Bucket']}/{stored['Key']}"


def test_a_recording_may_never_arrive(phone: Phone) -> None:
    assert phone.finished(recorded=False)["recording"] is None
    assert phone.aws.stored == []


def test_a_failing_s3_is_tried_again(phone: Phone) -> None:
    phone.aws.failures["put_object"] = 2
    assert phone.finished()["recording"] is not None
    assert phone.waits == list(PAUSES_SECONDS[:2])


def test_a_recording_that_cannot_be_stored_is_listed_and_nowhere_else(phone: Phone) -> None:
    phone.aws.failures["put_object"] = 5
    call = phone.finished()
    assert call["recording"] is None
    assert phone.calls.ways.undelivered() == [
        {"service": "s3", "operation": "PutObject", "error": "ServiceUnavailable"}
    ]


def test_an_event_that_the_bus_refused_is_sent_again(phone: Phone) -> None:
    phone.aws.refused_entries = 1
    phone.finished()
    assert phone.aws.types()[0] == "INITIATED"


def test_events_can_come_twice(phone: Phone) -> None:
    phone.calls.ways.put("aws.connect", Delivered(twice=True))
    phone.finished(mode="busy")
    assert phone.aws.types() == ["INITIATED"] * 2 + ["DISCONNECTED"] * 2 + ["COMPLETED"] * 2


def test_events_can_come_out_of_order(phone: Phone) -> None:
    phone.calls.ways.put("aws.connect", Delivered(reversed=True))
    phone.finished()
    assert phone.aws.types() == ["COMPLETED", "DISCONNECTED", "CONNECTED_TO_SYSTEM", "INITIATED"]


def test_events_can_be_lost_or_late(phone: Phone) -> None:
    phone.calls.ways.put("aws.connect", Delivered(lost=True))
    phone.finished()
    assert phone.aws.events == []
    phone.calls.ways.put("aws.connect", Delivered(delay_seconds=60))
    phone.line(mode="busy")
    phone.place()
    phone.pass_seconds(59)
    assert phone.aws.events == []
    phone.pass_seconds(2)
    assert phone.aws.types() == ["INITIATED", "DISCONNECTED", "COMPLETED"]


def test_one_call_or_one_number_can_go_its_own_way(phone: Phone) -> None:
    phone.line(number="+14155550199", mode="busy")
    phone.line(mode="declined", calls=1)
    first, second = phone.finished_without_setting(), phone.finished_without_setting()
    assert (first["outcome"], second["outcome"]) == ("declined", "completed")
    contact_id = phone.place(DestinationPhoneNumber="+14155550199")
    phone.pass_seconds(1)
    assert phone.call(contact_id)["outcome"] == "busy"


def test_a_call_that_is_stopped_ends_at_once_and_only_once(phone: Phone) -> None:
    phone.line(ring_seconds=10)
    contact_id = phone.place()
    run(phone.service, "StopContact", ContactId=contact_id, InstanceId=INSTANCE_ID)
    phone.pass_seconds(100)
    call = phone.call(contact_id)
    assert (call["outcome"], call["disconnect_reason"]) == ("stopped", "OTHER")
    with pytest.raises(ApiError, match="ContactNotFoundException"):
        run(phone.service, "StopContact", ContactId=contact_id, InstanceId=INSTANCE_ID)


def test_what_lex_says_after_the_end_is_not_heard(phone: Phone) -> None:
    phone.line(ring_seconds=0)
    contact_id = phone.place()
    phone.lex.before = lambda _: phone.calls.hang_up(contact_id)
    phone.pass_seconds(100)
    assert phone.spoken(contact_id)[1:] == [("caller", "hello?")]
    assert phone.call(contact_id)["disconnect_reason"] == "CUSTOMER_DISCONNECT"
