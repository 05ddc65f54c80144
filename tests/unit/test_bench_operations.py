"""What the operations' benchmark makes of its measurements, and how it keeps rows honest."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bench.operations.__main__ import answer_to, wording
from bench.operations.imports import peak_bytes, shipped_packages
from bench.operations.table import Row, cells, chosen_pins, megabytes, ratio, section_table, spoken
from bench.peers.contenders import ATLAS, SECTIONS, Contender
from bench.peers.guard import is_loopback
from bench.peers.sizes import applies, required
from bench.peers.subject import Subject
from bench.peers.worker import WrongAnswerError, batch, checked, sized
from bench.peers_venv import REQUIREMENTS, ROOT

HIT = Contender("peer", "get", "bench.peers.cache_hits", "dict_store")
CALL = Contender("peer", "ask", "bench.peers.model_calls", "boto3_whole", calls=1)
BATCH = {"operations": 20, "cpu": 2e-6, "wall": 3e-6}


def row(contender: Contender, *cpus: float) -> Row:
    filled = Row(contender)
    for cpu in cpus:
        filled.add({"operations": 10, "cpu": cpu, "wall": 2 * cpu}, 10 * contender.calls)
    return filled


def test_every_row_names_something_that_can_be_measured() -> None:
    contenders = [each for section in SECTIONS for each in section.contenders]
    for each in contenders:
        assert each.subject in import_module(each.module).SUBJECTS
    assert all(section.contenders[0].module == ATLAS for section in SECTIONS)


def test_row_shows_medians_minima_and_the_ratio_to_the_first_row() -> None:
    peer = row(HIT, 8e-6, 4e-6, 6e-6)
    assert cells(peer, [1e-6, 2e-6, 9e-6]) == [
        *("peer", "get", "6.00 µs", "4.00 µs", "12.0 µs", "8.00 µs", "3.00x", "30"),
    ]


@pytest.mark.parametrize(("contender", "calls"), [(HIT, 1), (CALL, 19), (CALL, 21), (CALL, 0)])
def test_hit_that_asked_the_model_and_call_that_did_not_are_not_measured(
    contender: Contender, calls: int
) -> None:
    measured = Row(contender)
    measured.add(BATCH, calls)
    assert f"not measured: {calls} calls of the stand-in" in cells(measured, [1e-6])[2]


def test_reason_of_a_failure_stays_in_its_cell() -> None:
    failed = Row(HIT, failed="ImportError: no\n| such | thing")
    lines = section_table("Hits", [row(HIT, 1e-6), failed]).splitlines()
    [line] = [line for line in lines if "not measured" in line]
    assert "not measured: ImportError: no / such / thing" in line
    assert line.count("|") == lines[2].count("|")


def test_table_without_atlas_has_no_ratios() -> None:
    failed, peer = Row(HIT, failed="gone"), row(HIT, 1e-6)
    assert cells(peer, failed.cpu)[6] == "-"


def test_figures_have_three_digits_in_the_unit_that_fits() -> None:
    values = (2.94, 0.0123, 45.94e-6, 356.4e-9, 1234.0)
    assert [spoken(value) for value in values] == [
        *("2.94 s", "12.3 ms", "45.9 µs", "356 ns", "1,234 s")
    ]
    assert (ratio(1, 3), ratio(1, 1000), ratio(1, 0)) == ("0.33x", "-", "-")
    assert (megabytes(131_858_772), megabytes(0)) == ("132 MB", "-")


def test_operation_that_returns_something_else_is_no_measurement() -> None:
    with pytest.raises(WrongAnswerError):
        checked(Subject(lambda n: "a", ["a", "b"]))
    forgetful = iter("ab" + "bbb")
    with pytest.raises(WrongAnswerError):
        checked(Subject(lambda n: next(forgetful), ["a", "b"]))
    with pytest.raises(WrongAnswerError):
        batch(Subject(lambda n: None, ["a"]), 3)


def test_batch_goes_round_all_operations() -> None:
    seen: list[int] = []

    def operation(number: int) -> str:
        seen.append(number)
        return "ab"[number]

    assert batch(Subject(operation, ["a", "b"]), 5)["operations"] == 5
    assert seen == [0, 1, 0, 1, 0]


def test_batch_is_sized_in_whole_rounds() -> None:
    assert sized(Subject(lambda n: n, [0, 1, 2]), 0.001) % 3 == 0


def test_each_question_has_an_answer_of_its_own_and_of_one_length() -> None:
    texts = ["what is it", "how does the demo work"]
    answers = {answer_to(text) for text in texts}
    assert len(answers) == 2
    assert len({len(answer) for answer in answers}) == 1
    request: dict[str, Any] = {"messages": [{"content": [{"text": texts[0]}]}]}
    assert wording(request) == answer_to(texts[0])


def test_only_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.9.9.9")))
    assert not any(map(is_loopback, ("192.0.2.1", "example.com", "", None, b"127.0.0.1")))


def test_guarded_process_reaches_loopback_only_and_starts_nothing() -> None:
    script = """
        import socket, subprocess
        from bench.peers import guard
        guard.install()
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname()).close()
        attempts = (
            lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
            lambda: socket.create_connection(("example.invalid", 80), timeout=1),
            lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
            lambda: subprocess.run(["true"]),
        )
        for attempt in attempts:
            try:
                attempt()
            except guard.RefusedError:
                continue
            print("not refused")
        print(guard.refused)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == str(
        ["192.0.2.1", "example.invalid", "192.0.2.1:53", "a process: ['true']"]
    )


def test_every_pin_of_the_peers_is_exact_and_the_chosen_ones_are_listed() -> None:
    text = Path(ROOT / REQUIREMENTS).read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and line[0] != "#"]
    assert all(re.match(r"[\w.-]+==[\w.]+( ;.*)?$", pin) for pin in pins)
    named = {pin.partition(" ")[0] for pin in chosen_pins(text)}
    assert {"litellm", "gptcache", "matplotlib"} <= named < {pin.split("=")[0] for pin in pins}


def test_requirement_counts_when_its_marker_and_extra_hold() -> None:
    assert applies("numpy>=1", frozenset())
    assert not applies('colorama ; sys_platform == "nowhere"', frozenset())
    assert not applies('boto3 ; extra == "aws"', frozenset())
    assert applies('boto3 ; extra == "aws"', frozenset(("aws",)))
    assert required("httpx[http2]>=0.20") == ("httpx", frozenset(("http2",)))


def test_shipped_packages_are_the_pins_of_the_app() -> None:
    shipped = shipped_packages()
    assert {"botocore", "cachetools"} <= set(shipped)
    assert not [name for name in shipped if name.startswith("#")]


def test_peak_memory_is_read_from_the_process_status() -> None:
    assert peak_bytes("VmPeak:\t 9 kB\nVmHWM:\t   2208 kB\nVmRSS:\t 1 kB\n") == 2208 * 1024
    assert peak_bytes("") == 0.0
