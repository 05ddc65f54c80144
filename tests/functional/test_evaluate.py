"""`python -m ops evaluate` on a sandbox of its own: the real client, the real prompts, HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 45


def test_every_model_answers_on_a_sandbox_that_ends_with_it() -> None:
    arguments = ["--stage", "local", "--own-sandbox", "--json", "--limit", str(LIMIT)]
    arguments += ["--threshold", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "ops", "evaluate", *arguments],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["is_stand_in"]
    assert len(told["models"]) >= 3
    assert 0 < sum(model["calls"] for model in told["models"]) <= LIMIT
    for model in told["models"]:
        assert model["stop_reasons"] == {"end_turn": model["calls"]}
        assert model["pass_rates"]["golden"]["complete"] == 1.0
