"""`make demo`, on the sandbox that the other tests share: the whole story is true."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from served_sandbox import Sandbox

from sandbox.conversation.command_line import main


def test_the_demo_passes(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state_file = tmp_path / "state.json"
    state_file.write_text(json.dumps(asdict(sandbox.address)))
    code = main(["demo", "--state-file", str(state_file)])
    told = capsys.readouterr().out
    assert code == 0, told
    assert "FAILED" not in told
    assert told.rstrip().splitlines()[-1].startswith("PASSED: ")
