"""The measuring processes: started with a clean environment, asked in turns, ended by their id."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.peers.contenders import Contender
from bench.peers_venv import ROOT

ANSWER_SECONDS = 90.0
"""For importing the slowest peer on a busy machine; a batch takes a fraction of a second."""
QUIET = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PIP_NO_INDEX": "1",
}
"""What keeps peers from calling home; `bench.peers.guard` would refuse them."""


class FailedError(Exception):
    """A contender that cannot be measured; `str()` is the reason that its row gives."""


class Measured:
    """One contender's process."""

    def __init__(self, contender: Contender, process: subprocess.Popen[str], results: Any) -> None:
        self.contender = contender
        self.refused: list[str] = []
        self._process = process
        self._results = results

    def ready(self) -> None:
        """Wait until it has done and checked everything once; FailedError says why not."""
        self._answer()

    def batch(self, order: Mapping[str, float]) -> dict[str, float]:
        """Operations, and seconds of `cpu` and `wall` for each."""
        assert self._process.stdin is not None  # noqa: S101 - tells mypy that it is a pipe
        try:
            print(json.dumps(order), file=self._process.stdin, flush=True)
        except BrokenPipeError as gone:
            raise FailedError("its process has ended") from gone
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        if not select.select([self._results], [], [], ANSWER_SECONDS)[0]:
            raise FailedError(f"no answer within {ANSWER_SECONDS:g} s")
        if not (line := self._results.readline()):
            raise FailedError("its process has ended")
        answer: dict[str, Any] = json.loads(line)
        self.refused = answer.pop("refused")
        if "failed" in answer:
            raise FailedError(answer["failed"])
        return answer


@contextmanager
def measured(
    contender: Contender, python: Path, material: Path, variables: Mapping[str, str]
) -> Iterator[Measured]:
    """A worker process for a contender; it ends with the block."""
    read, write = os.pipe()
    command = [str(python), "-m", "bench.peers.worker", contender.module, contender.subject]
    command += ["--material", str(material), "--results", str(write)]
    with (
        os.fdopen(read, encoding="utf-8") as results,
        subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            pass_fds=(write,),
            env=dict(variables),
        ) as process,
    ):
        os.close(write)
        try:
            yield Measured(contender, process, results)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(10)


def variables(url: str, folder: str, is_peer: bool, own: Mapping[str, str]) -> dict[str, str]:
    """A child's whole environment: the stand-in, nothing of the person's set-up, `own` beside."""
    paths = [str(ROOT)] if is_peer else [str(ROOT / "atlas"), str(ROOT)]
    return {
        **QUIET,
        **own,
        "PATH": os.environ.get("PATH", ""),
        "HOME": folder,
        "TMPDIR": folder,
        "PYTHONPATH": os.pathsep.join(paths),
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def own_python() -> Path:
    return Path(sys.executable)
