"""The release's steps on Lex: the bot's version, its alias `live`, its right to invoke."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.aws import found, pages
from ops.errors import RefusedError
from ops.permissions import permit, statement_ids
from ops.stages import FULFILLMENT, LIVE, bot_name
from ops.steps import NEW_VERSION, Context, Done

_AVAILABLE_LIMIT_SECONDS = 180
_BUILT = ("Built", "ReadyExpressTesting")

Description = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot as it stands in DRAFT; `digest` changes when DRAFT was built again."""

    bot_id: str
    locales: tuple[str, ...]
    digest: str


def find_bot(ctx: Context) -> Done[Bot]:
    """The stage's bot by its name; RefusedError when it is missing or a locale is not built."""
    name = bot_name(ctx.stage)
    bots = pages(ctx.clients.lex.list_bots, "botSummaries")
    bot_id = next((bot["botId"] for bot in bots if bot.get("botName") == name), None)
    if bot_id is None:
        raise RefusedError(
            f"there is no Lex bot {name}: deploy infra/lex_bot.yaml with Stage={ctx.stage} first. "
            "Nothing has moved."
        )
    summaries = pages(
        ctx.clients.lex.list_bot_locales, "botLocaleSummaries", botId=bot_id, botVersion="DRAFT"
    )
    locales = tuple(sorted(summary["localeId"] for summary in summaries))
    if not locales:
        raise RefusedError(f"the Lex bot {name} has no locale. Nothing has moved.")
    bot = Bot(bot_id, locales, _draft_digest(ctx, bot_id, locales))
    return Done(bot, f"{name} {bot_id}, {', '.join(locales)} built")


def _draft_digest(ctx: Context, bot_id: str, locales: tuple[str, ...]) -> str:
    """What a bot version's description remembers of DRAFT, so that it is made once per build."""
    draft = ctx.clients.lex.describe_bot(botId=bot_id)
    facts: list[Any] = [draft.get(key) for key in ("dataPrivacy", "idleSessionTTLInSeconds")]
    for locale in locales:
        described = ctx.clients.lex.describe_bot_locale(
            botId=bot_id, botVersion="DRAFT", localeId=locale
        )
        if described["botLocaleStatus"] not in _BUILT:
            raise RefusedError(
                f"locale {locale} of bot {bot_id} is {described['botLocaleStatus']}, not Built: "
                "build it, then release. Nothing has moved."
            )
        facts.append([locale, described.get("lastBuildSubmittedDateTime")])
    text = json.dumps(facts, default=lambda moment: moment.isoformat())
    return f"DRAFT {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def find_alias(ctx: Context, bot: Bot) -> str | None:
    """The id of the Lex alias `live`, or None before the stage's first deployment."""
    listed = pages(ctx.clients.lex.list_bot_aliases, "botAliasSummaries", botId=bot.bot_id)
    return next((a["botAliasId"] for a in listed if a["botAliasName"] == LIVE), None)


def reserve_alias(ctx: Context, bot: Bot) -> str:
    """The id of the Lex alias `live`; made without a Lambda the first time, which serves nobody.

    The permission names the alias, and the binding needs the permission, so it has to exist first.
    """
    alias_id = find_alias(ctx, bot)
    if alias_id is None and ctx.dry_run:
        return NEW_VERSION
    if alias_id is None:
        made = ctx.clients.lex.create_bot_alias(botId=bot.bot_id, botAliasName=LIVE)
        alias_id = made["botAliasId"]
    return str(alias_id)


def allow_lex(ctx: Context, bot: Bot, function_arn: str) -> Done[str]:
    """Let this bot's alias, and nothing else, invoke fulfilment's `live`; gives the alias id."""
    alias_id = reserve_alias(ctx, bot)
    statement_id = f"lex-{bot.bot_id}-{alias_id}"
    if alias_id != NEW_VERSION and statement_id in statement_ids(ctx, FULFILLMENT):
        return Done(alias_id, f"Lex alias {alias_id} may invoke {FULFILLMENT}:{LIVE}")
    if ctx.dry_run:
        return Done(alias_id, f"would let Lex invoke {FULFILLMENT}:{LIVE}", True)
    permit(ctx, FULFILLMENT, statement_id, _permission(bot, alias_id, function_arn))
    return Done(alias_id, f"Lex alias {alias_id} may now invoke {FULFILLMENT}:{LIVE}", True)


def _permission(bot: Bot, alias_id: str, function_arn: str) -> dict[str, str]:
    _, partition, _, region, account, *_ = function_arn.split(":")
    return {
        "Principal": "lexv2.amazonaws.com",
        "SourceArn": f"arn:{partition}:lex:{region}:{account}:bot-alias/{bot.bot_id}/{alias_id}",
        "SourceAccount": account,
    }


