"""`ops deploy`: its parts in their order, what waits for a person, what an interruption leaves."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudformation_fakes import StackWorld
from ops_fakes import FakeClient, client_error

from ops import deploy as deploying
from ops import destroy as destroying
from ops.__main__ import main
from ops.deploy import PARTS, deploy
from ops.destroy_parts import Part
from ops.errors import RefusedError
from ops.lease import Lease
from ops.package import Package
from ops.to_do import put_salesforce_secret, refuse_while_blocked, to_do

FILLED = {
    "username": "atlas@example.com",
    "client_id": "3MVG9",
    "private_key": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    "host": "login.salesforce.com",
}
SHELL = {"username": "", "client_id": "", "host": "login.salesforce.com", "private_key": "x7Qp2"}
ADDRESS = "sales@example.com"


class Secrets(FakeClient):
    service = "secretsmanager"

    def __init__(self, timeline: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(timeline)
        self.text: str | None = json.dumps(SHELL)

    def on_get_secret_value(self, SecretId: str) -> dict[str, Any]:
        assert SecretId == "atlas/prod/salesforce"
        if self.text is None:
            raise client_error("ResourceNotFoundException", "GetSecretValue")
        return {"SecretString": self.text}

    def on_put_secret_value(self, SecretId: str, SecretString: str) -> dict[str, Any]:
        self.text = SecretString
        return {}


class Topics(FakeClient):
    service = "sns"
    subscriptions: tuple[tuple[str, str], ...] = ()

    def on_list_topics(self, NextToken: str = "") -> dict[str, Any]:
        """The stage's own on the second page."""
        topic = "arn:aws:sns:us-east-1:123456789012:"
        if not NextToken:
            return {"Topics": [{"TopicArn": f"{topic}atlas-dev-team"}], "NextToken": "2"}
        return {"Topics": [{"TopicArn": f"{topic}atlas-prod-team"}]}

    def on_list_subscriptions_by_topic(self, TopicArn: str) -> dict[str, Any]:
        assert TopicArn.endswith(":atlas-prod-team")
        listed = [{"SubscriptionArn": arn, "Endpoint": to} for arn, to in self.subscriptions]
        return {"Subscriptions": listed}


class Known:
    """Of the team's table what the to-do list asks for."""

    connect_instance_id = "aaaaaaaa-2222-4333-8444-555555555555"
    alarm_email = ADDRESS


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    known = Known()
    monkeypatch.setattr("ops.to_do.team", lambda stage: known)
    return known


@pytest.fixture
def world(known: Known) -> StackWorld:
    world = StackWorld()
    world.others["secretsmanager"] = Secrets(world.world.timeline)
    topics = world.others["sns"] = Topics(world.world.timeline)
    topics.subscriptions = (("arn:aws:sns:us-east-1:123456789012:atlas-prod-team:1", ADDRESS),)
    for stack in ("workflow", "tables", "bot"):
        world.cloudformation.put(f"atlas-prod-{stack}", "CREATE_COMPLETE")
    return world


class Parts:
    """Stands for the three parts, and notes in which order they came."""

    def __init__(self) -> None:
        self.came: list[str] = []

    def stacks(self, *_: Any) -> None:
        self.came.append("stacks")

    def code(self, stage: str, say: Callable[[str], None]) -> Package:
        self.came.append("code")
        return Package("p.zip", 9_000_000, 27_000_000, {})

    def release(self, *_: Any, is_warmed: bool) -> None:
        self.came.append("release" if is_warmed else "release unwarmed")


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    parts = Parts()
    monkeypatch.setattr(deploying, "deploy_stacks", parts.stacks)
    monkeypatch.setattr(deploying, "deploy_code", parts.code)
    monkeypatch.setattr(deploying, "release", parts.release)
    # Its own tests are of the preflight.
    monkeypatch.setattr(deploying, "gate", lambda *_: None)
    return parts


def fill(world: StackWorld) -> None:
    world.others["secretsmanager"].text = json.dumps(FILLED)


def test_stacks_come_before_the_code_and_the_code_before_its_release(
    world: StackWorld, parts: Parts
) -> None:
    fill(world)
    done = deploy(world.context(), world.world.steps())
    assert parts.came == ["stacks", "code", "release"]
    assert done["to_do"] == []
    assert done["package"]["zipped_bytes"] == 9_000_000


