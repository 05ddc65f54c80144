"""A stream's turn as the event that Lex sends for it, from the events that the tests keep."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bench.streams.stream import StreamTurn
from chalicelib import conversation
from sandbox.conversation.child import ROOT

_ASKED = conversation.Exchange("how does the demo work", "An AI assistant phones you.")
_FILES = {
    "grounded": "about_technology_fulfillment",
    "open": "fallback_fulfillment",
    "phone": "about_demo_phone_fulfillment",
    "start": "initiate_demo_start_dialog",
    "name": "initiate_demo_name_dialog",
    "number": "initiate_demo_number_dialog",
    "yes": "initiate_demo_confirmed_fulfillment",
    "no": "initiate_demo_denied_dialog",
}


def event_of(turn: StreamTurn, session_id: str, attributes: Mapping[str, str]) -> dict[str, Any]:
    """What the code hook gets; `attributes` are those that its last reply left in the session."""
    event = copy.deepcopy(_template(turn.step or turn.kind))
    event["sessionId"], event["inputTranscript"] = session_id, turn.text
    for heard in event["transcriptions"]:
        heard["transcription"] = turn.text
    event["sessionState"]["sessionAttributes"] = dict(attributes)
    intent = event["sessionState"]["intent"]
    intent["name"] = turn.intent
    if turn.step in ("name", "number", "yes", "no"):
        intent["slots"]["VisitorFullName"] = _slot(turn.name)
    if turn.step in ("number", "yes", "no"):
        intent["slots"]["VisitorPhoneNumber"] = _slot(turn.number)
    event["interpretations"][0]["intent"] = intent
    return event


def first_attributes(turn: StreamTurn) -> dict[str, str]:
    """What a session begins with: a call's key; who wants a call has asked something before."""
    if turn.kind == "phone":
        return {"interactionKey": interaction_key(turn.session)}
    return {conversation.ATTRIBUTE: conversation.write((_ASKED,))} if turn.kind == "lead" else {}


def interaction_key(session: str) -> str:
    """The key of a call's session: its interaction's id and the call's secret, 32 digits each."""
    return hashlib.sha256(session.encode()).hexdigest()


def _slot(value: str) -> dict[str, Any]:
    filled = {"originalValue": value, "interpretedValue": value, "resolvedValues": [value]}
    return {"shape": "Scalar", "value": filled}


@functools.cache
def _template(name: str) -> dict[str, Any]:
    path = ROOT / "tests" / "events" / f"{_FILES[name]}.json"
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return event
