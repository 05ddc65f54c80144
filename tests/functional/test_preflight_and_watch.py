"""`ops preflight`, the gate of a release, and `ops watch`, on a stage that `ops deploy` made."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from release_under_load import ANOTHER_CODE, EVERY_FIFTH_FAILS, WORDS, code_as_it_is, code_with
from served_sandbox import Sandbox

from ops import records
from ops.answering_code import deployed_code
from ops.aws import Clients
from ops.stages import FULFILLMENT, FUNCTIONS, bot_name, function_name
from ops.steps import Context
from ops.team import TEAM_FILE
from ops.waiting import Waiter
from sandbox.connect.names import INSTANCES
from sandbox.conversation.child import Address, own_bare_sandbox

ROOT = Path(__file__).parents[2]
LIVE, ON_DEV = (function_name(stage, FULFILLMENT) for stage in ("prod", "dev"))
OVERRIDE = ("--override", "a sandbox without a stage dev")
PROOF = ["released-on-dev", "evaluated-on-dev"]
QUICK = ("release", "--no-warming", "--at-once", *OVERRIDE)
Ran = tuple[int, dict[str, Any]]


class Prod:
    """Stage prod of a sandbox of its own: the command line, the clients, visitors."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.sandbox = Sandbox(Address(endpoint, "us-east-1", "", "", "en_US"))
        self._team = folder / "team.toml"
        self._team.write_text(_filled_in(), encoding="utf-8")
        self._bot: dict[str, str] = {}

    def ops(self, verb: str, *words: str, stage: str = "prod") -> Ran:
        """The exit code, and what was printed as JSON."""
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.sandbox.address.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "ATLAS_TEAM_FILE": str(self._team),
        }
        command = [sys.executable, "-m", "ops", verb, "--stage", stage, "--json", *words]
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        return ran.returncode, json.loads(ran.stdout)

    def freeze(self, freeze: str) -> None:
        """Let the team's file name these days, "" for none."""
        days = f'["{freeze}"]' if freeze else "[]"
        text = _filled_in().replace("change_freezes = []", f"change_freezes = {days}")
        self._team.write_text(text, encoding="utf-8")

    def refusals(self, told: dict[str, Any]) -> list[str]:
        return [row["row"] for row in told["rows"] if row["status"] != "pass"]

    def put(self, code: bytes) -> None:
        """Put it on $LATEST of every function, which serves nobody."""
        for function in FUNCTIONS:
            name = function_name("prod", function.name)
            self.sandbox.client("lambda").update_function_code(FunctionName=name, ZipFile=code)

    def talk(self, turns: int) -> None:
        """So many turns of visitors; whether each is answered is the stage's affair."""
        session, runtime = "", self.sandbox.client("lexv2-runtime")
        for turn in range(turns):
            session = session if turn % 6 else secrets.token_hex(16)
            try:
                runtime.recognize_text(
                    **self._alias(), localeId="en_US", sessionId=session, text=WORDS[turn % 3]
                )
            except runtime.exceptions.BadGatewayException:
                continue

    def _alias(self) -> dict[str, str]:
        if not self._bot:
            lex = self.sandbox.client("lexv2-models")
            bots = lex.list_bots()["botSummaries"]
            bot = next(b["botId"] for b in bots if b["botName"] == bot_name("prod"))
            aliases = lex.list_bot_aliases(botId=bot)["botAliasSummaries"]
            alias = next(a["botAliasId"] for a in aliases if a["botAliasName"] == "live")
            self._bot = {"botId": bot, "botAliasId": alias}
        return self._bot

    def live_version(self) -> str:
        alias = self.sandbox.client("lambda").get_alias(FunctionName=LIVE, Name="live")
        return str(alias["FunctionVersion"])

    def context(self, stage: str) -> Context:
        client = self.sandbox.client
        names = ("lambda", "lexv2-models", "dynamodb", "stepfunctions")
        clients = Clients(*map(client, names), of=client)
        return Context(stage, clients, Waiter(lambda text: None))


def _filled_in() -> str:
    """The team's file with an instance that the sandbox has for prod, and somebody to tell."""
    text = TEAM_FILE.read_text(encoding="utf-8")
    before, head, table = text.partition("[prod]\n")
    phone = next(instance for instance in INSTANCES if instance.alias == "atlas-prod")
    values = {
        "connect_instance_id": phone.id,
        "connect_source_phone_number": phone.number,
        "alarm_email": "sales-operations@example.com",
    }
    for name, value in values.items():
        table = table.replace(f'{name} = ""', f'{name} = "{value}"', 1)
    return before + head + table


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prod]:
    """Prod with its stacks and its code on $LATEST, and released once, against its preflight."""
    with own_bare_sandbox(lambda line: None) as endpoint:
        prod = Prod(endpoint, Path(tmp_path_factory.mktemp("prod")))
        with closing(prod.sandbox):
            secret = prod.sandbox.get("health")["salesforce_secret_file"]
            code, told = prod.ops("deploy", "--no-warming", "--salesforce", secret)
            assert (code, prod.refusals(told["preflight"])) == (1, PROOF), told
            assert ": released-on-dev, evaluated-on-dev; " in told["error"]
            way_back = next(r for r in told["preflight"]["rows"] if r["row"] == "way-back")
            assert way_back["found"] == "first release"
            code, told = prod.ops(*QUICK)
            assert code == 0, told
            yield prod


