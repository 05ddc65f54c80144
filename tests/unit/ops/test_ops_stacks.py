"""The stacks of a stage: their order, what fills them in, change sets, what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudformation_fakes import StackWorld

from infra.rendering import LIMIT_BYTES
from ops import stack_outputs
from ops.change_sets import Wanted, bring_up
from ops.errors import RefusedError, UnavailableError
from ops.stack_state import delete, settled
from ops.stack_templates import template
from ops.stacks import TEMPLATES, deploy_stacks, parameters, stack_name
from ops.stages import STAGES
from ops.steps import Done
from ops.team import TEAM_FILE

NAME = "atlas-prod-tables"
ORDER = [f"atlas-prod-{stack}" for stack in ("workflow", "tables", "bot", "phone", "watch")]
INSTANCE = "aaaaaaaa-2222-4333-8444-555555555555"
FLOW = "bbbbbbbb-7777-4888-8999-aaaaaaaaaaaa"
TABLE = {"LogicalResourceId": "Leads", "ResourceType": "AWS::DynamoDB::Table"}


def wanted(**changes: Any) -> Wanted:
    return Wanted(**{"name": NAME, "body": "{}", "parameters": {}, "stage": "prod"} | changes)


@pytest.fixture
def world() -> StackWorld:
    return StackWorld()


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes a team's file of its own; without one, stacks would be noted in the checkout."""

    def write(**prod: str) -> None:
        head, middle, text = TEAM_FILE.read_text(encoding="utf-8").partition("\n[prod]\n")
        for name, value in prod.items():
            text, count = re.subn(rf"(?m)^{name} = .*$", f'{name} = "{value}"', text)
            assert count == 1
        path = tmp_path / f"team{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(head + middle + text, encoding="utf-8")
        monkeypatch.setenv("ATLAS_TEAM_FILE", str(path))

    write()
    return write


def with_phone(world: StackWorld, team: Callable[..., None]) -> None:
    team(connect_instance_id=INSTANCE, connect_source_phone_number="+14155550100")
    world.cloudformation.given["atlas-prod-phone"] = {"ContactFlowId": FLOW}


def executed(world: StackWorld) -> list[str]:
    calls = world.world.timeline
    made = [call["StackName"] for name, call in calls if name == "create_change_set"]
    assert len([name for name, _ in calls if name == "execute_change_set"]) == len(made)
    return made


def test_stacks_come_up_in_the_order_in_which_each_finds_what_it_needs(
    world: StackWorld, team: Callable[..., None]
) -> None:
    with_phone(world, team)
    deploy_stacks(world.context(), world.world.steps())
    assert executed(world) == ORDER
    names = [name for name, _ in world.world.timeline]
    creations = [
        call["StackName"] for name, call in world.world.timeline if name == "create_change_set"
    ]
    before_alias = names[: names.index("create_bot_alias")].count("create_change_set")
    assert creations[:before_alias] == ORDER[:3]
    assert all(s["EnableTerminationProtection"] for s in world.cloudformation.stacks.values())


def test_each_stack_is_given_what_those_before_it_gave_out(
    world: StackWorld, team: Callable[..., None]
) -> None:
    with_phone(world, team)
    deploy_stacks(world.context(), world.world.steps())
    phone, watch = world.parameters("atlas-prod-phone"), world.parameters("atlas-prod-watch")
    assert phone["KeyArn"].startswith("arn:aws:kms:us-east-1:123456789012:key/")
    alias = "arn:aws:lex:us-east-1:123456789012:bot-alias/BOT0000001/ALIAS00001"
    assert phone["LexBotAliasArn"] == alias
    assert phone["ConnectInstanceId"] == INSTANCE
    assert (watch["BotId"], watch["BotAliasId"]) == ("BOT0000001", "ALIAS00001")
    assert world.parameters("atlas-prod-workflow")["ConnectInstanceId"] == INSTANCE


def test_an_instance_that_keeps_recordings_elsewhere_is_told_of_before_any_stack(
    world: StackWorld, team: Callable[..., None]
) -> None:
    with_phone(world, team)
    world.connect.keep_in("amazon-connect-0123456789ab")
    told = (
        rf"in amazon-connect-0123456789ab, .*--instance-id {INSTANCE} .*--association-id c{{64}};"
    )
    with pytest.raises(RefusedError, match=told):
        deploy_stacks(world.context(), world.world.steps())
    assert not executed(world)


def test_an_instance_that_keeps_recordings_with_us_goes_on(
    world: StackWorld, team: Callable[..., None]
) -> None:
    with_phone(world, team)
    world.connect.keep_in("atlas-prod-recordings-123456789012")
    deploy_stacks(world.context(), world.world.steps())
    assert executed(world) == ORDER


def test_the_contact_flow_is_noted_for_the_functions(
    world: StackWorld, team: Callable[..., None]
) -> None:
    with_phone(world, team)
    deploy_stacks(world.context(), world.world.steps())
    assert stack_outputs.noted("prod") == {"connect_contact_flow_id": FLOW}


