"""What Lex says of the stage: where its alias `live` sends a visitor's turn."""

from __future__ import annotations

from dataclasses import dataclass, field

from ops.aws import pages
from ops.stages import LIVE, bot_name
from ops.steps import Context


@dataclass(frozen=True, slots=True)
class LexAlias:
    """The alias `live`: its bot version, "" for none, and each locale's Lambda ARN, "" for none."""

    bot_id: str
    alias_id: str
    bot_version: str
    hooks: dict[str, str] = field(default_factory=dict)


def read_alias(ctx: Context) -> LexAlias | None:
    """The alias; None where the bot or the alias is missing."""
    lex = ctx.clients.lex
    bots = pages(lex.list_bots, "botSummaries")
    bot_id = next((b["botId"] for b in bots if b.get("botName") == bot_name(ctx.stage)), None)
    if bot_id is None:
        return None
    aliases = pages(lex.list_bot_aliases, "botAliasSummaries", botId=bot_id)
    alias_id = next((a["botAliasId"] for a in aliases if a.get("botAliasName") == LIVE), None)
    if alias_id is None:
        return None
    described = lex.describe_bot_alias(botId=bot_id, botAliasId=alias_id)
    settings = described.get("botAliasLocaleSettings") or {}
    hooks = {name: _hook(locale) for name, locale in settings.items() if locale.get("enabled")}
    return LexAlias(bot_id, alias_id, described.get("botVersion", ""), hooks)


def _hook(setting: dict[str, object]) -> str:
    specification = setting.get("codeHookSpecification")
    hook = specification.get("lambdaCodeHook", {}) if isinstance(specification, dict) else {}
    return str(hook.get("lambdaARN", ""))
