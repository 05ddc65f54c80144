"""The package that is deployed, unpacked where nothing else can be imported but Python's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.aws_stand_in import StandIn, stand_in
from ops.build import build
from ops.errors import UnavailableError
from ops.kept import Kept
from ops.package import project_copy
from ops.stage_files import ROOT
from ops.stages import FUNCTIONS
from sandbox.chalice_deploy import kept_packages
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.latency import Latency
from sandbox.salesforce import SalesforceServer

CONFIG = json.loads((ROOT / "atlas/.chalice/config.json").read_text(encoding="utf-8"))
VARIABLES: dict[str, str] = CONFIG["stages"]["local"]["environment_variables"]
EVENT = json.loads((ROOT / "tests/events/about_technology_fulfillment.json").read_text())
MOST_BYTES = 9_000_000
LIMIT_SECONDS = 120


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the sandbox deploys it; built now if no sandbox kept it."""
    target = tmp_path_factory.mktemp("slim") / "slim.zip"
    try:
        with project_copy() as project:
            target.write_bytes(build(project, kept=kept_packages(ROOT)).path.read_bytes())
    except UnavailableError as offline:
        pytest.skip(str(offline))
    return target


@pytest.fixture(scope="module")
def unpacked(zipped: Path) -> Path:
    folder = zipped.parent / "task"
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def aws() -> Iterator[StandIn]:
    with stand_in() as served:
        yield served


def run(folder: Path, code: str, **variables: str) -> Any:
    """What the code prints last, as JSON; nothing is importable but `folder` and Python's own."""
    isolated = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", isolated],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def in_lambda(folder: Path, aws: StandIn, function: str) -> dict[str, str]:
    return {
        **VARIABLES,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_LAMBDA_FUNCTION_NAME": f"atlas-local-{function}",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        "AWS_XRAY_DAEMON_ADDRESS": aws.xray_address,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
        "LAMBDA_TASK_ROOT": str(folder),
    }


