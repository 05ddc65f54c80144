"""Which commit the checkout stands on: what a record says about where released code came from.

What the code is, its hash says; the commit is for the person who looks for its source.
"""

from __future__ import annotations

import subprocess

from ops.stage_files import ROOT

_LIMIT_SECONDS = 10.0


def commit() -> str:
    """The checkout's commit, `+changes` when tracked files differ from it; "" without git."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*words: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", "-C", str(ROOT), *words],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=_LIMIT_SECONDS,
    )
    return done.stdout.strip()
