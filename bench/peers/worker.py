"""Measures one contender in a process of its own; `bench.operations` starts it.

    python -m bench.peers.worker MODULE NAME --material FILE --results DESCRIPTOR

The contender is `SUBJECTS[NAME]` of that module. Each line on the standard input asks for a batch
and each line on the descriptor answers, what peers print goes elsewhere.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.peers import guard
from bench.peers.subject import Material, Subject

CALIBRATING_SECONDS = 0.005


class WrongAnswerError(Exception):
    """An operation that did not do what its row claims."""


def checked(subject: Subject) -> None:
    """Every operation once, and then again; WrongAnswerError when one returns something else.

    The first round fills what is to be hit, the second one must find it.
    """
    for _ in range(2):
        for number, wanted in enumerate(subject.wanted):
            if (found := subject.operation(number)) != wanted:
                raise WrongAnswerError(f"{found!r} is not {wanted!r}")


def batch(subject: Subject, operations: int) -> dict[str, Any]:
    """CPU and wall seconds per operation of so many, the last one's result looked at again."""
    size, operation = len(subject.wanted), subject.operation
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(operations):
        found = operation(number % size)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if found != subject.wanted[(operations - 1) % size]:
        raise WrongAnswerError(f"{found!r} in the middle of measuring")
    return {"operations": operations, "cpu": cpu / operations, "wall": wall / operations}


def sized(subject: Subject, seconds: float) -> int:
    """How many operations take about so long: whole rounds over all of them."""
    size, rounds = len(subject.wanted), 1
    while (took := batch(subject, rounds * size)["wall"] * rounds * size) < CALIBRATING_SECONDS:
        rounds *= 2
    return max(1, round(rounds * seconds / took)) * size


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("name")
    parser.add_argument("--material", type=Path, required=True)
    parser.add_argument("--results", type=int, required=True)
    asked = parser.parse_args()
    guard.install()
    with os.fdopen(asked.results, "w", encoding="utf-8") as results:

        def say(answer: dict[str, Any]) -> None:
            print(json.dumps({**answer, "refused": guard.refused}), file=results, flush=True)

        try:
            material = Material(**json.loads(asked.material.read_text(encoding="utf-8")))
            subject = importlib.import_module(asked.module).SUBJECTS[asked.name](material)
            checked(subject)
            say({"ready": True})
            for line in sys.stdin:
                order = json.loads(line)
                operations = order.get("operations") or sized(subject, order["seconds"])
                say(batch(subject, operations))
        except Exception as failed:
            # A peer that does not work is a row of the table, and no end of the benchmark.
            say({"failed": f"{type(failed).__name__}: {failed}"})
    # Peers leave threads behind that nobody waits for.
    os._exit(0)


if __name__ == "__main__":
    main()
