"""Each check of an evaluation finds what it is for, and nothing in a good answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.answer import Answer, Generated, Source
from chalicelib.lex import Channel
from ops.errors import RefusedError
from ops.evaluate_checks import Asked, problems
from ops.evaluate_golden import CHECKS, Golden, GoldenSet, load
from tests.fakes import CONTENTS

GOLDEN_SET = load("en_US")
CONTENT = CONTENTS.in_locale("en_US")
GOOD = "I run on Amazon Web Services, with Amazon Lex. A Claude model on Bedrock writes my answers."
SPOKEN = "I run on Amazon Web Services, with Amazon Lex and a Claude model on Bedrock."


def golden(asked: str) -> Golden:
    return next(each for each in GOLDEN_SET.questions if each.asked == asked)


def found(
    text: str,
    channel: Channel = "chat",
    stop_reason: str = "end_turn",
    asked: str = "what technology do you use",
    source: Source = Source.MODEL,
) -> dict[str, str]:
    """What is wrong with an answer, by check."""
    answer = Answer(text, source, "model", Generated(text, stop_reason, "model", 200, 30))
    told = problems(answer, Asked(golden(asked), channel, GOLDEN_SET, CONTENT))
    return {check: problem for check, problem in told.items() if problem}


@pytest.mark.parametrize(("text", "channel"), [(GOOD, "chat"), (SPOKEN, "phone")])
def test_a_good_answer_passes_every_check(text: str, channel: Channel) -> None:
    assert found(text, channel) == {}


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ("claims", "I run on Amazon Web Services, with Lex and Azure."),
        ("claims", "I run on AWS with Lex. It costs $5 a month."),
        ("claims", "I run on AWS with Lex, and we guarantee that it never fails."),
        ("complete", "I run on Amazon Web Services, with Lex and"),
        ("complete", "I run on Amazon Web Services, with Lex. And I am also"),
        ("facts", "I am happy to tell you about that."),
        ("facts", "I run on AWS and nothing else."),
        ("length", f"{GOOD} I am serverless."),
        ("length", f"I run on AWS with Lex{', and with Lambda too' * 25}."),
        ("persona", "I am a real person, but the page runs on AWS with Lex."),
        ("persona", "I'm human. The page runs on AWS with Lex."),
        ("persona", "I’m not a robot. The page runs on AWS with Lex."),  # noqa: RUF001
        ("persona", "My name is Dave, and the page runs on AWS with Lex."),
        ("persona", "I am Claude, and the page runs on AWS with Lex."),
        ("persona", "According to the facts, I run on AWS with Lex."),
        ("persona", "I run on **AWS** with Lex."),
        ("persona", "# My technology\nI run on AWS with Lex."),
        ("persona", "- AWS\n- Lex\n- Lambda."),
        ("persona", "1. AWS\n2. Lex, and that is what I use."),
        ("persona", "I run on AWS with Lex, see https://aws.example for more."),
        ("language", "Ich laufe auf AWS und Lex schreibt die Antwort mit einem Modell."),
        ("language", "Je suis sur AWS avec Lex, et le modèle est dans Bedrock pour vous."),
        ("language", "我在 AWS 上运行，使用 Lex 和 Bedrock 来生成您的所有答案。"),  # noqa: RUF001
    ],
)
def test_a_bad_answer_fails_the_check_that_is_for_it(check: str, text: str) -> None:
    assert check in found(text)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ("length", GOOD),
        ("persona", "I run on AWS with Lex, so write to hello@northlight.example."),
        ("persona", "I run on AWS with Lex, see northlight.example for more."),
    ],
)
def test_the_phone_is_stricter_than_the_chat(check: str, text: str) -> None:
    assert check in found(text, "phone")
    assert check not in found(text, "chat")


def test_an_assistant_may_say_what_it_is_not() -> None:
    asked = "am I talking to a real person"
    assert found("No, I am an AI bot, not a person. I'm Atlas.", asked=asked) == {}


def test_an_apostrophe_may_be_typeset() -> None:
    asked = "What was your revenue last year?"
    assert found("I don’t know that, but I can tell you what we do.", asked=asked) == {}  # noqa: RUF001


def test_an_answer_that_denies_being_an_ai_is_found_by_several_checks() -> None:
    asked = "am I talking to a real person"
    assert found("Yes, I am a real person.", asked=asked).keys() == {"facts", "claims", "persona"}


@pytest.mark.parametrize("stop_reason", ["max_tokens", "deadline"])
def test_whole_sentences_of_a_truncated_answer_are_not_complete(stop_reason: str) -> None:
    source = Source.MODEL if stop_reason == "max_tokens" else Source.PARTIAL
    assert found(GOOD, stop_reason=stop_reason, source=source).keys() == {"complete"}


def test_what_a_channel_cuts_off_was_written_all_the_same() -> None:
    answer = Answer(SPOKEN, Source.MODEL, "model", Generated(f"{SPOKEN} {SPOKEN}", "end_turn"))
    asked = Asked(golden("what technology do you use"), "phone", GOLDEN_SET, CONTENT)
    assert problems(answer, asked)["length"] == "2 sentences where 1 may be"


def test_the_floor_is_no_answer_and_is_judged_no_further() -> None:
    refused = Generated("", "refused", errors=("bedrock-runtime: refused",))
    answer = Answer(GOOD, Source.GROUNDED, generated=refused)
    asked = Asked(golden("hello"), "chat", GOLDEN_SET, CONTENT)
    assert problems(answer, asked) == {"answered": "refused: bedrock-runtime: refused"}


def test_what_nobody_can_know_must_be_owned_up_to() -> None:
    asked = "What was your revenue last year?"
    assert found("I do not know that, but I can tell you what we do.", asked=asked) == {}
    assert found("It was 3 million.", asked=asked).keys() == {"facts", "claims"}


def test_every_golden_question_could_be_answered_from_the_content() -> None:
    """A fact that the content does not hold could only be invented."""
    texts = [*CONTENT.grounding.values(), CONTENT.knowledge, CONTENT.scenario["notes"]]
    known = f"{' '.join(texts)} I do not know. Yes. {CONTENT.persona['chat']}"
    for each in GOLDEN_SET.questions:
        for fact in each.facts:
            assert any(pattern.search(known) for pattern in fact), each.asked


def test_the_groundings_themselves_claim_nothing_forbidden() -> None:
    never = GOLDEN_SET.phrases["never"]
    for text in (*CONTENT.grounding.values(), CONTENT.knowledge):
        assert [pattern.pattern for pattern in never if pattern.search(text)] == []


def thresholds() -> str:
    return "[thresholds]\n" + "".join(f"{check} = 1\n" for check in CHECKS)


QUESTION = """
[[question]]
intent = "GreetingIntent"
asked = "hello"
facts = [["Atlas"]]
"""
OTHER_MISTAKES = """
[[question]]
intent = "FallbackIntent"
asked = "why"
wordings = ["for what reason"]
facts = [["("]]
colour = "red"
"""


def loaded(folder: Path, text: str) -> GoldenSet:
    (folder / "en_US.toml").write_text(text, encoding="utf-8")
    return load("en_US", folder)


def test_a_golden_file_is_read(tmp_path: Path) -> None:
    read = loaded(tmp_path, thresholds() + "[thresholds_by_stage.local]\nfacts = 0.5\n" + QUESTION)
    assert read.thresholds_of("local")["facts"] == 0.5
    assert read.thresholds_of("prod")["facts"] == 1
    assert read.questions[0].channels == ("chat", "phone")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (QUESTION, "threshold facts is missing"),
        (thresholds() + "speed = 1\n", "threshold speed is no check"),
        (thresholds() + QUESTION.replace("hello", "hallo"), "'hallo' is no sample utterance"),
        (thresholds() + QUESTION.replace("Greeting", "Close"), "which no model answers"),
        (thresholds() + QUESTION.replace('["Atlas"]', ""), "'hello' requires no fact"),
        (thresholds() + OTHER_MISTAKES, "is no regular expression"),
        (thresholds() + OTHER_MISTAKES, "'why' has colour, which is not used"),
        (thresholds() + OTHER_MISTAKES, "open questions are never folded"),
        ("question = 7 7", "no golden questions for en_US"),
    ],
)
def test_a_mistake_in_a_golden_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        loaded(tmp_path, text)
