"""`python -m ops release` against the sandbox: repeatable, and it refuses before traffic moves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from served_sandbox import FULFILLMENT, Sandbox

ROOT = Path(__file__).parents[2]


def _release(sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": sandbox.address.endpoint,
        "AWS_DEFAULT_REGION": sandbox.address.region,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    command = [sys.executable, "-m", "ops", "release", "--stage", "local"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def _live(functions: Any) -> str:
    return str(functions.get_alias(FunctionName=FULFILLMENT, Name="live")["FunctionVersion"])


def _without(code: bytes, package: str) -> bytes:
    stripped = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(code)) as old, zipfile.ZipFile(stripped, "w") as new:
        for item in old.infolist():
            if not item.filename.startswith(f"{package}/"):
                new.writestr(item, old.read(item))
    return stripped.getvalue()


def test_releasing_twice_changes_nothing(sandbox: Sandbox) -> None:
    functions = sandbox.client("lambda")
    before = _live(functions)
    run = _release(sandbox)
    assert run.returncode == 0, run.stderr
    assert "Nothing to do" in run.stdout
    assert _live(functions) == before


def test_a_zip_without_a_package_is_refused_by_name_and_nothing_moves(sandbox: Sandbox) -> None:
    functions = sandbox.client("lambda")
    before = _live(functions)
    code = _code(functions)
    try:
        functions.update_function_code(
            FunctionName=FULFILLMENT, ZipFile=_without(code, "cachetools")
        )
        run = _release(sandbox)
        assert run.returncode == 1
        assert "cachetools" in run.stderr
        assert "Traceback" not in run.stderr
        assert _live(functions) == before
        turn = sandbox.conversation().say("hello")
        assert (turn.served.start, turn.served.alias) == ("provisioned", "live")
    finally:
        functions.update_function_code(FunctionName=FULFILLMENT, ZipFile=code)
    assert _release(sandbox).returncode == 0


def test_a_release_under_conversation_serves_no_turn_cold(sandbox: Sandbox) -> None:
    functions = sandbox.client("lambda")
    before = _live(functions)
    variables = functions.get_function_configuration(FunctionName=FULFILLMENT)["Environment"]
    changed = {"Variables": variables["Variables"] | {"LOG_LEVEL": "WARNING"}}
    functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=changed)
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": sandbox.address.endpoint,
        "AWS_DEFAULT_REGION": sandbox.address.region,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    command = [sys.executable, "-m", "ops", "release", "--stage", "local"]
    conversation, starts = sandbox.conversation(), set()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as run:
        while run.poll() is None:
            served = conversation.say("hello").served
            starts.add((served.start, served.alias, served.errors))
    served = conversation.say("hello").served
    assert run.returncode == 0
    assert starts == {("provisioned", "live", ())}
    assert (served.start, served.version) == ("provisioned", _live(functions))
    assert _live(functions) != before
    functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=variables)
    assert _release(sandbox).returncode == 0


def _code(functions: Any) -> bytes:
    location = functions.get_function(FunctionName=FULFILLMENT)["Code"]["Location"]
    with urllib.request.urlopen(location, timeout=30) as response:
        content: bytes = response.read()
    return content


def test_no_http_api_is_deployed(sandbox: Sandbox) -> None:
    assert sandbox.client("apigateway").get_rest_apis()["items"] == []
    assert sandbox.client("apigatewayv2").get_apis()["Items"] == []
    policy = json.loads(
        sandbox.client("lambda").get_policy(FunctionName=FULFILLMENT, Qualifier="live")["Policy"]
    )
    principals = {statement["Principal"]["Service"] for statement in policy["Statement"]}
    assert principals == {"lexv2.amazonaws.com"}