def publish_bot(ctx: Context, bot: Bot) -> Done[str]:
    """The bot version that holds DRAFT as it was last built."""
    listed = pages(ctx.clients.lex.list_bot_versions, "botVersionSummaries", botId=bot.bot_id)
    newest = max(
        (version for version in listed if version["botVersion"].isdigit()),
        key=lambda version: int(version["botVersion"]),
        default=None,
    )
    if newest and newest.get("description") == bot.digest and newest["botStatus"] != "Failed":
        _wait_for_version(ctx, bot, newest["botVersion"])
        return Done(newest["botVersion"], f"bot version {newest['botVersion']}, DRAFT unchanged")
    if ctx.dry_run:
        return Done(NEW_VERSION, "would make a bot version of DRAFT", True)
    made = ctx.clients.lex.create_bot_version(
        botId=bot.bot_id,
        description=bot.digest,
        botVersionLocaleSpecification=_from_draft(bot),
    )
    _wait_for_version(ctx, bot, made["botVersion"])
    return Done(made["botVersion"], f"bot version {made['botVersion']} made of DRAFT", True)


def _from_draft(bot: Bot) -> Description:
    return {locale: {"sourceBotVersion": "DRAFT"} for locale in bot.locales}


def _wait_for_version(ctx: Context, bot: Bot, version: str) -> None:
    def state() -> str:
        operation = ctx.clients.lex.describe_bot_version
        # A version that was just made may not be found for a moment.
        now = found(operation, botId=bot.bot_id, botVersion=version) or {"botStatus": "Creating"}
        return _status(f"bot version {version}", now, "botStatus")

    ctx.waiter.until(f"bot version {version}", _AVAILABLE_LIMIT_SECONDS, state)


def bind_alias(
    ctx: Context, bot: Bot, alias_id: str, version: str, function_arn: str
) -> Done[None]:
    """Point the Lex alias at `version`, every locale's code hook at fulfilment's `live`."""
    wanted = {
        "botVersion": version,
        "botAliasLocaleSettings": {locale: _locale_setting(function_arn) for locale in bot.locales},
    }
    detail = f"bot version {version}, {', '.join(bot.locales)} to {FULFILLMENT}:{LIVE}"
    target = {"botId": bot.bot_id, "botAliasId": alias_id}
    now = {} if alias_id == NEW_VERSION else ctx.clients.lex.describe_bot_alias(**target)
    if all(now.get(key) == value for key, value in wanted.items()):
        _wait_for_alias(ctx, target)
        return Done(None, detail)
    if ctx.dry_run:
        return Done(None, f"would bind {detail}", True)
    _wait_for_alias(ctx, target)
    kept = {key: now[key] for key in _KEPT if now.get(key)}
    ctx.clients.lex.update_bot_alias(**target, botAliasName=LIVE, **wanted, **kept)
    _wait_for_alias(ctx, target)
    return Done(None, f"bound {detail}", True)


# UpdateBotAlias drops what it is not given, so what others set on the alias is given again.
_KEPT = ("description", "conversationLogSettings", "sentimentAnalysisSettings")


def bound_version(ctx: Context, bot_id: str, alias_id: str) -> str:
    """The bot version that the Lex alias stands on, "" before its first binding."""
    if alias_id == NEW_VERSION:
        return ""
    described = ctx.clients.lex.describe_bot_alias(botId=bot_id, botAliasId=alias_id)
    return str(described.get("botVersion", ""))


def point_alias(ctx: Context, bot_id: str, alias_id: str, version: str) -> Done[None]:
    """Move the Lex alias to another version of the bot, and leave all else of it as it is."""
    target = {"botId": bot_id, "botAliasId": alias_id}
    now = ctx.clients.lex.describe_bot_alias(**target)
    if now.get("botVersion") == version:
        return Done(None, f"stands on bot version {version}")
    if ctx.dry_run:
        return Done(None, f"would move to bot version {version}", True)
    _wait_for_alias(ctx, target)
    kept = {key: now[key] for key in (*_KEPT, "botAliasLocaleSettings") if now.get(key)}
    ctx.clients.lex.update_bot_alias(**target, botAliasName=LIVE, botVersion=version, **kept)
    _wait_for_alias(ctx, target)
    return Done(None, f"moved to bot version {version}", True)


def _locale_setting(function_arn: str) -> Description:
    hook = {"lambdaARN": f"{function_arn}:{LIVE}", "codeHookInterfaceVersion": "1.0"}
    return {"enabled": True, "codeHookSpecification": {"lambdaCodeHook": hook}}


def _wait_for_alias(ctx: Context, target: Mapping[str, str]) -> None:
    def state() -> str:
        now = ctx.clients.lex.describe_bot_alias(**target)
        return _status("Lex alias live", now, "botAliasStatus")

    ctx.waiter.until("Lex alias live", _AVAILABLE_LIMIT_SECONDS, state)


def _status(what: str, description: Description, member: str) -> str:
    """ "" when Available; RefusedError when Failed; else the status, to wait on."""
    status = str(description[member])
    if status == "Failed":
        reasons = "; ".join(description.get("failureReasons", [])) or "Lex gives no reason"
        raise RefusedError(f"{what} is Failed: {reasons}")
    return "" if status == "Available" else status
