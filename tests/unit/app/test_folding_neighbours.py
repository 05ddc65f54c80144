"""What stands around a question changes nothing; what shares its words may ask another."""

from __future__ import annotations

import pytest

from chalicelib.bot import utterances_by_intent
from chalicelib.canonical_questions import fold
from chalicelib.content import Contents
from chalicelib.intents.grounded import ABOUT_DEMO, ABOUT_TECHNOLOGY, GREETING
from chalicelib.questions import canonical

ENGLISH = Contents.load().in_locale("en_US")


def demo(text: str) -> str | None:
    return fold(text, ABOUT_DEMO.intent, ENGLISH)


def technology(text: str) -> str | None:
    return fold(text, ABOUT_TECHNOLOGY.intent, ENGLISH)


def greeting(text: str) -> str | None:
    return fold(text, GREETING.intent, ENGLISH)


def intent_of(sample: str) -> str:
    utterances = utterances_by_intent("en_US").items()
    return next(intent for intent, texts in utterances if sample in map(canonical, texts))


DRESSING = [
    ("and {}", "who are you"),
    ("ok and {} then", "what can you do"),
    ("wait, {} or what", "are you a robot"),
    ("just wondering, {}", "is this a live chat"),
    ("got a question for you: {} btw", "are you serverless"),
    ("as a developer, {} if i may ask", "which database do you use"),
    ("sorry, quick question, {} at the moment", "where are you hosted"),
    ("hey, {} by any chance lol", "do you use amazon lex"),
    ("well {} though", "do you call at night"),
    ("oh {} or something, just curious", "can i hang up at any time"),
    ("good morning! {} if you have a minute", "who gets the summary"),
]


@pytest.mark.parametrize(("dressing", "sample"), DRESSING)
def test_words_around_a_question_that_ask_nothing_change_nothing(
    dressing: str, sample: str
) -> None:
    intent = intent_of(sample)
    plain = fold(sample, intent, ENGLISH)
    assert plain
    assert fold(dressing.format(sample), intent, ENGLISH) == plain


@pytest.mark.parametrize(
    "text",
    [
        "is it free or what can I ask",
        "do you need my email",
        "do you keep the recording",
        "who gets the recording",
        "can I withdraw my consent",
        "can I end my contract any time",
        "do you call in the morning",
        "call me at night",
        "who called without asking",
        "what happens if you call at night",
        "how soon can I buy it",
        "do I get the summary",
        "summarize the call",
    ],
)
def test_what_shares_most_words_with_a_fact_of_the_demo_is_never_folded(text: str) -> None:
    assert demo(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "where do you keep my answers",
        "who keeps my data",
        "do you work with python",
        "what language do you speak",
        "can I host you on my own servers",
        "do I need servers",
        "which framework should I learn",
        "what is serverless",
        "how fast are you",
        "are you built by amazon",
        "host yourself",
        "do you use amazon polly",
    ],
)
def test_what_shares_most_words_with_a_fact_of_the_technology_is_never_folded(text: str) -> None:
    assert technology(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "how can I help you",
        "how do I call you",
        "what is my name",
        "who are you and what do you do",
        "does this chat work in greek",
        "is this chat recorded",
        "i want to talk to a human",
        "human please",
        "what is new here",
        "i am new to ai",
        "i am looking for a job",
    ],
)
def test_what_shares_most_words_with_a_greeting_is_never_folded(text: str) -> None:
    assert greeting(text) is None
