"""Single operations of Atlas beside those of packages from PyPI, all in one run.

    python -m bench.operations [--rounds 12] [--imports 10] [--out bench/results/operations.md]

Response-cache hits, the overhead of a model call, a cached secret, cold imports and sizes. Each
contender has a process of its own; batches are interleaved, round after round. Everybody gets the
same prompts and answers, from a stand-in for AWS in this process that adds no latency. Whatever a
contender returns is compared with what it must be, and its calls of the stand-in are counted, so
that no row is a hit that was none. The peers live in `.venv-bench`, which is made on first use;
without an index to install from, their rows are left out and the reason is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.aws_stand_in import ANSWER, StandIn, stand_in
from bench.figures import load
from bench.operations.imports import import_table
from bench.operations.table import Row, chosen_pins, section_table
from bench.peers.atlas import asked, prompt
from bench.peers.contenders import SECTIONS, Section
from bench.peers.processes import FailedError, Measured, measured, own_python, variables
from bench.peers.subject import Material
from bench.peers_venv import REQUIREMENTS, ROOT, interpreter
from chalicelib.settings import Settings
from ops.environment import environment

BATCH_SECONDS = 0.02
NOTES = """\
Ratios are to Atlas's first row: above 1x the contender takes longer. In the first table Atlas
begins with the visitor's words, finds the sample utterance that asks the same and makes its key of
that prompt on each turn; the peers are given the ready prompts, and would not find them by the
visitor's words. All calls go over plain HTTP: TLS would add the same to each.
litellm is of the newest release line whose local cache answers in a plain installation; in later
ones a hit imports packages that it leaves undeclared (github.com/BerriAI/litellm/issues/42195).
Sizes are without bytecode, with all that must be installed; Atlas's is everything in
atlas/requirements.txt before `make package` slims it."""


def wording(request: Mapping[str, Any]) -> str:
    """What the stand-in's model says: another answer to every question, of the same length."""
    return answer_to(request["messages"][-1]["content"][0]["text"])


def answer_to(asked_text: str) -> str:
    return f"{ANSWER} This answers question {zlib.crc32(asked_text.encode()):08x}."


def material_in(folder: str, served: StandIn) -> Material:
    own = [prompt(*each) for each in asked()]
    route = Settings.from_env(environment("local")).routes["simple"]
    texts = [each.messages[0].text for each in own]
    return Material(
        url=served.url,
        model=route.models[0],
        folder=folder,
        secret=served.answer("GetSecretValue", {})[1]["SecretString"],
        questions=asked(),
        prompts=[(each.system, text) for each, text in zip(own, texts, strict=True)],
        answers=[answer_to(text) for text in texts],
    )


class Run:
    """One run against one stand-in, with everything that was refused in it."""

    def __init__(self, served: StandIn, folder: str, peers: Path | None, rounds: int) -> None:
        self.refused: Counter[str] = Counter()
        self._served = served
        self._folder = folder
        self._peers = peers
        self._rounds = rounds
        self._material = Path(folder) / "material.json"
        self._material.write_text(json.dumps(asdict(material_in(folder, served))))

    def section(self, section: Section) -> str:
        """A section's table, its contenders measured in turns."""
        rows = {
            contender: Row(contender)
            for contender in section.contenders
            if self._peers is not None or not contender.is_peer
        }
        with ExitStack() as stack:
            started = [self._started(row, stack) for row in rows.values()]
            ready = [each for each in started if _is_ready(each, rows[each.contender])]
            for _ in range(self._rounds):
                for process in ready:
                    self._measure(process, rows[process.contender], section)
            for process in ready:
                self.refused.update(process.refused)
        return section_table(section.title, list(rows.values()))

    def _started(self, row: Row, stack: ExitStack) -> Measured:
        is_peer = row.contender.is_peer
        own = {} if is_peer else environment("local")
        return stack.enter_context(
            measured(
                row.contender,
                self._peers if is_peer and self._peers else own_python(),
                self._material,
                variables(self._served.url, self._folder, is_peer, own),
            )
        )

    def _measure(self, process: Measured, row: Row, section: Section) -> None:
        if row.failed:
            return
        before = sum(self._served.calls.values())
        try:
            order = {"operations": section.operations, "seconds": BATCH_SECONDS}
            found = process.batch(order)
        except FailedError as failed:
            row.failed = str(failed)
            return
        row.add(found, sum(self._served.calls.values()) - before)


def _is_ready(process: Measured, row: Row) -> bool:
    _tell(f"  waiting for {row.contender.name}: {row.contender.way}")
    try:
        process.ready()
    except FailedError as failed:
        row.failed = str(failed)
    return not row.failed


def main() -> None:
    parser = argparse.ArgumentParser(description="Operations of Atlas beside packages from PyPI.")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--imports", type=int, default=10)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    peers = interpreter()
    report = [*_report(peers, given.rounds, given.imports)]
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text("\n".join(report), encoding="utf-8")


def _report(peers: Path | None, rounds: int, imports: int) -> Iterator[str]:
    with stand_in() as served, tempfile.TemporaryDirectory() as folder:
        served.words_apart_seconds, served.wording = 0.0, wording
        run = Run(served, folder, peers, rounds)
        yield from map(_say, _head(peers, rounds))
        for section in SECTIONS:
            yield _say(run.section(section))
        table, refused = import_table(peers, imports, served.url, folder)
        run.refused.update(refused)
        yield _say(table)
    yield _say(_closing(run.refused))


def _head(peers: Path | None, rounds: int) -> Iterator[str]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield "# Operations beside packages from PyPI\n"
    yield f"Python {version}, {load()}; medians and least of {rounds} interleaved batches.\n"
    yield f"{', '.join(chosen_pins((ROOT / REQUIREMENTS).read_text(encoding='utf-8')))}.\n"
    yield f"{NOTES}\n"
    if peers is None:
        yield "The peers' rows are missing: their venv could not be made.\n"


def _closing(refused: Mapping[str, int]) -> str:
    if not refused:
        return "No process tried to reach anything but 127.0.0.1.\n"
    wanted = ", ".join(f"{whom} ({times})" for whom, times in sorted(refused.items()))
    return f"Refused, being no address of this machine: {wanted}.\n"


def _say(text: str) -> str:
    print(text, flush=True)
    return text


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
