"""What a visitor's turn passes through, read back from AWS: alias, alias, version, READY."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ops.errors import RefusedError
from ops.lambda_aliases import live_alias
from ops.lex_release import Bot
from ops.provisioned import provisioned
from ops.stages import FULFILLMENT, FUNCTIONS, LIVE, STAGE_SIZES
from ops.steps import Context, Done
from ops.together import each


@dataclass(frozen=True, slots=True)
class Link:
    """One Lambda alias: the version behind it and, for fulfilment, what is provisioned there."""

    function: str
    alias: str
    version: str
    provisioned: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The whole way of one turn; `locales` maps a locale to the Lambda ARN that Lex invokes."""

    bot_id: str
    bot_alias_id: str
    bot_version: str
    locales: dict[str, str]
    links: tuple[Link, ...]

    def to_json(self) -> dict[str, Any]:
        """The chain as plain data."""
        return asdict(self)

    def table(self) -> str:
        """The chain as lines of at most 100 columns."""
        head = f"Lex alias {LIVE} ({self.bot_alias_id}) -> bot version {self.bot_version}"
        hooks = [f"  {locale} -> {arn}" for locale, arn in self.locales.items()]
        rows = [
            f"  {link.function:<20} {link.alias:<5} -> version {link.version:<4} {link.provisioned}"
            for link in self.links
        ]
        return "\n".join([head, *hooks, *(row.rstrip() for row in rows)])


def verify(ctx: Context, bot: Bot, alias_id: str, function_arn: str) -> Done[Chain]:
    """Read the chain back; RefusedError names the first link that is not as released."""
    described = ctx.clients.lex.describe_bot_alias(botId=bot.bot_id, botAliasId=alias_id)
    settings = described.get("botAliasLocaleSettings", {})
    locales = {locale: _hook(settings[locale]) for locale in sorted(settings)}
    chain = Chain(
        bot.bot_id,
        alias_id,
        described.get("botVersion", "none"),
        locales,
        tuple(each(lambda function: _link(ctx, function.name), FUNCTIONS)),
    )
    for locale in bot.locales:
        if locales.get(locale) != f"{function_arn}:{LIVE}":
            raise RefusedError(f"Lex sends {locale} to {locales.get(locale) or 'no Lambda'}")
    return Done(chain, "every link as released")


def _hook(setting: dict[str, Any]) -> str:
    hook = setting.get("codeHookSpecification", {}).get("lambdaCodeHook", {})
    return str(hook.get("lambdaARN", ""))


def _link(ctx: Context, name: str) -> Link:
    alias = live_alias(ctx, name)
    if alias is None:
        raise RefusedError(f"the alias {LIVE} of {name} is gone")
    version = str(alias["FunctionVersion"])
    if name != FULFILLMENT:
        return Link(name, LIVE, version, "on demand")
    now = provisioned(ctx, version) or {"Status": "not provisioned"}
    count = now.get("AvailableProvisionedConcurrentExecutions", 0)
    is_growing = count >= STAGE_SIZES[ctx.stage].provisioned_fulfillment
    if now["Status"] == "IN_PROGRESS" and is_growing:
        wanted = now["RequestedProvisionedConcurrentExecutions"]
        return Link(name, LIVE, version, f"{count} provisioned, scaling to {wanted}")
    if now["Status"] != "READY":
        raise RefusedError(f"{name}:{LIVE} stands on version {version}, which is {now['Status']}")
    return Link(name, LIVE, version, f"{count} provisioned, READY")
