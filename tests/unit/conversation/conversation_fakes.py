"""A bot and a sandbox's control API in memory, for the demo and the chat."""

from __future__ import annotations

from typing import Any

from sandbox.conversation.child import Address
from sandbox.conversation.talk import Control, Conversation

ADDRESS = Address("http://127.0.0.1:1", "us-east-1", "BOT0000001", "ALIAS00001", "en_US")


def record(**changes: Any) -> dict[str, Any]:
    """A record of the Lambda service: one warm-held invocation of fulfilment by its alias."""
    usual = {"function": "atlas-local-lex_fulfillment", "version": "1", "alias": "live"}
    times = {"start": "provisioned", "init_ms": 0.0, "run_ms": 3.0, "error": None}
    return usual | times | changes


class FakeControl(Control):
    """Counts and records that a test writes."""

    def __init__(self) -> None:
        super().__init__(ADDRESS.endpoint)
        self.kept: list[dict[str, Any]] = []
        self.counts: dict[str, dict[str, int]] = {}

    def get(self, name: str) -> Any:
        kept = {
            "invocations": list(self.kept),
            "calls": {k: dict(v) for k, v in self.counts.items()},
        }
        return kept[name]


class FakeBot:
    """boto3's `lexv2-runtime`: every turn is answered, and recorded in the control."""

    def __init__(self, control: FakeControl) -> None:
        self.control = control
        self.heard: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.records: dict[str, list[dict[str, Any]]] = {}
        self.errors: dict[str, Exception] = {}
        self.called: dict[str, dict[str, int]] = {}

    def recognize_text(self, sessionId: str, text: str, **bot: str) -> dict[str, Any]:
        assert bot == {"botId": "BOT0000001", "botAliasId": "ALIAS00001", "localeId": "en_US"}
        self.heard.append((sessionId, text))
        if text in self.errors:
            raise self.errors[text]
        self.control.kept += self.records.get(text, [record()])
        self.control.counts |= self.called
        calls = self.control.counts.setdefault("lexv2-runtime", {"RecognizeText": 0})
        calls["RecognizeText"] += 1
        return {
            "messages": [{"contentType": "PlainText", "content": f"You said {text}. " * 3}],
            "sessionState": {
                "sessionAttributes": {"answerSource": "memory"},
                "intent": {"name": "GreetingIntent", "state": "Fulfilled"},
            },
        }

    def delete_session(self, sessionId: str, **bot: str) -> None:
        self.deleted.append(sessionId)


class Ticks:
    """A clock that is a quarter of a second later at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


def conversation() -> tuple[Conversation, FakeBot, FakeControl]:
    control = FakeControl()
    bot = FakeBot(control)
    return Conversation(ADDRESS, bot, control, Ticks()), bot, control
