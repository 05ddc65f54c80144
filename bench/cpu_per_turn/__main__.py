"""CPU per whole turn through the real handler, beside the predecessor's way and an empty one.

    python -m bench.cpu_per_turn [--rounds 20] [--turns 10]

Every contender runs in a process of its own, traced as in Lambda and with its log in a
file; the rounds are interleaved. AWS is a stand-in in this process, so its CPU is not counted.
Counted is the process's CPU from the handler's call until its worker threads have come to rest:
parsing the event and sending the reply are Lambda's runtime's, and not counted for anybody.
Over plain HTTP: TLS adds some 0.1 ms to a call on a kept connection, and 20 ms to a new context.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.aws_stand_in import StandIn, stand_in
from bench.figures import load, table
from ops.environment import environment

CONTENDERS = ("empty", "atlas", "predecessor")
AIM_MS = {"memory": 0.5, "table": 2.0}
Figures = dict[tuple[str, str], list[tuple[float, float]]]


class Contender:
    """One process that runs turns when it is told to."""

    def __init__(self, name: str, process: subprocess.Popen[str], results: Any) -> None:
        self.name = name
        self._process = process
        self._results = results
        self.kinds: list[str] = self._answer()

    def run(self, kind: str, turns: int) -> list[tuple[float, float]]:
        """CPU seconds of that many turns: the process's, and the turn's own thread's."""
        assert self._process.stdin is not None  # noqa: S101 - tells mypy that it is a pipe
        print(json.dumps({"kind": kind, "turns": turns}), file=self._process.stdin, flush=True)
        return [(whole, own) for whole, own in self._answer()]

    def _answer(self) -> Any:
        if not (line := self._results.readline()):
            raise SystemExit(f"the process of {self.name} has ended")
        return json.loads(line)


@contextmanager
def contender(name: str, served: StandIn) -> Iterator[Contender]:
    """A process of `turns_in_process`; it ends with the block."""
    read, write = os.pipe()
    command = [sys.executable, "-m", "bench.cpu_per_turn.in_process", name, "--results", str(write)]
    with (
        tempfile.TemporaryFile() as log,
        os.fdopen(read, encoding="utf-8") as results,
        subprocess.Popen(  # noqa: S603 - this interpreter, this project
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            text=True,
            pass_fds=(write,),
            env=variables(served),
        ) as process,
    ):
        os.close(write)
        try:
            yield Contender(name, process, results)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(10)


def variables(served: StandIn) -> dict[str, str]:
    """What Lambda sets, and what the deployment sets."""
    return {
        **environment("local"),
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AWS_ENDPOINT_URL": served.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_LAMBDA_FUNCTION_NAME": "atlas-local-lex_fulfillment",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        "LAMBDA_TASK_ROOT": os.getcwd(),
        "AWS_XRAY_DAEMON_ADDRESS": served.xray_address,
    }


def measure(rounds: int, turns: int) -> Figures:
    """All kinds of all contenders, round after round; the first round warms up and is dropped."""
    figures: Figures = {}
    with stand_in() as served, ExitStack() as stack:
        contenders = [stack.enter_context(contender(name, served)) for name in CONTENDERS]
        for round_ in range(rounds + 1):
            for each in contenders:
                # The model's turns first: what they store is what the table's turns find.
                for kind in sorted(each.kinds, key=lambda kind: kind != "model"):
                    served.has_answers = kind.startswith("table")
                    measured = each.run(kind, turns)
                    if round_:
                        figures.setdefault((each.name, kind), []).extend(measured)
    return figures


def rows(figures: Figures) -> Iterator[list[str]]:
    base = _median_ms(figures["empty", "nothing"])
    chat = _median_ms(figures["predecessor", "chat, model"])
    for (name, kind), measured in figures.items():
        whole = sorted(1000 * process for process, _ in measured)
        own = statistics.median(1000 * thread for _, thread in measured)
        median = statistics.median(whole)
        aim = AIM_MS.get(kind.partition(",")[0]) if name == "atlas" else None
        yield [
            *(name, kind, str(len(measured)), f"{median:.2f}", f"{own:.2f}"),
            *(f"{statistics.fmean(whole):.2f}", f"{whole[round(0.95 * (len(whole) - 1))]:.2f}"),
            f"{(median - base) / (chat - base):.2f}",
            "" if aim is None else f"{aim} ms: {'reached' if median <= aim else 'missed'}",
        ]


def _median_ms(measured: list[tuple[float, float]]) -> float:
    return statistics.median(1000 * process for process, _ in measured)


HEAD = (
    *("contender", "turn", "turns", "CPU ms, median", "of it the turn's thread"),
    *("mean", "p95", "median to the predecessor's chat turn", "aim"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU per turn, side by side.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--turns", type=int, default=10)
    arguments = parser.parse_args()
    print(table(HEAD, rows(measure(arguments.rounds, arguments.turns))))
    print(f"\n{load()}")


if __name__ == "__main__":
    main()
