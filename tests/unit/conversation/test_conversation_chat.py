"""The typed chat: commands, odd lines, errors, and the phone that rings in the same place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from conversation_fakes import DISCLOSURE, ID, NUMBER, FakeBackstage, FakeBot, Time, conversation

from sandbox.conversation.chat import HELP, Chat
from sandbox.conversation.demo_call import LINES
from sandbox.conversation.demo_chat import spoken
from sandbox.conversation.talk import ControlError

BOOKED = (spoken(NUMBER), "yes")


class Typist:
    """A Screen whose person types what the test gives; a callable is something that happens."""

    width, colour = 100, False

    def __init__(self, lines: Sequence[str | Callable[[], object]], is_live: bool) -> None:
        self._lines, self.is_live = iter(lines), is_live
        self.said: list[str] = []
        self.prompts: list[str] = []

    def read(self, prompt: str) -> str:
        for line in self._lines:
            if isinstance(line, str):
                self.prompts.append(prompt)
                return line
            line()
        raise EOFError

    def tell(self, text: str) -> None:
        self.said.append(text)

    def notify(self, text: str) -> None:
        raise AssertionError("nobody looks beside the typing here")


class Room:
    """A person at a terminal, beside the fakes that they reach."""

    def __init__(self) -> None:
        self.conversation, self.bot, self.control = conversation()
        self.backstage = FakeBackstage(self.control)
        self.time = Time()
        self.chat: Chat | None = None

    def talk(self, *lines: str | Callable[[], object], is_live: bool = True) -> list[str]:
        self.screen = Typist(lines, is_live)
        control, time = self.control, self.time
        self.chat = Chat(
            *(self.conversation, self.backstage, control, self.screen, time, time.sleep),
            look_seconds=3600,
        )
        assert self.chat.run() == 0
        return self.screen.said

    def posted(self, name: str) -> list[Any]:
        return [body for posted, body in self.control.posted if posted == f"phone/{name}"]


@pytest.fixture
def room() -> Room:
    return Room()


def talk(*lines: str, error: Exception | None = None) -> tuple[list[str], FakeBot]:
    room = Room()
    if error:
        room.bot.errors["hello"] = error
    return room.talk(*lines), room.bot


def test_answer_comes_with_its_wait_its_source_and_who_gave_it() -> None:
    said, _ = talk("hello")
    assert said[1].startswith("bot> You said hello.")
    assert "(250 ms, memory, GreetingIntent, provisioned, live v1)" in said[1]


def test_end_of_input_and_quit_both_end() -> None:
    assert talk()[0] == talk("/quit", "hello")[0]
    assert talk("/quit", "hello")[1].heard == []


def test_help_names_every_command(room: Room) -> None:
    said = room.talk("/help", "", "   ")
    assert said == [HELP] * 4
    assert room.chat is not None
    commands = {name for name in room.chat._commands if name}
    assert all(command in HELP for command in commands | {"/quit"})
    assert room.bot.heard == []


def test_reset_begins_another_session() -> None:
    _, bot = talk("hello", "/reset", "hello")
    first, second = (session for session, _ in bot.heard)
    assert first != second
    assert bot.deleted == [first]


def test_reset_of_a_session_that_never_began_is_no_trouble() -> None:
    said, bot = talk("/reset", "hello")
    assert "(a new session)" in said[1]
    assert (len(bot.heard), bot.deleted) == (1, [])


def test_unknown_command_is_not_sent_to_the_bot() -> None:
    said, bot = talk("/call")
    assert "There is no /call" in said[1]
    assert bot.heard == []


def test_text_that_lex_would_refuse_is_told_here() -> None:
    said, bot = talk("x" * 1025, "x" * 1024)
    assert "at most 1024 characters; that was 1025" in said[1]
    assert len(bot.heard) == 1


def test_error_is_one_line_and_the_chat_goes_on() -> None:
    error = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    said, bot = talk("hello", "bye", error=error)
    assert said[1].startswith("(no answer: Could not connect")
    assert said[2].startswith("bot> You said bye.")
    assert [text for _, text in bot.heard] == ["hello", "bye"]


def test_phone_is_claimed_before_the_yes_and_given_back_at_the_end(room: Room) -> None:
    claimed: list[Any] = []
    room.talk("hello", BOOKED[0], lambda: claimed.extend(room.posted("claim")))
    assert claimed == [{"number": NUMBER, "seconds": 30.0}]
    assert room.posted("claim")[-1] == {"number": NUMBER, "seconds": 0}


def test_call_is_answered_spoken_into_and_ended_by_the_bot(room: Room) -> None:
    said = room.talk(*BOOKED, "/answer", "Hello?", LINES[-1], "hello")
    assert f"phone> {DISCLOSURE}" in said[3]
    assert said[4].startswith("phone> Heard Hello?")
    assert "provisioned, live v1" in said[4]
    assert "the call has ended" in said[5]
    assert said[6].startswith("bot> ")
    assert room.screen.prompts == ["you> "] * 3 + ["caller> "] * 2 + ["you> "]
    assert room.posted("say") == [{"id": "call-1", "words": w} for w in ("Hello?", LINES[-1])]


def test_hang_up_ends_the_call_and_typing_goes_to_the_chat_again(room: Room) -> None:
    said = room.talk(*BOOKED, "/answer", "/answer", "/hang-up", "hello")
    assert said[4] == "(you are on the phone)"
    assert said[5].startswith("(you have hung up")
    assert said[6].startswith("bot> ")
    assert room.posted("hang-up") == [{"id": "call-1"}]


@pytest.mark.parametrize("command", ["/decline", "/hang-up"])
def test_ringing_phone_is_declined(room: Room, command: str) -> None:
    assert room.talk(*BOOKED, command)[-1] == "(declined)"
    assert room.posted("decline") == [{"id": "call-1"}]


def test_quitting_in_a_call_hangs_up(room: Room) -> None:
    room.talk(*BOOKED, "/answer", "/quit")
    assert room.posted("hang-up") == [{"id": "call-1"}]


@pytest.mark.parametrize("command", ["/answer", "/decline", "/hang-up"])
def test_there_is_no_phone_before_a_booking(room: Room, command: str) -> None:
    said = room.talk("hello", command)
    assert said[-1].startswith("(no phone is ringing")
    assert room.control.posted == []


def test_answer_waits_for_a_ring_that_is_on_its_way(room: Room) -> None:
    room.control.rings = False
    sleep = room.time.sleep

    def ring_later(seconds: float) -> None:
        sleep(seconds)
        if not room.control.phone:
            room.control.ring()

    room.time.sleep = ring_later  # type: ignore[method-assign]
    assert DISCLOSURE in room.talk(*BOOKED, "/answer")[-1]


def test_answer_gives_up_when_nothing_rings(room: Room) -> None:
    room.control.rings = False
    begin = room.time.now
    assert room.talk(*BOOKED, "/answer")[-1] == "(no phone is ringing)"
    assert room.time.now < begin + 11


def test_call_that_ended_meanwhile_is_told_and_left(room: Room) -> None:
    def ended() -> None:
        room.control.end("completed")

    said = room.talk(*BOOKED, "/answer", ended, "are you there", "hello")
    assert said[4] == "(no answer: nobody hears that: the call is ended)"
    assert said[5].startswith("bot> ")


def test_refused_answer_is_told(room: Room) -> None:
    def refuse(body: object) -> dict[str, Any]:
        raise ControlError("the call is not ringing")

    room.control._answer_phone = refuse  # type: ignore[method-assign]
    assert room.talk(*BOOKED, "/answer")[-1] == "(no answer: the call is not ringing)"


def test_lead_is_shown_from_the_table_and_then_from_salesforce(room: Room) -> None:
    before, *_ = room.talk("/lead")[1:]
    assert before.startswith("(no lead yet")
    said = room.talk(*BOOKED, "/lead", "/answer", LINES[-1], "/lead")
    assert said[3].startswith("(not in Salesforce yet)\n")
    assert ID in said[3]
    assert "00Q1" in said[6]
    assert "00T-callback" in said[6]


def test_piped_input_ends_when_the_call_was_summed_up(room: Room) -> None:
    said = room.talk(*BOOKED, "/answer", "Hello?", is_live=False)
    assert room.posted("hang-up") == [{"id": "call-1"}]
    assert said[-1].startswith("*** The call is summed up. Salesforce has:")


def test_piped_input_does_not_wait_for_ever(room: Room) -> None:
    hang_up = room.control.hang_up

    def without_records(body: Any) -> dict[str, Any]:
        hang_up(body)
        room.control.tasks.clear()
        return {}

    room.control.hang_up = without_records  # type: ignore[method-assign]
    begin = room.time.now
    room.talk(*BOOKED, "/answer", is_live=False)
    assert room.time.now < begin + 35


def test_person_who_leaves_is_not_kept_waiting(room: Room) -> None:
    begin = room.time.now
    room.talk(*BOOKED, "/answer", LINES[-1])
    assert room.time.now == begin
