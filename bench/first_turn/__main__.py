"""From process start to the first answered turn: the predecessor's package beside Atlas's.

    python -m bench.first_turn [--runs 15] [--ladder]

Fresh processes in interleaved rounds, all started alike, as in Lambda: `LAMBDA_TASK_ROOT` set,
X-Ray on, nothing importable but the package and the standard library. AWS answers at once over
HTTP on this machine, so what is measured is what the process itself does. --ladder measures the
steps of the slimming one after the other. Exits 1 when the aim is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.aws_stand_in import StandIn, stand_in
from bench.figures import load, table
from bench.first_turn.packages import Packed, ladder, packages

AIM = 0.6
LIMIT_SECONDS = 60
_HERE = Path(__file__).parent
_EVENT = _HERE.parents[1] / "tests/events/about_technology_fulfillment.json"
# The form of the example in the X-Ray developer guide.
_TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
_PROCESS = _HERE / "process.py"


@dataclass(frozen=True, slots=True)
class Start:
    """One process, in milliseconds: until its code runs, importing, the first turn; and its CPU,
    which another process's load changes less."""

    python: float
    importing: float
    turn: float
    cpu: float

    @property
    def whole(self) -> float:
        return self.python + self.importing + self.turn


@dataclass(slots=True)
class Contender:
    """A package unpacked, and how its starts went."""

    packed: Packed
    folder: Path
    starts: list[Start] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(start.whole for start in self.starts)


def unpack(packed: Packed, folder: Path) -> Contender:
    with zipfile.ZipFile(packed.path) as archive:
        archive.extractall(folder)
    if packed.compiled:
        command = [sys.executable, "-m", "compileall", "-q", str(folder)]
        # Test files of some wheels are not meant to compile.
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    return Contender(packed, folder)


def start(contender: Contender, served: StandIn) -> Start:
    """A fresh process, to its first answer."""
    # Each start finds the table as empty as the first one did.
    served.items.clear()
    command = [sys.executable, "-I", "-S", "-B", str(_PROCESS), str(contender.folder)]
    used, began = _children_seconds(), time.monotonic()
    done = subprocess.run(  # noqa: S603
        [*command, contender.packed.handler, str(_EVENT)],
        env=_variables(contender, served),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{contender.packed.name}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    if not told["text"] or told["source"] not in ("", "model"):
        raise SystemExit(f"{contender.packed.name} did not answer by the model: {told}")
    marks = (began, told["began"], told["imported"], told["answered"])
    python, importing, turn = ((after - before) * 1000 for before, after in pairwise(marks))
    return Start(python, importing, turn, (_children_seconds() - used) * 1000)


def _children_seconds() -> float:
    """The CPU of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _variables(contender: Contender, served: StandIn) -> dict[str, str]:
    """Lambda's variables and the stage's; nothing of this process's."""
    address, port = served.xray_address.split(":")
    return {
        **contender.packed.variables,
        "PATH": os.environ["PATH"],
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_SESSION_TOKEN": "bench",
        "AWS_ENDPOINT_URL": served.url,
        "AWS_LAMBDA_FUNCTION_NAME": "atlas-local-lex_fulfillment",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{address}:{port}",
        "_X_AMZN_TRACE_ID": _TRACE,
        "LAMBDA_TASK_ROOT": str(contender.folder),
    }


def measured(packed: Sequence[Packed], runs: int) -> list[Contender]:
    """Every package's starts, in rounds; the first round only warms the page cache."""
    with tempfile.TemporaryDirectory(prefix="atlas-first-turn-") as folder, stand_in() as served:
        served.words_apart_seconds = 0.0
        contenders = [unpack(each, Path(folder) / str(at)) for at, each in enumerate(packed)]
        for _ in range(runs + 1):
            for contender in contenders:
                contender.starts.append(start(contender, served))
        for contender in contenders:
            del contender.starts[0]
    return contenders


def report(contenders: Sequence[Contender]) -> str:
    """The table; ratios are of medians."""
    first = contenders[0].median
    head = ("package", "zip MB", "unzipped MB", "least", "median", "most")
    return table(
        (*head, "python", "import", "turn", "CPU", "ratio"),
        (_row(each, first) for each in contenders),
    )


def _row(contender: Contender, first: float) -> tuple[str, ...]:
    wholes = [start.whole for start in contender.starts]
    parts = [
        statistics.median(getattr(start, name) for start in contender.starts)
        for name in ("python", "importing", "turn", "cpu")
    ]
    sizes = (f"{each / 1_000_000:.2f}" for each in contender.packed.sizes())
    times = (f"{each:.0f}" for each in (min(wholes), contender.median, max(wholes), *parts))
    return (contender.packed.name, *sizes, *times, f"{contender.median / first:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Process start to the first answered turn.")
    parser.add_argument("--runs", type=int, default=15, help="processes of each kind")
    parser.add_argument("--ladder", action="store_true", help="the slimming step by step")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atlas-packages-") as folder:
        made = ladder(Path(folder)) if arguments.ladder else packages(Path(folder))
        contenders = measured(made, arguments.runs)
        print(f"{arguments.runs} fresh processes of each kind, in turns; milliseconds; {load()}\n")
        print(report(contenders))
    return 0 if arguments.ladder else _verdict(contenders[0], contenders[-1])


def _verdict(predecessor: Contender, atlas: Contender) -> int:
    ratio = atlas.median / predecessor.median
    print(f"\n{ratio:.2f} of the predecessor's time; the aim is {AIM} at most.")
    return int(ratio > AIM)


if __name__ == "__main__":
    sys.exit(main())
