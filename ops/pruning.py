"""Deletes what no roll-back can mean any more, long before AWS's limits: 75 GB of code in a region,
100 versions of a bot (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
docs.aws.amazon.com/lexv2/latest/dg/quotas.html)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ops.aws import pages
from ops.lex_release import Bot
from ops.provisioned import provisioned_qualifiers
from ops.stages import FULFILLMENT, FUNCTIONS, function_name
from ops.steps import Context, Done
from ops.together import each

KEPT = 5
"""The newest versions of each function and of the bot that stay, whatever points to them."""


def prune(
    ctx: Context, bot: Bot, keep: Mapping[str, set[str]], bot_versions: set[str]
) -> Done[None]:
    """Delete all but the newest five, what `keep` names, and what an alias or environment uses."""
    counts = each(partial(_prune_function, ctx, keep), [f.name for f in FUNCTIONS])
    of_bot = _prune_bot(ctx, bot, bot_versions)
    deleted = sum(counts) + of_bot
    word = "would delete" if ctx.dry_run else "deleted"
    detail = f"{word} {sum(counts)} versions of functions, {of_bot} of the bot"
    return Done(None, detail if deleted else f"none beyond the newest {KEPT}", bool(deleted))


def _prune_function(ctx: Context, keep: Mapping[str, set[str]], name: str) -> int:
    deployed, lambda_ = function_name(ctx.stage, name), ctx.clients.lambda_
    listed = pages(lambda_.list_versions_by_function, "Versions", FunctionName=deployed)
    older = _older({str(one["Version"]) for one in listed})
    if not (older := older - keep.get(name, set())):
        return 0
    used = {str(one["FunctionVersion"]) for one in _aliases(ctx, deployed)}
    for alias in _aliases(ctx, deployed):
        used |= {*(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {})}
    used |= set(provisioned_qualifiers(ctx)) if name == FULFILLMENT else set()
    for version in sorted(older - used, key=int):
        if not ctx.dry_run:
            lambda_.delete_function(FunctionName=deployed, Qualifier=version)
    return len(older - used)


def _aliases(ctx: Context, deployed: str) -> list[dict[str, Any]]:
    return list(pages(ctx.clients.lambda_.list_aliases, "Aliases", FunctionName=deployed))


def _prune_bot(ctx: Context, bot: Bot, keep: set[str]) -> int:
    lex = ctx.clients.lex
    listed = pages(lex.list_bot_versions, "botVersionSummaries", botId=bot.bot_id)
    if not (older := _older({str(one["botVersion"]) for one in listed}) - keep):
        return 0
    aliases = pages(lex.list_bot_aliases, "botAliasSummaries", botId=bot.bot_id)
    older -= {str(alias.get("botVersion", "")) for alias in aliases}
    for version in sorted(older, key=int):
        if not ctx.dry_run:
            lex.delete_bot_version(botId=bot.bot_id, botVersion=version)
    return len(older)


def _older(versions: set[str]) -> set[str]:
    """All but the newest; $LATEST and DRAFT are no versions."""
    numbered = sorted((v for v in versions if v.isdigit()), key=int)
    return set(numbered[:-KEPT])
