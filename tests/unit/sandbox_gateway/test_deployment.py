"""What `serve` does before it is ready: the stack, the deploy and its traps, child processes."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from gateway_harness import RunningGateway

from sandbox import chalice_deploy, stack
from sandbox.local_environment import child_environment, enter
from sandbox.steps import Finished, StartError, run

TEMPLATE = """
Parameters:
  Stage: {Type: String}
Resources:
  Cache:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName:
        Fn::Sub: atlas-${Stage}-cache
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: key, AttributeType: S}]
      KeySchema: [{AttributeName: key, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      StreamSpecification: {StreamViewType: KEYS_ONLY}
      SSESpecification: {SSEEnabled: true}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name:
        Fn::Join: ["/", [atlas, {Ref: Stage}, salesforce]]
  Key:
    Type: AWS::KMS::Key
"""
WARNING = """
Could not install dependencies:
pyminizip==0.2.6
You will have to build these yourself and vendor them in
the chalice vendor folder.
"""


def test_the_stack_is_created_by_the_services_own_apis(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    template = tmp_path / "tables.yaml"
    template.write_text(TEMPLATE)
    assert stack.create(template, "local", gateway.client) == [
        "atlas-local-cache",
        "atlas/local/salesforce",
        "key Key",
    ]
    dynamodb = gateway.client("dynamodb")
    table = dynamodb.describe_table(TableName="atlas-local-cache")["Table"]
    assert table["StreamSpecification"]["StreamEnabled"] is True
    expiry = dynamodb.describe_time_to_live(TableName="atlas-local-cache")
    assert expiry["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    secrets = gateway.client("secretsmanager").list_secrets()["SecretList"]
    assert [secret["Name"] for secret in secrets] == ["atlas/local/salesforce"]


def test_an_intrinsic_that_is_not_played_is_named(gateway: RunningGateway, tmp_path: Path) -> None:
    template = tmp_path / "tables.yaml"
    template.write_text(TEMPLATE.replace("Fn::Sub: atlas-${Stage}-cache", "Fn::If: [a, b, c]"))
    with pytest.raises(StartError, match="does not play Fn::If"):
        stack.create(template, "local", gateway.client)


class FakeChalice:
    """Stands for the subprocess: writes a package as Chalice does and tells what it said."""

    def __init__(self, folders: list[str], output: str = "", returncode: int = 0) -> None:
        self.folders, self.output, self.returncode = folders, output, returncode
        self.offered: list[str] = []

    def __call__(
        self, command: list[str], cwd: Path, environment: dict[str, str], limit: float
    ) -> Finished:
        packages = cwd / ".chalice" / "deployments"
        self.offered = sorted(path.name for path in packages.glob("*.zip"))
        if "abc-python3.11.zip" not in self.offered and not self.returncode:
            with zipfile.ZipFile(packages / "abc-python3.11.zip", "w") as archive:
                for folder in self.folders:
                    archive.writestr(f"{folder}/METADATA", "")
        return Finished(self.returncode, self.output)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".chalice" / "deployed").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    (folder / "app.py").write_text("")
    (folder / "requirements.txt").write_text("# pins\naws-xray-sdk==2.15.0\nbotocore==1.2 ; x\n")
    return folder


GOOD = ["aws_xray_sdk-2.15.0.dist-info", "botocore-1.2.dist-info", "botocore"]


def deploy(
    monkeypatch: pytest.MonkeyPatch, project: Path, run_name: str, chalice: FakeChalice
) -> bool:
    monkeypatch.setattr(chalice_deploy, "run", chalice)
    work = project.parent / run_name
    return chalice_deploy.prepare(project, work, project.parent / "cache").deploy("local", {})


def test_the_copy_carries_nothing_of_another_run(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    deploy(monkeypatch, project, "one", FakeChalice(GOOD))
    copy = project.parent / "one" / "atlas"
    assert (copy / "app.py").exists()
    assert not (copy / ".chalice" / "deployed").exists()
    assert not (copy / "__pycache__").exists()


def test_a_package_is_kept_and_offered_the_next_time(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    first, second = FakeChalice(GOOD), FakeChalice(GOOD)
    assert deploy(monkeypatch, project, "one", first) is False
    assert deploy(monkeypatch, project, "two", second) is True
    assert (first.offered, second.offered) == ([], ["abc-python3.11.zip"])


def test_a_kept_package_that_is_damaged_or_outdated_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    deploy(monkeypatch, project, "one", FakeChalice(GOOD))
    (kept,) = (project.parent / "cache").rglob("*.zip")
    (kept.parent / "broken.zip").write_bytes(b"PK half")
    (project / "requirements.txt").write_text("botocore==1.3\n")
    chalice = FakeChalice(["botocore-1.3.dist-info"])
    deploy(monkeypatch, project, "two", chalice)
    assert chalice.offered == []
    assert not (kept.parent / "broken.zip").exists()


def test_a_package_without_a_pin_is_refused_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    with pytest.raises(StartError, match=r"lacks aws-xray-sdk==2\.15\.0: no wheel") as caught:
        deploy(monkeypatch, project, "one", FakeChalice(GOOD[1:]))
    assert caught.value.exit_code == 3
    assert not list((project.parent / "cache").rglob("*.zip"))


OUTCOMES = [
    (WARNING, 0, 3, "pip found no wheel for pyminizip==0.2.6"),
    (
        "Traceback\nchalice.deploy.packager.NoSuchPackageError: Could not satisfy: x==1\n",
        1,
        3,
        r"pip could not fetch .*network\?\): Could not satisfy: x==1$",
    ),
    ("Traceback\nSyntaxError: invalid\n", 1, 1, "(?s)chalice deploy failed:.*SyntaxError: invalid"),
]


@pytest.mark.parametrize(("output", "returncode", "exit_code", "words"), OUTCOMES)
def test_what_chalice_says_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    project: Path,
    output: str,
    returncode: int,
    exit_code: int,
    words: str,
) -> None:
    with pytest.raises(StartError, match=words) as caught:
        deploy(monkeypatch, project, "one", FakeChalice(GOOD, output, returncode))
    assert caught.value.exit_code == exit_code


def test_a_cache_that_cannot_be_written_only_costs_time(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    (project.parent / "cache").write_text("a file where the folder should be")
    assert deploy(monkeypatch, project, "one", FakeChalice(GOOD)) is False


OUTER = {
    "HOME": "/home/me",
    "PATH": "/bin",
    "PIP_INDEX_URL": "http://index",
    "AWS_PROFILE": "prod",
    "ATLAS_STAGE": "prod",
    "HTTPS_PROXY": "http://proxy",
    "PYTHONPATH": "/elsewhere",
}


def test_a_child_gets_nothing_of_the_persons_account() -> None:
    environment = child_environment("http://127.0.0.1:1", OUTER)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert (environment["HOME"], environment["PIP_INDEX_URL"]) == ("/home/me", "http://index")
    assert environment["PIP_PROXY"] == "http://proxy"
    assert not {"AWS_PROFILE", "ATLAS_STAGE", "HTTPS_PROXY", "PYTHONPATH"} & environment.keys()


def test_the_process_itself_leaves_the_persons_account() -> None:
    environ: dict[str, str] = dict(OUTER)
    enter("http://127.0.0.1:4567", environ)
    assert "AWS_PROFILE" not in environ
    assert "HTTPS_PROXY" not in environ
    assert (environ["MOTO_PORT"], environ["AWS_ACCESS_KEY_ID"]) == ("4567", "sandbox")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_childs_output_and_code_are_kept(tmp_path: Path) -> None:
    finished = run(python("print('a\\n\\nb'); exit(4)"), tmp_path, dict(os.environ), 30)
    assert finished.returncode == 4
    assert finished.last_lines(1) == "  b"


def test_a_child_over_its_time_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"took over 0 s"):
        run(python("import time; time.sleep(60)"), tmp_path, dict(os.environ), 0.2)


def test_an_interrupted_step_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def communicate(self, *_: Any, **__: Any) -> Any:
            started.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr("sandbox.steps.subprocess.Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(python("import time; time.sleep(60)"), tmp_path, dict(os.environ), 60)
    assert started[0].poll() is not None
