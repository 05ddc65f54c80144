"""The bounded history: within its bytes, oldest first out, and nothing forged gets in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import conversation
from chalicelib.conversation import BYTES, WORDS_CHARACTERS, Exchange
from chalicelib.sentences import utf16_length

WORDS = st.text(min_size=1, max_size=600).filter(str.strip)
EXCHANGES = st.builds(Exchange, WORDS, WORDS)


def test_what_was_said_is_read_back_in_order() -> None:
    history = (Exchange("hello", "Hi. I am Atlas."), Exchange("what is it?", "A demo 😀."))
    assert conversation.read(conversation.write(history)) == history


def test_the_oldest_exchanges_go_first() -> None:
    history = tuple(Exchange(f"question {i}", "x" * 300) for i in range(20))
    kept = conversation.read(conversation.write(history))
    assert 1 < len(kept) < 20
    assert kept == history[-len(kept) :]


def test_one_side_is_remembered_up_to_its_limit() -> None:
    (kept,) = conversation.read(conversation.write((Exchange("a " * 900, "ok."),)))
    assert utf16_length(kept.visitor) <= WORDS_CHARACTERS
    assert kept.visitor.endswith("…")


def test_no_history_is_an_empty_list() -> None:
    assert conversation.write(()) == "[]"
    assert conversation.read(None) == ()
    assert conversation.read("") == ()


@pytest.mark.parametrize(
    "attribute",
    [
        "not json",
        "{}",
        "null",
        "12",
        '"text"',
        '[["one side only"]]',
        '[["a","b","c"]]',
        '[["a",1]]',
        '[["a",null]]',
        '[["",""]]',
        '[[" ","\\n"]]',
        '[{"visitor":"a","atlas":"b"}]',
        '[["a","b"],"junk"]',
        "[" * 3_000,
        "[" + "9" * 4_000 + "]",
        '[["a","b"]]' + " " * 2 * BYTES,
        "\ud800",
    ],
)
def test_a_history_that_atlas_did_not_write_is_no_history(attribute: str) -> None:
    assert conversation.read(attribute) == ()


def test_lone_surrogates_in_a_forged_history_become_sendable() -> None:
    (exchange,) = conversation.read('[["a\\ud800b","ok"]]')
    exchange.visitor.encode("utf-8")


@given(st.lists(EXCHANGES, max_size=8))
def test_every_history_fits_its_budget_and_survives_the_round_trip(
    history: list[Exchange],
) -> None:
    attribute = conversation.write(tuple(history))
    assert len(attribute.encode("utf-8")) <= BYTES
    kept = conversation.read(attribute)
    assert conversation.write(kept) == attribute
    assert len(kept) <= len(history)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=12))
def test_any_json_is_read_without_an_error(value: Any) -> None:
    for exchange in conversation.read(json.dumps(value)):
        assert exchange.visitor.strip()
        assert exchange.atlas.strip()
