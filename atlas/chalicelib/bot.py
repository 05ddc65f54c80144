"""What the shipped code knows of the bot: its sample utterances, from the generated file. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "bot_utterances.json"


@cache
def utterances_by_intent(locale: str) -> Mapping[str, tuple[str, ...]]:
    """Each intent's sample utterances in that locale; empty for a locale that the bot lacks."""
    locales = json.loads(FILE.read_text(encoding="utf-8"))["locales"]
    intents = locales.get(locale, {})
    return {name: tuple(intent["utterances"]) for name, intent in intents.items()}
