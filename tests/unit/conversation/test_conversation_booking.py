"""A booked call's news: each piece once, in order, and nothing when the sandbox is away."""

from __future__ import annotations

import threading

import pytest
from conversation_fakes import ID, NUMBER, FakeBackstage, FakeControl, Time

from sandbox.conversation.booking import Booking, looking
from sandbox.conversation.phone import Phone


class World:
    def __init__(self) -> None:
        self.control, self.time = FakeControl(), Time()
        self.backstage = FakeBackstage(self.control)

    def book(self) -> Booking:
        return Booking(ID, Phone(self.control, NUMBER), self.backstage, self.time)


@pytest.fixture
def world() -> World:
    return World()


def test_ring_is_told_once(world: World) -> None:
    booking = world.book()
    assert booking.look() == []
    world.control.ring()
    assert booking.look() == ["*** Your phone is ringing (+1 415 555 0132): /answer or /decline"]
    assert booking.look() == []


def test_calls_before_the_booking_are_none_of_it(world: World) -> None:
    world.control.ring()
    booking = world.book()
    assert booking.call() is None
    assert booking.look() == []


def test_claim_is_renewed_before_it_is_over(world: World) -> None:
    booking = world.book()
    for _ in range(100):
        booking.look()
        world.time.sleep(1)
    claims = [body for name, body in world.control.posted if name == "phone/claim"]
    assert 4 <= len(claims) <= 7


def test_missed_call_is_told_with_its_outcome_and_then_the_record(world: World) -> None:
    booking = world.book()
    world.control.ring()
    world.control.end("no_answer")
    missed, record = booking.look()
    assert missed == "*** The phone has stopped ringing: no answer."
    assert record.startswith("*** The call is summed up. Salesforce has:\n")
    assert booking.is_told
    assert booking.look() == []


def test_record_is_told_when_the_call_stands_in_it(world: World) -> None:
    booking = world.book()
    world.control.ring()
    world.control.post("phone/answer", {"id": "call-1"})
    world.control.end("completed")
    tasks, world.control.tasks = world.control.tasks, []
    assert booking.look() == []
    world.control.tasks = tasks
    (record,) = booking.look()
    assert "00T-call" in record


def test_record_that_never_comes_is_told_after_a_minute(world: World) -> None:
    booking = world.book()
    world.control.ring()
    world.control.post("phone/answer", {"id": "call-1"})
    world.control.end("completed")
    world.control.tasks.clear()
    assert booking.look() == []
    world.time.sleep(61)
    assert booking.look() == [
        "*** Salesforce knows nothing of the call yet; /lead shows what there is."
    ]
    assert booking.look() == []


def test_sandbox_that_is_away_is_no_news(world: World) -> None:
    booking = world.book()

    def gone(name: str) -> object:
        raise ConnectionRefusedError

    world.control.get = gone  # type: ignore[method-assign]
    assert booking.look() == []


def test_news_come_beside_the_chat_until_its_end() -> None:
    told: list[str] = []
    came = threading.Event()

    def notify(text: str) -> None:
        told.append(text)
        came.set()

    news = [["one", "two"]]
    with looking(lambda: news.pop() if news else [], notify, 0.001):
        assert came.wait(5)
    assert told == ["one", "two"]
    assert not [thread for thread in threading.enumerate() if thread.name == "booking"]
