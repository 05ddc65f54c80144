"""Starts a sandbox of one's own as a child process, waits until it can be talked to, ends it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent.parent
START_LIMIT_SECONDS = 240.0
SERVE = (sys.executable, "-m", "sandbox", "serve")
_STOP_LIMIT_SECONDS = 20.0
# The child's own clock at the beginning of its lines; the caller has one too.
_STEP_TIME = re.compile(r"^\s*\d+\.\d s\s+")
_State = TypeVar("_State")


class SandboxError(Exception):
    """The sandbox could not be started or reached; `str()` is what to tell the person."""


@dataclass(frozen=True, slots=True)
class Address:
    """How to talk to a running sandbox's bot: what its state file says."""

    endpoint: str
    region: str
    bot_id: str
    bot_alias_id: str
    locale_id: str

    @classmethod
    def read(cls, state_file: Path) -> Address:
        """The address that `sandbox serve --state-file` wrote; SandboxError when there is none."""
        try:
            state = json.loads(state_file.read_text(encoding="utf-8"))
            return cls(**{name: str(state[name]) for name in cls.__dataclass_fields__})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SandboxError(
                f"{state_file} is no state file of a sandbox ({type(error).__name__}: {error}); "
                "start one with `python -m sandbox serve --state-file PATH`"
            ) from error


@contextlib.contextmanager
def own_sandbox(
    progress: Callable[[str], None], profile: str, scale: float, serve: Sequence[str] = SERVE
) -> Iterator[Address]:
    """A sandbox on a free port for the length of a `with`; no process outlives it.

    Raises SandboxError with the end of its output when it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="atlas-conversation-") as folder:
        state_file, log = Path(folder, "state.json"), Path(folder, "sandbox.log")
        arguments = ["--port", "0", "--profile", profile, "--scale", f"{scale:g}"]
        command = [*serve, *arguments, "--state-file", str(state_file)]
        with running(command, log) as process:
            yield _wait(process, state_file, log, progress, Address.read)


@contextlib.contextmanager
def own_bare_sandbox(progress: Callable[[str], None]) -> Iterator[str]:
    """The endpoint of a sandbox without latencies on which nothing is deployed; see above."""
    with tempfile.TemporaryDirectory(prefix="atlas-conversation-") as folder:
        state_file, log = Path(folder, "state.json"), Path(folder, "sandbox.log")
        command = [*SERVE, "--port", "0", "--bare", "--state-file", str(state_file)]
        with running(command, log) as process:
            yield _wait(process, state_file, log, progress, _endpoint)


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` with its output in `log`, in a session of its own, and end that session.

    A session of its own keeps Ctrl-C here, so that the child is ended once and in order.
    """
    with terminated_as_interrupt(), log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the child by its id, politely first; whatever is left of its session goes with it."""
    try:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_LIMIT_SECONDS)
    finally:
        # Also after a second Ctrl-C. The child leads its session, so its own id names all of it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind as Ctrl-C does, so that the child is ended then as well."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.signal(each, interrupt) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _endpoint(state_file: Path) -> str:
    try:
        return str(json.loads(state_file.read_text(encoding="utf-8"))["endpoint"])
    except (OSError, ValueError, KeyError) as error:
        raise SandboxError(f"{state_file}: {type(error).__name__}") from error


def _wait(
    process: subprocess.Popen[bytes],
    state_file: Path,
    log: Path,
    progress: Callable[[str], None],
    read: Callable[[Path], _State],
) -> _State:
    begin, shown = time.monotonic(), ""
    while True:
        # The file may be seen half written, so it counts from when it can be read.
        with contextlib.suppress(SandboxError):
            return read(state_file)
        line = "".join(_last_lines(log, 1))
        if line != shown:
            progress(_STEP_TIME.sub("", line))
        shown = line
        if process.poll() is not None:
            raise SandboxError(_told("the sandbox ended before it was ready", log))
        if time.monotonic() - begin > START_LIMIT_SECONDS:
            raise SandboxError(_told(f"the sandbox took over {START_LIMIT_SECONDS:.0f} s", log))
        time.sleep(0.05)


def _last_lines(log: Path, count: int) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.rstrip() for line in lines if line.strip()][-count:]


def _told(sentence: str, log: Path) -> str:
    return "\n".join([f"{sentence}; its last lines:", *(f"  {s}" for s in _last_lines(log, 15))])
