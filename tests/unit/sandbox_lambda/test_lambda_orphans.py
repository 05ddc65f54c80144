"""No environment outlives its sandbox, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from lambda_harness import wait_until

ROOT = Path(__file__).parents[3]

SANDBOX = """
import sys, time
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from lambda_harness import Account
from moto import mock_aws
from sandbox.lambda_service import LambdaService

with mock_aws():
    service = LambdaService("http://127.0.0.1:9", work_dir=Path(sys.argv[3]))
    Account().create()
    service.invoke("f", b"{}")
    print(service.environments()[0].pid, flush=True)
    time.sleep(60)
"""


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return Path("/proc").is_dir() is False
    return state != "Z"


def test_a_frozen_environment_ends_when_the_sandbox_is_killed(tmp_path):
    command = [sys.executable, "-c", SANDBOX, str(ROOT), str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        pid = int(sandbox.stdout.readline())
        assert exists(pid)
        sandbox.send_signal(signal.SIGKILL)
    wait_until(lambda: not exists(pid))
