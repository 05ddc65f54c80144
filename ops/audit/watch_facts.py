"""What watches the stage: alarms, who hears of them, and what scales the warm environments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import is_error, pages
from ops.stages import APP, FULFILLMENT, function_name
from ops.steps import Context

Description = dict[str, Any]
SCALED = "lambda:function:ProvisionedConcurrency"


@dataclass(frozen=True, slots=True)
class Scaled:
    """A scalable target: how many environments it may come to, and by which policies."""

    most: int
    policies: tuple[Description, ...]


def read_alarms(ctx: Context) -> dict[str, Description]:
    """The stage's metric alarms by name."""
    operation = ctx.clients.of("cloudwatch").describe_alarms
    listed = pages(operation, "MetricAlarms", AlarmNamePrefix=f"{APP}-{ctx.stage}-")
    return {alarm["AlarmName"]: alarm for alarm in listed}


def read_subscriptions(ctx: Context, topic: str) -> list[Description] | None:
    """The topic's subscriptions; None where the topic is missing."""
    operation = ctx.clients.of("sns").list_subscriptions_by_topic
    try:
        return list(pages(operation, "Subscriptions", TopicArn=topic))
    except ClientError as error:
        if is_error(error, "NotFound", "NotFoundException"):
            return None
        raise


def read_scaling(ctx: Context) -> dict[str, Scaled]:
    """Every scalable target of fulfilment by its qualifier."""
    scaling = ctx.clients.of("application-autoscaling")
    everything: Any = {"ServiceNamespace": "lambda", "ScalableDimension": SCALED}
    ours = f"function:{function_name(ctx.stage, FULFILLMENT)}:"
    targets = pages(scaling.describe_scalable_targets, "ScalableTargets", **everything)
    policies = list(pages(scaling.describe_scaling_policies, "ScalingPolicies", **everything))
    return {
        target["ResourceId"].removeprefix(ours): Scaled(
            int(target["MaxCapacity"]),
            tuple(p for p in policies if p["ResourceId"] == target["ResourceId"]),
        )
        for target in targets
        if target["ResourceId"].startswith(ours)
    }
