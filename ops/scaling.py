"""Application Auto Scaling of a version's provisioned concurrency, by how much of it is in use.

The target is the version, as the provisioned concurrency is: an alias with weights may have none.
It never goes below the stage's own count, which is what a quiet hour has.
"""

from __future__ import annotations

from typing import Any

from ops.stages import FULFILLMENT, STAGE_SIZES, function_name
from ops.steps import NEW_VERSION, Context, Done

NAMESPACE = "lambda"
DIMENSION = "lambda:function:ProvisionedConcurrency"
METRIC = "LambdaProvisionedConcurrencyUtilization"
TARGET_UTILIZATION = 0.7
"""AWS's own example, and 30% of the environments free when the alarm looks once a minute:
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html"""


def resource(stage: str, version: str) -> str:
    """The scalable target's name of a version of fulfilment."""
    return f"function:{function_name(stage, FULFILLMENT)}:{version}"


def scale(ctx: Context, version: str) -> Done[None]:
    """Let the version's provisioned concurrency follow its use, where the stage has room for it."""
    sizes = STAGE_SIZES[ctx.stage]
    least, most = sizes.provisioned_fulfillment, sizes.provisioned_most
    if most <= least:
        return Done(None, f"stage {ctx.stage} keeps {least}")
    target = {"ResourceId": resource(ctx.stage, version), **_of_lambda()}
    detail = f"{least} to {most} by {TARGET_UTILIZATION:.0%} use"
    if version != NEW_VERSION and _is_scaled(ctx, target, least, most):
        return Done(None, detail)
    if ctx.dry_run:
        return Done(None, f"would scale {detail}", True)
    client = ctx.clients.of("application-autoscaling")
    client.register_scalable_target(**target, MinCapacity=least, MaxCapacity=most)
    client.put_scaling_policy(**target, **_policy(ctx.stage))
    return Done(None, detail, True)


def _policy(stage: str) -> dict[str, Any]:
    return {
        "PolicyName": f"{function_name(stage, FULFILLMENT)}-use",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": TARGET_UTILIZATION,
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
        },
    }


def _of_lambda() -> dict[str, str]:
    return {"ServiceNamespace": NAMESPACE, "ScalableDimension": DIMENSION}


def _is_scaled(ctx: Context, target: dict[str, str], least: int, most: int) -> bool:
    client = ctx.clients.of("application-autoscaling")
    name = target["ResourceId"]
    listed = client.describe_scalable_targets(
        ServiceNamespace=NAMESPACE, ScalableDimension=DIMENSION, ResourceIds=[name]
    )["ScalableTargets"]
    if not any((one["MinCapacity"], one["MaxCapacity"]) == (least, most) for one in listed):
        return False
    policies = client.describe_scaling_policies(
        ServiceNamespace=NAMESPACE, ScalableDimension=DIMENSION, ResourceId=name
    )
    return bool(policies["ScalingPolicies"])


def stop_scaling(ctx: Context, kept: str) -> Done[None]:
    """Deregister every other version, or its policy would bring back what is being freed."""
    sizes = STAGE_SIZES[ctx.stage]
    if sizes.provisioned_most <= sizes.provisioned_fulfillment:
        return Done(None, "none is scaled")
    prefix = resource(ctx.stage, "")
    others = [n for n in _targets(ctx) if n.startswith(prefix) and n != f"{prefix}{kept}"]
    if not ctx.dry_run:
        for name in others:
            ctx.clients.of("application-autoscaling").deregister_scalable_target(
                ResourceId=name, **_of_lambda()
            )
    word = "would deregister" if ctx.dry_run else "deregistered"
    named = ", ".join(name.removeprefix(prefix) for name in others)
    return Done(None, f"{word} version {named}" if others else "no other", bool(others))


def _targets(ctx: Context) -> list[str]:
    pages = ctx.clients.of("application-autoscaling").get_paginator("describe_scalable_targets")
    found = pages.paginate(ServiceNamespace=NAMESPACE, ScalableDimension=DIMENSION)
    return [str(one["ResourceId"]) for page in found for one in page["ScalableTargets"]]