def test_without_an_instance_the_phone_is_left_out_and_that_is_said(
    world: StackWorld, team: Callable[..., None]
) -> None:
    deploy_stacks(world.context(), world.world.steps())
    assert executed(world) == [name for name in ORDER if name != "atlas-prod-phone"]
    assert "has no connect_instance_id" in world.world.printed.getvalue()
    assert not stack_outputs.outputs_file().exists()


def test_a_second_run_changes_nothing(world: StackWorld, team: Callable[..., None]) -> None:
    with_phone(world, team)
    deploy_stacks(world.context(), world.world.steps())
    before = len(world.world.timeline)
    steps = world.world.steps()
    deploy_stacks(world.context(), steps)
    assert not steps.changed
    later = {name for name, _ in world.world.timeline[before:]}
    assert later.isdisjoint({"execute_change_set", "create_bot_alias", "delete_stack"})
    assert world.cloudformation.change_sets == {}


def test_dry_run_of_an_empty_account_calls_nothing_that_changes(
    world: StackWorld, team: Callable[..., None]
) -> None:
    with_phone(world, team)
    world.cloudformation.given = {}
    steps = world.world.steps()
    deploy_stacks(world.context(dry_run=True), steps)
    assert world.world.changes() == []
    assert steps.changed
    assert not stack_outputs.outputs_file().exists()
    told = world.world.printed.getvalue()
    assert "would create atlas-prod-workflow with" in told
    assert "would create atlas-prod-watch after the stacks before it" in told


