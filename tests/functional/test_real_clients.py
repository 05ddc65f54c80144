"""The AWS CLI against the sandbox, and `chalice local` as a person starts it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
AWS_CLI = "awscli==1.46.3"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The AWS CLI in an environment of its own: it pins another botocore."""
    folder = tmp_path_factory.mktemp("awscli")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", AWS_CLI]
    installed = subprocess.run(pip, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode:
        pytest.skip(f"pip could not install {AWS_CLI}: {installed.stderr.strip()[-200:]}")
    return str(folder / "bin" / "aws")


@pytest.mark.slow
def test_the_aws_cli_talks_to_the_bot(sandbox: Sandbox, aws: str) -> None:
    address = sandbox.address
    command = [
        *(aws, "lexv2-runtime", "recognize-text", "--endpoint-url", address.endpoint),
        *("--bot-id", address.bot_id, "--bot-alias-id", address.bot_alias_id),
        *("--locale-id", address.locale_id, "--session-id", f"cli-{secrets.token_hex(4)}"),
        *("--text", "how long does the demo take", "--output", "json"),
    ]
    credentials = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": address.region,
    }
    run = subprocess.run(
        command, env=credentials, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    reply = json.loads(run.stdout)
    assert reply["sessionState"]["intent"]["name"] == "AboutDemoIntent"
    assert "minutes" in reply["messages"][0]["content"]


@pytest.fixture
def chalice_local(sandbox: Sandbox) -> Iterator[str]:
    """`chalice local --stage local` beside the sandbox; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from chalice.cli import main; sys.exit(main())"
    local = ["local", "--stage", "local", "--port", str(port), "--no-autoreload"]
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": sandbox.address.endpoint,
        "AWS_DEFAULT_REGION": sandbox.address.region,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, "-c", code, *local],
        cwd=ROOT / "atlas",
        env=environment,
        stdout=quiet,
        stderr=quiet,
    ) as server:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}/lex"
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, "chalice local did not start"
            time.sleep(0.05)


def _post(url: str, body: bytes) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def test_chalice_local_serves_the_fulfilment_function_over_http(chalice_local: str) -> None:
    event = ROOT / "tests" / "events" / "about_technology_fulfillment.json"
    reply = _post(chalice_local, event.read_bytes())
    assert reply["sessionState"]["intent"]["state"] == "Fulfilled"
    assert reply["sessionState"]["sessionAttributes"]["answerSource"] in ("model", "table")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        _post(chalice_local, b"not json")
    with refusal.value as answer:
        assert answer.code == 400
