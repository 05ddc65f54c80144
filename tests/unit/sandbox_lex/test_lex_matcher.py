"""How well the stand-in understands: its own samples, paraphrases, and what it must not take."""

import pytest
from lex_fakes import TEMPLATE, bot
from lex_paraphrases import OUT_OF_DOMAIN, PARAPHRASES_BY_INTENT

from infra.bot_definition import PHONE_NUMBER, Intent, Slot, load_bot_definition
from sandbox.lex.matcher import Matcher, normalise

LOCALE = load_bot_definition(TEMPLATE).locales[0]
MATCHER = Matcher(LOCALE)
THRESHOLD = LOCALE.nlu_confidence_threshold
SAMPLES = [(each.name, said) for each in LOCALE.intents for said in each.utterances]


def understood(text: str) -> str:
    matches = MATCHER.rank(text)
    sure = matches and matches[0].score >= THRESHOLD
    return matches[0].intent if sure else "FallbackIntent"


@pytest.mark.parametrize(("intent", "utterance"), SAMPLES)
def test_sample_utterance_is_its_own_intent(intent, utterance):
    said = utterance.replace("{VisitorPhoneNumber}", "+1 (415) 555-0132")
    best = MATCHER.rank(said.replace("{VisitorLastName}", "O'Brien"))[0]
    assert (best.intent, best.score) == (intent, 1.0)


def test_paraphrases_are_understood():
    pairs = [(intent, said) for intent, all_ in PARAPHRASES_BY_INTENT.items() for said in all_]
    samples = {tuple(normalise(said)) for _, said in SAMPLES}
    wrong = [
        (intent, said, understood(said)) for intent, said in pairs if understood(said) != intent
    ]
    assert len(pairs) >= 60
    assert len([1 for _, said in pairs if tuple(normalise(said)) in samples]) <= len(pairs) / 10
    assert len(wrong) / len(pairs) <= 0.15, wrong


def test_questions_that_the_bot_is_not_for_fall_back():
    taken = {said: understood(said) for said in OUT_OF_DOMAIN}
    assert len(taken) >= 20
    assert {said: name for said, name in taken.items() if name != "FallbackIntent"} == {}


@pytest.mark.parametrize("said", ["😀" * 1024, "   ?!", "\u0000\u0007", "x", "no", "42"])
def test_meaningless_input_is_no_intent(said):
    assert understood(said) == "FallbackIntent"


def test_bare_phone_number_is_no_intent():
    assert understood("+1 415 555 0132") == "FallbackIntent"


def test_phone_number_in_an_utterance_fills_the_slot():
    best = MATCHER.rank("please don't call (415) 555-0132 again")[0]
    assert best.intent == "StopCallingIntent"
    assert best.slots["VisitorPhoneNumber"].interpreted == "4155550132"


def test_last_name_in_an_utterance_fills_the_slot():
    best = MATCHER.rank("Delete my data, my last name is O'Brien")[0]
    assert best.intent == "DeleteMyInfoIntent"
    assert best.slots["VisitorLastName"].interpreted == "O'Brien"


def test_contractions_and_curly_apostrophes_do_not_matter():
    assert MATCHER.rank("don\u2019t call me again")[0].score == 1.0
    assert MATCHER.rank("DO NOT call me again!!")[0].score == 1.0


def test_alternatives_are_ordered_and_at_most_five():
    scores = [match.score for match in MATCHER.rank("call me about the demo data and stop calling")]
    assert scores == sorted(scores, reverse=True)
    assert 1 < len(scores) <= 5


def test_matching_is_the_same_on_every_run():
    again = Matcher(LOCALE)
    for said in OUT_OF_DOMAIN:
        assert again.rank(said) == MATCHER.rank(said)


def test_hand_made_bot_learns_from_its_own_utterances():
    slot = Slot("Number", PHONE_NUMBER, prompt=None)
    definition = bot(
        Intent("Order", ("order a pizza", "send a pizza to {Number}"), (slot,)),
        Intent("Weather", ("will it rain tomorrow",)),
    )
    matcher = Matcher(definition.locales[0])
    assert matcher.rank("will it be raining tomorrow")[0].intent == "Weather"
    best = matcher.rank("send one pizza to 555-1212")[0]
    assert (best.intent, best.slots["Number"].interpreted) == ("Order", "5551212")
