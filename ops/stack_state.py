"""What CloudFormation says of a stack, how long one waits for it, and how one is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import is_error, pages
from ops.errors import RefusedError
from ops.steps import Context

# A Lex bot's build takes minutes, and a deletion waits for what still runs.
STACK_LIMIT_SECONDS = 1800
# A stack of which only change sets exist: nothing is on its way.
REVIEW = "REVIEW_IN_PROGRESS"
_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")

Description = dict[str, Any]
Outputs = dict[str, str]


def described(ctx: Context, name: str) -> Description | None:
    """The stack of that name or id as CloudFormation describes it, or None."""
    try:
        answer = ctx.clients.of("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if is_error(error, "ValidationError") and "does not exist" in str(error):
            return None
        raise
    return dict(answer["Stacks"][0])


def outputs_of(description: Description | None) -> Outputs:
    """The stack's outputs by their names."""
    listed = (description or {}).get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in listed}


def settled(ctx: Context, name: str) -> Description | None:
    """The stack once CloudFormation does nothing with it any more; None when there is none."""
    now: Description | None = None

    def state() -> str:
        nonlocal now
        now = described(ctx, name)
        return _on_its_way(ctx, now) if now else ""

    # Of a stack's id only the end is no name.
    ctx.waiter.until(name.split("/")[-2] if "/" in name else name, STACK_LIMIT_SECONDS, state)
    return None if now and now["StackStatus"] == "DELETE_COMPLETE" else now


def _on_its_way(ctx: Context, now: Description) -> str:
    """What CloudFormation does with the stack, and how far it is; "" when it does nothing."""
    status = str(now["StackStatus"])
    if not status.endswith("_IN_PROGRESS") or status == REVIEW:
        return ""
    operation = ctx.clients.of("cloudformation").describe_stack_resources
    statuses = [r["ResourceStatus"] for r in operation(StackName=now["StackId"])["StackResources"]]
    done = sum(each.endswith("_COMPLETE") for each in statuses)
    return f"{status}, {done} of {len(statuses)} resources"


def delete(ctx: Context, name: str) -> bool:
    """Delete the stack and wait; False when there is none. RefusedError says what would not go."""
    now = settled(ctx, name)
    if now is None:
        return False
    cloudformation = ctx.clients.of("cloudformation")
    if now.get("EnableTerminationProtection"):
        cloudformation.update_termination_protection(
            StackName=name, EnableTerminationProtection=False
        )
    cloudformation.delete_stack(StackName=name)
    # By its id, since of its name nothing is known any more once it is gone.
    left = settled(ctx, now["StackId"])
    if left is not None:
        why = "; ".join(failures(ctx, now["StackId"])) or left["StackStatus"]
        raise RefusedError(f"stack {name} is not deleted: {why}. Run it again.")
    return True


def failures(ctx: Context, stack_id: str) -> list[str]:
    """What failed in the stack's last operation, oldest first, in CloudFormation's words."""
    events = pages(
        ctx.clients.of("cloudformation").describe_stack_events, "StackEvents", StackName=stack_id
    )
    return list(_failed(events))[::-1]


def _failed(events: Iterator[Description]) -> Iterator[str]:
    """Newest first, until the event with which the operation began."""
    for event in events:
        status = event["ResourceStatus"]
        if event.get("PhysicalResourceId") == event["StackId"]:
            if status in _BEGINNINGS:
                return
            continue
        why = event.get("ResourceStatusReason", "")
        if status.endswith("_FAILED") and "cancelled" not in why:
            yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {why}"
