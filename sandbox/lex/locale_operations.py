"""Locales and intents as the model API shows them; they change only by deploying the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.bot_definition import Intent
from sandbox.aws_api import Operation, Params
from sandbox.lex.paging import page
from sandbox.lex.state import DRAFT, Bot, BuiltLocale, LexState, Version, new_id, not_found
from sandbox.lex.state import timestamp as stamp

_LOCALE_NAMES = {"en_US": "English (US)"}


class LocaleOperations:
    """DescribeBotLocale to DescribeIntent over one state."""

    def __init__(self, state: LexState) -> None:
        self._state = state

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "DescribeBotLocale": self.describe_bot_locale,
            "BuildBotLocale": self.build_bot_locale,
            "ListBotLocales": self.list_bot_locales,
            "ListIntents": self.list_intents,
            "DescribeIntent": self.describe_intent,
        }

    def describe_bot_locale(self, params: Params) -> Params:
        bot, version, built = self._find(params)
        locale = built.definition
        voice = {"voiceSettings": {"voiceId": locale.voice_id}} if locale.voice_id else {}
        return {
            "botId": bot.bot_id,
            "botVersion": version.number,
            **_summary(version, built),
            **voice,
            "nluIntentConfidenceThreshold": locale.nlu_confidence_threshold,
            "intentsCount": len(locale.intents),
            "slotTypesCount": 0,
            "creationDateTime": stamp(version.created_at),
        }

    def build_bot_locale(self, params: Params) -> Params:
        """The template is built when it is deployed, so there is nothing left to do."""
        bot, version, built = self._find(params)
        return {
            "botId": bot.bot_id,
            "botVersion": version.number,
            "localeId": built.definition.locale_id,
            "botLocaleStatus": "Building",
            "lastBuildSubmittedDateTime": stamp(self._state.clock()),
        }

    def list_bot_locales(self, params: Params) -> Params:
        bot = self._state.bot(params["botId"], "ValidationException")
        version = bot.versions.get(params["botVersion"])
        locales = list(version.locales.values()) if version else []
        found, token = page(locales, params)
        return {
            "botId": bot.bot_id,
            "botVersion": params["botVersion"],
            "botLocaleSummaries": [_summary(version, each) for each in found if version],
            **token,
        }

    def list_intents(self, params: Params) -> Params:
        bot, version, built = self._find(params)
        found, token = page(built.definition.intents, params)
        return {
            "botId": bot.bot_id,
            "botVersion": version.number,
            "localeId": built.definition.locale_id,
            "intentSummaries": [_intent_summary(bot, version, each) for each in found],
            **token,
        }

    def describe_intent(self, params: Params) -> Params:
        bot, version, built = self._find(params)
        for intent in built.definition.intents:
            if _intent_id(bot, intent) == params["intentId"]:
                return _intent(bot, version, built, intent)
        raise not_found("ResourceNotFoundException", f"No intent has the id {params['intentId']}.")

    def _find(self, params: Params) -> tuple[Bot, Version, BuiltLocale]:
        bot = self._state.bot(params["botId"])
        version = bot.versions.get(params.get("botVersion", DRAFT))
        built = version.locales.get(params["localeId"]) if version else None
        if version is None or built is None:
            raise not_found(
                "ResourceNotFoundException",
                f"Version {params.get('botVersion')} has no locale {params['localeId']}.",
            )
        return bot, version, built


def _summary(version: Version | None, built: BuiltLocale) -> Params:
    locale = built.definition
    when = stamp(version.created_at) if version else None
    return {
        "localeId": locale.locale_id,
        "localeName": _LOCALE_NAMES.get(locale.locale_id, locale.locale_id),
        "description": locale.description,
        "botLocaleStatus": "Built",
        "lastUpdatedDateTime": when,
        "lastBuildSubmittedDateTime": when,
    }


def _intent_id(bot: Bot, intent: Intent) -> str:
    return new_id("intent", bot.bot_id, intent.name)


def _intent_summary(bot: Bot, version: Version, intent: Intent) -> Params:
    parent = intent.parent_signature
    return {
        "intentId": _intent_id(bot, intent),
        "intentName": intent.name,
        "description": intent.description,
        **({"parentIntentSignature": parent} if parent else {}),
        "lastUpdatedDateTime": stamp(version.created_at),
    }


def _intent(bot: Bot, version: Version, built: BuiltLocale, intent: Intent) -> dict[str, Any]:
    priorities = [
        {"priority": place, "slotId": new_id("slot", bot.bot_id, intent.name, slot.name)}
        for place, slot in enumerate(intent.slots, 1)
    ]
    return {
        **_intent_summary(bot, version, intent),
        "sampleUtterances": [{"utterance": each} for each in intent.utterances],
        "dialogCodeHook": {"enabled": intent.dialog_hook},
        "fulfillmentCodeHook": {"enabled": intent.fulfillment_hook is not None},
        "slotPriorities": priorities,
        "creationDateTime": stamp(version.created_at),
        "botId": bot.bot_id,
        "botVersion": version.number,
        "localeId": built.definition.locale_id,
    }
