"""The bot that Lex is given and the app that answers it name the same things."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib import bot
from chalicelib.content import Contents
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.intents.grounded import GROUNDED_INTENTS, Grounded
from infra.bot_definition import Intent, load_bot_definition
from ops.stages import FUNCTIONS

ROOT = Path(__file__).parents[2]
BOT = load_bot_definition(ROOT / "infra" / "lex_bot.yaml")
CONFIG = json.loads((ROOT / "atlas" / ".chalice" / "config.json").read_text(encoding="utf-8"))


def intents() -> list[Intent]:
    return [intent for locale in BOT.locales for intent in locale.intents]


def test_every_intent_of_every_locale_has_a_handler_and_no_handler_is_left_over() -> None:
    for locale in BOT.locales:
        assert {intent.name for intent in locale.intents} == set(INTENT_HANDLERS)


def test_bot_and_content_speak_the_same_languages() -> None:
    assert {locale.locale_id for locale in BOT.locales} == set(Contents.load().locales)


def test_lex_apologises_with_one_text_for_every_hook_of_a_locale() -> None:
    """It stands at each hook, since CloudFormation knows no shared values within a resource."""
    template = yaml.safe_load((ROOT / "infra" / "lex_bot.yaml").read_text(encoding="utf-8"))
    for locale in template["Resources"]["Bot"]["Properties"]["BotLocales"]:
        apologies = [
            group["Message"]["PlainTextMessage"]["Value"]
            for response in _found(locale, ("FailureResponse", "TimeoutResponse"))
            for group in response["MessageGroupsList"]
        ]
        assert len(apologies) > 10
        assert len(set(apologies)) == 1


def _found(node: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """Every value under one of the names, wherever it stands."""
    if isinstance(node, list):
        for each in node:
            yield from _found(each, names)
    if isinstance(node, dict):
        for name, value in node.items():
            yield from [value] if name in names else _found(value, names)


def test_every_intent_is_fulfilled_by_the_function() -> None:
    assert [i.name for i in intents() if i.fulfillment_hook is None] == []


def test_a_handler_that_speaks_at_the_dialog_hook_has_one() -> None:
    """And none pays for a second invocation that would say nothing."""
    speaking = {name for name, handler in INTENT_HANDLERS.items() if handler.answers_dialog_hook}
    assert {intent.name for intent in intents() if intent.dialog_hook} == speaking


def test_intents_without_slots_have_no_dialog_hook() -> None:
    assert [i.name for i in intents() if i.dialog_hook and not i.slots] == []


def test_there_are_enough_ways_to_say_each_thing() -> None:
    few = [i.name for i in intents() if i.parent_signature is None and len(i.utterances) < 15]
    assert few == []


@pytest.mark.parametrize("grounded", GROUNDED_INTENTS, ids=lambda intent: intent.intent)
def test_the_utterances_that_are_warmed_are_the_bots(grounded: Grounded) -> None:
    shipped = json.loads(bot.FILE.read_text(encoding="utf-8"))["locales"]
    assert set(shipped) == {locale.locale_id for locale in BOT.locales}
    for locale in BOT.locales:
        intent = locale.intent(grounded.intent)
        assert intent is not None
        warmed = shipped[locale.locale_id][grounded.intent]["utterances"]
        assert tuple(warmed) == intent.utterances


def test_the_app_and_the_release_name_the_same_functions_and_stages() -> None:
    for stage in CONFIG["stages"].values():
        assert set(stage["lambda_functions"]) == {function.name for function in FUNCTIONS}
    assert set(CONFIG["stages"]) == set(BOT.stages)


def test_every_stage_names_the_table_that_the_template_makes() -> None:
    template = yaml.safe_load((ROOT / "infra" / "tables.yaml").read_text(encoding="utf-8"))
    name = template["Resources"]["ResponseCache"]["Properties"]["TableName"]["Fn::Sub"]
    for stage, config in CONFIG["stages"].items():
        table = config["environment_variables"]["RESPONSE_CACHE_TABLE"]
        assert table == name.replace("${Stage}", stage)


def test_every_stage_hands_off_to_its_own_live_alias() -> None:
    for stage, config in CONFIG["stages"].items():
        function = config["environment_variables"]["GENERATE_ANSWER_FUNCTION"]
        assert function == f"atlas-{stage}-generate_answer:live"
