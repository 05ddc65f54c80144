"""The release's steps on provisioned concurrency: READY before traffic, freed after it moved."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ops.aws import found, pages
from ops.errors import RefusedError, UnavailableError
from ops.stages import FULFILLMENT, STAGE_SIZES, function_name
from ops.steps import NEW_VERSION, Context, Done

_READY_LIMIT_SECONDS = 600

Configuration = dict[str, Any]


def provision(ctx: Context, version: str, former: str = "") -> Done[None]:
    """Have the stage's count of fulfilment environments READY on `version`.

    Where the count follows the load, the version gets as many as `former` has grown to.
    When Lambda cannot, what was there before is put back, and RefusedError or UnavailableError
    says why: the aliases still stand where they stood.
    """
    before = None if version == NEW_VERSION else provisioned(ctx, version)
    requested = _requested(before)
    count = _count(ctx, max(requested, _requested(provisioned(ctx, former)) if former else 0))
    if requested == count and before and before["Status"] == "READY":
        return Done(None, f"{count} READY on version {version}")
    if ctx.dry_run:
        return Done(None, f"would provision {count} on version {version}", True)
    if requested != count or not before or before["Status"] == "FAILED":
        ctx.clients.lambda_.put_provisioned_concurrency_config(
            **_version(ctx, version), ProvisionedConcurrentExecutions=count
        )
    try:
        _wait_until_ready(ctx, version)
    except (RefusedError, UnavailableError):
        _put_back(ctx, version, requested)
        raise
    return Done(None, f"{count} READY on version {version}", True)


def _requested(configuration: Configuration | None) -> int:
    now = configuration or {}
    return int(now.get("RequestedProvisionedConcurrentExecutions", 0))


def _count(ctx: Context, grown: int) -> int:
    """The stage's count, or what scaling has made of it."""
    sizes = STAGE_SIZES[ctx.stage]
    if sizes.provisioned_most <= sizes.provisioned_fulfillment:
        return sizes.provisioned_fulfillment
    return min(sizes.provisioned_most, max(sizes.provisioned_fulfillment, grown))


def _version(ctx: Context, qualifier: str) -> dict[str, str]:
    return {"FunctionName": function_name(ctx.stage, FULFILLMENT), "Qualifier": qualifier}


def provisioned(ctx: Context, qualifier: str) -> Configuration | None:
    operation = ctx.clients.lambda_.get_provisioned_concurrency_config
    answer: Configuration | None = found(operation, **_version(ctx, qualifier))
    return answer


def _wait_until_ready(ctx: Context, version: str, seconds: float = _READY_LIMIT_SECONDS) -> None:
    def state() -> str:
        now = provisioned(ctx, version) or {"Status": "gone"}
        if now["Status"] == "FAILED":
            raise RefusedError(
                f"Lambda could not provision version {version} of {FULFILLMENT}: "
                f"{now.get('StatusReason', 'it gives no reason')} Nothing has moved."
            )
        if now["Status"] == "READY":
            return ""
        available = now.get("AvailableProvisionedConcurrentExecutions", 0)
        wanted = now.get("RequestedProvisionedConcurrentExecutions", 0)
        return f"{now['Status']}, {available} of {wanted}"

    ctx.waiter.until(f"provisioned concurrency of version {version}", seconds, state)


def _put_back(ctx: Context, version: str, requested: int) -> None:
    # A count that stood before may be what live traffic is answered by, so it is restored.
    if requested:
        ctx.clients.lambda_.put_provisioned_concurrency_config(
            **_version(ctx, version), ProvisionedConcurrentExecutions=requested
        )
    else:
        ctx.clients.lambda_.delete_provisioned_concurrency_config(**_version(ctx, version))


def provision_within(ctx: Context, version: str, seconds: float, left: str) -> Done[None]:
    """`provision`, but go on after so many seconds: who rolls back cannot wait for the last one.

    As many as the version that is `left` has grown to. Where Lambda has none to give, it goes on.
    """
    now = provisioned(ctx, version)
    count = _count(ctx, max(_requested(now), _requested(provisioned(ctx, left))))
    if now is not None and now["Status"] == "READY" and _requested(now) >= count:
        return Done(None, f"version {version} is READY")
    if ctx.dry_run:
        return Done(None, f"would provision {count} on version {version}", True)
    try:
        ctx.clients.lambda_.put_provisioned_concurrency_config(
            **_version(ctx, version), ProvisionedConcurrentExecutions=count
        )
        _wait_until_ready(ctx, version, seconds)
    except (RefusedError, UnavailableError, ClientError) as error:
        return Done(None, f"going on before it is READY, so first turns start cold: {error}", True)
    return Done(None, f"{count} READY on version {version}", True)


def free_older(ctx: Context, version: str) -> Done[None]:
    """Remove provisioned concurrency from every qualifier of fulfilment but `version`.

    Waits the stage's `drain_seconds` first, for turns that still meet the former version.
    """
    older = [q for q in provisioned_qualifiers(ctx) if q != version]
    if not older:
        return Done(None, "none but the live version has any")
    if ctx.dry_run:
        return Done(None, f"would free version {', '.join(older)}", True)
    ctx.waiter.sleep(STAGE_SIZES[ctx.stage].drain_seconds)
    for qualifier in older:
        ctx.clients.lambda_.delete_provisioned_concurrency_config(**_version(ctx, qualifier))
    return Done(None, f"freed version {', '.join(older)}", True)


def provisioned_qualifiers(ctx: Context) -> list[str]:
    """Every version or alias of fulfilment that has provisioned concurrency."""
    operation = ctx.clients.lambda_.list_provisioned_concurrency_configs
    name = function_name(ctx.stage, FULFILLMENT)
    listed = pages(operation, "ProvisionedConcurrencyConfigs", FunctionName=name)
    return [item["FunctionArn"].rpartition(":")[2] for item in listed]
