"""The operations of `lexv2-models` that a release needs, and those that show what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws_api import ACCOUNT, ApiError, Operation, Params
from sandbox.lex.alias_operations import AliasOperations
from sandbox.lex.locale_operations import LocaleOperations
from sandbox.lex.paging import page
from sandbox.lex.state import (
    DRAFT,
    Bot,
    LexState,
    Version,
    invalid,
    not_found,
    timestamp,
)


class LexModels:
    """An `AwsService`; operations that it lacks are left to moto."""

    service_name = "lexv2-models"

    def __init__(self, state: LexState) -> None:
        self._state = state
        own = (
            self.describe_bot,
            self.list_bots,
            self.delete_bot,
            self.create_bot_version,
            self.describe_bot_version,
            self.list_bot_versions,
            self.delete_bot_version,
        )
        self._operations: dict[str, Operation] = {
            **{_operation_name(each.__name__): each for each in own},
            **AliasOperations(state).operations,
            **LocaleOperations(state).operations,
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    def describe_bot(self, params: Params) -> Params:
        bot = self._state.bot(params["botId"])
        return {
            **_bot_members(bot),
            "botId": bot.bot_id,
            "botName": bot.name,
            "botStatus": self._status(bot.created_at),
            "creationDateTime": timestamp(bot.created_at),
            "lastUpdatedDateTime": timestamp(bot.updated_at),
        }

    def list_bots(self, params: Params) -> Params:
        """Filters on the name (EQ, CO, NE); on any other member, bots are all of type Bot."""
        with self._state.lock:
            bots = sorted(self._state.bots.values(), key=lambda bot: bot.name)
        descending = (params.get("sortBy") or {}).get("order") == "Descending"
        chosen = [bot for bot in bots if all(_passes(bot, f) for f in params.get("filters") or ())]
        found, token = page(chosen[::-1] if descending else chosen, params)
        return {"botSummaries": [self._bot_summary(bot) for bot in found], **token}

    def delete_bot(self, params: Params) -> Params:
        """With its versions; refused while it has an alias, unless the caller skips that check."""
        bot = self._state.bot(params["botId"], "PreconditionFailedException")
        if params.get("skipResourceInUseCheck"):
            with self._state.lock:
                bot.aliases = {}
        self._state.delete_bot(bot.bot_id)
        return {"botId": bot.bot_id, "botStatus": "Deleting"}

    def _bot_summary(self, bot: Bot) -> Params:
        latest = {"latestBotVersion": str(bot.last_version)} if bot.last_version else {}
        return {
            "botId": bot.bot_id,
            "botName": bot.name,
            "description": bot.definition.description,
            "botStatus": self._status(bot.created_at),
            "lastUpdatedDateTime": timestamp(bot.updated_at),
            "botType": "Bot",
            **latest,
        }

    def create_bot_version(self, params: Params) -> Params:
        """A numbered copy of the named source versions' locales."""
        bot = self._state.bot(params["botId"], "PreconditionFailedException")
        sources = {
            locale_id: details["sourceBotVersion"]
            for locale_id, details in params["botVersionLocaleSpecification"].items()
        }
        with self._state.lock:
            locales = {key: _source(bot, key, source) for key, source in sources.items()}
            bot.last_version += 1
            number, now = str(bot.last_version), self._state.clock()
            version = Version(number, params.get("description", ""), locales, sources, now)
            bot.versions[number] = version
        return {
            "botId": bot.bot_id,
            "description": version.description,
            "botVersion": number,
            "botVersionLocaleSpecification": params["botVersionLocaleSpecification"],
            "botStatus": "Creating",
            "creationDateTime": timestamp(now),
        }

    def describe_bot_version(self, params: Params) -> Params:
        bot = self._state.bot(params["botId"])
        version = find_version(bot, params["botVersion"])
        return {
            **_bot_members(bot),
            "botId": bot.bot_id,
            "botName": bot.name,
            "botVersion": version.number,
            "description": version.description,
            "botStatus": self._status(version.created_at),
            "creationDateTime": timestamp(version.created_at),
        }

    def list_bot_versions(self, params: Params) -> Params:
        bot = self._state.bot(params["botId"], "ValidationException")
        versions = sorted(bot.versions.values(), key=_newest_last)
        found, token = page(versions, params)
        summaries = [self._version_summary(bot, version) for version in found]
        return {"botId": bot.bot_id, "botVersionSummaries": summaries, **token}

    def _version_summary(self, bot: Bot, version: Version) -> Params:
        return {
            "botName": bot.name,
            "botVersion": version.number,
            "description": version.description,
            "botStatus": self._status(version.created_at),
            "creationDateTime": timestamp(version.created_at),
        }

    def delete_bot_version(self, params: Params) -> Params:
        """Refused while an alias is on the version, unless the caller skips that check."""
        bot = self._state.bot(params["botId"], "PreconditionFailedException")
        number = params["botVersion"]
        with self._state.lock:
            find_version(bot, number, "PreconditionFailedException")
            users = [alias.name for alias in bot.aliases.values() if alias.version == number]
            if number == DRAFT or (users and not params.get("skipResourceInUseCheck")):
                raise ApiError(
                    "PreconditionFailedException",
                    f"Version {number} is in use by the aliases {users}.",
                    status=412,
                )
            del bot.versions[number]
        return {"botId": bot.bot_id, "botVersion": number, "botStatus": "Deleting"}

    def _status(self, created_at: float) -> str:
        return "Available" if self._state.settled(created_at) else "Creating"


def find_version(bot: Bot, number: str, code: str = "ResourceNotFoundException") -> Version:
    """ApiError with `code` when the bot has no such version."""
    if version := bot.versions.get(number):
        return version
    raise not_found(code, f"Version {number} of the bot {bot.bot_id} does not exist.")


def _source(bot: Bot, locale_id: str, number: str) -> Any:
    version = find_version(bot, number, "PreconditionFailedException")
    if locale_id not in version.locales:
        raise invalid(f"Version {number} has no locale {locale_id}.")
    return version.locales[locale_id]


def _bot_members(bot: Bot) -> Params:
    return {
        "description": bot.definition.description,
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{bot.name}-BotRole",
        "dataPrivacy": {"childDirected": bot.definition.child_directed},
        "idleSessionTTLInSeconds": bot.definition.idle_session_ttl_seconds,
        "botType": "Bot",
    }


def _passes(bot: Bot, wanted: Params) -> bool:
    actual = bot.name if wanted["name"] == "BotName" else "Bot"
    value = str(wanted["values"][0])
    match wanted["operator"]:
        case "EQ":
            return actual == value
        case "NE":
            return actual != value
        case _:
            return value in actual


def _newest_last(version: Version) -> int:
    return 0 if version.number == DRAFT else int(version.number)


def _operation_name(method: str) -> str:
    return "".join(word.capitalize() for word in method.split("_"))
