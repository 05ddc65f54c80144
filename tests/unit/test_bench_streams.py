"""The stream that the turn benchmark draws from."""

from collections import Counter

import pytest

from bench.streams.grammar import grammar, plain
from bench.streams.stream import CALL_TURNS, SHARES, stream
from bench.streams.wordings import GRAMMARS, labelled_wordings, wordings_of
from chalicelib.bot import utterances_by_intent


@pytest.mark.parametrize("intent", GRAMMARS)
def test_an_intent_has_at_least_250_distinct_wordings(intent: str) -> None:
    assert len({plain(text) for text in wordings_of(intent)}) == len(wordings_of(intent)) >= 250


@pytest.mark.parametrize("intent", GRAMMARS)
def test_few_wordings_are_sample_utterances(intent: str) -> None:
    samples = {plain(text) for text in _samples(intent)}
    equal = [text for text in wordings_of(intent) if plain(text) in samples]
    assert len(equal) <= 0.1 * len(wordings_of(intent)), equal


def test_no_wording_is_in_the_labelled_set() -> None:
    wordings = {plain(text) for intent in GRAMMARS for text in wordings_of(intent)}
    assert not wordings & labelled_wordings()


def test_a_seed_makes_the_same_stream_again_and_another_seed_another() -> None:
    assert stream(1, 200) == stream(1, 200)
    assert stream(1, 200) != stream(2, 200)


def test_a_shorter_stream_is_the_beginning_of_a_longer_one() -> None:
    assert stream(1, 200)[:50] == stream(1, 50)


def test_parts_of_a_seed_differ_and_ask_the_same_things_most() -> None:
    most = []
    for part in (0, 1):
        asked = Counter(plain(t.text) for t in stream(1, 4000, part) if t.kind == "grounded")
        most.append({text for text, _ in asked.most_common(3)})
    assert stream(1, 100, 0) != stream(1, 100, 1)
    assert len(most[0] & most[1]) >= 2


@pytest.mark.parametrize("turns", [60, 200, 1000])
def test_the_mix_is_as_promised(turns: int) -> None:
    kinds = Counter(turn.kind for turn in stream(3, turns))
    assert {kind: kinds[kind] / turns for kind in SHARES} == pytest.approx(SHARES, abs=0.01)


def test_wordings_follow_a_zipf_law() -> None:
    grounded = [turn for turn in stream(4, 3000) if turn.kind == "grounded"]
    counts = Counter(plain(turn.text) for turn in grounded)
    first = [count for _, count in counts.most_common(3)]
    # Of three intents with 320 ranks each, the first rank of one has 1/(3 * 6.35) of the turns.
    assert all(
        share == pytest.approx(0.052, abs=0.02) for share in (c / len(grounded) for c in first)
    )
    assert sum(1 for count in counts.values() if count == 1) > 100


def test_nothing_is_said_twice_on_the_phone_and_open_questions_seldom() -> None:
    turns = stream(5, 2000)
    spoken = [turn.text for turn in turns if turn.kind == "phone"]
    asked = [plain(turn.text) for turn in turns if turn.kind == "open"]
    assert len(set(spoken)) == len(spoken)
    assert len(set(asked)) >= 0.95 * len(asked)
    assert len(grammar("open")["templates"]) >= 150


def test_a_call_has_its_turns_in_one_session() -> None:
    sessions = Counter(turn.session for turn in stream(6, 1000) if turn.kind == "phone")
    assert set(sessions.values()) == {CALL_TURNS}


def test_a_lead_is_captured_in_order() -> None:
    steps: dict[str, list[str]] = {}
    for turn in stream(7, 2000):
        if turn.kind == "lead":
            steps.setdefault(turn.session, []).append(turn.step)
    assert all(said[:3] == ["start", "name", "number"][: len(said)] for said in steps.values())
    ends = Counter(said[3] for said in steps.values() if len(said) == 4)
    assert ends["yes"] > ends["no"] > 0


def test_no_number_is_given_by_two_visitors_of_ten_seeds() -> None:
    owners: dict[str, set[str]] = {}
    for seed in range(1, 11):
        for turn in stream(seed, 500) + stream(seed, 500, 3):
            if turn.kind == "lead":
                owners.setdefault(turn.number, set()).add(turn.session)
    assert all(len(sessions) == 1 for sessions in owners.values())


def _samples(intent: str) -> list[str]:
    return list(utterances_by_intent("en_US")[intent])
