"""The stage's stacks in the order in which each finds what it refers to, and what fills them in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra.state_machine import LOCAL_PARAMETERS
from ops import stack_outputs
from ops.change_sets import Wanted, bring_up
from ops.lex_release import Bot, find_alias, reserve_alias
from ops.recordings_place import refuse_anothers_recordings
from ops.stack_state import Outputs, described
from ops.stack_templates import template
from ops.stage_files import ROOT
from ops.stages import APP, STAGE_SIZES
from ops.steps import Context, Done, Steps
from ops.team import team, team_file

WORKFLOW, TABLES, BOT, PHONE, WATCH = "workflow", "tables", "bot", "phone", "watch"
# By the end of the stack's name; the workflow first, since its key is the tables' key.
TEMPLATES: Mapping[str, str] = {
    WORKFLOW: "lead_workflow",
    TABLES: "tables",
    BOT: "lex_bot",
    PHONE: "phone",
    WATCH: "watch",
}


def stack_name(stage: str, stack: str) -> str:
    """`atlas-<stage>-<stack>`."""
    return f"{APP}-{stage}-{stack}"


def deploy_stacks(ctx: Context, steps: Steps, root: Path = ROOT) -> None:
    """Bring every stack up, and note what the functions need of them. Raises OpsError.

    A run with nothing to do changes nothing; one after an interruption goes on where it was.
    """
    known = parameters(ctx.stage)

    def up(stack: str) -> None:
        outputs = steps.run(f"stack {stack}", lambda: _up(ctx, stack, known, root))
        known.update(outputs)

    if team(ctx.stage).connect_instance_id:
        refuse_anothers_recordings(ctx)
    for stack in (WORKFLOW, TABLES, BOT):
        up(stack)
    alias = steps.run("reserve the Lex alias", lambda: _alias(ctx, known.get("BotId", "")))
    known.update(alias)
    if team(ctx.stage).connect_instance_id:
        up(PHONE)
    else:
        steps.run("stack phone", lambda: Done(None, _left_out(ctx.stage)))
    steps.run("note the contact flow", lambda: _note(ctx, known.get("ContactFlowId", "")))
    up(WATCH)


def parameters(stage: str) -> dict[str, str]:
    """What the stage and its team know, by the name of the template's parameter that takes it."""
    known = team(stage)
    values = {
        "Stage": stage,
        "ConnectInstanceId": known.connect_instance_id,
        "AlarmEmail": known.alarm_email,
        "LogRetentionDays": str(STAGE_SIZES[stage].log_retention_days),
    }
    return (dict(LOCAL_PARAMETERS) if stage == "local" else {}) | values


def _up(ctx: Context, stack: str, known: Mapping[str, str], root: Path) -> Done[Outputs]:
    """Bring one up; `known`: the stage's values, and what the stacks before it gave out."""
    made, name = template(TEMPLATES[stack], root), stack_name(ctx.stage, stack)
    if ctx.dry_run and made.open_parameters(known):
        # What it refers to is not there yet.
        return Done({}, f"would create {name} after the stacks before it", True)
    wanted = Wanted(
        name,
        made.body,
        made.filled(known),
        ctx.stage,
        resources=made.resources,
        is_protected=ctx.stage == "prod",
    )
    return bring_up(ctx, wanted)


def _alias(ctx: Context, bot_id: str) -> Done[Outputs]:
    """The Lex alias `live`, made without version and Lambda where there is none."""
    stack = described(ctx, stack_name(ctx.stage, BOT)) if bot_id else None
    bot = Bot(bot_id, (), "")
    if stack is None or (ctx.dry_run and find_alias(ctx, bot) is None):
        return Done({}, "would make the Lex alias live of the bot", True)
    is_new = find_alias(ctx, bot) is None
    alias_id = reserve_alias(ctx, bot)
    _, partition, _, region, account, *_ = stack["StackId"].split(":")
    arn = f"arn:{partition}:lex:{region}:{account}:bot-alias/{bot_id}/{alias_id}"
    values = {"BotAliasId": alias_id, "LexBotAliasArn": arn}
    return Done(values, f"live is {alias_id} of bot {bot_id}", is_new)


def _left_out(stage: str) -> str:
    return f"left out: {team_file().name} [{stage}] has no connect_instance_id, so nobody is called"


def _note(ctx: Context, flow: str) -> Done[None]:
    """Keep what the functions' variables need for whoever generates or deploys code."""
    wanted = {"connect_contact_flow_id": flow}
    if not flow or stack_outputs.noted(ctx.stage) == wanted:
        return Done(None, "as noted before" if flow else "none")
    if not ctx.dry_run:
        stack_outputs.note(ctx.stage, wanted)
    word = "would note" if ctx.dry_run else "noted"
    file = stack_outputs.outputs_file().name
    hint = "; `ops generate` writes it into config.json, commit both"
    return Done(None, f"{word} {flow} in {file}{hint}", True)
