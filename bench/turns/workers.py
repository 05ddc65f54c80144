"""The processes in which turns run, and the orders they are given."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.conversation.child import ROOT
from sandbox.local_environment import child_environment

_ENDING_SECONDS = 10


class WorkerError(Exception):
    """A worker ended before it answered; its own words are on stderr."""


class WorkerProcess:
    """One process of `bench.turns.worker`; orders and answers are lines of JSON, in order."""

    def __init__(self, endpoint: str) -> None:
        read_end, write_end = os.pipe()
        environment = child_environment(endpoint, os.environ)
        # Turns shall find bytecode as they do in Lambda.
        del environment["PYTHONDONTWRITEBYTECODE"]
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "bench.turns.worker", "--results", str(write_end)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                text=True,
                pass_fds=(write_end,),
            )
        finally:
            os.close(write_end)
        self._results = os.fdopen(read_end, encoding="utf-8")

    def give(self, **order: Any) -> None:
        assert self._process.stdin is not None  # noqa: S101
        print(json.dumps(order), file=self._process.stdin, flush=True)

    def answer(self) -> Any:
        """The next answer, as long as it takes; WorkerError when the process is gone."""
        line = self._results.readline()
        if not line:
            raise WorkerError(f"worker {self._process.pid} ended with {self._process.wait()}")
        return json.loads(line)

    def end(self) -> None:
        """Close its input, which ends it, and its process if that does not."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._results.close()


@contextlib.contextmanager
def workers(endpoint: str, count: int) -> Iterator[list[WorkerProcess]]:
    """So many processes, none of which outlives the `with`."""
    started: list[WorkerProcess] = []
    try:
        for _ in range(count):
            started.append(WorkerProcess(endpoint))
        yield started
    finally:
        for worker in started:
            worker.end()


def all_of(team: Sequence[WorkerProcess], **order: Any) -> list[Any]:
    """What each of them answers to the same order, which they carry out side by side."""
    for worker in team:
        worker.give(**order)
    return [worker.answer() for worker in team]
