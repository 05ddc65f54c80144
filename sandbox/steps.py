"""One child process at a time, its output kept, and ended when the sandbox ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAST_LINES = 15


class StartError(Exception):
    """The sandbox cannot start; the message is what to tell the person."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended; `output` is stdout and stderr as they came."""

    returncode: int
    output: str

    def last_lines(self, count: int = _LAST_LINES) -> str:
        lines = [line.rstrip() for line in self.output.splitlines() if line.strip()]
        return "\n".join(f"  {line}" for line in lines[-count:])


def run(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], limit: float
) -> Finished:
    """Run to the end, `limit` seconds at most; any exception here ends the child's whole group."""
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
        return Finished(process.returncode, output)
    except subprocess.TimeoutExpired as exc:
        raise StartError(f"{' '.join(command[:4])} took over {limit:.0f} s") from exc
    finally:
        _end_group(process)
        if process.stdout is not None:
            process.stdout.close()


def _end_group(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    timer = threading.Timer(2, _kill_group, (process.pid,))
    timer.start()
    process.wait()
    timer.cancel()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
