"""A Lex V2 code hook's event becomes a typed turn. Pure.

Sources: the Lex V2 developer guide's Lambda input format, and the runtime API's shapes.
Everything in an event may have been set by a client, so nothing in it is trusted: what has the
wrong type is left out, and only what makes a turn impossible is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib.errors import InvalidRequestError
from chalicelib.sentences import utf16_length

Channel = Literal["chat", "phone"]
IntentState = Literal["Fulfilled", "Failed"]
InvocationSource = Literal["DialogCodeHook", "FulfillmentCodeHook"]
ConfirmationState = Literal["Confirmed", "Denied", "None"]

ACTIVE_CONTEXTS = 20
CONTEXT_ATTRIBUTES = 10

_NAME = re.compile(r"[0-9a-zA-Z](?:[_-]?[0-9a-zA-Z])*[_-]?")
_CONTEXT_NAME = re.compile(r"(?:[0-9A-Za-z]_?){1,100}")
UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_EMPTY_NAME = "FallbackIntent"


@dataclass(frozen=True, slots=True)
class Turn:
    """One invocation of the code hook; every field has the type it says, whatever came in."""

    session_id: str
    locale: str
    channel: Channel
    source: InvocationSource
    intent: str
    text: str
    confirmation: ConfirmationState = "None"
    slots: Mapping[str, Any] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    active_contexts: tuple[Mapping[str, Any], ...] = ()
    invocation_label: str = ""
    """The step of the bot that invoked the hook; empty for fulfilment."""

    def slot(self, name: str) -> str:
        """What Lex made of the answer to that slot; empty when it is not filled."""
        slot = (self.slots or {}).get(name) or {}
        value = slot.get("value")
        return str(value["interpretedValue"]) if isinstance(value, dict) else ""


def parse(event: object) -> Turn:
    """The typed turn; InvalidRequestError names what makes the event unusable.

    `inputMode` Text is the chat, Speech and DTMF are the phone. A newer `messageVersion` passes
    as long as the fields that Atlas reads kept their types.
    """
    fields = _mapping(event, "event")
    state = _mapping(fields.get("sessionState"), "sessionState")
    intent = _mapping(state.get("intent"), "sessionState.intent")
    return Turn(
        session_id=_string(fields.get("sessionId"), "sessionId"),
        locale=_string(_mapping(fields.get("bot"), "bot").get("localeId"), "bot.localeId"),
        channel=_channel(fields.get("inputMode", "Text")),
        source=_invocation_source(fields.get("invocationSource")),
        intent=_intent_name(intent.get("name")),
        text=_text(fields.get("inputTranscript")),
        confirmation=_confirmation(intent),
        slots=_slots(intent.get("slots")),
        attributes=_attributes(state),
        active_contexts=_active_contexts(state),
        invocation_label=_label(fields.get("invocationLabel")),
    )


def salvage(event: object) -> Turn:
    """What can still be answered to of an event that `parse` refused; never raises."""
    fields = event if isinstance(event, dict) else {}
    state = fields.get("sessionState")
    state = state if isinstance(state, dict) else {}
    intent = state.get("intent")
    intent = intent if isinstance(intent, dict) else {}
    bot = fields.get("bot")
    locale = bot.get("localeId") if isinstance(bot, dict) else None
    session_id = fields.get("sessionId")
    name = intent.get("name")
    return Turn(
        session_id=session_id if isinstance(session_id, str) else "",
        locale=locale if isinstance(locale, str) else "",
        channel="chat",
        source="FulfillmentCodeHook",
        intent=str(name) if _is_name(name) else _EMPTY_NAME,
        text="",
        confirmation=_confirmation(intent),
        slots=_slots(intent.get("slots")),
        attributes=_attributes(state),
        active_contexts=_active_contexts(state),
    )


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequestError(name, "must be an object")
    return value


def _string(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(name, "must be a string that is not empty")
    return value


def encodable(text: str) -> str:
    """The text with everything that UTF-8 cannot carry replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequestError("inputTranscript", "must be a string")
    return UNSPEAKABLE.sub(" ", encodable(value)).strip()


