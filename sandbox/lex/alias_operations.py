"""Bot aliases: which version a client talks to, and which function answers per locale."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.aws_api import ApiError, Operation, Params
from sandbox.lex.paging import page
from sandbox.lex.state import (
    DRAFT,
    TEST_ALIAS_ID,
    Alias,
    Bot,
    LexState,
    invalid,
    new_id,
    not_found,
    timestamp,
)

_SETTINGS = (
    "description",
    "botAliasLocaleSettings",
    "conversationLogSettings",
    "sentimentAnalysisSettings",
)
# As botocore's model of the service has it: an unqualified function, a version or an alias.
_LAMBDA_ARN = re.compile(
    r"arn:aws:lambda:[a-z]+-[a-z]+-[0-9]:[0-9]{12}:function:[a-zA-Z0-9-_]+(:[a-zA-Z0-9-_]+)?"
)


class AliasOperations:
    """CreateBotAlias to ListBotAliases over one state."""

    def __init__(self, state: LexState) -> None:
        self._state = state

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateBotAlias": self.create_bot_alias,
            "UpdateBotAlias": self.update_bot_alias,
            "DescribeBotAlias": self.describe_bot_alias,
            "ListBotAliases": self.list_bot_aliases,
            "DeleteBotAlias": self.delete_bot_alias,
        }

    def create_bot_alias(self, params: Params) -> Params:
        """ConflictException when the bot has an alias of that name."""
        bot = self._state.bot(params["botId"], "PreconditionFailedException")
        name, now = params["botAliasName"], self._state.clock()
        with self._state.lock:
            _refuse_taken_name(bot, name, None)
            version = params.get("botVersion") or DRAFT
            members = _members(bot, version, params)
            alias_id = new_id("alias", bot.bot_id, name, str(len(bot.aliases)), str(now))
            alias = Alias(alias_id, name, version, members, now, now)
            bot.aliases[alias_id] = alias
        created = _alias(bot, alias, "Creating")
        del created["lastUpdatedDateTime"]
        return {**created, **({"tags": params["tags"]} if params.get("tags") else {})}

    def update_bot_alias(self, params: Params) -> Params:
        """Replaces all settings; what the request leaves out is gone afterwards."""
        bot = self._state.bot(params["botId"], "PreconditionFailedException")
        with self._state.lock:
            alias = _find(bot, params["botAliasId"], "PreconditionFailedException")
            version = params.get("botVersion") or alias.version
            if alias.alias_id == TEST_ALIAS_ID and version != DRAFT:
                raise invalid("The test alias stays on the version DRAFT.")
            _refuse_taken_name(bot, params["botAliasName"], alias)
            alias.members = _members(bot, version, params)
            alias.name, alias.version = params["botAliasName"], version
            alias.updated_at = self._state.clock()
        return _alias(bot, alias, "Creating")

    def describe_bot_alias(self, params: Params) -> Params:
        bot = self._state.bot(params["botId"])
        alias = _find(bot, params["botAliasId"], "ResourceNotFoundException")
        started = timestamp(alias.updated_at)
        history = {"botVersion": alias.version, "startDate": started, "endDate": started}
        return {**_alias(bot, alias, self._status(alias)), "botAliasHistoryEvents": [history]}

    def list_bot_aliases(self, params: Params) -> Params:
        bot = self._state.bot(params["botId"], "ValidationException")
        with self._state.lock:
            found, token = page(list(bot.aliases.values()), params)
        return {
            "botId": bot.bot_id,
            "botAliasSummaries": [self._summary(alias) for alias in found],
            **token,
        }

    def _summary(self, alias: Alias) -> Params:
        return {
            "botAliasId": alias.alias_id,
            "botAliasName": alias.name,
            "description": alias.members.get("description", ""),
            "botVersion": alias.version,
            "botAliasStatus": self._status(alias),
            "creationDateTime": timestamp(alias.created_at),
            "lastUpdatedDateTime": timestamp(alias.updated_at),
        }

    def delete_bot_alias(self, params: Params) -> Params:
        bot = self._state.bot(params["botId"], "PreconditionFailedException")
        alias_id = params["botAliasId"]
        if alias_id == TEST_ALIAS_ID:
            raise invalid("The test alias cannot be deleted.")
        with self._state.lock:
            _find(bot, alias_id, "PreconditionFailedException")
            del bot.aliases[alias_id]
        return {"botAliasId": alias_id, "botId": bot.bot_id, "botAliasStatus": "Deleting"}

    def _status(self, alias: Alias) -> str:
        return "Available" if self._state.settled(alias.updated_at) else "Creating"


def _find(bot: Bot, alias_id: str, code: str) -> Alias:
    if alias := bot.aliases.get(alias_id):
        return alias
    raise not_found(code, f"The alias {alias_id} of the bot {bot.bot_id} does not exist.")


def _refuse_taken_name(bot: Bot, name: str, allowed: Alias | None) -> None:
    if any(alias.name == name and alias is not allowed for alias in bot.aliases.values()):
        raise ApiError(
            "ConflictException", f"The bot {bot.bot_id} has an alias named {name}.", status=409
        )


def _members(bot: Bot, version: str, params: Params) -> dict[str, Any]:
    if version not in bot.versions:
        raise not_found(
            "PreconditionFailedException",
            f"Version {version} of the bot {bot.bot_id} does not exist.",
        )
    for locale_id, setting in (params.get("botAliasLocaleSettings") or {}).items():
        _check_locale(bot, version, locale_id, setting)
    return {name: params[name] for name in _SETTINGS if params.get(name) is not None}


def _check_locale(bot: Bot, version: str, locale_id: str, setting: Params) -> None:
    if locale_id not in bot.versions[version].locales:
        raise invalid(f"Version {version} has no locale {locale_id}.")
    hook = (setting.get("codeHookSpecification") or {}).get("lambdaCodeHook") or {}
    if hook and not _LAMBDA_ARN.fullmatch(hook["lambdaARN"]):
        raise invalid(f"{hook['lambdaARN']} is not the ARN of a Lambda function.")


def _alias(bot: Bot, alias: Alias, status: str) -> Params:
    # The model lets a create or update answer with numbered versions only.
    return {
        **alias.members,
        "botAliasId": alias.alias_id,
        "botAliasName": alias.name,
        "botVersion": alias.version,
        "botAliasStatus": status,
        "botId": bot.bot_id,
        "creationDateTime": timestamp(alias.created_at),
        "lastUpdatedDateTime": timestamp(alias.updated_at),
    }
