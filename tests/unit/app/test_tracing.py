"""What X-Ray really gets inside Lambda, from the real SDK with its sender replaced."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.lambda_launcher import LambdaContext

from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.observability import TRACER
from tests.fakes import World, an_invocation, lex_event

TRACE, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
HEADER = f"Root={TRACE};Parent={PARENT};Sampled="


class Sender:
    """Takes documents where the SDK would send them to the daemon."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.sent]

    def send_entity(self, entity: Any) -> None:
        self.sent.append(entity.serialize())


@contextmanager
def tracing_as_in_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK finds the runtime's segment in the environment, as it does where Lambda runs it."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"{HEADER}1")
    monkeypatch.setattr(xray_recorder, "_context", LambdaContext())
    monkeypatch.setattr(xray_recorder, "streaming_threshold", 0)
    monkeypatch.setattr(TRACER, "_recorder", None)
    TRACER.start()
    yield
    xray_recorder.clear_trace_entities()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tracing_as_in_lambda(monkeypatch):
        yield


@pytest.fixture
def sender(started: None, monkeypatch: pytest.MonkeyPatch) -> Sender:
    sender = Sender()
    monkeypatch.setattr(xray_recorder, "_emitter", sender)
    return sender


def turn_span(sender: Sender) -> dict[str, Any]:
    (span,) = sender.documents
    assert span["name"] == "turn"
    return span


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


def test_a_span_is_the_document_that_the_sdks_own_way_sends(sender: Sender) -> None:
    with xray_recorder.in_subsegment("turn") as subsegment:
        subsegment.put_annotation("source", "memory")
    with TRACER.span("turn"):
        TRACER.annotate(source="memory")
    theirs, ours = sender.documents
    for document in (theirs, ours):
        assert document.pop("start_time") <= document.pop("end_time")
    assert theirs.pop("id") != ours.pop("id")
    assert ours == theirs
    assert (ours["trace_id"], ours["parent_id"]) == (TRACE, PARENT)


@pytest.mark.parametrize("header", [f"{HEADER}0", "Root=1;Sampled=1", ""])
def test_what_is_not_sampled_is_not_sent(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    with TRACER.span("turn"):
        TRACER.annotate(source="memory")
    assert sender.documents == []


def test_each_invocation_has_its_own_trace(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    other = TRACE[:-1] + "4"
    for trace in (TRACE, other):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={trace};Parent={PARENT};Sampled=1")
        with TRACER.span("turn"):
            pass
    assert [document["trace_id"] for document in sender.documents] == [TRACE, other]


def test_a_span_within_a_span_is_its_child_and_gives_way_to_it_again(sender: Sender) -> None:
    with TRACER.span("outer"):
        with TRACER.span("inner"):
            TRACER.annotate(place="inner")
        TRACER.annotate(place="outer")
    inner, outer = sender.documents
    assert (inner["parent_id"], outer["parent_id"]) == (outer["id"], PARENT)
    assert [d["annotations"]["place"] for d in (inner, outer)] == ["inner", "outer"]


def test_a_step_that_fails_is_a_fault_and_leaves_no_span_open(sender: Sender) -> None:
    with pytest.raises(ValueError, match="inside"), TRACER.span("create_lead"):
        raise ValueError("inside")
    TRACER.annotate(source="memory")
    (span,) = sender.documents
    assert span["fault"] is True
    assert span["cause"]["exceptions"][0]["type"] == "ValueError"
    assert "annotations" not in span


def test_a_daemon_that_cannot_be_reached_changes_nothing(
    started: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable(data: str) -> None:
        raise OSError("no route")

    monkeypatch.setattr(xray_recorder.emitter, "_send_data", unreachable)
    caplog.set_level(logging.CRITICAL, "aws_xray_sdk")
    response = conversation_turn(lex_event(), an_invocation(), World().services)
    assert response["messages"][0]["content"] == "The model wrote this. It is whole."


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
