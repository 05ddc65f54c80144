"""The Lex V2 wire format: an event becomes a typed turn, a reply stays inside Lex's limits. Pure.

Sources: the Lex V2 developer guide's Lambda input and response formats, and the runtime API's
shapes. Everything in an event may have been set by a client, so nothing in it is trusted: what
has the wrong type is left out, and only what makes a turn impossible is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict, get_args

from chalicelib.errors import InvalidRequestError
from chalicelib.sentences import cut_to, utf16_length

Channel = Literal["chat", "phone"]
IntentState = Literal["Fulfilled", "Failed"]
InvocationSource = Literal["DialogCodeHook", "FulfillmentCodeHook"]
ConfirmationState = Literal["Confirmed", "Denied", "None"]

MESSAGE_CHARACTERS = 1_024
SESSION_BYTES = 4_600
"""All session attributes and active contexts of a reply together.

The next event must hold them again within Lex's 12 KB for a code hook, beside some 1.4 KB of
its own fields and the visitor's words, which come twice: 1,024 characters of three bytes each.
"""
CONTEXTS_BYTES = 1_024
RESPONSE_BYTES = 24 * 1_024
"""A reply's size as it travels; Lex refuses more than 25 KB."""
ACTIVE_CONTEXTS = 20
CONTEXT_ATTRIBUTES = 10

_NAME = re.compile(r"[0-9a-zA-Z](?:[_-]?[0-9a-zA-Z])*[_-]?")
_CONTEXT_NAME = re.compile(r"(?:[0-9A-Za-z]_?){1,100}")
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_EMPTY_NAME = "FallbackIntent"


class LexResponse(TypedDict):
    """What a code hook returns."""

    sessionState: dict[str, Any]
    messages: NotRequired[list[dict[str, str]]]


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


def close(
    turn: Turn, text: str, state: IntentState, attributes: Mapping[str, str] | None = None
) -> LexResponse:
    """End the intent with one message; `attributes` are merged over the turn's own.

    Whatever the arguments, the response is inside Lex's limits: the message is cut at a
    sentence, attributes beyond their budget are left out (see `within_budget`), and so are slots
    that would make the whole too large.
    """
    session_state = _session_state(turn, attributes)
    session_state["dialogAction"] = {"type": "Close"}
    session_state["intent"]["state"] = state
    return _bounded(
        {
            "sessionState": session_state,
            "messages": [{"contentType": "PlainText", "content": message_text(text)}],
        }
    )


def delegate(turn: Turn) -> LexResponse:
    """Let Lex take its own next step; for a dialog hook that has nothing to say."""
    session_state = _session_state(turn, None)
    session_state["dialogAction"] = {"type": "Delegate"}
    session_state["intent"]["state"] = "ReadyForFulfillment"
    return _bounded({"sessionState": session_state})


def within_budget(turn: Turn, own: Mapping[str, str]) -> tuple[dict[str, str], list[int]]:
    """The turn's attributes merged with Atlas's `own`, and the sizes in bytes of those left out.

    Contexts and Atlas's own come first; others are left out largest first until all fit
    SESSION_BYTES.
    """
    others = {name: value for name, value in turn.attributes.items() if name not in own}
    room = SESSION_BYTES - _bytes(_contexts(turn))
    room -= sum(_pair_bytes(*pair) for pair in own.items())
    sizes = sorted((_pair_bytes(*pair), pair[0]) for pair in others.items())
    used, dropped = sum(size for size, _ in sizes), []
    while sizes and used > room:
        size, name = sizes.pop()
        used -= size
        dropped.append(size)
        del others[name]
    return {**others, **own}, dropped


def _session_state(turn: Turn, own: Mapping[str, str] | None) -> dict[str, Any]:
    attributes, _ = within_budget(turn, own or {})
    intent = {
        "name": turn.intent,
        "slots": None if turn.slots is None else dict(turn.slots),
        "confirmationState": turn.confirmation,
    }
    state: dict[str, Any] = {"sessionAttributes": attributes, "intent": intent}
    if contexts := _contexts(turn):
        state["activeContexts"] = contexts
    return state


def _contexts(turn: Turn) -> list[dict[str, Any]]:
    """All contexts, or none when they are too large: half of them would mean something else."""
    contexts = [dict(context) for context in turn.active_contexts]
    return contexts if _bytes(contexts) <= CONTEXTS_BYTES else []


def _bounded(response: LexResponse) -> LexResponse:
    if wire_bytes(response) > RESPONSE_BYTES:
        response["sessionState"]["intent"]["slots"] = None
    return response


def message_text(text: str) -> str:
    """`text` as Lex takes it: nothing unspeakable, cut at a sentence, never empty."""
    return cut_to(_UNSPEAKABLE.sub(" ", _encodable(text)).strip() or "…", MESSAGE_CHARACTERS)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _pair_bytes(name: str, value: str) -> int:
    """An attribute's size, with a colon, a comma and the blanks after them."""
    return _bytes(name) + _bytes(value) + 4


def _bytes(value: object) -> int:
    """Size in UTF-8, or half the size on the wire where that is more.

    Lambda's runtime client escapes what is not ASCII up to Python 3.11: an emoji of four bytes
    then travels as twelve. Half keeps a session of SESSION_BYTES within the 12 KB that Lex takes.
    """
    readable = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return max(readable, wire_bytes(value) // 2)


def wire_bytes(value: object) -> int:
    """Size as Lambda's runtime client sends it, everything beyond ASCII escaped."""
    return len(json.dumps(value))


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequestError(name, "must be an object")
    return value


def _string(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(name, "must be a string that is not empty")
    return value


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequestError("inputTranscript", "must be a string")
    return _UNSPEAKABLE.sub(" ", _encodable(value)).strip()


def _channel(value: object) -> Channel:
    if value == "Text":
        return "chat"
    if value in ("Speech", "DTMF"):
        return "phone"
    raise InvalidRequestError("inputMode", "must be Text, Speech or DTMF")


def _invocation_source(value: object) -> InvocationSource:
    for known in get_args(InvocationSource):
        if value == known:
            return known  # type: ignore[no-any-return]
    raise InvalidRequestError("invocationSource", "must be DialogCodeHook or FulfillmentCodeHook")


def _intent_name(value: object) -> str:
    if not _is_name(value):
        raise InvalidRequestError("sessionState.intent.name", "must be an intent's name")
    return str(value)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 100 and bool(_NAME.fullmatch(value))


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
        _encodable(name): _encodable(value)
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
    value: dict[str, Any] = {"interpretedValue": _encodable(raw["interpretedValue"])}
    if _is_filled(raw.get("originalValue")):
        value["originalValue"] = _encodable(raw["originalValue"])
    if isinstance(resolved := raw.get("resolvedValues"), list):
        value["resolvedValues"] = [_encodable(v) for v in resolved if _is_filled(v)]
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
    kept = [(n, _encodable(v)) for n, v in pairs if _is_context_attribute(n, v)]
    return {
        "name": raw["name"],
        "timeToLive": {"timeToLiveInSeconds": seconds, "turnsToLive": turns},
        "contextAttributes": dict(kept[:CONTEXT_ATTRIBUTES]),
    }


def _is_context_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 100 and bool(_CONTEXT_NAME.fullmatch(value))


def _is_context_attribute(name: object, value: object) -> bool:
    return _is_name(name) and isinstance(value, str) and 1 <= utf16_length(value) <= 1_024
