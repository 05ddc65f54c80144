"""Atlas's own prompts for the sequential design: what the fair control tells the model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from chalicelib import prompts
from chalicelib.content import Content, Contents
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.prompts import Prompt
from chalicelib.questions import Question, canonical
from chalicelib.scenario import briefing_of, facts, grounded_scenario

LOCALE = "en_US"
_BY_INTENT = {grounded.intent: grounded for grounded in GROUNDED_INTENTS}


@cache
def content() -> Content:
    return Contents.load().in_locale(LOCALE)


def atlas_request(event: Mapping[str, Any], scenario: str) -> dict[str, Any]:
    """`system` and `messages` as Atlas's own prompt builders make them, without a history."""
    prompt = _prompt(event["sessionState"]["intent"]["name"], event, scenario)
    said = [{"role": m.role, "content": [{"text": m.text}]} for m in prompt.messages]
    return {"system": [{"text": prompt.system}], "messages": said}


def _prompt(intent: str, event: Mapping[str, Any], scenario: str) -> Prompt:
    text, known = event["inputTranscript"], content()
    if event["inputMode"] == "Speech":
        briefing = briefing_of(scenario or grounded_scenario(known))
        return prompts.phone_talk(text, (), briefing, facts(known), known)
    if intent in _BY_INTENT:
        grounding = _BY_INTENT[intent].grounding
        return prompts.grounded(Question(intent, grounding, canonical(text), LOCALE, "chat"), known)
    return prompts.open_question(text, (), "chat", known)
