"""docs/runbooks/: each command can be typed, each link and file is there, each page is listed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ops.__main__ import _parser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "runbooks"
PAGES = sorted(FOLDER.glob("*.md"))
_COMMAND = re.compile(r"`python -m ops ([^`]+)`")
_LINK = re.compile(r"\]\(([^)#]+)\)")
_FILE = re.compile(r"`((?:ops|infra|tests|stepfunctions|docs)/[^`]+)`|\b(docs/decisions/\S+\.md)")


def text(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split())


COMMANDS = sorted({c for page in PAGES for c in _COMMAND.findall(text(page))})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_ops_takes(command: str) -> None:
    assert _parser().parse_args(shlex.split(command))


def test_commands_are_found() -> None:
    assert {"rollback --stage prod", "leads list --stage prod"} <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_and_file_is_there(page: Path) -> None:
    for link in _LINK.findall(text(page)):
        assert (FOLDER / link).is_file(), link
    for quoted, plain in _FILE.findall(text(page)):
        assert (ROOT / (quoted or plain)).exists(), quoted or plain


def test_every_page_is_listed() -> None:
    listed = set(_LINK.findall(text(FOLDER / "README.md")))
    assert listed == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "README"], ids=lambda p: p.stem)
def test_a_page_begins_with_what_visitors_notice_and_what_to_do(page: Path) -> None:
    title, before, rest = page.read_text(encoding="utf-8").partition("\n\n")
    notice, first = re.split(r"\n(?=- )", rest.partition("\n\n")[0])
    assert title.startswith("# ")
    assert before
    assert re.fullmatch(r"- \*\*Visitors notice:\*\* \S.+", notice, re.DOTALL)
    assert re.match(r"- \*\*Do first:\*\* \S", first)
    assert len(notice.splitlines()) + len(first.splitlines()) <= 4


def test_lambdas_own_lines_are_asked_for_where_a_page_reads_them() -> None:
    crashed = text(FOLDER / "turns-crashed.md")
    assert "--platform`: `Task timed out`" in crashed