def test_the_package_is_small_and_holds_bytecode_for_every_module(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        names = set(archive.namelist())
    assert zipped.stat().st_size <= MOST_BYTES
    left_out = ("zeep", "lxml", "jwt", "boto3", "pip", "cffi", "aws_xray_sdk", "wrapt")
    assert not {name.split("/")[0] for name in names} & set(left_out)
    assert not [name for name in names if ".dist-info/" in name or name.endswith(".pyi")]
    tag = sys.implementation.cache_tag
    for source in (Path(name) for name in names if name.endswith(".py")):
        code = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        assert code.as_posix() in names


IMPORT_ALL = """
import importlib, json, pathlib
root = pathlib.Path(sys.path[0])
names = sorted(
    ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    for file in (root / "chalicelib").rglob("*.py")
)
for name in names:
    # The local route's decorator wants chalice.local, which no package has.
    if name != "chalicelib.local_http":
        importlib.import_module(name)
print(json.dumps(len(names)))
"""


def test_every_module_of_ours_can_be_imported(unpacked: Path) -> None:
    ours = len(list((ROOT / "atlas/chalicelib").rglob("*.py")))
    assert run(unpacked, IMPORT_ALL) == ours


START = """
import json
import app
print(json.dumps(app.{function}({{"atlas": "health"}}, None)))
"""


@pytest.mark.parametrize("function", [each.name for each in FUNCTIONS])
def test_every_function_starts_in_its_own_init_phase(
    unpacked: Path, aws: StandIn, function: str
) -> None:
    variables = in_lambda(unpacked, aws, function)
    health = run(unpacked, START.format(function=function), **variables)
    assert (health["ok"], health["function"]) == (True, function)


TURN = """
import gc, json
import app
started, collecting = set(sys.modules), gc.isenabled()
reply = app.lex_fulfillment({event!r}, None)
app.lex_fulfillment({event!r}, None)
late = sorted(set(sys.modules) - started)
source = reply["sessionState"]["sessionAttributes"]["answerSource"]
print(json.dumps({{"late": late, "collecting": collecting, "source": source}}))
"""


def test_a_visitors_turn_finds_everything_imported(unpacked: Path, aws: StandIn) -> None:
    variables = in_lambda(unpacked, aws, "lex_fulfillment")
    told = run(unpacked, TURN.format(event=EVENT), **variables)
    assert told == {"late": [], "collecting": True, "source": "model"}


SALESFORCE = """
import json
from chalicelib.deadline import Deadline
from chalicelib.errors import RejectedByDependencyError
from chalicelib.salesforce import Salesforce
from chalicelib.salesforce_blocks import Block, block_name

INTERACTION = "0123456789abcdef0123456789abcdef"
FIELDS = {"LastName": "O'Neil", "Phone": "+14155550132", "Company": "x", "Status": "Open"}


class Secrets:
    def get(self, name):
        return SECRET

    def forget(self, name):
        pass


told = {}
for field in ("Atlas_Interaction_Id__c", ""):
    salesforce = Salesforce(Secrets(), "any", "62.0", field)
    salesforce.prepare()
    salesforce.until(Deadline.after(60))
    block = Block(block_name("call", INTERACTION), ("Call: answered",))
    request = Block(block_name("request", INTERACTION), ("Asked: the price",))
    fields = {**FIELDS, "Description": request.text}
    lead = salesforce.upsert_lead(fields, INTERACTION)
    again = salesforce.upsert_lead(fields, INTERACTION)
    written = salesforce.write_blocks("Lead", lead.id, (block,))
    salesforce.change_lead(lead.id, {"DoNotCall": True})
    read = salesforce.lead(lead.id, "LastName", "DoNotCall")
    task_fields = {"WhoId": lead.id, "Subject": "Call", "Description": block.text}
    task = salesforce.upsert_task(task_fields, INTERACTION, "call")
    link = salesforce.record_link(lead.id)
    deleted = salesforce.delete_lead(INTERACTION, lead.id)
    gone = salesforce.lead(lead.id, "LastName")
    told[salesforce.mode] = [
        [lead.outcome, again.outcome, task.outcome], written, read["LastName"], read["DoNotCall"],
        link.startswith("https://"), deleted, gone,
    ]
    try:
        salesforce.change_lead(lead.id, {"DoNotCall": True})
    except RejectedByDependencyError as exc:
        told[salesforce.mode].append(exc.reason)
    salesforce.close()
told["left out"] = sorted({"zeep", "lxml", "jwt", "typing_extensions"} & set(sys.modules))
print(json.dumps(told))
"""


def test_all_that_atlas_asks_of_salesforce_works_without_zeep_and_lxml(
    unpacked: Path, tmp_path: Path
) -> None:
    server = SalesforceServer(tmp_path, Latency(), Faults(), CallCounters())
    server.start()
    try:
        told = run(unpacked, f"SECRET = {server.secret()!r}\n{SALESFORCE}")
    finally:
        server.close()
    done = [["created", "found", "created"], True, "O'Neil", True, True, True, None]
    assert told["exactly_once"][:7] == done
    assert told["at_least_once"][:7] == done
    assert told["exactly_once"][7] in ("ENTITY_IS_DELETED", "NOT_FOUND")
    assert told["left out"] == []


def test_what_is_left_out_says_so_when_it_is_asked_for(unpacked: Path) -> None:
    code = """
import json
from simple_salesforce.api import Salesforce
client = Salesforce(instance_url="https://x.example", session_id="x", version="62.0")
said = []
for name in ("mdapi", "bulk2"):
    try:
        getattr(client, name)
    except NotImplementedError as exc:
        said.append(str(exc))
print(json.dumps(said))
"""
    assert all("left out of this package" in said for said in run(unpacked, code))
    assert len(run(unpacked, code)) == 2


@pytest.mark.slow
def test_the_other_architecture_gets_its_own_binaries(tmp_path: Path) -> None:
    kept = Kept(kept_packages(ROOT).folder.parent / "arm64")
    try:
        with project_copy() as project:
            path = build(project, "arm64", kept).path
            with zipfile.ZipFile(path) as archive:
                binaries = [name for name in archive.namelist() if name.endswith(".so")]
                headers = {archive.read(name)[18:20] for name in binaries}
    except UnavailableError as offline:
        pytest.skip(str(offline))
    # ELF's e_machine: 0xB7 is AArch64.
    assert headers == {b"\xb7\x00"}
    assert len(binaries) >= 3
    assert path.name.endswith("-arm64.zip")
