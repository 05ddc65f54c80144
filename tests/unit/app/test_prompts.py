"""What a model is told, and that the cache's key knows all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import prompts
from chalicelib.answers import answer_key
from chalicelib.conversation import Exchange
from chalicelib.lex import Channel
from chalicelib.model_router import Route
from chalicelib.prompts import Message, Prompt
from tests.fakes import CONTENTS, World, a_question

CONTENT = CONTENTS.in_locale("en_US")
ROUTE = Route(("model-a", "model-b"), 150)
PROMPT = Prompt("system", (Message("user", "question"),))

WORDS = st.text(max_size=40)
QUESTIONS = st.builds(
    a_question,
    WORDS,
    intent=st.sampled_from(["AboutTechnologyIntent", "AboutDemoIntent"]),
    grounding=st.sampled_from(["technology", "demo", "greeting"]),
    channel=cast("st.SearchStrategy[Channel]", st.sampled_from(["chat", "phone"])),
)


@pytest.mark.parametrize(
    "changed",
    [
        replace(PROMPT, system="other"),
        replace(PROMPT, messages=(Message("user", "other"),)),
        replace(PROMPT, messages=(Message("assistant", "question"),)),
        replace(PROMPT, messages=(*PROMPT.messages, Message("user", "more"))),
        replace(PROMPT, messages=()),
    ],
)
def test_any_changed_word_or_role_is_another_fingerprint(changed: Prompt) -> None:
    assert changed.fingerprint(ROUTE) != PROMPT.fingerprint(ROUTE)


@pytest.mark.parametrize(
    "route",
    [Route(("model-b", "model-a"), 150), Route(("model-a",), 150), replace(ROUTE, max_tokens=151)],
)
def test_another_model_order_or_length_is_another_fingerprint(route: Route) -> None:
    assert PROMPT.fingerprint(route) != PROMPT.fingerprint(ROUTE)


def test_another_prompt_version_is_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = PROMPT.fingerprint(ROUTE)
    monkeypatch.setattr(prompts, "VERSION", prompts.VERSION + 1)
    assert PROMPT.fingerprint(ROUTE) != before


def test_two_messages_never_collide_with_one_that_looks_like_both() -> None:
    one = Prompt("s", (Message("user", 'a"], ["user", "b'),))
    two = Prompt("s", (Message("user", "a"), Message("user", "b")))
    assert one.fingerprint(ROUTE) != two.fingerprint(ROUTE)


def test_a_grounded_prompt_holds_the_facts_and_the_words_and_the_length() -> None:
    prompt = prompts.grounded(a_question("is it serverless"), CONTENT)
    assert CONTENT.grounding["technology"] in prompt.system
    assert CONTENT.persona["chat"] in prompt.system
    assert "at most two sentences" in prompt.system
    assert prompt.messages == (Message("user", "is it serverless"),)


def test_the_phone_is_told_to_say_one_sentence() -> None:
    prompt = prompts.grounded(a_question(channel="phone"), CONTENT)
    assert "at most one sentence" in prompt.system
    assert CONTENT.persona["phone"] in prompt.system


def test_an_open_question_follows_its_history_in_turn() -> None:
    history = (Exchange("hi", "Hello."), Exchange("who are you", "Atlas."))
    prompt = prompts.open_question("and now", history, "chat", CONTENT)
    assert [m.role for m in prompt.messages] == ["user", "assistant"] * 2 + ["user"]
    assert prompt.messages[-1].text == "and now"
    assert CONTENT.knowledge in prompt.system


@given(QUESTIONS, QUESTIONS)
def test_whatever_is_in_the_prompt_is_in_the_key(a: Any, b: Any) -> None:
    """Equal keys mean equal prompts; so a different visitor's words are another key."""
    services = World().services
    same_prompt = prompts.grounded(a, CONTENT) == prompts.grounded(b, CONTENT)
    if answer_key(a, services) == answer_key(b, services):
        assert same_prompt
        assert (a.intent, a.locale, a.channel) == (b.intent, b.locale, b.channel)
    elif a == b:
        pytest.fail("one question has two keys")


@given(WORDS, WORDS)
def test_two_visitors_words_share_a_key_only_when_they_are_the_same(a: str, b: str) -> None:
    services = World().services
    keys = {answer_key(a_question(text), services) for text in (a, b)}
    assert len(keys) == len({a, b})
