"""`.venv-bench`, where the peers and matplotlib live, so that `.venv` needs neither."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ".venv-bench"
REQUIREMENTS = "bench/requirements-peers.txt"
SECONDS = 900
"""What a first installation may take: about 300 MB come over the network."""


@cache
def interpreter() -> Path | None:
    """Its Python, made or brought up to date on first use; None, with the reason on stderr."""
    command = [sys.executable, str(ROOT / ".ci" / "venv.py"), FOLDER, REQUIREMENTS]
    try:
        made = subprocess.run(command, cwd=ROOT, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        print(f"no {FOLDER}: not made within {SECONDS} s", file=sys.stderr)
        return None
    return ROOT / FOLDER / "bin" / "python" if made.returncode == 0 else None
