"""`python -m sandbox.conversation` as a person and a shell use it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conversation_fakes import ADDRESS

from sandbox.conversation import command_line
from sandbox.conversation.layout import width_for

ROOT = Path(__file__).resolve().parents[3]


def run(code: str, **options: int) -> subprocess.CompletedProcess[str]:
    """Run the module with `code` in place of its command line's `main`."""
    script = f"""
import runpy, sys, types
stand_in = types.ModuleType("sandbox.conversation.command_line")
def main():
    {code}
stand_in.main = main
sys.modules["sandbox.conversation.command_line"] = stand_in
runpy.run_module("sandbox.conversation", run_name="__main__")
"""
    command = [sys.executable, "-c", script]
    streams = {"stdout": subprocess.PIPE} | options
    return subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **streams)


def test_interrupt_at_any_time_is_one_word() -> None:
    done = run("raise KeyboardInterrupt")
    assert (done.returncode, done.stderr) == (130, "\ninterrupted\n")


def test_reader_that_left_ends_it_without_a_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run("print('x' * 100, flush=True)", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("scale", ["x", "-1", "nan", "1001"])
def test_wrong_scale_is_told_before_anything_starts(
    scale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["demo", f"--scale={scale}"])
    assert ended.value.code == 2
    assert f"must be a number from 0 to 1000, not {scale!r}" in capsys.readouterr().err


def test_piped_chat_reads_as_a_transcript(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    names = ("endpoint", "region", "bot_id", "bot_alias_id", "locale_id")
    state.write_text(str({name: getattr(ADDRESS, name) for name in names}).replace("'", '"'))
    monkeypatch.setattr(command_line, "Conversation", lambda address: None)
    monkeypatch.setattr(command_line, "Backstage", lambda address, control: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"/caf\xe9\n/quit\n")))
    assert command_line.main(["chat", "--state-file", str(state)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("you> ")] == ["you> /caf\ufffd", "you> /quit"]


@pytest.mark.parametrize(
    ("columns", "width"), [(80, 80), (140, 140), (200, 140), (20, 60), (0, 100)]
)
def test_width_is_the_terminals_within_bounds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, columns: int, width: int
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    with (tmp_path / "terminal").open("w") as terminal:
        assert width_for(terminal) == width


def test_width_of_a_file_is_a_hundred_columns(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        assert width_for(file) == 100
