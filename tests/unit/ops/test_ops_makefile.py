"""The Makefile's promises to a stranger: one clear line for a wrong Python, or no network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.stage_files import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What make needs for its environment, in a folder of its own."""
    (tmp_path / ".ci").mkdir()
    for name in ("Makefile", ".ci/venv.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "requirements-dev.txt").write_text("atlas-no-such-pin==0.0.1\n")
    return tmp_path


def make(clone: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=clone,
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def own_lines(error: str) -> list[str]:
    """What was written to stderr, without make's own line that names the recipe."""
    return [line for line in error.splitlines() if not line.startswith("make: *** ")]


def test_wrong_python_is_one_line_that_says_which_fit(clone: Path) -> None:
    done = make(clone, "generate", "PYTHON=/bin/false")
    assert done.returncode
    [line] = own_lines(done.stderr)
    assert "needs Python 3.11, 3.12 or 3.13" in line
    assert not (clone / ".venv").exists()


def test_pip_without_network_is_one_line_after_the_announcement(clone: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "0", "PIP_EXTRA_INDEX_URL": ""}
    done = make(clone, "generate", f"PYTHON={sys.executable}", **nowhere)
    assert done.returncode
    announcement, line = own_lines(done.stderr)
    assert announcement.startswith("setting up .venv with Python 3.1")
    assert line.startswith("make: pip could not install the pins (no network?): ERROR")
    assert not (clone / ".venv/.stamp").exists()


def test_help_lists_every_verb_that_the_readme_names(clone: Path) -> None:
    listed = set(re.findall(r"make (\w+)", make(clone, "help").stdout))
    assert listed == {
        *("help", "demo", "chat", "run", "test", "lint", "types"),
        *("package", "wheels", "local", "generate", "bench", "evaluate", "clean"),
        *("deploy", "release", "audit", "production"),
    }
    named = set(re.findall(r"(?m)(?:^|`)make (\w+)", (ROOT / "README.md").read_text()))
    assert named <= listed


def test_bench_runs_each_measurement_and_names_those_that_fail(clone: Path) -> None:
    python = clone / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "ran $2"\n[ "$2" != bench.outages ]\n')
    python.chmod(0o755)
    (clone / ".venv/.stamp").touch()
    done = make(clone, "bench")
    runnable = {f"bench.{file.parent.name}" for file in (ROOT / "bench").glob("*/__main__.py")} | {
        f"bench.{file.stem}"
        for file in (ROOT / "bench").glob("*.py")
        if '__name__ == "__main__"' in file.read_text(encoding="utf-8")
    }
    ran = re.findall(r"(?m)^ran (\S+)$", done.stdout)
    assert (set(ran), len(ran)) == (runnable, len(runnable))
    assert done.returncode
    assert own_lines(done.stderr) == ["make: not as promised: outages"]
