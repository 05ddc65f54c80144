"""A Lambda that records and answers what it is told, a clock that is set, and bots by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from infra.bot_definition import (
    FALLBACK_SIGNATURE,
    BotDefinition,
    CodeHook,
    Intent,
    Locale,
    Message,
    Messages,
    Prompt,
    load_bot_definition,
)
from sandbox.aws_api import ApiError, InvokeResult
from sandbox.lex import LexModels, LexRuntime, LexState
from sandbox.wire_values import without_nulls

TEMPLATE = Path(__file__).parents[3] / "infra" / "lex_bot.yaml"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:atlas-local-lex_fulfillment:live"
REQUEST_ID = "00000000-0000-4000-8000-000000000001"

Event = dict[str, Any]
Answer = Callable[[Event], Any]


class Clock:
    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def delegate(event: Event) -> Event:
    """Leave the next step to Lex."""
    state = event["sessionState"]
    return {
        "sessionState": {
            "dialogAction": {"type": "Delegate"},
            "intent": state["intent"],
            "sessionAttributes": state["sessionAttributes"],
        }
    }


def fulfil(event: Event) -> Event:
    """Close the intent with a sentence."""
    state = event["sessionState"]
    return {
        "sessionState": {
            "dialogAction": {"type": "Close"},
            "intent": {**state["intent"], "state": "Fulfilled"},
            "sessionAttributes": state["sessionAttributes"],
        },
        "messages": [{"contentType": "PlainText", "content": f"done {state['intent']['name']}"}],
    }


def well_behaved(event: Event) -> Event:
    return delegate(event) if event["invocationSource"] == "DialogCodeHook" else fulfil(event)


class FakeLambda:
    """Answers by `answer`: a dict is sent as JSON, bytes as they are, an exception is raised."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.asked: list[tuple[str, str, str]] = []
        self.answer: Answer = well_behaved
        self.function_error: str | None = None
        self.allowed = True

    def allows(self, function_arn: str, principal: str, source_arn: str) -> bool:
        self.asked.append((function_arn, principal, source_arn))
        return self.allowed

    def invoke(self, function_arn: str, payload: bytes) -> InvokeResult:
        event = json.loads(payload)
        self.events.append(event)
        reply = self.answer(event)
        if isinstance(reply, ApiError):
            raise reply
        body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        return InvokeResult(body, self.function_error, "1")

    def invoke_async(self, function_arn: str, payload: bytes) -> None:
        raise AssertionError("Lex invokes synchronously")


@cache
def the_bot() -> BotDefinition:
    return load_bot_definition(TEMPLATE)


class Lex:
    """A deployed bot with an alias `live` on version 1, and a client's short words for it."""

    def __init__(self, definition: BotDefinition | None = None, max_sessions: int = 10) -> None:
        self.clock = Clock()
        self.function = FakeLambda()
        self.state = LexState(self.clock)
        definition = definition or the_bot()
        self.state.put_bot(definition.name_for("local"), definition)
        self.models = LexModels(self.state)
        self.runtime = LexRuntime(
            self.state, self.function, self.clock, lambda: REQUEST_ID, max_sessions
        )
        self.bot_id = next(iter(self.state.bots))
        self.alias_id = self.release()

    def model(self, operation: str, **params: Any) -> dict[str, Any]:
        return call(self.models, operation, botId=self.bot_id, **params)

    def release(self) -> str:
        sources = {"en_US": {"sourceBotVersion": "DRAFT"}}
        version = self.model("CreateBotVersion", botVersionLocaleSpecification=sources)
        alias = self.model(
            "CreateBotAlias",
            botAliasName="live",
            botVersion=version["botVersion"],
            botAliasLocaleSettings={"en_US": locale_setting()},
        )
        return str(alias["botAliasId"])

    def address(self, session_id: str = "visitor-1") -> dict[str, str]:
        return {
            "botId": self.bot_id,
            "botAliasId": self.alias_id,
            "localeId": "en_US",
            "sessionId": session_id,
        }

    def say(self, text: str, session_id: str = "visitor-1", **params: Any) -> dict[str, Any]:
        return call(self.runtime, "RecognizeText", text=text, **self.address(session_id), **params)

    def run(self, operation: str, session_id: str = "visitor-1", **params: Any) -> dict[str, Any]:
        return call(self.runtime, operation, **self.address(session_id), **params)

    def texts(self, response: dict[str, Any]) -> list[str]:
        return [message["content"] for message in response.get("messages", [])]


def locale_setting(arn: str = FUNCTION, enabled: bool = True) -> dict[str, Any]:
    hook = {"lambdaARN": arn, "codeHookInterfaceVersion": "1.0"}
    return {"enabled": enabled, "codeHookSpecification": {"lambdaCodeHook": hook}}


def call(service: Any, operation: str, **params: Any) -> dict[str, Any]:
    """Call, and hold input and output against botocore's model of the operation."""
    model = _SESSION.get_service_model(service.service_name).operation_model(operation)
    output: dict[str, Any] = service.operations[operation](params)
    report = ParamValidator().validate(
        without_nulls(output, model.output_shape), model.output_shape
    )
    assert not report.has_errors(), report.generate_report()
    return output


_SESSION = botocore.session.get_session()


def text(*variations: str) -> Messages:
    return (tuple(Message("PlainText", each) for each in variations),)


def bot(*intents: Intent, fallback: bool = True, threshold: float = 0.4) -> BotDefinition:
    """A one-locale bot with the given intents, by default with a fulfilled fallback."""
    last = Intent(
        "FallbackIntent", parent_signature=FALLBACK_SIGNATURE, fulfillment_hook=CodeHook()
    )
    locale = Locale("en_US", threshold, (*intents, *([last] if fallback else [])))
    return BotDefinition("hand-${Stage}", 300, False, ("local",), (locale,))


def prompt(*variations: str, retries: int = 2) -> Prompt:
    return Prompt(text(*variations), retries)
