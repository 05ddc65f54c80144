"""The terminal: a notice comes above what is typed, and waits where it cannot."""

from __future__ import annotations

import io
import sys

import pytest

from sandbox.conversation.terminal import Terminal, own_terminal


class Paper:
    """What was written; while a line is read, `during` happens."""

    def __init__(self, typed: str | None) -> None:
        self.text = ""
        self.notices: list[str] = []
        so_far = None if typed is None else (lambda: typed)
        self.terminal = Terminal(self.read, self.write, so_far)

    def read(self, prompt: str) -> str:
        self.write(prompt)
        while self.notices:
            self.terminal.notify(self.notices.pop(0))
        return "a line"

    def write(self, text: str) -> None:
        self.text += text


def test_notice_stands_above_the_line_that_is_typed() -> None:
    paper = Paper("how lo")
    paper.notices = ["*** ring"]
    assert paper.terminal.read("you> ") == "a line"
    assert paper.text == "you> \r\x1b[K*** ring\nyou> how lo"


def test_notice_waits_for_the_end_of_a_line_that_cannot_be_shown_again() -> None:
    paper = Paper(None)
    paper.notices = ["*** ring", "*** stopped"]
    paper.terminal.read("you> ")
    paper.terminal.tell("bot> hello")
    paper.terminal.read("you> ")
    assert paper.text == "you> bot> hello\n*** ring\n*** stopped\nyou> "


def test_notice_between_lines_comes_at_once() -> None:
    paper = Paper(None)
    paper.terminal.notify("*** ring")
    assert paper.text == "*** ring\n"


def test_line_that_ends_the_input_leaves_no_prompt_behind() -> None:
    def read(prompt: str) -> str:
        raise EOFError

    text: list[str] = []
    terminal = Terminal(read, text.append, lambda: "")
    with pytest.raises(EOFError):
        terminal.read("you> ")
    terminal.notify("*** ring")
    assert text == ["*** ring\n"]


def test_piped_terminal_shows_what_it_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9 \n")))
    terminal = own_terminal()
    assert not terminal.is_live
    assert terminal.read("you> ") == "caf\ufffd"
    with pytest.raises(EOFError):
        terminal.read("you> ")
    assert capsys.readouterr().out == "you> caf\ufffd\n"
