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

from ops import build as building
from ops import libraries, slimming
from ops.chalice_run import REUSED
from ops.errors import RefusedError
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
    template.write_text(TEMPLATE.replace("Fn::Sub: atlas-${Stage}-cache", "Fn::Cidr: [a, b, c]"))
    with pytest.raises(StartError, match="does not play Fn::Cidr"):
        stack.create(template, "local", gateway.client)


CHOICE = "Fn::If: [IsLocal, mine, theirs]"


def test_a_value_is_chosen_by_a_condition(gateway: RunningGateway, tmp_path: Path) -> None:
    template = tmp_path / "tables.yaml"
    conditions = "\nConditions:\n  IsLocal: {Fn::Equals: [{Ref: Stage}, local]}\n"
    chosen = TEMPLATE.replace("Fn::Sub: atlas-${Stage}-cache", CHOICE)
    template.write_text(chosen + conditions)
    assert "mine" in stack.create(template, "local", gateway.client)


def test_a_condition_that_is_not_played_is_named(gateway: RunningGateway, tmp_path: Path) -> None:
    template = tmp_path / "tables.yaml"
    template.write_text(TEMPLATE.replace("Fn::Sub: atlas-${Stage}-cache", CHOICE))
    with pytest.raises(StartError, match="unresolved condition dependency IsLocal"):
        stack.create(template, "local", gateway.client)


class FakeChalice:
    """Stands for the subprocess: takes the package that is there, or makes one of its own."""

    def __init__(self, output: str = "", returncode: int = 0, makes: str = "") -> None:
        self.output, self.returncode, self.makes = output, returncode, makes
        self.packages: list[Path] = []

    def __call__(
        self, command: list[str], cwd: Path, environment: dict[str, str], limit: float
    ) -> Finished:
        packages = cwd / ".chalice" / "deployments"
        if self.makes:
            (packages / self.makes).touch()
        self.packages = sorted(packages.glob("*.zip"))
        return Finished(self.returncode, self.output or f"{REUSED}.\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".chalice" / "deployed").mkdir(parents=True)
    (folder / ".chalice" / "deployments").mkdir()
    (folder / ".chalice" / "deployments" / "old.zip").touch()
    for code in (folder, folder / "chalicelib"):
        (code / "__pycache__").mkdir(parents=True)
    (folder / "app.py").write_text("")
    (folder / "chalicelib" / "one.py").write_text("ONE = 1\n")
    (folder / "requirements.txt").write_text("botocore==1.2\n")
    return folder


@pytest.fixture(autouse=True)
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """One library for each pin, and nothing to slim."""

    def install(requirements: Path, target: libraries.Target, folder: Path) -> None:
        if "nowheel" in requirements.read_text():
            raise RefusedError("no package for python3.11 x86_64: nowheel")
        (folder / "botocore").mkdir(parents=True)
        (folder / "botocore/__init__.py").write_text("")

    monkeypatch.setattr(libraries, "install", install)
    monkeypatch.setattr(slimming, "slim", lambda *_: None)
    monkeypatch.setattr(building, "_libraries_name", lambda *_: "libraries")


def deploy(
    monkeypatch: pytest.MonkeyPatch, project: Path, run_name: str, chalice: FakeChalice
) -> bool:
    monkeypatch.setattr(chalice_deploy, "run", chalice)
    work = project.parent / run_name
    return chalice_deploy.prepare(project, work, project.parent / "cache").deploy("local", {})


def test_the_copy_carries_nothing_of_another_run(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    deploy(monkeypatch, project, "one", FakeChalice())
    copy = project.parent / "one" / "atlas"
    assert (copy / "app.py").exists()
    assert not (copy / ".chalice" / "deployed").exists()
    assert not (copy / ".chalice" / "deployments" / "old.zip").exists()
    assert not (copy / "__pycache__").exists()


def test_chalice_is_offered_the_slim_package_and_the_next_start_makes_none(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    first, second = FakeChalice(), FakeChalice()
    assert deploy(monkeypatch, project, "one", first) is False
    assert deploy(monkeypatch, project, "two", second) is True
    (made,), (kept,) = first.packages, second.packages
    assert made.name == kept.name
    assert made.read_bytes() == kept.read_bytes()
    with zipfile.ZipFile(made) as archive:
        assert {"app.py", "chalicelib/one.py", "botocore/__init__.py"} <= set(archive.namelist())


def test_changed_pins_make_a_new_package(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    deploy(monkeypatch, project, "one", FakeChalice())
    (project / "requirements.txt").write_text("botocore==1.3\n")
    assert deploy(monkeypatch, project, "two", FakeChalice()) is False


def test_a_pin_without_a_wheel_is_refused(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    (project / "requirements.txt").write_text("nowheel==1\n")
    with pytest.raises(StartError, match=r"no package for .* nowheel") as caught:
        deploy(monkeypatch, project, "one", FakeChalice())
    assert caught.value.exit_code == 3
    assert not list((project.parent / "cache").rglob("*.zip"))


def test_a_package_that_chalice_made_itself_is_refused(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    with pytest.raises(StartError, match="did not take the package built for it"):
        deploy(monkeypatch, project, "one", FakeChalice(makes="own.zip"))


def test_a_failed_deployment_is_told_with_its_last_lines(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    failed = FakeChalice("Traceback\nSyntaxError: invalid\n", 1)
    with pytest.raises(StartError, match=r"(?s)chalice deploy failed:.*SyntaxError: invalid"):
        deploy(monkeypatch, project, "one", failed)


def test_a_cache_that_cannot_be_written_only_costs_time(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    (project.parent / "cache").write_text("a file where the folder should be")
    assert deploy(monkeypatch, project, "one", FakeChalice()) is False


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