@pytest.mark.parametrize("part", PARTS)
def test_one_part_alone(world: StackWorld, parts: Parts, part: str) -> None:
    fill(world)
    deploy(world.context(), world.world.steps(), [part])
    assert parts.came == [part]


def test_nothing_is_changed_while_a_release_is_under_way(world: StackWorld, parts: Parts) -> None:
    fill(world)
    Lease(world.context(), "release").take()
    with pytest.raises(RefusedError, match=r"another release of stage prod .* Nothing was changed"):
        deploy(world.context(), world.world.steps())
    assert parts.came == []


def test_an_empty_account_has_nobody_at_work(world: StackWorld, parts: Parts) -> None:
    fill(world)
    world.world.dynamodb.tables.clear()
    deploy(world.context(), world.world.steps())
    assert parts.came == ["stacks", "code", "release"]


def test_an_empty_secret_stops_it_after_the_stacks_with_the_command(
    world: StackWorld, parts: Parts
) -> None:
    with pytest.raises(RefusedError) as refused:
        deploy(world.context(), world.world.steps())
    assert parts.came == ["stacks"]
    told = str(refused.value)
    assert (
        "(1) the secret atlas/prod/salesforce lacks username, client_id, a private_key in" in told
    )
    assert "aws secretsmanager put-secret-value --secret-id atlas/prod/salesforce" in told
    assert "deploy --stage prod` again" in told


def test_everything_that_blocks_is_told_at_once_in_its_order(
    world: StackWorld, known: Known
) -> None:
    known.connect_instance_id = ""
    with pytest.raises(
        RefusedError, match=r"^2 of the steps .* \(1\) the secret .* \(2\) there is"
    ):
        refuse_while_blocked(world.context())


def test_a_dry_run_tells_what_waits_and_does_not_stop(world: StackWorld, parts: Parts) -> None:
    done = deploy(world.context(dry_run=True), world.world.steps())
    assert parts.came == ["stacks"]
    assert [each["blocks"] for each in done["to_do"]] == [True]


def test_what_does_not_block_is_left_for_later(world: StackWorld, known: Known) -> None:
    fill(world)
    known.alarm_email = ""
    (left,) = refuse_while_blocked(world.context()).value
    assert left.what == "nobody is told by alarms"
    assert not left.blocks


@pytest.mark.parametrize(
    ("subscriptions", "count"),
    [
        ((("arn:aws:sns:us-east-1:123456789012:atlas-prod-team:1", ADDRESS),), 0),
        ((("PendingConfirmation", ADDRESS),), 1),
        ((("arn:aws:sns:us-east-1:123456789012:atlas-prod-team:1", "x@example.com"),), 1),
        ((), 1),
    ],
)
def test_a_subscription_counts_once_it_is_confirmed(
    world: StackWorld, subscriptions: tuple[tuple[str, str], ...], count: int
) -> None:
    fill(world)
    world.others["sns"].subscriptions = subscriptions
    assert len(to_do(world.context())) == count


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', json.dumps(SHELL), json.dumps({})])
def test_a_secret_that_cannot_log_in_is_no_secret(world: StackWorld, text: str) -> None:
    world.others["secretsmanager"].text = text
    assert [each.blocks for each in to_do(world.context())] == [True]


def test_a_secret_that_is_not_there_yet_is_asked_for(world: StackWorld) -> None:
    world.others["secretsmanager"].text = None
    assert "lacks username" in to_do(world.context())[0].what


