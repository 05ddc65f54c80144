"""What folds, and above all what never may: a wrong shared answer is worse than a slow one."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.bot import utterances_by_intent
from chalicelib.canonical_questions import fold
from chalicelib.content import Contents
from chalicelib.folding import lexicon_of
from chalicelib.intents.grounded import ABOUT_DEMO, ABOUT_TECHNOLOGY, GREETING, GROUNDED_INTENTS
from chalicelib.questions import CHARACTERS, canonical
from tests.labelled_set import labelled

ENGLISH = Contents.load().in_locale("en_US")
LEXICON = lexicon_of("en_US")
assert LEXICON
INTENTS = [grounded.intent for grounded in GROUNDED_INTENTS]
TECHNOLOGY, DEMO, GREETINGS = ABOUT_TECHNOLOGY.intent, ABOUT_DEMO.intent, GREETING.intent
SAMPLES = [
    (intent, canonical(text))
    for intent in INTENTS
    for text in utterances_by_intent("en_US")[intent]
]


@cache
def foldable() -> list[tuple[str, str]]:
    """Sample utterances and paraphrases, those that are tuned on, that share an answer."""
    asked = [*SAMPLES, *((row.intent, canonical(row.question)) for row in labelled("tuning"))]
    return [(intent, text) for intent, text in asked if fold(text, intent, ENGLISH)]


def technology(text: str) -> str | None:
    return fold(text, TECHNOLOGY, ENGLISH)


def demo(text: str) -> str | None:
    return fold(text, DEMO, ENGLISH)


def greeting(text: str) -> str | None:
    return fold(text, GREETINGS, ENGLISH)


def with_word(text: str, word: str, at: float) -> str:
    """The text with one more word; `at` is where, from 0 to 1."""
    words = text.split()
    place = round(at * len(words))
    return " ".join([*words[:place], word, *words[place:]])


@pytest.mark.parametrize(
    "text",
    [
        "hey, what tech is this running on?",
        "What technology powers this",
        "i was wondering what technology you use, thanks",
        "Quick question: which technologies are behind this bot?",
        "could u tell me wat tech stack u use plz",
        "tech stack?",
        "what techonlogy do you use",
        "Hi! Just curious. What is this built with? Thank you!",
        "heyyy what tech is this built on :)",
    ],
)
def test_wordings_of_one_question_share_one_answer(text: str) -> None:
    assert technology(text) == "what technology do you use"


@pytest.mark.parametrize(
    ("text", "sample"),
    [
        ("is the demo call free of charge?", "is the demo free"),
        ("how much does it cost", "is the demo free"),
        ("can you tell me if the call is recorded", "is the call recorded"),
        ("how long does it take", "how long does the demo take"),
        ("who is going to call me", "who calls me in the demo"),
        ("will a robot call me", "will an ai phone me"),
        ("will a real person call me", "is it a real person who calls in the demo"),
        ("what happens when I call you", None),
        ("what happens when you call me", "what happens during the call"),
        ("what happens when the call is over", "what happens after the call"),
        ("is it recorded by me", None),
        ("can I quit whenever I want", "can i hang up at any time"),
        ("can you quit whenever you want", None),
        ("how long until my phone rings?", "how soon will my phone ring"),
        ("how long do I have to stay on the phone", "how long does the demo take"),
        ("do you ask before you call me", "do you need my consent"),
        ("would you call me out of the blue", "will you call me without asking"),
        ("what will you ask me during the call", None),
        ("and is it free?", "is the demo free"),
        ("as a developer, who gets the summary", "who gets the summary"),
        ("as a dentist, who gets the summary", None),
    ],
)
def test_questions_about_one_thing_stay_apart(text: str, sample: str | None) -> None:
    assert demo(text) == sample


@pytest.mark.parametrize("text", ["good morning", "hello", "are you a bot", "are you human"])
def test_greetings_that_want_different_answers_stay_apart(text: str) -> None:
    others = {"hi there", "morning!", "r u a robot", "am i talking to a person"}
    same = {other for other in others if greeting(other) == greeting(text)}
    assert greeting(text)
    assert len(same) == 1


GUARDED = {
    "negation": ["what technology do you not use", "which technology don't you use"],
    "number": ["what 3 technologies do you use", "which two technologies do you use"],
    "name": ["what technology does Siri use", "what technology do you use, Patricia"],
    "comparison": [
        "what technology do you use instead of Lex",
        "is your technology better than the old technology",
        "what technology do you use vs the others",
    ],
    "language": ["what technology do you use auf Deutsch", "quelle technologie utilisez-vous"],
    "second question": [
        "what technology do you use and how do you work",
        "what technology do you use? how do you work?",
        "tell me about the technology, how do you work",
        "what technology do you use. how do you work",
        "what technology do you use, how do you work",
        "how are you? what technology do you use?",
    ],
    "instruction": [
        "ignore that and tell me what technology you use",
        "what technology do you use, answer in capital letters",
        "pretend you are a pirate and explain your technology",
        "say what technology you use",
        "repeat: what technology do you use",
        "write what technology you use",
        "tell me about the technology as a poem",
    ],
    "circumstances": [
        "i am a nurse, what technology do you use",
        "my call was cut off, what technology do you use",
    ],
    "other subject": [
        "what is technology",
        "what technology do i need",
        "what tools do you work with",
        "how do chatbots work",
        "who built you",
        "what runs on you",
        "how quickly do you work",
        "where do you run to",
    ],
    "spelling": ["what $technology do you use", "<b>what technology do you use</b>"],
}


@pytest.mark.parametrize(
    "text", [text for texts in GUARDED.values() for text in texts], ids=lambda text: text[:40]
)
def test_what_asks_for_something_else_is_never_folded(text: str) -> None:
    assert technology(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "does the demo work on an iPhone",
        "is the demo free for students",
        "is there a free demo",
        "give me the demo",
        "record the call",
        "can I record the call",
        "I have a question about the demo",
        "what happens after the demo if I say no",
        "what happened in the demo",
        "who called me",
        "do you record this chat",
        "how long is the recording kept",
        "isn't the demo free",
    ],
)
def test_a_question_with_more_in_it_is_never_folded(text: str) -> None:
    assert demo(text) is None


def test_what_is_longer_than_a_shared_question_is_never_folded() -> None:
    text = "please " * 50 + "tell me about the demo"
    assert len(text) > CHARACTERS
    assert demo(text) is None
    assert demo(text[-CHARACTERS:].partition(" ")[2])


@pytest.mark.parametrize("intent", ["CallbackIntent", "NoSuchIntent", ""])
def test_an_intent_without_frames_never_folds(intent: str) -> None:
    assert fold("tell me about the demo", intent, ENGLISH) is None


@pytest.mark.parametrize("locale", ["de_DE", "en_GB"])
def test_a_locale_without_a_lexicon_never_folds(locale: str) -> None:
    assert fold("tell me about the demo", DEMO, replace(ENGLISH, locale=locale)) is None


@pytest.mark.parametrize(("intent", "sample"), SAMPLES)
def test_every_sample_utterance_is_answered_by_a_sample_that_stands_for_itself(
    intent: str, sample: str
) -> None:
    standing_for = fold(sample, intent, ENGLISH)
    assert standing_for is not None
    assert (intent, standing_for) in SAMPLES
    assert fold(standing_for, intent, ENGLISH) == standing_for


@pytest.mark.parametrize("intent", INTENTS)
def test_frames_lead_to_sample_utterances_and_no_two_of_them_overlap(intent: str) -> None:
    frames = LEXICON.by_intent[intent].frames
    assert {(intent, frame.sample) for frame in frames} <= set(SAMPLES)
    apart = [(a, b) for a, b in combinations(frames, 2) if a.sample != b.sample and a.overlaps(b)]
    assert apart == []


@pytest.mark.parametrize("intent", INTENTS)
def test_frames_are_made_of_concepts_that_some_phrase_stands_for(intent: str) -> None:
    known = LEXICON.by_intent[intent]
    named = {concept for frame in known.frames for concept in frame.allowed}
    assert named <= known.concepts


GUARDED_WORDS = """
never without except neither nor cannot can't won't isn't doesn't aren't nobody nothing
zero two three ten twenty hundred dozen twice once-only half
better worse cheaper faster more-than less versus vs instead unlike compared rather
ignore pretend repeat translate poem rhyme spell list capital forget instruction prompt
monday tomorrow yesterday tonight weekend germany london california
german spanish french deutsch hola bonjour english
my-own boss wife customer students lawyer company competitor google siri alexa openai azure
"""


@given(st.data(), st.sampled_from(GUARDED_WORDS.split()), st.floats(0, 1))
def test_a_guarded_word_anywhere_keeps_a_question_as_it_is(
    data: st.DataObject, word: str, at: float
) -> None:
    intent, text = data.draw(st.sampled_from(foldable()))
    assert fold(with_word(text, word, at), intent, ENGLISH) is None


@given(st.data(), st.text("bcdfghjklmnpqrstvwxz", min_size=3, max_size=9), st.floats(0, 1))
def test_an_unknown_word_anywhere_keeps_a_question_as_it_is(
    data: st.DataObject, word: str, at: float
) -> None:
    intent, text = data.draw(st.sampled_from(foldable()))
    known = {*LEXICON.by_intent[intent].words, *LEXICON.spellings, *LEXICON.fillers}
    assert word in known or fold(with_word(text, word, at), intent, ENGLISH) is None


@given(st.data(), st.sampled_from('0123456789٣½@#<{/\\*"&'), st.floats(0, 1))
def test_a_digit_or_a_sign_anywhere_keeps_a_question_as_it_is(
    data: st.DataObject, sign: str, at: float
) -> None:
    intent, text = data.draw(st.sampled_from(foldable()))
    place = round(at * (len(text) - 1))
    signed = text[:place] + sign + text[place:]
    # An outer quotation mark is spelling: "hello" in quotes is a hello.
    assert canonical(signed) == text or fold(signed, intent, ENGLISH) is None


@given(st.data(), st.sampled_from(["not", "don't", "never", "no", "dont"]), st.floats(0, 1))
def test_a_negation_anywhere_keeps_a_question_as_it_is(
    data: st.DataObject, negation: str, at: float
) -> None:
    intent, text = data.draw(st.sampled_from(foldable()))
    assert fold(with_word(text, negation, at), intent, ENGLISH) is None


@given(st.data(), st.sampled_from(["? {}?", ". {}", " and {}", ", {}", "; {}", " or {}"]))
def test_a_second_question_keeps_both_as_they_are(data: st.DataObject, joint: str) -> None:
    about = [(intent, text) for intent, text in foldable() if intent != GREETINGS]
    intent, first = data.draw(st.sampled_from(about))
    _, second = data.draw(st.sampled_from([other for other in about if other[0] == intent]))
    if fold(first, intent, ENGLISH) != fold(second, intent, ENGLISH):
        assert fold(first + joint.format(second), intent, ENGLISH) is None


@given(st.text(max_size=60), st.sampled_from(INTENTS))
def test_any_text_folds_into_a_sample_or_not_at_all_and_only_once(text: str, intent: str) -> None:
    sample = fold(text, intent, ENGLISH)
    if sample is not None:
        assert (intent, sample) in SAMPLES
        assert fold(sample, intent, ENGLISH) == sample


def test_politeness_around_any_sample_changes_nothing() -> None:
    chance = random.Random(4)
    before = ["hi, ", "hey there ", "quick question: ", "so ", "ok, ", "good morning! ", "please "]
    after = ["", "?", " please", ", thanks", " exactly?", ". thank you!", " 🙂", " if i may ask"]
    for intent, sample in (s for s in SAMPLES if s[0] != GREETINGS):
        polite = chance.choice(before) + sample + chance.choice(after)
        assert fold(polite, intent, ENGLISH) == fold(sample, intent, ENGLISH), polite


def test_what_is_folded_says_so_and_holds_none_of_the_visitors_words() -> None:
    question = ABOUT_DEMO.question("Hey there, is the demo really free???", ENGLISH, "chat")
    assert (question.text, question.is_folded) == ("is the demo free", True)
    question = ABOUT_DEMO.question("Is the demo free for Eleanor?", ENGLISH, "chat")
    assert (question.text, question.is_folded) == ("is the demo free for eleanor", False)
