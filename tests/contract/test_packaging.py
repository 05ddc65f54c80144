"""What `chalice package` would deploy: the functions, and never an HTTP API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ATLAS = Path(__file__).parents[2] / "atlas"
FUNCTIONS = {"LexFulfillment", "GenerateAnswer", "KeepWarm"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without requirements: what is asked here needs no download."""
    copy = tmp_path_factory.mktemp("package") / "atlas"
    ignored = shutil.ignore_patterns("deployed", "deployments", "__pycache__")
    shutil.copytree(ATLAS, copy, ignore=ignored)
    (copy / "requirements.txt").write_text("", encoding="utf-8")
    return copy


def packaged(project: Path, out: Path, stage: str, **variables: str) -> dict[str, Any]:
    """The CloudFormation resources that `chalice package` writes for a stage."""
    chalice = "import sys; from chalice.cli import main; sys.exit(main())"
    options = ("--pkg-format", "cloudformation", "--stage", stage, str(out))
    done = subprocess.run(
        [sys.executable, "-c", chalice, "package", *options],
        cwd=project,
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-east-1", **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    template = json.loads((out / "sam.json").read_text(encoding="utf-8"))
    resources: dict[str, Any] = template["Resources"]
    return resources


@pytest.mark.parametrize("stage", ["prod", "local"])
@pytest.mark.parametrize("exported", [{}, {"ATLAS_LOCAL_HTTP": "1"}], ids=["clean", "exported"])
def test_no_stage_packages_an_http_api(
    project: Path, tmp_path: Path, stage: str, exported: dict[str, str]
) -> None:
    resources = packaged(project, tmp_path / "out", stage, **exported)
    assert set(resources) >= FUNCTIONS
    types = {resource["Type"] for resource in resources.values()}
    assert types == {"AWS::Serverless::Function", "AWS::IAM::Role", "AWS::Logs::LogGroup"}
    for name in FUNCTIONS:
        assert not resources[name]["Properties"].get("Events")


def test_every_function_is_traced_and_has_a_role_of_its_own(project: Path, tmp_path: Path) -> None:
    resources = packaged(project, tmp_path / "out", "prod")
    roles = set()
    for name in FUNCTIONS:
        properties = resources[name]["Properties"]
        assert properties["Tracing"] == "Active", name
        roles.add(json.dumps(properties["Role"]))
    assert len(roles) == len(FUNCTIONS)
