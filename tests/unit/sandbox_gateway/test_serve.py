"""The command line: one process from start to end, as a person runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import namedtuple
from pathlib import Path

import pytest

from sandbox import __main__ as command_line
from sandbox.serve import ROOT, welcome, write_whole

STATE = {
    "endpoint": "http://127.0.0.1:4566",
    "region": "us-east-1",
    "pid": 7,
    "salesforce_url": "https://127.0.0.1:4567",
    "salesforce_ca_file": "/somewhere/ca.pem",
    "bot_id": "B",
    "bot_alias_id": "A",
    "locale_id": "en_US",
}


_OF_THE_BOT = ("bot_id", "bot_alias_id", "locale_id")


def serve(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_bare_sandbox_comes_up_says_so_and_goes_without_a_trace(
    tmp_path: Path, ending: signal.Signals
) -> None:
    state_file = tmp_path / "state.json"
    process = serve("--port", "0", "--bare", "--state-file", str(state_file))
    try:
        end = time.monotonic() + 30
        while not state_file.exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        state = json.loads(state_file.read_text())
        salesforce = {name: state[name] for name in ("salesforce_url", "salesforce_ca_file")}
        own = {"endpoint": state["endpoint"], "region": "us-east-1", "pid": process.pid}
        secret = Path(state["salesforce_secret_file"])
        assert {"username", "client_id", "private_key"} < json.loads(secret.read_text()).keys()
        assert state == own | salesforce | {"salesforce_secret_file": str(secret)}
        with urllib.request.urlopen(f"{state['endpoint']}/_sandbox/health", timeout=10) as health:
            assert json.load(health)["ready"] is True
        second = serve("--port", state["endpoint"].rpartition(":")[2])
        out, err = second.communicate(timeout=30)
        port = state["endpoint"].rpartition(":")[2]
        expected = f"sandbox: port {port} is in use; choose another with --port, or 0 for any free"
        assert err.startswith(expected)
        assert (out, err.count("\n"), second.returncode) == ("", 1, 2)
    finally:
        process.send_signal(ending)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.count("Ready.") == 1
    assert not state_file.exists()
    assert not secret.exists()


def test_a_wrong_python_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = namedtuple("version", "major minor micro")
    monkeypatch.setattr(sys, "version_info", version(3, 10, 2))
    assert command_line.main(["serve"]) == 2
    assert capsys.readouterr().err == ("sandbox: Python 3.11 to 3.13 is needed, and this is 3.10\n")


@pytest.mark.parametrize(
    "arguments", [["--port", "70000"], ["--scale", "-1"], ["--profile", "slow"], ["--scale", "x"]]
)
def test_wrong_usage_is_refused_before_anything_starts(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.main(["serve", *arguments])
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_welcome_has_a_line_to_paste() -> None:
    line = next(line for line in welcome(STATE).splitlines() if "aws lexv2-runtime" in line)
    assert line.startswith("AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox aws ")
    for part in ("--bot-id B", "--bot-alias-id A", "--locale-id en_US", '--text "hello"'):
        assert part in line


def test_the_welcome_names_salesforce_its_records_and_the_phone() -> None:
    text = welcome(STATE)
    control = f"{STATE['endpoint']}/_sandbox"
    for part in ("https://127.0.0.1:4567", "/somewhere/ca.pem", "phone/claim"):
        assert part in text
    for url in (f"{control}/salesforce/Lead", f"{control}/phone"):
        assert url in text


def test_a_bare_welcome_promises_no_bot() -> None:
    bare = {name: value for name, value in STATE.items() if name not in _OF_THE_BOT}
    assert "recognize-text" not in welcome(bare)


def test_a_state_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "state.json"
    write_whole(target, "{}")
    assert target.read_text() == "{}"
    assert os.listdir(target.parent) == ["state.json"]
