"""Connect's operations: what they refuse, and that a token makes one contact."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from phone_fakes import KEY, NUMBER, START, Phone, run

from sandbox.aws_api import ApiError
from sandbox.connect import INSTANCE_ID, SOURCE_PHONE_NUMBER, ledger
from sandbox.connect.call import Call
from sandbox.connect.lines import Line, PhoneError

WEEK = 7 * 24 * 3600.0

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"DestinationPhoneNumber": "4155550123"}, "InvalidRequestException"),
    ({"DestinationPhoneNumber": "+0155550123"}, "InvalidRequestException"),
    ({"DestinationPhoneNumber": "+1415555012345678"}, "InvalidRequestException"),
    ({"InstanceId": "other"}, "ResourceNotFoundException"),
    ({"ContactFlowId": "other"}, "ResourceNotFoundException"),
    ({"QueueId": "queue"}, "ResourceNotFoundException"),
    ({"SourcePhoneNumber": "+14155550111"}, "InvalidRequestException"),
    ({"ClientToken": "x" * 501}, "InvalidRequestException"),
    ({"Attributes": {"a key": "x"}}, "InvalidRequestException"),
    ({"Attributes": {"a": "x" * 32_768}}, "InvalidRequestException"),
    ({"RingTimeoutInSeconds": 61}, "InvalidRequestException"),
]


@pytest.mark.parametrize(("params", "code"), REFUSED)
def test_what_connect_refuses_is_refused(phone: Phone, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ApiError, match=code):
        phone.place(**params)
    assert phone.calls.snapshot() == []


def test_a_call_needs_a_source(phone: Phone) -> None:
    with pytest.raises(ApiError, match="SourcePhoneNumber or QueueId"):
        phone.service.operations["StartOutboundVoiceContact"](
            {
                "DestinationPhoneNumber": NUMBER,
                "ContactFlowId": "66666666-7777-4888-8999-aaaaaaaaaaaa",
                "InstanceId": INSTANCE_ID,
            }
        )


def test_limits_themselves_are_allowed(phone: Phone) -> None:
    attributes = {"a-b_C1": "x" * 32_762}
    assert phone.place(ClientToken="x" * 500, Attributes=attributes, RingTimeoutInSeconds=15)


def test_one_token_makes_one_contact_for_a_week(phone: Phone) -> None:
    first = phone.place(ClientToken="t")
    phone.pass_seconds(WEEK - 1)
    assert phone.place(ClientToken="t") == first
    assert len(phone.calls.snapshot()) == 1
    phone.pass_seconds(1)
    assert phone.place(ClientToken="t") != first


def test_other_tokens_and_none_make_other_contacts(phone: Phone) -> None:
    assert len({phone.place(ClientToken="a"), phone.place(), phone.place()}) == 3


def test_a_token_whose_call_was_refused_can_be_used_again(phone: Phone) -> None:
    phone.line(mode="refused", calls=1)
    with pytest.raises(ApiError):
        phone.place(ClientToken="t")
    assert phone.place(ClientToken="t")


def test_one_token_from_many_threads_makes_one_contact(phone: Phone) -> None:
    together = threading.Barrier(8)
    made: list[str] = []

    def place() -> None:
        together.wait(5)
        made.append(phone.place(ClientToken="t"))

    threads = [threading.Thread(target=place) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(made) == 8
    assert len(set(made)) == 1


def test_the_quota_counts_new_calls_in_a_second(phone: Phone) -> None:
    phone.service.quota.put(2)
    phone.place(ClientToken="t")
    phone.place()
    phone.place(ClientToken="t")
    with pytest.raises(ApiError, match="LimitExceededException"):
        phone.place()
    phone.pass_seconds(1)
    phone.place()


@pytest.mark.parametrize("quota", [-1, 1.5, True, "2", 1001])
def test_a_quota_is_a_whole_number(phone: Phone, quota: Any) -> None:
    with pytest.raises(PhoneError):
        phone.service.quota.put(quota)


def test_a_contact_is_described_with_its_recording(phone: Phone) -> None:
    call = phone.finished(ring_seconds=1)
    params = {"InstanceId": INSTANCE_ID, "ContactId": call["id"]}
    contact = run(phone.service, "DescribeContact", **params)["Contact"]
    assert contact["RingStartTimestamp"] == START
    assert contact["ConnectedToSystemTimestamp"] == START + 1
    assert contact["CustomerEndpoint"] == {"Type": "TELEPHONE_NUMBER", "Address": NUMBER}
    assert contact["SystemEndpoint"]["Address"] == SOURCE_PHONE_NUMBER
    assert contact["Attributes"] == {"interactionKey": KEY}
    assert contact["DisconnectReason"] == "CONTACT_FLOW_DISCONNECT"
    (recording,) = contact["Recordings"]
    assert recording["Location"] == call["recording"]


def test_a_contact_that_only_rings_has_no_more_than_that(phone: Phone) -> None:
    phone.line(ring_seconds=10)
    contact_id = phone.place()
    params = {"InstanceId": INSTANCE_ID, "ContactId": contact_id}
    contact = run(phone.service, "DescribeContact", **params)["Contact"]
    later = {"ConnectedToSystemTimestamp", "DisconnectTimestamp", "Recordings", "DisconnectReason"}
    assert not later & contact.keys()


@pytest.mark.parametrize(
    "params",
    [{"ContactId": "none", "InstanceId": INSTANCE_ID}, {"ContactId": "x", "InstanceId": "none"}],
)
@pytest.mark.parametrize("operation", ["DescribeContact", "StopContact"])
def test_what_does_not_exist_is_not_found(
    phone: Phone, operation: str, params: dict[str, str]
) -> None:
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        run(phone.service, operation, **params)


def test_memory_is_bounded_and_keeps_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "KEPT_CALLS", 3)
    kept = ledger.Ledger(lambda: START)
    for number in range(5):
        state = "talking" if number == 0 else "ended"
        kept.add(Call(str(number), NUMBER, {}, Line(), 60, START, state=state))
        kept.remember_token(str(number), str(number))
    assert [call.id for call in kept.all()] == ["0", "3", "4"]
    assert [kept.by_token(str(number)) for number in range(5)] == [None, None, "2", "3", "4"]


def test_too_many_calls_at_once_are_refused(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "UNDER_WAY", 2)
    phone.place()
    phone.place()
    with pytest.raises(ApiError, match="LimitExceededException"):
        phone.place()
    phone.pass_seconds(100)
    phone.place()
