"""`python -m ops release` against the sandbox: repeatable, and it refuses before traffic moves."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from served_sandbox import FULFILLMENT, Sandbox

from ops.package import package

FUNCTIONS = ("lex_fulfillment", "generate_answer", "keep_warm")

LIVE = (FULFILLMENT, "live")
ROOT = Path(__file__).parents[2]


def _start_release(sandbox: Sandbox) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": sandbox.address.endpoint,
        "AWS_DEFAULT_REGION": sandbox.address.region,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    command = [sys.executable, "-m", "ops", "release", "--stage", "local", "--no-warming"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def _release(sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    with _start_release(sandbox) as run:
        out, err = run.communicate(timeout=120)
    return subprocess.CompletedProcess(run.args, run.returncode, out, err)


def _live(functions: Any) -> str:
    return str(functions.get_alias(FunctionName=FULFILLMENT, Name="live")["FunctionVersion"])


def _deploy(functions: Any, code: bytes) -> None:
    for name in FUNCTIONS:
        functions.update_function_code(FunctionName=f"atlas-local-{name}", ZipFile=code)


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


def test_a_zip_without_a_package_is_refused_by_name_and_nothing_moves(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    functions = sandbox.client("lambda")
    before = _live(functions)
    code = Path(package("local", tmp_path).path).read_bytes()
    try:
        _deploy(functions, _without(code, "cachetools"))
        run = _release(sandbox)
        assert run.returncode == 1
        assert "cachetools" in run.stderr
        assert "Traceback" not in run.stderr
        assert _live(functions) == before
        turn = sandbox.conversation().say("hello")
        assert (turn.served.start, turn.served.alias) == ("provisioned", "live")
    finally:
        _deploy(functions, code)
    assert _release(sandbox).returncode == 0


def test_a_bad_setting_is_refused_with_every_problem_named(sandbox: Sandbox) -> None:
    functions = sandbox.client("lambda")
    before = _live(functions)
    variables = functions.get_function_configuration(FunctionName=FULFILLMENT)["Environment"]
    bad = variables["Variables"] | {"LOG_LEVEL": "LOUD", "MODEL_ROUTES": '{"simple": 1}'}
    del bad["RESPONSE_CACHE_TABLE"]
    try:
        functions.update_function_configuration(
            FunctionName=FULFILLMENT, Environment={"Variables": bad}
        )
        run = _release(sandbox)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        for name in ("LOG_LEVEL", "MODEL_ROUTES.simple.models", "RESPONSE_CACHE_TABLE"):
            assert name in run.stderr
        assert _live(functions) == before
    finally:
        functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=variables)
    assert _release(sandbox).returncode == 0


def test_a_release_under_conversation_serves_no_turn_cold(sandbox: Sandbox) -> None:
    functions = sandbox.client("lambda")
    before = _live(functions)
    variables = functions.get_function_configuration(FunctionName=FULFILLMENT)["Environment"]
    changed = {"Variables": variables["Variables"] | {"LOG_LEVEL": "WARNING"}}
    functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=changed)
    conversation, turns = sandbox.conversation(), []
    with _start_release(sandbox) as run:
        while run.poll() is None:
            turns.append(conversation.say("hello"))
    turns.append(conversation.say("hello"))
    assert run.returncode == 0
    assert (turns[0].served.version, turns[-1].served.version) == (before, _live(functions))
    # Of the fulfilment function the release itself invokes the new version, without the alias.
    # Other functions may run beside it: an answer that has grown stale is refreshed.
    live = [r for r in sandbox.get("invocations") if (r["function"], r["alias"]) == LIVE]
    assert len(live) == len(turns)
    assert {(record["start"], record["error"]) for record in live} == {("provisioned", None)}
    functions.update_function_configuration(FunctionName=FULFILLMENT, Environment=variables)
    assert _release(sandbox).returncode == 0


def test_no_http_api_is_deployed(sandbox: Sandbox) -> None:
    assert sandbox.client("apigateway").get_rest_apis()["items"] == []
    assert sandbox.client("apigatewayv2").get_apis()["Items"] == []
    policy = json.loads(
        sandbox.client("lambda").get_policy(FunctionName=FULFILLMENT, Qualifier="live")["Policy"]
    )
    principals = {statement["Principal"]["Service"] for statement in policy["Statement"]}
    assert principals == {"lexv2.amazonaws.com"}
