"""The release's steps on the Lambda aliases `live`: where they point and how they are invoked."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from ops.aws import found
from ops.stages import FUNCTIONS, LIVE, LambdaFunction, function_name
from ops.steps import Context, Done
from ops.together import each

Configuration = dict[str, Any]
Versions = dict[str, str]


def move_aliases(ctx: Context, versions: Versions) -> Done[None]:
    """Point every alias `live` at its new version with all of its weight; fulfilment comes last."""
    aliases = live_aliases(ctx, versions)
    moved = [name for name in versions if not serves(aliases[name], versions[name])]
    if not ctx.dry_run:
        # One after the other: each moves when all that it invokes has moved.
        for name in moved:
            _move(ctx, name, versions[name], aliases[name])
    word = "would move" if ctx.dry_run else "moved"
    detail = f"{word} {', '.join(moved)}" if moved else "all stand on these versions"
    return Done(None, detail, bool(moved))


def _move(ctx: Context, name: str, version: str, alias: Configuration | None) -> None:
    target = {
        "FunctionName": function_name(ctx.stage, name),
        "Name": LIVE,
        "FunctionVersion": version,
    }
    if alias is None:
        ctx.clients.lambda_.create_alias(**target)
    else:
        ctx.clients.lambda_.update_alias(**target, RoutingConfig={"AdditionalVersionWeights": {}})


def live_aliases(ctx: Context, names: Iterable[str]) -> dict[str, Configuration | None]:
    """Every named function's alias `live`, as `live_alias`."""
    wanted = list(names)
    return dict(zip(wanted, each(partial(live_alias, ctx), wanted), strict=True))


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


def limit_asynchronous(ctx: Context) -> Done[None]:
    """Give every function's asynchronous invokes the retries and the age that its row says."""
    is_changed = each(partial(_limit, ctx), FUNCTIONS)
    changed = [f.name for f, is_new in zip(FUNCTIONS, is_changed, strict=True) if is_new]
    word = "would limit" if ctx.dry_run else "limited"
    detail = f"{word} {', '.join(changed)}" if changed else "each as its row says"
    return Done(None, detail, bool(changed))


def _limit(ctx: Context, function: LambdaFunction) -> bool:
    """Whether the limits had to change, which they do not for a function without any."""
    if function.asynchronous is None:
        return False
    wanted = {
        "MaximumRetryAttempts": function.asynchronous.retries,
        "MaximumEventAgeInSeconds": function.asynchronous.max_age_seconds,
    }
    target = {"FunctionName": function_name(ctx.stage, function.name), "Qualifier": LIVE}
    now = found(ctx.clients.lambda_.get_function_event_invoke_config, **target) or {}
    if all(now.get(key) == value for key, value in wanted.items()):
        return False
    if not ctx.dry_run:
        ctx.clients.lambda_.put_function_event_invoke_config(**target, **wanted)
    return True