@pytest.fixture
def prod(stage: Prod) -> Iterator[Prod]:
    """The same, with the project's own code on $LATEST before and after."""
    stage.put(code_as_it_is())
    yield stage
    stage.put(code_as_it_is())


@pytest.fixture
def dev(prod: Prod) -> Iterator[Context]:
    """Of a stage dev what the preflight looks at, made by AWS's own calls."""
    functions, dynamodb = prod.sandbox.client("lambda"), prod.sandbox.client("dynamodb")
    latest = functions.get_function_configuration(FunctionName=LIVE)
    functions.create_function(
        FunctionName=ON_DEV,
        Runtime=latest["Runtime"],
        Role=latest["Role"],
        Handler=latest["Handler"],
        Code={"ZipFile": code_as_it_is()},
        Environment=latest["Environment"],
    )
    version = functions.publish_version(FunctionName=ON_DEV)["Version"]
    functions.create_alias(FunctionName=ON_DEV, Name="live", FunctionVersion=version)
    table = prod.context("dev")
    dynamodb.create_table(
        TableName=records.table_name(table),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("kind", "at")],
        KeySchema=[
            {"AttributeName": "kind", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
    )
    yield table
    functions.delete_function(FunctionName=ON_DEV)
    dynamodb.delete_table(TableName=records.table_name(table))


def measured(prod: Prod, until: Callable[[], bool]) -> None:
    """Wait for what a function wrote to arrive in the metrics."""
    end = time.monotonic() + 20
    while not until():
        assert time.monotonic() < end, "it was not measured in time"
        time.sleep(0.1)


def recovered(prod: Prod) -> None:
    """Let the alarm see that recover_leads runs: it looks at whole periods of five minutes."""
    alarm = "atlas-prod-recovery-stopped"
    cloudwatch = prod.sandbox.client("cloudwatch")
    prod.sandbox.post("alarms", {"minute_seconds": 2})
    prod.sandbox.post("schedules/run", {"rule": "atlas-prod-recover-leads"})

    def is_quiet() -> bool:
        prod.sandbox.post("alarms/look", {})
        [about] = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return bool(about["StateValue"] == "OK")

    measured(prod, is_quiet)


def test_without_a_stage_dev_only_an_override_goes_ahead_and_it_is_kept(prod: Prod) -> None:
    recovered(prod)
    code, told = prod.ops("preflight")
    assert (code, prod.refusals(told)) == (1, PROOF)
    code, told = prod.ops("preflight", *OVERRIDE)
    assert (code, told["go"]) == (0, False)
    kept = records.latest(prod.context("prod"), "override")
    assert kept is not None
    assert (kept["reason"], sorted(kept["rows"])) == (OVERRIDE[1], sorted(PROOF))
    assert kept["by"].startswith("arn:aws:")


def test_a_version_that_dev_has_proved_is_a_go_until_the_team_freezes(
    prod: Prod, dev: Context
) -> None:
    latest = prod.sandbox.client("lambda").get_function_configuration(FunctionName=LIVE)
    code = deployed_code(latest).to_json()
    recovered(prod)
    assert prod.refusals(prod.ops("preflight")[1]) == PROOF
    records.write(dev, "release", outcome="released", versions={FULFILLMENT: "1"}, commit="abc")
    assert prod.refusals(prod.ops("preflight")[1]) == PROOF[1:]
    records.write(
        dev, "evaluation", **code, passed=True, misses=[], lacking=[], models=["m"], commit="abc"
    )
    assert prod.ops("preflight")[0] == 0
    prod.freeze("2020-01-01/2100-01-01")
    try:
        assert prod.refusals(prod.ops("preflight")[1]) == ["change-freeze"]
    finally:
        prod.freeze("")


def test_a_good_release_is_watched_and_a_failing_one_is_taken_back(prod: Prod) -> None:
    prod.talk(60)
    prod.put(code_with(ANOTHER_CODE))
    code, told = prod.ops(*QUICK)
    assert code == 0, told
    good = prod.live_version()
    prod.talk(60)
    code, told = prod.ops("watch", "--hours", "0.0001")
    assert (code, told["worse"], told["version"]) == (0, [], good)
    assert told["before"]["channels"]["chat"]["turns"] >= 60
    # Whole minutes: some turns of before the release are in the first one.
    assert told["reports"][-1]["channels"]["chat"]["turns"] >= 60

    prod.put(code_with(EVERY_FIFTH_FAILS))
    assert prod.ops(*QUICK)[0] == 0
    assert prod.live_version() != good
    prod.talk(60)
    code, told = prod.ops("watch", "--every", "1", "--roll-back")
    assert code == 1
    assert told["rolled_back"].endswith(f"to {good}")
    assert "turns failed" in told["worse"][0]
    assert prod.live_version() == good
    assert prod.ops("watch")[1]["error"].endswith("the last one was rolled back")
