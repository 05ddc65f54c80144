"""`python -m ops deploy` and `destroy` against the sandbox: another stage's stacks come and go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from served_sandbox import Sandbox

from ops.team import TEAM_FILE

ROOT = Path(__file__).parents[2]


class Ops:
    """The command line of stage dev, with a team's file of its own."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox, self._team = sandbox, folder / "team.toml"
        self._team.write_text(TEAM_FILE.read_text(encoding="utf-8"), encoding="utf-8")

    def __call__(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self._sandbox.address.endpoint,
            "AWS_DEFAULT_REGION": self._sandbox.address.region,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "ATLAS_TEAM_FILE": str(self._team),
        }
        command = [sys.executable, "-m", "ops", verb, "--stage", "dev", "--json", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )


@pytest.fixture
def ops(sandbox: Sandbox, tmp_path: Path) -> Ops:
    return Ops(sandbox, tmp_path)


def named(sandbox: Sandbox, stage: str) -> dict[str, list[str]]:
    """What stands of a stage, by service, as each service lists it."""
    client = sandbox.client
    listed: dict[str, list[str]] = {
        "tables": client("dynamodb").list_tables()["TableNames"],
        "bots": [b["botName"] + "-" for b in client("lexv2-models").list_bots()["botSummaries"]],
        "buckets": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
        "machines": _values(client("stepfunctions").list_state_machines(), "stateMachines", "name"),
        "rules": _values(client("events").list_rules(), "Rules", "Name"),
        "roles": _values(client("iam").list_roles(), "Roles", "RoleName"),
        "secrets": _values(client("secretsmanager").list_secrets(), "SecretList", "Name"),
        "topics": _values(client("sns").list_topics(), "Topics", "TopicArn"),
    }
    signs = (f"atlas-{stage}-", f"atlas/{stage}/")
    return {
        service: sorted(name for name in names if any(sign in name for sign in signs))
        for service, names in listed.items()
    }


def _values(answer: dict[str, Any], member: str, name: str) -> list[str]:
    return [item[name] for item in answer[member]]


def test_a_stages_stacks_come_once_and_go_without_touching_another_stage(
    sandbox: Sandbox, ops: Ops
) -> None:
    neighbour = named(sandbox, "local")
    assert neighbour["tables"]
    assert not any(named(sandbox, "dev").values())

    first = ops("deploy", "--only", "stacks")
    assert first.returncode == 0, first.stderr
    assert all(named(sandbox, "dev").values())
    again = ops("deploy", "--only", "stacks")
    assert json.loads(again.stdout)["changed"] is False

    stopped = ops("deploy", "--only", "code")
    assert stopped.returncode == 1
    assert "put-secret-value --secret-id atlas/dev/salesforce" in stopped.stderr

    unasked = ops("destroy")
    assert unasked.returncode == 1
    assert all(named(sandbox, "dev").values())
    gone = ops("destroy", "--yes", "atlas-dev")
    assert gone.returncode == 0, gone.stderr
    assert not any(named(sandbox, "dev").values())
    assert named(sandbox, "local") == neighbour
