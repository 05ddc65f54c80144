"""The typed chat: commands, empty lines, long lines, errors, and the end of the input."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import EndpointConnectionError
from conversation_fakes import FakeBot, conversation

from sandbox.conversation.chat import chat


def typed(*lines: str) -> Callable[[], str]:
    rest = iter(lines)

    def read() -> str:
        try:
            return next(rest)
        except StopIteration:
            raise EOFError from None

    return read


def talk(*lines: str, error: Exception | None = None) -> tuple[list[str], FakeBot]:
    said: list[str] = []
    talking, bot, _ = conversation()
    if error:
        bot.errors["hello"] = error
    assert chat(talking, typed(*lines), said.append) == 0
    return said, bot


def test_answer_comes_with_its_wait_its_source_and_who_gave_it() -> None:
    said, _ = talk("hello")
    assert said[1].startswith("bot> You said hello.")
    assert "(250 ms, memory, GreetingIntent, provisioned, live v1)" in said[1]


def test_end_of_input_and_quit_both_end() -> None:
    assert talk()[0] == talk("/quit", "hello")[0]
    assert talk("/quit", "hello")[1].heard == []


def test_empty_line_says_what_can_be_typed_and_asks_nobody() -> None:
    said, bot = talk("", "   ")
    assert "/quit" in said[1]
    assert bot.heard == []


def test_reset_begins_another_session() -> None:
    _, bot = talk("hello", "/reset", "hello")
    first, second = (session for session, _ in bot.heard)
    assert first != second
    assert bot.deleted == [first]


def test_unknown_command_is_not_sent_to_the_bot() -> None:
    said, bot = talk("/help")
    assert "There is no /help" in said[1]
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
