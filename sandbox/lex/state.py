"""Bots, versions and aliases in memory, shared by the model service and the runtime."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.bot_definition import BotDefinition, Locale, load_bot_definition
from sandbox.aws_api import ACCOUNT, REGION, ApiError
from sandbox.lex.matcher import Matcher
from sandbox.lex.slots import RESOLVERS

DRAFT = "DRAFT"
TEST_ALIAS_ID = "TSTALIASID"
TEST_ALIAS_NAME = "TestBotAlias"


@dataclass(frozen=True, slots=True)
class BuiltLocale:
    """A locale with the model that "building" it made."""

    definition: Locale
    matcher: Matcher


@dataclass(slots=True)
class Version:
    """DRAFT or a numbered, immutable version; times in seconds since the epoch."""

    number: str
    description: str
    locales: dict[str, BuiltLocale]
    sources: dict[str, str]
    created_at: float


@dataclass(slots=True)
class Alias:
    """A bot alias; `members` are the settings as the API takes and returns them."""

    alias_id: str
    name: str
    version: str
    members: dict[str, Any]
    created_at: float
    updated_at: float

    @property
    def locale_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = self.members.get("botAliasLocaleSettings") or {}
        return settings


@dataclass(slots=True)
class Bot:
    """One bot with its versions and aliases by their identifiers."""

    bot_id: str
    name: str
    definition: BotDefinition
    created_at: float
    updated_at: float
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    # Lex never gives a number twice, not even after the version was deleted.
    last_version: int = 0

    def alias_arn(self, alias_id: str) -> str:
        return f"arn:aws:lex:{REGION}:{ACCOUNT}:bot-alias/{self.bot_id}/{alias_id}"


class LexState:
    """All bots; `lock` guards every change and every look-up over several fields.

    `settle_seconds` is how long what was created stays `Creating`: none by default, because the
    waiters of boto3 sleep ten seconds after a first look that was too early.
    """

    def __init__(self, clock: Callable[[], float] = time.time, settle_seconds: float = 0.0) -> None:
        self.clock = clock
        self.settle_seconds = settle_seconds
        self.bots: dict[str, Bot] = {}
        self.lock = threading.RLock()

    def bot(self, bot_id: str, code: str = "ResourceNotFoundException") -> Bot:
        """ApiError with `code`: the model API names a missing bot differently per operation."""
        with self.lock:
            if bot := self.bots.get(bot_id):
                return bot
        raise not_found(code, f"The bot with the identifier {bot_id} does not exist.")

    def settled(self, since: float) -> bool:
        return self.clock() >= since + self.settle_seconds

    def put_bot(self, name: str, definition: BotDefinition) -> Bot:
        """Create the bot or replace its DRAFT; versions and aliases stay as they are."""
        now = self.clock()
        bot_id = new_id("bot", name)
        locales = {each.locale_id: build(each) for each in definition.locales}
        with self.lock:
            bot = self.bots.get(bot_id) or Bot(bot_id, name, definition, now, now)
            bot.definition, bot.updated_at = definition, now
            bot.versions[DRAFT] = Version(DRAFT, definition.description, locales, {}, now)
            bot.aliases.setdefault(TEST_ALIAS_ID, _test_alias(locales, now))
            self.bots[bot_id] = bot
        return bot

    def delete_bot(self, bot_id: str) -> None:
        """ApiError while an alias besides Lex's own is there; no such bot is no error."""
        with self.lock:
            bot = self.bots.get(bot_id)
            if bot is None:
                return
            if names := [
                each.name for each in bot.aliases.values() if each.alias_id != TEST_ALIAS_ID
            ]:
                message = f"The bot {bot_id} has the aliases {', '.join(names)}. Delete them first."
                raise ApiError("PreconditionFailedException", message, status=412)
            del self.bots[bot_id]


def deploy_bot(state: LexState, template: Path, stage: str) -> None:
    """Do what CloudFormation does with the template: the bot with its locales built in DRAFT.

    BotDefinitionError when the template is faulty, ValueError for a stage that it does not allow.
    """
    definition = load_bot_definition(template)
    state.put_bot(definition.name_for(stage), definition)


def build(locale: Locale) -> BuiltLocale:
    """Train the locale's model; ValueError for a slot type that the sandbox cannot resolve."""
    types = {slot.type_name for intent in locale.intents for slot in intent.slots}
    if unknown := sorted(types - set(RESOLVERS)):
        raise ValueError(f"the sandbox has no slot type {', '.join(unknown)}: add it to slots.py")
    return BuiltLocale(locale, Matcher(locale))


def new_id(*parts: str) -> str:
    """Ten capitals and digits as Lex makes them, but the same for the same parts on every run."""
    digest = int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:8])
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(digits[digest // 36**place % 36] for place in range(10))


def not_found(code: str, message: str) -> ApiError:
    status = {"ResourceNotFoundException": 404, "PreconditionFailedException": 412}
    return ApiError(code, message, status=status.get(code, 400))


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message, status=400)


def timestamp(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _test_alias(locales: dict[str, BuiltLocale], now: float) -> Alias:
    settings = {locale_id: {"enabled": True} for locale_id in locales}
    members = {"botAliasLocaleSettings": settings}
    return Alias(TEST_ALIAS_ID, TEST_ALIAS_NAME, DRAFT, members, now, now)
