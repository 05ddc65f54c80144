"""The release's steps on the workflow: that it is there, and that event rules reach `live`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import is_error
from ops.errors import RefusedError
from ops.permissions import permit, statement_ids
from ops.stages import FUNCTIONS, LIVE, lead_workflow, rule_name
from ops.steps import Context, Done
from ops.together import each

Configurations = Mapping[str, dict[str, Any]]


def find_workflow(ctx: Context, configurations: Configurations) -> Done[None]:
    """RefusedError when the state machine is missing: no consent could start anything."""
    name = lead_workflow(ctx.stage)
    arn = _arn(configurations, "states", f"stateMachine:{name}")
    try:
        ctx.clients.stepfunctions.describe_state_machine(stateMachineArn=arn)
    except ClientError as error:
        if not is_error(error, "StateMachineDoesNotExist"):
            raise
        raise RefusedError(
            f"there is no state machine {name}: deploy infra/lead_workflow.yaml with "
            f"Stage={ctx.stage} first. Nothing has moved."
        ) from error
    return Done(None, name)


def allow_rules(ctx: Context, configurations: Configurations) -> Done[None]:
    """Let each event rule, and no other, invoke `live` of the function that it is for."""
    rules = {f.name: rule_name(ctx.stage, f.rule) for f in FUNCTIONS if f.rule}
    granted = each(partial(statement_ids, ctx), rules)
    new = [
        name
        for (name, rule), ids in zip(rules.items(), granted, strict=True)
        if _statement_id(rule) not in ids
    ]
    if not new:
        return Done(None, f"{len(rules)} rules may invoke their functions")
    if ctx.dry_run:
        return Done(None, f"would let rules invoke {LIVE} of {', '.join(new)}", True)

    def allow(name: str) -> None:
        source = _arn(configurations, "events", f"rule/{rules[name]}")
        caller = {"Principal": "events.amazonaws.com", "SourceArn": source}
        permit(ctx, name, _statement_id(rules[name]), caller)

    each(allow, new)
    return Done(None, f"rules may now invoke {LIVE} of {', '.join(new)}", True)


def _statement_id(rule: str) -> str:
    return f"rule-{rule}"


def _arn(configurations: Configurations, service: str, resource: str) -> str:
    """An ARN in the account and region that the functions are in."""
    some_function = next(iter(configurations.values()))["FunctionArn"]
    _, partition, _, region, account, *_ = some_function.split(":")
    return f"arn:{partition}:{service}:{region}:{account}:{resource}"
