"""What X-Ray really gets, from the real SDK with its sender replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_xray_sdk.core import xray_recorder

from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.observability import TRACER
from tests.fakes import World, an_invocation, lex_event


class Sender:
    """Takes segments where the SDK would send them to the daemon."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_entity(self, entity: Any) -> None:
        self.sent.append(entity.serialize())


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    sender = Sender()
    monkeypatch.setattr(TRACER, "_recorder", None)
    TRACER.start()
    monkeypatch.setattr(xray_recorder, "_emitter", sender)
    xray_recorder.begin_segment("lambda")
    yield sender
    xray_recorder.clear_trace_entities()


def turn_span(sender: Sender) -> dict[str, Any]:
    xray_recorder.end_segment()
    (segment,) = map(json.loads, sender.sent)
    (span,) = segment["subsegments"]
    assert span["name"] == "turn"
    return dict(span)


def test_a_turn_is_annotated_with_what_an_operator_searches_for(sender: Sender) -> None:
    services = World().services
    conversation_turn(lex_event(), an_invocation(), services)
    assert turn_span(sender)["annotations"] == {
        "intent": "AboutTechnologyIntent",
        "channel": "chat",
        "source": "model",
        "model": services.settings.routes["simple"].models[0],
        "stage": "local",
        "start": "warm",
    }


def test_the_words_of_an_error_reach_no_trace(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        intent = "AboutTechnologyIntent"
        answers_dialog_hook = False

        def answer(self, *_: object) -> None:
            raise ValueError("Eleanor Vance, +1 212 555 0147")

    handlers = dict(INTENT_HANDLERS) | {"AboutTechnologyIntent": Broken()}
    monkeypatch.setattr("chalicelib.fulfillment.INTENT_HANDLERS", handlers)
    conversation_turn(lex_event(), an_invocation(), World().services)
    span = turn_span(sender)
    assert span["annotations"]["source"] == "fixed"
    assert "Eleanor" not in json.dumps(span)
    assert "0147" not in json.dumps(span)
