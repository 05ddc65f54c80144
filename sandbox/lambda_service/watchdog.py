"""Ends environments whose sandbox died without closing them, a frozen one included.

A process of its own reads the ids from a pipe: however the sandbox ends, the pipe closes, and what
is still listed is killed. PR_SET_PDEATHSIG would do without a process, but it fires when the
thread that started the child ends, and macOS has none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


class OrphanGuard:
    """The sandbox's side; starts the watching process with the first environment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, pid: int) -> None:
        self._tell(b"+%d\n" % pid)

    def remove(self, pid: int) -> None:
        self._tell(b"-%d\n" % pid)

    def close(self) -> None:
        """End the watching process; whatever is still listed ends with it."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()

    def _tell(self, line: bytes) -> None:
        with self._lock:
            if self._process is None:
                self._process = _start()
            if self._process.stdin is not None:
                # Without the guard the environments still run; only the last resort is missing.
                with contextlib.suppress(OSError):
                    self._process.stdin.write(line)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        bufsize=0,
    )


def watch() -> None:
    """Keep the list of process groups until the pipe closes, then kill those that are left."""
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        change = groups.add if line.startswith(b"+") else groups.discard
        change(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    watch()
