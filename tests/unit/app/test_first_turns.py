"""What a visitor's turn may not pay for, in fresh environments before four states of AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.aws_stand_in import StandIn, stand_in
from bench.cpu_per_turn.__main__ import variables

ROOT = Path(__file__).parents[3]
ROUNDS = 2
BOTOCORES_OWN = "compile {(.*?)}"
"""Compiled with the first call of a service whose paths have parameters, such as Bedrock."""

Turn = tuple[str, list[str]]


def events() -> list[Any]:
    """One of every kind of turn, and one that is unusable."""
    files = sorted((ROOT / "tests" / "events").glob("*.json"))
    return [*(json.loads(file.read_text(encoding="utf-8")) for file in files), {}]


def quick(served: StandIn) -> None:
    pass


def stored(served: StandIn) -> None:
    """Another environment has made every answer, and this one has not read them at its start."""
    turns_before(quick, served)
    served.has_answers = True


def late(served: StandIn) -> None:
    served.words_apart_seconds = 0.03


def unreachable(served: StandIn) -> None:
    served.url = "http://127.0.0.1:1"


def turns_before(prepare: Callable[[StandIn], None], served: StandIn) -> list[Turn]:
    """The answers' sources and what was paid, of each turn of a new environment."""
    prepare(served)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.first_turns", str(ROUNDS)],
        input=json.dumps(events()),
        env=variables(served),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [(source, paid) for source, paid in json.loads(ended.stderr.splitlines()[-1])]


@pytest.fixture(
    scope="module", params=[quick, stored, late, unreachable], ids=lambda each: each.__name__
)
def turns(request: pytest.FixtureRequest) -> tuple[str, list[Turn]]:
    with stand_in() as served:
        return request.param.__name__, turns_before(request.param, served)


def test_the_turns_were_what_they_should_be(turns: tuple[str, list[Turn]]) -> None:
    name, answered = turns
    kinds = {
        "quick": {"model", "memory"},
        "stored": {"table", "memory"},
        "late": {"partial"},
        "unreachable": {"grounded"},
    }
    assert {source for source, _ in answered} >= {"fixed", *kinds[name]}


def test_no_visitor_waits_for_an_import_a_client_or_a_tls_context(
    turns: tuple[str, list[Turn]],
) -> None:
    paid = [each for _, paid in turns[1] for each in paid if not each.startswith("compile ")]
    assert paid == []


def test_what_was_answered_once_compiles_nothing_the_second_time(
    turns: tuple[str, list[Turn]],
) -> None:
    again = turns[1][len(turns[1]) // ROUNDS :]
    assert [paid for _, paid in again if paid] == []


def test_only_a_number_of_a_new_country_compiles_anything_of_ours(
    turns: tuple[str, list[Turn]],
) -> None:
    """Its patterns wait for the first number: those of all countries would take a second."""
    compiling = {
        event["sessionState"]["intent"]["name"]
        for event, (_, paid) in zip(events(), turns[1], strict=False)
        if set(paid) - {BOTOCORES_OWN}
    }
    assert compiling <= {"InitiateDemo", "DeleteMyInfoIntent", "StopCallingIntent"}