def test_dry_run_of_a_change_shows_it_and_takes_the_change_set_away(world: StackWorld) -> None:
    world.cloudformation.put(NAME, "UPDATE_COMPLETE")
    world.cloudformation.changes = [TABLE | {"Action": "Modify", "Replacement": "False"}]
    done = bring_up(world.context(dry_run=True), wanted())
    assert done.detail == f"would change {NAME}: modify Leads"
    assert world.cloudformation.change_sets == {}
    assert world.cloudformation.stacks[NAME]["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("stack", TEMPLATES)
def test_ops_fills_every_parameter_of_the_committed_templates(stage: str, stack: str) -> None:
    given = parameters(stage) | {"KeyArn": "k", "BotId": "b", "BotAliasId": "a"}
    made = template(TEMPLATES[stack])
    assert made.open_parameters(given | {"LexBotAliasArn": "l"}) == []


@pytest.mark.parametrize("stack", TEMPLATES)
def test_templates_are_short_enough_to_be_sent_without_a_bucket(stack: str) -> None:
    assert len(template(TEMPLATES[stack]).body.encode()) <= LIMIT_BYTES


def test_a_stack_output_that_another_stack_takes_has_its_parameters_name() -> None:
    given = set(parameters("prod")) | {"BotAliasId", "LexBotAliasArn"}
    for name in TEMPLATES.values():
        document = yaml.safe_load((TEMPLATE_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
        needed = {n for n, p in document["Parameters"].items() if "Default" not in p}
        assert needed <= given, name
        given |= set(document.get("Outputs", {}))


TEMPLATE_FOLDER = Path(__file__).resolve().parents[3] / "infra"


def test_a_template_that_needs_what_nobody_knows_is_refused() -> None:
    made = template("tables")
    with pytest.raises(RefusedError, match=r"infra/tables.yaml: ops has no value for Stage"):
        made.filled({})


@pytest.mark.parametrize("stage", STAGES)
def test_the_stage_and_its_log_retention_are_passed(stage: str) -> None:
    given = parameters(stage)
    assert given["Stage"] == stage
    assert int(given["LogRetentionDays"]) >= 1
    assert stack_name(stage, "bot") == f"atlas-{stage}-bot"


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"])
def test_a_stack_that_never_came_up_is_removed_and_made_anew(
    world: StackWorld, status: str
) -> None:
    world.cloudformation.put(NAME, status)
    assert bring_up(world.context(), wanted()).changed
    assert world.world.changes() == ["delete_stack", "create_change_set", "execute_change_set"]
    assert world.cloudformation.stacks[NAME]["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("UPDATE_ROLLBACK_FAILED", f"continue-update-rollback --stack-name {NAME}"),
        ("DELETE_FAILED", "python -m ops destroy --stage prod"),
    ],
)
def test_a_stuck_stack_is_refused_with_the_command_that_frees_it(
    world: StackWorld, status: str, command: str
) -> None:
    world.cloudformation.put(NAME, status)
    with pytest.raises(RefusedError, match=f"is {status}: first run .*{command}"):
        bring_up(world.context(), wanted())
    assert world.world.changes() == []


def test_an_operation_on_its_way_is_waited_for_and_shown(world: StackWorld) -> None:
    world.cloudformation.put(NAME, "UPDATE_IN_PROGRESS", next="UPDATE_COMPLETE")
    assert bring_up(world.context(), wanted()).changed
    assert f"{NAME}: UPDATE_IN_PROGRESS, 1 of 2 resources" in world.world.progress


def test_a_change_set_that_nobody_executed_is_no_obstacle(world: StackWorld) -> None:
    world.cloudformation.put(NAME, "REVIEW_IN_PROGRESS")
    assert bring_up(world.context(), wanted()).changed
    assert world.cloudformation.stacks[NAME]["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "UPDATE_COMPLETE"])
def test_a_roll_back_is_told_with_its_first_cause_alone(world: StackWorld, status: str) -> None:
    world.cloudformation.put(NAME, status)
    world.cloudformation.failing[NAME] = "Invalid principal in policy"
    with pytest.raises(RefusedError) as refused:
        bring_up(world.context(), wanted())
    told = str(refused.value)
    assert "ROLLBACK_COMPLETE: Key (AWS::KMS::Key): Invalid principal in policy" in told
    assert "cancelled" not in told
    assert "former" not in told


def test_a_change_set_that_fails_is_told_and_taken_away(world: StackWorld) -> None:
    world.cloudformation.refused = "Parameter Stage failed to satisfy constraint"
    with pytest.raises(RefusedError, match=f"{NAME} cannot be changed so: Parameter Stage"):
        bring_up(world.context(), wanted())
    assert world.cloudformation.change_sets == {}


@pytest.mark.parametrize(
    "change",
    [
        {"Action": "Modify", "Replacement": "True"},
        {"Action": "Remove", "PolicyAction": "Delete"},
        {"Action": "Modify", "Replacement": "Conditional", "PolicyAction": "ReplaceAndDelete"},
    ],
)
def test_a_change_that_loses_data_is_refused_before_it_begins(
    world: StackWorld, change: dict[str, str]
) -> None:
    world.cloudformation.put(NAME, "UPDATE_COMPLETE")
    world.cloudformation.changes = [TABLE | change]
    with pytest.raises(RefusedError, match="would lose what Leads holds, so nothing was changed"):
        bring_up(world.context(), wanted())
    assert world.world.changes() == ["create_change_set", "delete_change_set"]


@pytest.mark.parametrize(
    "change",
    [
        TABLE | {"Action": "Remove", "PolicyAction": "Retain"},
        {
            "LogicalResourceId": "Alarm",
            "ResourceType": "AWS::CloudWatch::Alarm",
            "Action": "Modify",
            "Replacement": "True",
        },
    ],
)
def test_a_change_that_keeps_data_is_carried_out(world: StackWorld, change: dict[str, str]) -> None:
    world.cloudformation.put(NAME, "UPDATE_COMPLETE")
    world.cloudformation.changes = [change]
    done = bring_up(world.context(), wanted())
    assert done == Done(
        {}, f"{NAME}: {change['Action'].lower()} {change['LogicalResourceId']}", True
    )


def test_many_changes_are_counted_instead_of_named(world: StackWorld) -> None:
    world.cloudformation.changes = [
        {"LogicalResourceId": f"R{n}", "ResourceType": "AWS::SNS::Topic", "Action": "Add"}
        for n in range(7)
    ]
    assert bring_up(world.context(), wanted()).detail == f"{NAME}: 7 to add"


@pytest.mark.parametrize("is_protected", [True, False])
def test_protection_is_put_on_even_where_nothing_else_changes(
    world: StackWorld, is_protected: bool
) -> None:
    bring_up(world.context(), wanted())
    done = bring_up(world.context(), wanted(is_protected=is_protected))
    assert done.changed is is_protected
    stack = world.cloudformation.stacks[NAME]
    assert stack.get("EnableTerminationProtection", False) is is_protected


def test_a_stack_that_does_not_settle_ends_the_wait(world: StackWorld) -> None:
    world.cloudformation.put(NAME, "CREATE_IN_PROGRESS")
    with pytest.raises(UnavailableError, match=r"still CREATE_IN_PROGRESS.* after 1800 s"):
        settled(world.context(), NAME)


def test_a_protected_stack_is_deleted_by_whoever_asks_for_it(world: StackWorld) -> None:
    world.cloudformation.put(NAME, "CREATE_COMPLETE", EnableTerminationProtection=True)
    assert delete(world.context(), NAME)
    assert not delete(world.context(), NAME)


def test_what_a_stack_would_not_let_go_is_told(world: StackWorld) -> None:
    world.cloudformation.put(NAME, "CREATE_COMPLETE")
    world.cloudformation.failing[NAME] = "The bucket you tried to delete is not empty"
    with pytest.raises(RefusedError, match=f"{NAME} is not deleted: Key .*is not empty. Run it"):
        delete(world.context(), NAME)


def test_errors_of_aws_other_than_a_missing_stack_pass(world: StackWorld) -> None:
    from botocore.exceptions import ClientError
    from ops_fakes import client_error

    world.cloudformation.fail_next["describe_stacks"] = client_error("AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        settled(world.context(), NAME)
