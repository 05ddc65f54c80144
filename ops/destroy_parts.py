"""Everything that a stage has in an account, found by name, and how each kind of it is removed.

What is found is looked for anew on every run, so an interrupted destruction is completed by the
next, and afterwards the same looks prove that nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ops import destroy_data as data
from ops.aws import found, pages
from ops.stack_state import delete, described
from ops.stacks import BOT, PHONE, TABLES, WATCH, WORKFLOW, stack_name
from ops.stages import APP, FUNCTIONS, bot_name, function_name, lead_workflow
from ops.steps import Context

_LAMBDA = {"ServiceNamespace": "lambda"}


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing: the names of what the stage has of it, and how one is removed.

    `done`: what is told of it then.
    """

    title: str
    found: Callable[[Context], list[str]]
    remove: Callable[[Context, str], object]
    done: str = "removed"


def _stack(stack: str) -> Part:
    def names(ctx: Context) -> list[str]:
        name = stack_name(ctx.stage, stack)
        return [name] if described(ctx, name) else []

    return Part(f"stack {stack}", names, delete)


def _scaling_targets(ctx: Context) -> list[str]:
    operation = ctx.clients.of("application-autoscaling").describe_scalable_targets
    ids = (target["ResourceId"] for target in pages(operation, "ScalableTargets", **_LAMBDA))
    return [each for each in ids if each.startswith(f"function:{APP}-{ctx.stage}-")]


def _deregister(ctx: Context, resource_id: str) -> None:
    """With it go its policies, their alarms and its schedules."""
    ctx.clients.of("application-autoscaling").deregister_scalable_target(
        **_LAMBDA,
        ResourceId=resource_id,
        ScalableDimension="lambda:function:ProvisionedConcurrency",
    )


def _bot_id(ctx: Context) -> str | None:
    bots = pages(ctx.clients.lex.list_bots, "botSummaries")
    return next((bot["botId"] for bot in bots if bot.get("botName") == bot_name(ctx.stage)), None)


def _lex_aliases(ctx: Context) -> list[str]:
    """All but the one that every bot has and that goes with it."""
    if (bot_id := _bot_id(ctx)) is None:
        return []
    listed = pages(ctx.clients.lex.list_bot_aliases, "botAliasSummaries", botId=bot_id)
    return [f"{bot_id}/{a['botAliasId']}" for a in listed if a["botAliasId"] != "TSTALIASID"]


def _remove_lex_alias(ctx: Context, name: str) -> None:
    bot_id, _, alias_id = name.partition("/")
    ctx.clients.lex.delete_bot_alias(botId=bot_id, botAliasId=alias_id, skipResourceInUseCheck=True)

    def state() -> str:
        is_there = found(ctx.clients.lex.describe_bot_alias, botId=bot_id, botAliasId=alias_id)
        return str(is_there["botAliasStatus"]) if is_there else ""

    ctx.waiter.until(f"Lex alias {alias_id}", 180, state)


def _executions(ctx: Context) -> list[str]:
    machines = pages(ctx.clients.stepfunctions.list_state_machines, "stateMachines")
    wanted = lead_workflow(ctx.stage)
    arns = [m["stateMachineArn"] for m in machines if m["name"] == wanted]
    return [run for arn in arns for run in _running(ctx, arn)]


def _running(ctx: Context, machine: str) -> Iterator[str]:
    operation = ctx.clients.stepfunctions.list_executions
    listed = pages(operation, "executions", stateMachineArn=machine, statusFilter="RUNNING")
    return (each["executionArn"] for each in listed)


def _stop(ctx: Context, execution: str) -> None:
    """A machine is gone only when all of its executions are."""
    ctx.clients.stepfunctions.stop_execution(executionArn=execution, error="StageDestroyed")


def _functions(ctx: Context) -> list[str]:
    listed = pages(ctx.clients.lambda_.list_functions, "Functions")
    names = (function["FunctionName"] for function in listed)
    return [name for name in names if name.startswith(f"{APP}-{ctx.stage}-")]


def _remove_function(ctx: Context, name: str) -> None:
    """With it go its versions, aliases, provisioned concurrency and permissions."""
    ctx.clients.lambda_.delete_function(FunctionName=name)


def _roles(ctx: Context) -> list[str]:
    """Chalice's, which it names as the functions; those of the stacks go with them."""
    iam = ctx.clients.of("iam")
    names = [function_name(ctx.stage, function.name) for function in FUNCTIONS]
    return [name for name in names if data.unless_missing(iam.get_role, RoleName=name)]


def _remove_role(ctx: Context, name: str) -> None:
    iam = ctx.clients.of("iam")
    for policy in list(pages(iam.list_role_policies, "PolicyNames", RoleName=name)):
        iam.delete_role_policy(RoleName=name, PolicyName=str(policy))
    for attached in list(pages(iam.list_attached_role_policies, "AttachedPolicies", RoleName=name)):
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)


# First what brings traffic and scales, then what runs, then what keeps data; the key is scheduled
# while its alias still names it.
PARTS = (
    Part("scaling target", _scaling_targets, _deregister),
    _stack(WATCH),
    _stack(PHONE),
    Part("Lex alias", _lex_aliases, _remove_lex_alias),
    _stack(BOT),
    Part("running workflow", _executions, _stop),
    Part("function", _functions, _remove_function),
    Part("role", _roles, _remove_role),
    Part("key", data.keys, data.schedule_key, f"gone in {data.KEY_DAYS} days:"),
    _stack(TABLES),
    _stack(WORKFLOW),
    Part("table", data.tables, data.remove_table),
    Part("bucket", data.buckets, data.remove_bucket),
    Part("secret", data.secrets, data.remove_secret),
    Part("transcription job", data.jobs, data.remove_job),
    Part("log group", data.log_groups, data.remove_log_group),
    Part("note on this machine", data.notes, data.remove_note),
)
