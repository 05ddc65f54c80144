"""What Lex would refuse at build time or, worse, accept and misunderstand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from infra.bot_definition import (
    FREE_FORM,
    BotDefinition,
    Intent,
    Locale,
    Messages,
    bot_properties,
)

_MENTION = re.compile(r"\{(\w+)\}")
MAX_MESSAGE_CHARACTERS = 1024


def mentioned_slots(text: str) -> list[str]:
    """The slot names in curly brackets, in their order."""
    return _MENTION.findall(text)


def raw_problems(template: Any) -> list[str]:
    """Faults of form that would hide others from the typed reader."""
    if not isinstance(template, dict):
        return ["the template is not a mapping"]
    try:
        bot = bot_properties(template)
    except LookupError as exc:
        return [str(exc)]
    locales = bot.get("BotLocales") or []
    return [each for locale in locales for each in _raw_locale(locale)] or (
        [] if locales else ["the bot has no locale"]
    )


def _raw_locale(locale: dict[str, Any]) -> Iterator[str]:
    for intent in locale.get("Intents") or ():
        where = f"{locale.get('LocaleId')}.{intent.get('Name')}"
        slots = {each["Name"] for each in intent.get("Slots") or ()}
        ordered = {each["SlotName"] for each in intent.get("SlotPriorities") or ()}
        yield from (f"{where}: priority for the missing slot {n}" for n in sorted(ordered - slots))
        yield from (f"{where}: slot {n} has no priority" for n in sorted(slots - ordered))


def rule_problems(definition: BotDefinition) -> list[str]:
    """Every rule that the bot breaks, in the order of the template."""
    problems = [each for locale in definition.locales for each in _locale(locale)]
    problems += _repeated("locale", [each.locale_id for each in definition.locales])
    return problems + list(_locales_agree(definition))


def _locale(locale: Locale) -> Iterator[str]:
    where = locale.locale_id
    yield from _repeated(f"{where}: intent", [each.name for each in locale.intents])
    if locale.fallback is None:
        yield f"{where}: no intent with the parent AMAZON.FallbackIntent"
    yield from _shared_utterances(locale)
    for intent in locale.intents:
        yield from (f"{where}.{intent.name}: {each}" for each in _intent(intent))


def _intent(intent: Intent) -> Iterator[str]:
    if intent.parent_signature is None and not intent.utterances:
        yield "no sample utterance"
    if intent.parent_signature and (intent.utterances or intent.slots or intent.confirmation):
        yield "a built-in intent takes no utterance, slot or confirmation"
    yield from _utterance_slots(intent)
    yield from _prompts(intent)


def _utterance_slots(intent: Intent) -> Iterator[str]:
    for utterance in intent.utterances:
        for name in mentioned_slots(utterance):
            slot = intent.slot(name)
            if slot is None:
                yield f"unknown slot {name} in the utterance {utterance!r}"
            elif slot.type_name == FREE_FORM:
                yield f"{FREE_FORM} slot {name} may not be in the utterance {utterance!r}"


def _prompts(intent: Intent) -> Iterator[str]:
    for slot in intent.slots:
        if slot.required and not slot.prompt.groups:
            yield f"slot {slot.name} is required and has no prompt"
        yield from _texts(intent, f"prompt of {slot.name}", slot.prompt.groups)
    if intent.confirmation:
        if not intent.confirmation.prompt.groups:
            yield "the confirmation has no prompt"
        yield from _texts(intent, "confirmation", intent.confirmation.prompt.groups)
        yield from _texts(intent, "declination", intent.confirmation.declined_response)


def _texts(intent: Intent, what: str, messages: Messages) -> Iterator[str]:
    for message in (message for group in messages for message in group):
        if not 1 <= len(message.content) <= MAX_MESSAGE_CHARACTERS:
            yield f"{what}: a message must have 1 to {MAX_MESSAGE_CHARACTERS} characters"
        for name in mentioned_slots(message.content):
            if intent.slot(name) is None:
                yield f"{what}: a message names the unknown slot {name}"


def _shared_utterances(locale: Locale) -> Iterator[str]:
    intents_by_utterance: dict[str, list[str]] = {}
    for intent in locale.intents:
        for utterance in intent.utterances:
            intents_by_utterance.setdefault(_plain(utterance), []).append(intent.name)
    for utterance, names in intents_by_utterance.items():
        if len(names) > 1:
            yield f"{locale.locale_id}: the utterance {utterance!r} is in {' and '.join(names)}"


def _plain(utterance: str) -> str:
    # Two slot utterances that differ in the slot alone would tie as well.
    return " ".join(_MENTION.sub("{}", utterance).casefold().split())


def _repeated(what: str, names: list[str]) -> Iterator[str]:
    return (f"{what} {name} is there twice" for name, count in Counter(names).items() if count > 1)


def _locales_agree(definition: BotDefinition) -> Iterator[str]:
    if not definition.locales:
        return
    first, *others = definition.locales
    for other in others:
        for missing in sorted(_shape(first) ^ _shape(other)):
            yield f"{first.locale_id} and {other.locale_id} differ in {missing}"


def _shape(locale: Locale) -> set[str]:
    slots = {f"{each.name}.{slot.name}" for each in locale.intents for slot in each.slots}
    return slots | {each.name for each in locale.intents}