def test_the_secret_is_put_on_the_way_once(world: StackWorld, parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "sf.json"
    path.write_text(json.dumps(FILLED), encoding="utf-8")
    deploy(world.context(), world.world.steps(), salesforce=path)
    assert parts.came == ["stacks", "code", "release"]
    deploy(world.context(), world.world.steps(), salesforce=path)
    assert world.world.changes().count("put_secret_value") == 1
    assert "BEGIN" not in world.world.printed.getvalue()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_that_is_no_secret_is_refused_without_a_value(
    world: StackWorld, tmp_path: Path, dry_run: bool
) -> None:
    path = tmp_path / "sf.json"
    path.write_text(json.dumps(FILLED | {"private_key": "hunter2", "host": ""}), encoding="utf-8")
    with pytest.raises(RefusedError, match=r"lacks host, a private_key in PEM") as refused:
        put_salesforce_secret(world.context(dry_run=dry_run), path)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(RefusedError, match="cannot be read: No such file"):
        put_salesforce_secret(world.context(), tmp_path / "none.json")
    assert world.world.changes() == []


def test_the_code_is_not_deployed_beside_missing_stacks(world: StackWorld, parts: Parts) -> None:
    fill(world)
    del world.cloudformation.stacks["atlas-prod-tables"]
    with pytest.raises(RefusedError, match="there is no stack atlas-prod-tables: run"):
        deploy(world.context(), world.world.steps(), ["code"])
    assert parts.came == []


def test_warming_may_be_left_out(world: StackWorld, parts: Parts) -> None:
    fill(world)
    deploy(world.context(), world.world.steps(), is_warmed=False)
    assert parts.came[-1] == "release unwarmed"


@pytest.mark.parametrize("is_other", [True, False])
def test_the_same_code_again_is_no_change(
    world: StackWorld, parts: Parts, monkeypatch: pytest.MonkeyPatch, is_other: bool
) -> None:
    fill(world)

    def code(stage: str, say: Callable[[str], None]) -> Package:
        world.world.lambda_.deploy(stage, "code-2" if is_other else "code-1")
        return parts.code(stage, say)

    monkeypatch.setattr(deploying, "deploy_code", code)
    steps = world.world.steps()
    deploy(world.context(), steps, ["code"])
    assert steps.changed is is_other


def test_functions_that_are_not_there_yet_are_no_obstacle(world: StackWorld, parts: Parts) -> None:
    fill(world)
    world.world.lambda_.functions.clear()
    deploy(world.context(), world.world.steps(), ["code"])
    assert parts.came == ["code"]


def test_a_sandbox_of_the_local_stage_has_made_what_the_stacks_declare() -> None:
    assert deploying.parts_of("local") == ["code", "release"]
    assert deploying.parts_of("prod") == list(PARTS)


@pytest.fixture
def command(world: StackWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`ops` with the clients of `world`."""
    for module in (deploying, destroying):
        monkeypatch.setattr(module, "clients", lambda stage: world.context().clients)
    return lambda *arguments: main(arguments)


def test_a_tool_reads_how_far_it_came_and_why_it_stopped(
    command: Callable[..., int], parts: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("deploy", "--stage", "prod", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["stage"] == "prod"
    assert told["error"].startswith("1 of the steps wait for a person")
    assert parts.came == ["stacks"]


def test_a_tool_reads_what_was_deployed(
    world: StackWorld,
    command: Callable[..., int],
    parts: Parts,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(world)
    assert command("deploy", "--stage", "prod", "--json", "--no-warming") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["package"]["path"] == "p.zip"
    assert [step["step"] for step in told["steps"]] == [
        "look who is at work",
        "look for what people do",
        "deploy the code",
    ]
    assert parts.came[-1] == "release unwarmed"


def test_nothing_is_destroyed_where_nobody_can_be_asked(
    world: StackWorld,
    command: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = [Part("function", lambda _: ["f1"], lambda *_: pytest.fail("removed"))]
    monkeypatch.setattr(destroying, "PARTS", kept)
    monkeypatch.setattr("sys.stdin", io.StringIO("atlas-prod\n"))
    assert command("destroy", "--stage", "prod") == 1
    assert "say --yes atlas-prod" in capsys.readouterr().err
    assert command("destroy", "--stage", "prod", "--yes", "atlas-dev") == 1
    assert "that is not atlas-prod" in capsys.readouterr().err
    assert command("destroy", "--stage", "prod", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["found"] == {"function": ["f1"]}


def test_an_empty_stage_is_nothing_to_destroy(
    command: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(destroying, "PARTS", ())
    assert command("destroy", "--stage", "prod") == 0
    assert capsys.readouterr().out == "Nothing to do: there is nothing of atlas-prod.\n"
