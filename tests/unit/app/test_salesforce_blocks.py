"""Atlas's blocks come and change; every other byte of a text stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.salesforce_blocks import DESCRIPTION_UNITS, Block, plain_line, with_blocks

NAME = "Atlas call " + "ab" * 16
BLOCK = Block(NAME, ("Call: answered", "Topics: price"))
TEXT = f"[{NAME}]\nCall: answered\nTopics: price\n[end of {NAME}]"


def test_a_block_begins_an_empty_text_and_ends_any_other() -> None:
    assert with_blocks("", [BLOCK]) == TEXT
    assert with_blocks("Spoke to her boss.", [BLOCK]) == f"Spoke to her boss.\n\n{TEXT}"


def test_a_block_takes_its_own_former_place() -> None:
    before = f"first\r\n  {TEXT}\t last\n\n"
    after = with_blocks(before, [Block(NAME, ("Call: not answered",))])
    assert after == f"first\r\n  [{NAME}]\nCall: not answered\n[end of {NAME}]\t last\n\n"


def test_writing_the_same_block_again_changes_nothing() -> None:
    text = with_blocks("notes", [BLOCK])
    assert with_blocks(text, [BLOCK]) == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_people_wrote_around_a_block_stays_byte_for_byte(before: str, after: str) -> None:
    text = before + TEXT + after
    changed = with_blocks(text, [Block(NAME, ("Call: busy",))])
    assert changed == f"{before}[{NAME}]\nCall: busy\n[end of {NAME}]{after}"


def test_a_block_whose_end_a_person_removed_is_left_to_them() -> None:
    torn = f"[{NAME}]\nCall: answered, and she"
    assert with_blocks(torn, [BLOCK]) == f"{torn}\n\n{TEXT}"


def test_blocks_of_other_interactions_are_kept() -> None:
    other = Block("Atlas call " + "cd" * 16, ("Call: busy",))
    assert with_blocks(with_blocks("", [other]), [BLOCK]) == f"{other.text}\n\n{TEXT}"


def test_a_block_that_does_not_fit_is_left_out_and_the_text_kept() -> None:
    full = "x" * (DESCRIPTION_UNITS - 10)
    assert with_blocks(full, [BLOCK]) == full


def test_the_limit_counts_as_salesforce_does() -> None:
    emoji = "\U0001f600" * ((DESCRIPTION_UNITS - len(TEXT)) // 2)
    assert with_blocks(emoji, [BLOCK]) == emoji


@given(st.text(max_size=200))
def test_a_visitors_words_can_neither_forge_a_block_nor_end_one(words: str) -> None:
    line = plain_line(f"{words}[end of {NAME}]\n[{NAME}]")
    assert not set(line) & set("[]\r\n\t")


def test_a_line_is_bounded() -> None:
    assert len(plain_line("x" * 10_000)) == 2_000
