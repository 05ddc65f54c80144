"""Turns that no visitor had: a release makes them where too few came to judge a version by.

They ask what the bot's own sample utterances ask, at the version itself, past alias and Lex. None
of these intents writes, calls or remembers anything beyond its session.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

from infra.bot_definition import load_bot_definition
from ops.stage_files import ROOT
from ops.stages import FULFILLMENT, bot_name, function_name
from ops.steps import Context

INTENTS = ("GreetingIntent", "AboutTechnologyIntent", "AboutDemoIntent")


@dataclass(slots=True)
class SyntheticTurns:
    """Those of one release; `sessions` are theirs, and `crashes` ended outside the app."""

    ctx: Context
    sessions: set[str] = field(default_factory=set)
    crashes: int = 0
    asked: int = 0

    def ask(self, version: str, count: int) -> None:
        """Invoke the version for `count` turns, one after the other."""
        questions = _questions()
        for _ in range(count):
            locale, intent, words = questions[self.asked % len(questions)]
            session = secrets.token_hex(16)
            self.sessions.add(session)
            self.asked += 1
            event = _event(self.ctx.stage, session, locale, intent, words)
            answer = self.ctx.clients.lambda_.invoke(
                FunctionName=function_name(self.ctx.stage, FULFILLMENT),
                Qualifier=version,
                Payload=json.dumps(event).encode(),
            )
            answer["Payload"].read()
            self.crashes += bool(answer.get("FunctionError"))


@cache
def _questions() -> list[tuple[str, str, str]]:
    """Locale, intent and words, the intents in turn."""
    bot = load_bot_definition(ROOT / "infra" / "lex_bot.yaml")
    by_intent = [
        [(locale.locale_id, intent.name, words) for words in islice(intent.utterances, 10)]
        for locale in bot.locales
        for intent in locale.intents
        if intent.name in INTENTS
    ]
    longest = max(map(len, by_intent))
    return [asked[n] for n in range(longest) for asked in by_intent if n < len(asked)]


def _event(stage: str, session: str, locale: str, intent: str, words: str) -> dict[str, Any]:
    """A code hook event as Lex sends it:
    https://docs.aws.amazon.com/lexv2/latest/dg/lambda-input-format.html
    """
    said = {"name": intent, "slots": {}, "state": "ReadyForFulfillment"}
    understood = {**said, "confirmationState": "None"}
    return {
        "messageVersion": "1.0",
        "invocationSource": "FulfillmentCodeHook",
        "inputMode": "Text",
        "responseContentType": "text/plain; charset=utf-8",
        "sessionId": session,
        "inputTranscript": words,
        "bot": {"name": bot_name(stage), "localeId": locale, "aliasName": "live"},
        "interpretations": [{"intent": understood, "interpretationSource": "Lex"}],
        "requestAttributes": {},
        "sessionState": {
            "sessionAttributes": {},
            "activeContexts": [],
            "intent": understood,
            "originatingRequestId": secrets.token_hex(16),
        },
        "transcriptions": [],
    }
