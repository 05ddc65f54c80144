"""A person at the phone: who is asked to answer, what they can do, and what they cannot."""

from __future__ import annotations

import pytest
from phone_fakes import NUMBER, Phone

from sandbox.connect.calls import PERSON_SECONDS
from sandbox.connect.lines import PhoneError


def ringing(phone: Phone, **settings: object) -> str:
    phone.line(mode="person", **settings)
    contact_id = phone.place(RingTimeoutInSeconds=20)
    phone.pass_seconds(0)
    return contact_id


def test_a_person_answers_talks_and_is_heard(phone: Phone) -> None:
    contact_id = ringing(phone)
    heard = phone.calls.answer(contact_id)
    assert "recorded" in heard["reply"][0]
    assert phone.calls.say(contact_id, "hello?") == {"reply": ["reply to hello?"], "ended": False}
    assert phone.calls.say(contact_id, "goodbye")["ended"]
    assert phone.call(contact_id)["outcome"] == "completed"
    assert phone.call(contact_id)["mode"] == "person"


def test_a_person_who_does_not_answer_is_called_in_vain(phone: Phone) -> None:
    contact_id = ringing(phone)
    phone.pass_seconds(19)
    assert phone.call(contact_id)["state"] == "ringing"
    phone.pass_seconds(2)
    assert phone.call(contact_id)["outcome"] == "no_answer"


def test_a_person_declines(phone: Phone) -> None:
    contact_id = ringing(phone)
    assert phone.calls.decline(contact_id)["outcome"] == "declined"


def test_hanging_up_on_a_ringing_phone_declines_the_call(phone: Phone) -> None:
    assert phone.calls.hang_up(ringing(phone))["outcome"] == "declined"


def test_a_person_hangs_up_in_the_middle(phone: Phone) -> None:
    contact_id = ringing(phone)
    phone.calls.answer(contact_id)
    call = phone.calls.hang_up(contact_id)
    assert (call["outcome"], call["disconnect_reason"]) == ("completed", "CUSTOMER_DISCONNECT")


def test_a_person_who_says_nothing_more_does_not_keep_the_line(phone: Phone) -> None:
    contact_id = ringing(phone)
    phone.calls.answer(contact_id)
    phone.pass_seconds(PERSON_SECONDS - 1)
    phone.calls.say(contact_id, "hello?")
    phone.pass_seconds(PERSON_SECONDS - 1)
    assert phone.call(contact_id)["state"] == "talking"
    phone.pass_seconds(2)
    assert phone.call(contact_id)["outcome"] == "silent"


def test_who_claims_the_line_gets_the_calls_that_the_script_would_take(phone: Phone) -> None:
    phone.line()
    phone.calls.claims.claim(None, 60)
    contact_id = phone.place()
    phone.pass_seconds(5)
    assert phone.call(contact_id)["state"] == "ringing"
    phone.calls.answer(contact_id)
    assert phone.call(contact_id)["state"] == "talking"


@pytest.mark.parametrize(
    ("number", "seconds"), [("+14155550199", 60.0), (None, 0.0), (NUMBER, 0.0)]
)
def test_without_a_claim_the_script_answers(
    phone: Phone, number: str | None, seconds: float
) -> None:
    phone.calls.claims.claim(None, 30)
    phone.calls.claims.claim(None, 0)
    phone.calls.claims.claim(number, seconds)
    assert phone.finished()["mode"] == "script"


def test_a_claim_ends_by_itself(phone: Phone) -> None:
    phone.calls.claims.claim(NUMBER, 30)
    phone.pass_seconds(31)
    assert phone.finished()["mode"] == "script"


def test_a_claim_does_not_undo_what_a_test_set(phone: Phone) -> None:
    phone.calls.claims.claim(None, 60)
    assert phone.finished(mode="busy")["outcome"] == "busy"


def test_what_the_calls_state_forbids_is_said(phone: Phone) -> None:
    contact_id = ringing(phone)
    with pytest.raises(PhoneError, match="the call is ringing"):
        phone.calls.say(contact_id, "hello?")
    phone.calls.answer(contact_id)
    for forbidden in (phone.calls.answer, phone.calls.decline):
        with pytest.raises(PhoneError, match="it is talking"):
            forbidden(contact_id)
    phone.calls.hang_up(contact_id)
    with pytest.raises(PhoneError, match="the call is ended"):
        phone.calls.hang_up(contact_id)
    with pytest.raises(PhoneError, match="there is no call 'x'"):
        phone.calls.answer("x")


@pytest.mark.parametrize("words", ["", "  ", "x" * 1025])
def test_words_that_lex_would_not_take_are_refused(phone: Phone, words: str) -> None:
    contact_id = ringing(phone)
    phone.calls.answer(contact_id)
    with pytest.raises(PhoneError, match="1 to 1024"):
        phone.calls.say(contact_id, words)
    assert phone.call(contact_id)["state"] == "talking"
