"""The shapes in which Lex speaks to code hooks and to clients.

Sources: "AWS Lambda input event format for Lex V2" in the developer guide, and events and
responses that others captured in 2023 and 2024: `nluConfidence` is a number in the event and
`{score}` in the response; FallbackIntent never has one; `sessionState` has no dialog action in
the event; alternatives have neither state nor confirmation in the response.
"""

from __future__ import annotations

import base64
import copy
import gzip
import json
from dataclasses import dataclass
from typing import Any

from infra.bot_definition import BotDefinition, Intent, Message, Messages
from sandbox.lex.session import Session
from sandbox.lex.state import Alias, Bot, BuiltLocale, Version

Wire = dict[str, Any]
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn happens: everything that the address of a request names."""

    bot: Bot
    alias: Alias
    version: Version
    locale: BuiltLocale
    lambda_arn: str | None

    @property
    def definition(self) -> BotDefinition:
        return self.bot.definition


@dataclass(frozen=True, slots=True)
class Input:
    """What came in: the words, how they came, and what the client sent beside them."""

    session_id: str
    text: str
    request_attributes: dict[str, str] | None = None
    input_mode: str = "Text"
    content_type: str = TEXT
    # Text is certain; speech carries what the recogniser believed.
    transcription_confidence: float = 1.0


def new_intent(intent: Intent, slots: Wire | None = None) -> Wire:
    """An intent at its beginning; slots without a value are null."""
    values = {slot.name: None for slot in intent.slots}
    return {
        "name": intent.name,
        "slots": {**values, **(slots or {})},
        "state": "InProgress",
        "confirmationState": "None",
    }


def event(
    place: Place,
    said: Input,
    session: Session,
    source: str,
    label: str | None,
    proposed: Wire | None,
) -> Wire:
    """The event of one code hook invocation."""
    intent = session.intent or {}
    made: Wire = {
        "sessionId": said.session_id,
        "requestAttributes": said.request_attributes,
        "inputTranscript": said.text,
        "interpretations": [_event_interpretation(e, intent) for e in session.interpretations],
        "bot": _bot(place),
        "responseContentType": said.content_type,
        "messageVersion": "1.0",
        "invocationSource": source,
        "sessionState": _event_state(session),
        "transcriptions": [_transcription(said, intent)],
        "inputMode": said.input_mode,
    }
    if label:
        made["invocationLabel"] = label
    if proposed:
        made["proposedNextState"] = proposed
    return copy.deepcopy(made)


def _bot(place: Place) -> Wire:
    return {
        "id": place.bot.bot_id,
        "name": place.bot.name,
        "localeId": place.locale.definition.locale_id,
        "version": place.version.number,
        "aliasId": place.alias.alias_id,
        "aliasName": place.alias.name,
    }


def _event_state(session: Session) -> Wire:
    state: Wire = {
        "sessionAttributes": session.attributes,
        "activeContexts": session.active_contexts,
        "intent": session.intent,
        "originatingRequestId": session.originating_request_id,
    }
    if session.runtime_hints:
        state["runtimeHints"] = session.runtime_hints
    return state


def _event_interpretation(interpretation: Wire, intent: Wire) -> Wire:
    """Alternatives stand where the current intent stands."""
    made = dict(interpretation)
    if made["intent"]["name"] == intent.get("name"):
        made["intent"] = intent
    else:
        made["intent"] = {
            "confirmationState": "None",
            "state": intent.get("state", "InProgress"),
            **made["intent"],
        }
    return made


def _transcription(said: Input, intent: Wire) -> Wire:
    slots = intent.get("slots") or {}
    return {
        "transcription": said.text,
        "transcriptionConfidence": said.transcription_confidence,
        "resolvedContext": {"intent": intent.get("name", "")},
        "resolvedSlots": {
            name: slot
            for name, slot in slots.items()
            if slot and str(slot.get("value", {}).get("originalValue")) in said.text
        },
    }


def proposed_slot(session: Session, slot_name: str) -> Wire:
    """Lex tells a dialog hook its next step only when that step is ElicitSlot."""
    attempt = f"Retry{session.retries}" if session.retries else "Initial"
    return {
        "prompt": {"attempt": attempt},
        "intent": session.intent,
        "dialogAction": {"type": "ElicitSlot", "slotToElicit": slot_name},
    }


def session_state(session: Session) -> Wire:
    """The session as clients see it."""
    state: Wire = {
        "sessionAttributes": session.attributes,
        "activeContexts": session.active_contexts,
        "originatingRequestId": session.originating_request_id,
    }
    optional = {
        "dialogAction": session.dialog_action,
        "intent": session.intent,
        "runtimeHints": session.runtime_hints,
    }
    return state | {name: value for name, value in optional.items() if value}


def response_interpretations(session: Session) -> list[Wire]:
    """Of the alternatives a client sees the name and the slots only."""
    return [_response_interpretation(each, session.intent) for each in session.interpretations]


def _response_interpretation(interpretation: Wire, intent: Wire | None) -> Wire:
    made = dict(interpretation)
    if intent and made["intent"]["name"] == intent["name"]:
        made["intent"] = intent
    if "nluConfidence" in made:
        made["nluConfidence"] = {"score": made["nluConfidence"]}
    return made


def packed(value: object) -> str:
    """A header of PutSession and RecognizeUtterance: JSON, gzipped, in base64."""
    plain = json.dumps(value).encode()
    return base64.b64encode(gzip.compress(plain, mtime=0)).decode()


def rendered(messages: Messages, attempt: int, session: Session) -> list[Wire]:
    """One variation of each group, in their order over the attempts, with its slots filled in."""
    chosen = (group[attempt % len(group)] for group in messages)
    return [_rendered(message, session) for message in chosen]


def _rendered(message: Message, session: Session) -> Wire:
    content = message.content
    for name, slot in ((session.intent or {}).get("slots") or {}).items():
        if slot:
            content = content.replace(f"{{{name}}}", slot["value"]["interpretedValue"])
    for name, value in session.attributes.items():
        content = content.replace(f"[{name}]", value)
    return {"content": content, "contentType": message.content_type}
