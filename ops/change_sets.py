"""One stack brought to what its template says, by a change set that is looked at before it runs.

An interrupted run leaves a change set that nobody executed, or a stack on its way. The next run
makes a change set of its own, and waits for the stack first.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from ops.aws import pages
from ops.errors import RefusedError
from ops.stack_state import (
    REVIEW,
    Description,
    Outputs,
    delete,
    described,
    failures,
    outputs_of,
    settled,
)
from ops.stages import APP
from ops.steps import Context, Done

_CHANGE_SET_LIMIT_SECONDS = 300
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed")
# What was never created cannot be updated, only removed:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_NEVER_CAME_UP = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
# What cannot be made again: replacing one would lose what is in it.
KEEPS_DATA = frozenset(
    (
        "AWS::DynamoDB::Table",
        "AWS::S3::Bucket",
        "AWS::KMS::Key",
        "AWS::SecretsManager::Secret",
    )
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stack as it should be; `resources`: how many, `is_protected`: from being deleted."""

    name: str
    body: str
    parameters: Mapping[str, str]
    stage: str
    resources: int = 0
    is_protected: bool = False


def bring_up(ctx: Context, wanted: Wanted) -> Done[Outputs]:
    """Create or update the stack; its outputs. Changes nothing when nothing differs.

    RefusedError when a change would replace what keeps data, or CloudFormation rolled back, with
    the reasons that it gives; UnavailableError when it takes longer than half an hour.
    """
    before = _ready(ctx, wanted)
    if before is None and ctx.dry_run:
        return Done({}, f"would create {wanted.name} with {wanted.resources} resources", True)
    is_new = before is None or before["StackStatus"] == REVIEW
    proposed = _propose(ctx, wanted, "CREATE" if is_new else "UPDATE")
    if proposed is None:
        return _protected(ctx, wanted, f"{wanted.name} is as its template says", False)
    stack_id, change_set, changes = proposed
    told = _told(changes)
    if ctx.dry_run:
        ctx.clients.of("cloudformation").delete_change_set(ChangeSetName=change_set)
        return Done(outputs_of(before), f"would change {wanted.name}: {told}", True)
    _refuse_loss(ctx, wanted.name, change_set, changes)
    # A retained resource of a creation that rolled back would stand in the next one's way.
    ctx.clients.of("cloudformation").execute_change_set(
        ChangeSetName=change_set, RetainExceptOnCreate=True
    )
    _wait(ctx, wanted.name, stack_id)
    return _protected(ctx, wanted, f"{wanted.name}: {told}", True)


def _ready(ctx: Context, wanted: Wanted) -> Description | None:
    """The stack as a change set can begin from it."""
    before = settled(ctx, wanted.name)
    if before is None or before["StackStatus"] in (*_GOOD, REVIEW, "UPDATE_ROLLBACK_COMPLETE"):
        return before
    if before["StackStatus"] in _NEVER_CAME_UP:
        if not ctx.dry_run:
            delete(ctx, wanted.name)
        return None
    hint = (
        f"aws cloudformation continue-update-rollback --stack-name {wanted.name}"
        if before["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
        else f"python -m ops destroy --stage {ctx.stage}"
    )
    raise RefusedError(f"stack {wanted.name} is {before['StackStatus']}: first run `{hint}`")


def _propose(ctx: Context, wanted: Wanted, kind: str) -> tuple[str, str, list[Description]] | None:
    """The stack's id, the change set's, and its changes; None when nothing differs."""
    cloudformation = ctx.clients.of("cloudformation")
    made = cloudformation.create_change_set(
        StackName=wanted.name,
        ChangeSetName=f"ops-{uuid.uuid4().hex}",
        ChangeSetType=kind,
        TemplateBody=wanted.body,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in wanted.parameters.items()
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "app", "Value": APP}, {"Key": "stage", "Value": wanted.stage}],
    )
    now = _made(ctx, wanted.name, made["Id"])
    if now["Status"] == "CREATE_COMPLETE":
        return made["StackId"], made["Id"], _changes(ctx, made["Id"])
    cloudformation.delete_change_set(ChangeSetName=made["Id"])
    why = now.get("StatusReason", "CloudFormation gives no reason")
    if any(text in why for text in _NO_CHANGE):
        return None
    raise RefusedError(f"stack {wanted.name} cannot be changed so: {why}")


def _made(ctx: Context, name: str, change_set: str) -> Description:
    now: Description = {}

    def state() -> str:
        nonlocal now
        now = ctx.clients.of("cloudformation").describe_change_set(ChangeSetName=change_set)
        return str(now["Status"]) if now["Status"] not in ("CREATE_COMPLETE", "FAILED") else ""

    ctx.waiter.until(f"change set of {name}", _CHANGE_SET_LIMIT_SECONDS, state)
    return now


def _changes(ctx: Context, change_set: str) -> list[Description]:
    operation = ctx.clients.of("cloudformation").describe_change_set
    listed = pages(operation, "Changes", ChangeSetName=change_set)
    return [change["ResourceChange"] for change in listed]


def _refuse_loss(ctx: Context, name: str, change_set: str, changes: list[Description]) -> None:
    lost = [c["LogicalResourceId"] for c in changes if _loses_data(c)]
    if lost:
        ctx.clients.of("cloudformation").delete_change_set(ChangeSetName=change_set)
        raise RefusedError(
            f"stack {name} would lose what {', '.join(lost)} holds, so nothing was changed: keep "
            "the old resource's logical id and name, or move its data by hand first"
        )


def _loses_data(change: Description) -> bool:
    is_replaced = change.get("Replacement") == "True"
    is_deleted = "Delete" in change.get("PolicyAction", "")
    return change["ResourceType"] in KEEPS_DATA and (is_replaced or is_deleted)


def _told(changes: list[Description]) -> str:
    """Every change in a few words; of many, how many of each kind."""
    if len(changes) > 6:
        counts: dict[str, int] = {}
        for change in changes:
            counts[change["Action"]] = counts.get(change["Action"], 0) + 1
        return ", ".join(f"{count} to {action.lower()}" for action, count in counts.items())
    return ", ".join(f"{c['Action'].lower()} {c['LogicalResourceId']}" for c in changes)


def _wait(ctx: Context, name: str, stack_id: str) -> None:
    now = settled(ctx, stack_id)
    if now is None or now["StackStatus"] not in _GOOD:
        status = now["StackStatus"] if now else "gone"
        why = "; ".join(failures(ctx, stack_id)) or "it gives no reason"
        raise RefusedError(f"stack {name} is {status}: {why}")


def _protected(ctx: Context, wanted: Wanted, detail: str, changed: bool) -> Done[Outputs]:
    """The outputs, once the stack is guarded as it should be."""
    now = described(ctx, wanted.name) or {}
    if wanted.is_protected and not now.get("EnableTerminationProtection") and not ctx.dry_run:
        ctx.clients.of("cloudformation").update_termination_protection(
            StackName=wanted.name, EnableTerminationProtection=True
        )
        detail, changed = f"{detail}; protected from deletion", True
    return Done(outputs_of(now), detail, changed)
