"""What a turn does once and no more often, and that the cheap ways count as the plain ones do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import conversation, lex
from chalicelib.fulfillment import conversation_turn
from chalicelib.observability import Log, masking
from chalicelib.sentences import utf16_length
from tests.fakes import LogLines, World, an_invocation, lex_event, with_attributes

QUESTION = "what technology powers this"
HISTORY = conversation.write((conversation.Exchange("hello", "Hi. I am Atlas."),) * 30)


class Counted:
    """What JSON was written and read, by any encoder, and what was parsed."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.read: list[Any] = []


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """A second turn of a kind, so that nothing is counted that is done once and kept."""
    world, counted = World(), Counted()
    event = with_attributes(lex_event(text=QUESTION), history=HISTORY)
    conversation_turn(event, an_invocation(), world.services)
    iterencode, decode = json.JSONEncoder.iterencode, json.JSONDecoder.decode

    def noting_iterencode(self: json.JSONEncoder, o: Any, **options: Any) -> Any:
        counted.written.append(o)
        return iterencode(self, o, **options)

    def noting_decode(self: json.JSONDecoder, s: str, **options: Any) -> Any:
        counted.read.append(s)
        return decode(self, s, **options)

    with monkeypatch.context() as patched:
        patched.setattr(json.JSONEncoder, "iterencode", noting_iterencode)
        patched.setattr(json.JSONDecoder, "decode", noting_decode)
        response = conversation_turn(event, an_invocation(), world.services)
    assert response["sessionState"]["sessionAttributes"]["answerSource"] == "memory"
    return counted


def test_the_turns_line_is_serialised_once(counted: Counted) -> None:
    lines = [o for o in counted.written if isinstance(o, dict) and o.get("message") == "turn"]
    assert len(lines) == 1


def test_neither_the_event_nor_the_reply_is_serialised(counted: Counted) -> None:
    whole = [o for o in counted.written if isinstance(o, dict) and "sessionState" in o]
    assert whole == []


def test_the_history_is_parsed_once(counted: Counted) -> None:
    assert counted.read == [HISTORY]


@given(st.text(st.characters(exclude_categories=())))
def test_utf16_units_are_counted_as_one_by_one(text: str) -> None:
    assert utf16_length(text) == sum(1 + (ord(character) > 0xFFFF) for character in text)


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=())),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_the_sessions_bytes_are_the_larger_of_both_encodings(value: Any) -> None:
    readable = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    assert lex.counted_bytes(value) == max(len(readable), len(json.dumps(value)) // 2)


@given(st.text(st.sampled_from("ab 0159٣+-.()@\n")))
def test_a_text_is_masked_as_if_both_patterns_were_always_tried(text: str) -> None:
    lines = LogLines()
    Log(write=lines.append).info("odd", text=text)
    numbers_masked = masking._PHONE_LIKE.sub("[number]", text)
    both_masked = masking._EMAIL_LIKE.sub("[email]", numbers_masked)
    assert lines.records[0]["text"] == both_masked


@given(st.text(), st.text(min_size=1))
def test_a_remembered_text_is_its_own_remembered_text(visitor: str, atlas: str) -> None:
    """So that what `read` has cut, `write` need not cut again."""
    written = conversation.write((conversation.Exchange(f"a{visitor}", f"b{atlas}"),))
    assert conversation.write(conversation.read(written)) == written


def test_a_line_reaches_the_standard_output_in_one_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lambda's output is not buffered: a line in two writes may be two log events."""
    writes: list[str] = []

    class Output:
        def write(self, text: str) -> None:
            writes.append(text)

        def flush(self) -> None:
            pass

    monkeypatch.setattr("sys.stdout", Output())
    Log().info("happened")
    assert writes == ['{"level": "INFO", "message": "happened"}\n']