def _channel(value: object) -> Channel:
    if value == "Text":
        return "chat"
    if value in ("Speech", "DTMF"):
        return "phone"
    raise InvalidRequestError("inputMode", "must be Text, Speech or DTMF")


def _invocation_source(value: object) -> InvocationSource:
    if value == "FulfillmentCodeHook":
        return "FulfillmentCodeHook"
    if value == "DialogCodeHook":
        return "DialogCodeHook"
    raise InvalidRequestError("invocationSource", "must be DialogCodeHook or FulfillmentCodeHook")


def _intent_name(value: object) -> str:
    if not _is_name(value):
        raise InvalidRequestError("sessionState.intent.name", "must be an intent's name")
    return str(value)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 100 and bool(_NAME.fullmatch(value))


def _label(value: object) -> str:
    return str(value) if _is_name(value) else ""


def _confirmation(intent: Mapping[str, Any]) -> ConfirmationState:
    value = intent.get("confirmationState")
    if value == "Confirmed":
        return "Confirmed"
    return "Denied" if value == "Denied" else "None"


def _attributes(state: Mapping[str, Any]) -> dict[str, str]:
    raw = state.get("sessionAttributes")
    if not isinstance(raw, dict):
        return {}
    return {
        encodable(name): encodable(value)
        for name, value in raw.items()
        if isinstance(name, str) and name and isinstance(value, str)
    }


def _slots(raw: object) -> dict[str, Any] | None:
    if not isinstance(raw, dict):
        return None
    return {name: _slot(value) for name, value in raw.items() if _is_name(name)}


def _slot(raw: object, depth: int = 0) -> dict[str, Any] | None:
    """A slot as Lex would take it back; anything malformed counts as not filled."""
    if not isinstance(raw, dict):
        return None
    values = raw.get("values")
    if raw.get("shape") == "List" and isinstance(values, list) and depth == 0:
        return {"shape": "List", "values": [s for v in values if (s := _slot(v, 1)) is not None]}
    value = _slot_value(raw.get("value"))
    return None if value is None else {"shape": "Scalar", "value": value}


def _slot_value(raw: object) -> dict[str, Any] | None:
    if not isinstance(raw, dict) or not _is_filled(raw.get("interpretedValue")):
        return None
    value: dict[str, Any] = {"interpretedValue": encodable(raw["interpretedValue"])}
    if _is_filled(raw.get("originalValue")):
        value["originalValue"] = encodable(raw["originalValue"])
    if isinstance(resolved := raw.get("resolvedValues"), list):
        value["resolvedValues"] = [encodable(v) for v in resolved if _is_filled(v)]
    return value


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _active_contexts(state: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    raw = state.get("activeContexts")
    if not isinstance(raw, list):
        return ()
    return tuple(c for item in raw[:ACTIVE_CONTEXTS] if (c := _active_context(item)) is not None)


def _active_context(raw: object) -> dict[str, Any] | None:
    if not isinstance(raw, dict) or not isinstance(live := raw.get("timeToLive"), dict):
        return None
    seconds, turns = live.get("timeToLiveInSeconds"), live.get("turnsToLive")
    # Bounds: the runtime API's ActiveContext and ActiveContextTimeToLive shapes.
    if type(seconds) is not int or type(turns) is not int or not _is_context_name(raw.get("name")):
        return None
    if not (5 <= seconds <= 86_400 and 1 <= turns <= 20):
        return None
    attributes = raw.get("contextAttributes")
    pairs = attributes.items() if isinstance(attributes, dict) else ()
    kept = [(n, encodable(v)) for n, v in pairs if _is_context_attribute(n, v)]
    return {
        "name": raw["name"],
        "timeToLive": {"timeToLiveInSeconds": seconds, "turnsToLive": turns},
        "contextAttributes": dict(kept[:CONTEXT_ATTRIBUTES]),
    }


def _is_context_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 100 and bool(_CONTEXT_NAME.fullmatch(value))


def _is_context_attribute(name: object, value: object) -> bool:
    return _is_name(name) and isinstance(value, str) and 1 <= utf16_length(value) <= 1_024
