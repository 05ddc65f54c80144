"""The child sandbox: it is awaited, its failure is told, and no process outlives the `with`."""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.conversation.child import Address, SandboxError, own_sandbox
from sandbox.conversation.layout import wants_colour

STATE = {
    "endpoint": "http://127.0.0.1:1",
    "region": "us-east-1",
    "bot_id": "B",
    "bot_alias_id": "A",
    "locale_id": "en_US",
    "pid": 1,
}

# Stands in for `python -m sandbox serve`: notes its pids, writes the state file, waits.
SERVING = """
    import json, pathlib, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, TERM)
    inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path(__file__).with_name("pids").write_text(f"{os.getpid()} {inner.pid}")
    pathlib.Path(sys.argv[sys.argv.index("--state-file") + 1]).write_text(json.dumps(STATE))
    time.sleep(600)
"""


def serving(tmp_path: Path, term: str = "signal.SIG_DFL") -> tuple[str, str]:
    return script(tmp_path, SERVING.replace("TERM)", f"{term})").replace("STATE", repr(STATE)))


def script(tmp_path: Path, text: str) -> tuple[str, str]:
    path = tmp_path / "serve.py"
    path.write_text("import os\n" + textwrap.dedent(text))
    return sys.executable, str(path)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def hold(serve: tuple[str, str], inside: Callable[[Address], None]) -> None:
    with own_sandbox(lambda line: None, "none", 1, serve) as address:
        inside(address)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("term", ["signal.SIG_DFL", "lambda *_: sys.exit(0)"])
def test_child_and_what_it_started_end_with_the_block(tmp_path: Path, term: str) -> None:
    pids: list[int] = []

    def inside(address: Address) -> None:
        assert address.bot_alias_id == "A"
        pids.extend(int(pid) for pid in (tmp_path / "pids").read_text().split())
        assert [is_running(pid) for pid in pids] == [True, True]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hold(serving(tmp_path, term), inside)
    # A killed process is gone when the kernel has seen to it, not when it was signalled.
    end = time.monotonic() + 5
    while any(is_running(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.01)
    assert [is_running(pid) for pid in pids] == [False, False]


def test_sigterm_of_the_demo_unwinds_as_an_interrupt(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        hold(serving(tmp_path), lambda address: os.kill(os.getpid(), signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is before


def test_child_that_ends_early_is_told_with_its_last_lines(tmp_path: Path) -> None:
    serve = script(tmp_path, "raise SystemExit('port 1 is taken')")
    with (
        pytest.raises(SandboxError, match=r"ended before it was ready(.|\n)*port 1 is taken"),
        own_sandbox(lambda line: None, "none", 1, serve),
    ):
        pytest.fail("there is no sandbox to talk to")


def test_steps_of_the_child_are_told_without_its_own_clock(tmp_path: Path) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        raise KeyboardInterrupt

    serve = script(tmp_path, "import time; print('  12.3 s  one', flush=True); time.sleep(600)")
    with pytest.raises(KeyboardInterrupt), own_sandbox(tell, "none", 1, serve):
        pytest.fail("there is no sandbox to talk to")
    assert told == ["one"]


def test_profile_and_scale_reach_the_child(tmp_path: Path) -> None:
    serve = script(tmp_path, "import sys; raise SystemExit(' '.join(sys.argv[1:7]))")
    with (
        pytest.raises(SandboxError, match=r"--port 0 --profile reported --scale 0\.1"),
        own_sandbox(lambda line: None, "reported", 0.1, serve),
    ):
        pytest.fail("there is no sandbox to talk to")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"endpoint": "x"})])
def test_wrong_state_file_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(SandboxError, match="is no state file of a sandbox") as told:
        Address.read(path)
    assert "\n" not in str(told.value)


def test_state_file_may_say_more_than_the_address(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps(STATE | {"salesforce_url": "http://127.0.0.1:2"}))
    assert Address.read(path).locale_id == "en_US"


@pytest.mark.parametrize(
    ("variables", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_whose_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colour: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert wants_colour(sys.stdout) is colour
