"""Zips and bytecode that are the same, byte for byte, whenever and wherever they are made."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from ops.errors import RefusedError

# The earliest that a zip can say. Bytecode does not look at it: it is unchecked.
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
TASK_ROOT = "/var/task"
"""Where Lambda unpacks a zip: the place that tracebacks name."""


def compile_all(folder: Path, *names: str) -> None:
    """Write `__pycache__` for this interpreter's version, valid whatever the sources' times say.

    `names`: files and folders in `folder`. The sources stay beside it: tracebacks quote them, and
    an interpreter with another bytecode needs them. RefusedError names what does not compile.
    """
    command = [
        *(sys.executable, "-S", "-s", "-m", "compileall", "-q", "-f"),
        *("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", TASK_ROOT),
        *(str(folder / name) for name in names),
    ]
    # The order of a set's members would get into the bytecode.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RefusedError(f"not every module compiles: {done.stdout.strip()[:300]}")


def write_zip(folder: Path, target: Path, compression: int = zipfile.ZIP_DEFLATED) -> None:
    """Everything in `folder`, sorted by name, all of one time and mode."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.compress_type = compression
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, (folder / name).read_bytes(), compresslevel=9)
