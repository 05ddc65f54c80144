"""The code of a deployment: the slim package through Chalice, with Chalice's own record kept."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ops import code as deploying
from ops.build import Built
from ops.code import deploy_code
from ops.errors import RefusedError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    chalice = tmp_path / "root/atlas/.chalice"
    chalice.mkdir(parents=True)
    (chalice / "config.json").write_text(json.dumps({"stages": {"prod": {}}}))
    return tmp_path / "root"


class Chalice:
    """Stands for the command: notes how it was called, and writes its record as Chalice does."""

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.calls: list[tuple[Any, ...]] = []
        self.variables: dict[str, str] = {}

    def __call__(self, project: Path, *arguments: str, variables: dict[str, str]) -> str:
        self.calls.append(arguments)
        self.variables = variables
        assert (project / ".chalice/deployments/built.zip").exists()
        (project / ".chalice/deployed/prod.json").write_text("{}")
        if self.error:
            raise RefusedError(self.error)
        return "Resources deployed:\n"


@pytest.fixture
def chalice(monkeypatch: pytest.MonkeyPatch) -> Chalice:
    def build(project: Path, architecture: str) -> Built:
        path = project / ".chalice/deployments/built.zip"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("app.py", architecture)
        return Built(path, was_kept=False)

    chalice = Chalice()
    monkeypatch.setattr(deploying, "build", build)
    monkeypatch.setattr(deploying, "run_chalice", chalice)
    return chalice


def test_the_package_is_deployed_and_chalices_record_is_the_projects(
    root: Path, chalice: Chalice
) -> None:
    said: list[str] = []
    made = deploy_code("prod", said.append, root)
    assert chalice.calls == [("deploy", "--stage", "prod")]
    assert (root / "atlas/.chalice/deployed/prod.json").read_text() == "{}"
    assert made.largest == {"app.py": len("x86_64")}
    assert said[-1] == "Resources deployed:"


def test_what_chalice_did_before_it_failed_is_recorded(root: Path, chalice: Chalice) -> None:
    chalice.error = "chalice deploy failed: no"
    with pytest.raises(RefusedError, match="failed: no"):
        deploy_code("prod", lambda _: None, root)
    assert (root / "atlas/.chalice/deployed/prod.json").exists()


def test_the_local_stage_goes_to_the_sandbox_alone(
    root: Path, chalice: Chalice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    deploy_code("local", lambda _: None, root)
    assert chalice.variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert chalice.variables["AWS_ACCESS_KEY_ID"] == "sandbox"
    deploy_code("prod", lambda _: None, root)
    assert chalice.variables == {}
