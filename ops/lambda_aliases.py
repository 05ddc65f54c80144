"""The release's steps on the Lambda aliases `live`: where they point and how they are invoked."""

from __future__ import annotations

from typing import Any

from ops.aws import found
from ops.stages import FUNCTIONS, LIVE, function_name
from ops.steps import Context, Done

# An answer that is made for the cache is worth nothing later, and a retry would make it twice.
BACKGROUND_INVOKE = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}

Configuration = dict[str, Any]
Versions = dict[str, str]


def move_aliases(ctx: Context, versions: Versions) -> Done[None]:
    """Point every alias `live` at its new version with all of its weight; fulfilment comes last."""
    moved = [name for name in versions if _move(ctx, name, versions[name])]
    word = "would move" if ctx.dry_run else "moved"
    detail = f"{word} {', '.join(moved)}" if moved else "all stand on these versions"
    return Done(None, detail, bool(moved))


def _move(ctx: Context, name: str, version: str) -> bool:
    alias = live_alias(ctx, name)
    if serves(alias, version):
        return False
    if ctx.dry_run:
        return True
    target = {
        "FunctionName": function_name(ctx.stage, name),
        "Name": LIVE,
        "FunctionVersion": version,
    }
    if alias is None:
        ctx.clients.lambda_.create_alias(**target)
    else:
        ctx.clients.lambda_.update_alias(**target, RoutingConfig={"AdditionalVersionWeights": {}})
    return True


def live_alias(ctx: Context, name: str) -> Configuration | None:
    """The function's alias `live`, or None before its first release."""
    alias: Configuration | None = found(
        ctx.clients.lambda_.get_alias, FunctionName=function_name(ctx.stage, name), Name=LIVE
    )
    return alias


def serves(alias: Configuration | None, version: str) -> bool:
    """Whether the alias sends all of its traffic to `version`."""
    if alias is None or alias["FunctionVersion"] != version:
        return False
    return not alias.get("RoutingConfig", {}).get("AdditionalVersionWeights")


def limit_background(ctx: Context) -> Done[None]:
    """Give the background functions' asynchronous invokes no retry and a minute of life."""
    names = [f.name for f in FUNCTIONS if f.is_background]
    changed = [name for name in names if _limit(ctx, name)]
    detail = f"no retries, at most 60 s old: {', '.join(names)}"
    return Done(None, detail, bool(changed))


def _limit(ctx: Context, name: str) -> bool:
    target = {"FunctionName": function_name(ctx.stage, name), "Qualifier": LIVE}
    now = found(ctx.clients.lambda_.get_function_event_invoke_config, **target) or {}
    if all(now.get(key) == value for key, value in BACKGROUND_INVOKE.items()):
        return False
    if not ctx.dry_run:
        ctx.clients.lambda_.put_function_event_invoke_config(**target, **BACKGROUND_INVOKE)
    return True
