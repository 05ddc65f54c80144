"""Whether a code hook's response is one that Lex takes: botocore's shapes and documented limits.

ParamValidator checks types and required members; minimum and maximum lengths, enumerations and
patterns stand in the same model and are checked here. Null means absent to Lex.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

OUTPUT_BYTES = 25 * 1_024
INPUT_BYTES = 12 * 1_024
LONGEST_WORDS = "語" * 1_024
NEXT_EVENT = Path(__file__).parent / "events" / "greeting_fulfillment.json"
STATES_BY_ACTION = {
    "Close": {"Fulfilled", "Failed"},
    "ElicitSlot": {"InProgress"},
    "ConfirmIntent": {"InProgress"},
    "Delegate": {"ReadyForFulfillment"},
}
MESSAGES_BY_ACTION: dict[str, tuple[list[str], ...]] = {
    "Delegate": ([],),
    "Close": (["PlainText"], ["PlainText", "ImageResponseCard"]),
}


def problems(response: Any) -> list[str]:
    """Everything that Lex, or our own budget, would not take; empty for a good response."""
    found: list[str] = []
    encoded = json.dumps(response, ensure_ascii=False).encode("utf-8")
    if len(encoded) > OUTPUT_BYTES:
        found.append(f"{len(encoded)} bytes of output")
    request = _without_nulls(json.loads(encoded))
    if extra := set(request) - {"sessionState", "messages", "requestAttributes"}:
        found.append(f"unknown members {extra}")
    for member, value in request.items():
        shape = _shape().members[member]
        report = ParamValidator().validate(value, shape)
        found.extend([report.generate_report()] if report.has_errors() else _limits(value, shape))
    return found or list(_rules(request))


@cache
def _shape() -> Any:
    """PutSession takes what a code hook returns: session state, messages, request attributes."""
    model = botocore.session.get_session().get_service_model("lexv2-runtime")
    return model.operation_model("PutSession").input_shape


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def _limits(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    size = value if isinstance(value, int | float) else _size(value, shape)
    if size < shape.metadata.get("min", size) or size > shape.metadata.get("max", size):
        yield f"{path} {shape.name}: {size} is out of range"
    if shape.type_name == "string":
        yield from _spelling(value, shape, path)
    for name, child, child_shape in _children(value, shape):
        yield from _limits(child, child_shape, f"{path}.{name}")


def _size(value: Any, shape: Shape) -> int:
    # UTF-16 units are the stricter reading of a limit in characters.
    return len(value.encode("utf-16-le")) // 2 if shape.type_name == "string" else len(value)


def _spelling(value: str, shape: Any, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{path} {shape.name}: {value!r} is none of {shape.enum}"
    if (pattern := shape.metadata.get("pattern")) and not re.fullmatch(pattern.strip("^$"), value):
        yield f"{path} {shape.name}: {value!r} does not match {pattern}"


def _children(value: Any, shape: Any) -> Iterator[tuple[str, Any, Any]]:
    if shape.type_name == "structure":
        if unknown := set(value) - set(shape.members):
            raise AssertionError(f"{shape.name} has no {unknown}")
        yield from ((name, each, shape.members[name]) for name, each in value.items())
    elif shape.type_name == "list":
        yield from ((str(i), each, shape.member) for i, each in enumerate(value))
    elif shape.type_name == "map":
        for key, each in value.items():
            yield from ((key, key, shape.key), (key, each, shape.value))


def _rules(response: Any) -> Iterator[str]:
    state = response["sessionState"]
    action, intent = state["dialogAction"]["type"], state["intent"]
    if intent["state"] not in STATES_BY_ACTION[action]:
        yield f"{action} with {intent['state']}"
    kinds = [message["contentType"] for message in response.get("messages", ())]
    if kinds not in MESSAGES_BY_ACTION.get(action, (["PlainText"],)):
        yield f"{action} with {kinds}"
    if action == "ElicitSlot" and not state["dialogAction"].get("slotToElicit"):
        yield "no slot to elicit"
    if (size := next_event_bytes(state)) > INPUT_BYTES:
        yield f"the next event has {size} bytes"


def next_event_bytes(state: Any) -> int:
    """The next event's size when the visitor then says as much as Lex takes."""
    event = json.loads(NEXT_EVENT.read_text(encoding="utf-8"))
    event["inputTranscript"] = event["transcriptions"][0]["transcription"] = LONGEST_WORDS
    event["sessionState"]["sessionAttributes"] = state["sessionAttributes"]
    event["sessionState"]["activeContexts"] = state.get("activeContexts", [])
    if state["dialogAction"]["type"] in ("ElicitSlot", "ConfirmIntent"):
        intent = state["intent"]
        event["sessionState"]["intent"] = event["interpretations"][0]["intent"] = intent
        event["proposedNextState"] = {"intent": intent, "dialogAction": state["dialogAction"]}
    return len(json.dumps(event, ensure_ascii=False).encode())
