"""The scripted demo: what it prints, and what makes it fail."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError
from conversation_fakes import ADDRESS, FakeBot, FakeControl, conversation, record

from sandbox.conversation.demo import SCRIPT, demo
from sandbox.conversation.talk import Conversation


class Shown:
    """The demo's world and what it printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.conversation, self.bot, self.control = conversation()

    def run(self, *script: str, width: int = 100) -> int:
        return demo(self.conversation, self.control, self.lines.append, script or SCRIPT, width)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_demo_passes_when_every_turn_was_provisioned(shown: Shown) -> None:
    assert shown.run() == 0
    assert shown.lines[-1] == (
        f"PASSED: {len(SCRIPT)} turns, none on a cold start, none on $LATEST."
    )
    assert [text for _, text in shown.bot.heard] == list(SCRIPT)


def test_script_is_one_session_of_at_least_twelve_turns_that_repeats_a_question(
    shown: Shown,
) -> None:
    shown.run()
    assert len({session for session, _ in shown.bot.heard}) == 1
    assert len(SCRIPT) >= 12
    plain = [re.sub(r"[^a-z ]", "", words.lower()) for words in SCRIPT]
    assert len(set(plain)) < len(plain)


def test_turn_shows_words_answer_wait_source_start_and_version(shown: Shown) -> None:
    shown.run("hello")
    line = next(line for line in shown.text.splitlines() if line.startswith(" 1"))
    for cell in ("hello", "You said hello.", "250", "memory", "provisioned", "live v1"):
        assert cell in line


@pytest.mark.parametrize("width", [60, 80, 100])
def test_nothing_but_the_verdict_is_wider_than_the_terminal(shown: Shown, width: int) -> None:
    calls = {f"Operation{n}": 1 for n in range(40)}
    shown.bot.called = {"bedrock-runtime": calls}
    shown.run("hello", "a" * 300, width=width)
    lines = shown.text.splitlines()[:-1]
    assert max(map(len, lines)) == width
    assert "Operation39 1" in shown.text
    assert all("provisioned" in line for line in lines if line.startswith((" 1", " 2")))


def test_cold_start_fails_the_demo_and_names_the_turn(shown: Shown) -> None:
    shown.bot.records["hello"] = [record(start="cold")]
    assert shown.run("hello", "bye") == 1
    assert "FAILED: turn 1 ('hello') met a cold start" in shown.text
    assert "turns on a cold start: 1" in shown.text
    assert "PASSED" not in shown.text


def test_cold_start_counts_when_a_later_invocation_of_the_turn_was_warm(shown: Shown) -> None:
    shown.bot.records["hello"] = [record(start="cold"), record()]
    assert shown.run("hello") == 1


@pytest.mark.parametrize("changes", [{"alias": None, "version": "$LATEST"}, {"alias": "$LATEST"}])
def test_turn_on_latest_fails_the_demo(shown: Shown, changes: dict[str, str]) -> None:
    shown.bot.records["hello"] = [record(**changes)]
    assert shown.run("hello") == 1
    assert "answered by $LATEST" in shown.text


def test_health_check_of_a_release_beside_the_demo_is_no_cold_turn(shown: Shown) -> None:
    health = record(alias=None, version="2", start="cold")
    shown.bot.records["hello"] = [health, record(), health]
    assert shown.run("hello") == 0
    assert "live v1" in shown.text
    assert "atlas-local-lex_fulfillment:2 cold 2" in shown.text


def test_bot_that_reaches_no_alias_fails_the_demo(shown: Shown) -> None:
    by_number = [record(alias=None, version="2", start="cold")]
    shown.bot.records |= {"hello": by_number, "bye": by_number}
    assert shown.run("hello", "bye") == 1
    assert "FAILED: no turn reached a function through an alias" in shown.text


def test_records_that_somebody_reset_do_not_hide_the_turn(shown: Shown) -> None:
    shown.run("hello", "hello", "hello")
    shown.control.kept.clear()
    assert shown.conversation.say("hello").served.start == "provisioned"


def test_function_error_fails_the_demo(shown: Shown) -> None:
    shown.bot.records["hello"] = [record(error="Unhandled")]
    assert shown.run("hello") == 1
    assert "made the function fail: Unhandled" in shown.text


def test_api_error_ends_the_demo_with_one_sentence(shown: Shown) -> None:
    error = {"Error": {"Code": "BadGatewayException", "Message": "no"}}
    shown.bot.errors["bye"] = ClientError(error, "RecognizeText")
    assert shown.run("hello", "bye", "never said") == 1
    assert "FAILED: turn 2 ('bye') failed: An error occurred (BadGatewayException)" in shown.text
    assert [text for _, text in shown.bot.heard] == ["hello", "bye"]


def test_cold_background_invocation_does_not_fail_the_demo(shown: Shown) -> None:
    background = record(function="atlas-local-generate_answer", start="cold")
    shown.bot.records["hello"] = [record(), background]
    assert shown.run("hello") == 0
    assert "atlas-local-generate_answer:live cold 1" in shown.text


def test_turn_of_lex_alone_is_told_as_such_and_leaves_out_the_old_source(shown: Shown) -> None:
    shown.bot.records["my name"] = []
    assert shown.run("hello", "my name") == 0
    line = next(line for line in shown.text.splitlines() if line.startswith(" 2"))
    assert "memory" not in line
    assert re.search(r"\blex\s+-\s+Lex$", line)


def test_only_calls_of_the_demo_itself_are_counted(shown: Shown) -> None:
    shown.control.counts = {"lexv2-runtime": {"RecognizeText": 40}, "dynamodb": {"GetItem": 3}}
    shown.control.kept = [record(start="cold")]
    bot = FakeBot(shown.control)
    shown.conversation = Conversation(ADDRESS, bot, shown.control)
    assert shown.run("hello", "bye") == 0
    assert "RecognizeText 2" in shown.text
    assert "dynamodb" not in shown.text


def test_control_answers_are_read_once_per_turn(shown: Shown) -> None:
    looked: list[str] = []
    answer = FakeControl.get

    def get(name: str) -> object:
        looked.append(name)
        return answer(shown.control, name)

    shown.control.get = get  # type: ignore[method-assign]
    shown.run("hello", "bye")
    assert looked.count("invocations") == 4
