"""Replies to a Lex V2 code hook, each inside Lex's limits whatever goes in. Pure.

Sources: the Lex V2 developer guide's Lambda response format, and the runtime API's shapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from chalicelib.lex_parse import UNSPEAKABLE, IntentState, Turn, encodable
from chalicelib.sentences import cut_to

MESSAGE_CHARACTERS = 1_024
SESSION_BYTES = 4_600
"""All session attributes and active contexts of a reply together, and what its slots will take.

The next event must hold them again within Lex's 12 KB for a code hook, beside some 1.4 KB of
its own fields and the visitor's words, which come twice: 1,024 characters of three bytes each.
"""
CONTEXTS_BYTES = 1_024
SLOTS_BYTES = 700
"""The slots of a dialog that goes on; a name and a number in any script take some 500."""
SLOT_COPIES = 3
"""The next event has them in its session state, its interpretation and its proposed next state."""
SLOT_CHARACTERS = 100
"""The most of a slot's value that goes back: a free-form slot takes all that a visitor says."""
RESPONSE_BYTES = 24 * 1_024
"""A reply's size as it travels; Lex refuses more than 25 KB."""

Attributes = Mapping[str, str | None]
"""Session attributes to set; None deletes one."""
Slots = Mapping[str, str | None]
"""Slot values to set; None empties one."""


class LexResponse(TypedDict):
    """What a code hook returns."""

    sessionState: dict[str, Any]
    messages: NotRequired[list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Card:
    """A title, and buttons: what each shows, and what the visitor says by tapping it."""

    title: str
    buttons: tuple[tuple[str, str], ...]


def close(
    turn: Turn,
    text: str,
    state: IntentState,
    attributes: Attributes | None = None,
    card: Card | None = None,
) -> LexResponse:
    """End the intent with one message; `attributes` are merged over the turn's own.

    Whatever the arguments, the response is inside Lex's limits: the message is cut at a
    sentence, attributes beyond their budget are left out (see `within_budget`), and so are slots
    that would make the whole too large.
    """
    kept, _ = within_budget(turn, attributes or {})
    slots = None if turn.slots is None else _bounded_slots(turn.slots)
    intent = _intent(turn, slots, state, turn.confirmation)
    response = _response(turn, {"type": "Close"}, intent, kept, text)
    if card is not None:
        response["messages"].append(_card(card))
    # Message and attributes have budgets of their own: only slots can make it too large.
    if slots and wire_bytes(response) > RESPONSE_BYTES:
        intent["slots"] = None
    return response


def elicit_slot(
    turn: Turn,
    slot: str,
    text: str,
    attributes: Attributes | None = None,
    slots: Slots | None = None,
) -> LexResponse:
    """Ask for a slot in Atlas's own words; the other slots stay, or become what `slots` says.

    Nothing that was confirmed before stays confirmed.
    """
    action = {"type": "ElicitSlot", "slotToElicit": slot}
    return _going_on(turn, action, "InProgress", "None", attributes, slots, text)


def confirm_intent(
    turn: Turn, text: str, attributes: Attributes | None = None, slots: Slots | None = None
) -> LexResponse:
    """Ask for a yes or a no."""
    action = {"type": "ConfirmIntent"}
    return _going_on(turn, action, "InProgress", "None", attributes, slots, text)


def delegate(
    turn: Turn, attributes: Attributes | None = None, slots: Slots | None = None
) -> LexResponse:
    """Let Lex fulfil the intent; for a dialog hook that has nothing left to ask or to say."""
    action = {"type": "Delegate"}
    state = "ReadyForFulfillment"
    return _going_on(turn, action, state, turn.confirmation, attributes, slots, None)


def within_budget(
    turn: Turn, own: Attributes, slots_bytes: int = 0
) -> tuple[dict[str, str], list[int]]:
    """The turn's attributes merged with Atlas's `own`, and the sizes in bytes of those left out.

    Contexts, slots and Atlas's own come first; others are left out largest first until all fit
    SESSION_BYTES.
    """
    ours = {name: value for name, value in own.items() if value is not None}
    others = {name: value for name, value in turn.attributes.items() if name not in own}
    room = SESSION_BYTES - counted_bytes(_contexts(turn)) - slots_bytes * SLOT_COPIES
    room -= sum(attribute_bytes(*pair) for pair in ours.items())
    sizes = sorted((attribute_bytes(*pair), pair[0]) for pair in others.items())
    used, dropped = sum(size for size, _ in sizes), []
    while sizes and used > room:
        size, name = sizes.pop()
        used -= size
        dropped.append(size)
        del others[name]
    return {**others, **ours}, dropped


def _going_on(
    turn: Turn,
    action: dict[str, str],
    state: str,
    confirmation: str,
    attributes: Attributes | None,
    slots: Slots | None,
    text: str | None,
) -> LexResponse:
    """A reply after which Lex comes back with the slots, so that they count as attributes do."""
    values: dict[str, Any] | None = {**_bounded_slots(turn.slots or {}), **_scalars(slots or {})}
    size = counted_bytes(values)
    if size > SLOTS_BYTES or (turn.slots is None and not values):
        values, size = None, 0
    kept, _ = within_budget(turn, attributes or {}, size)
    return _response(turn, action, _intent(turn, values, state, confirmation), kept, text)


def _intent(turn: Turn, slots: Any, state: str, confirmation: str) -> dict[str, Any]:
    return {
        "name": turn.intent,
        "slots": slots,
        "state": state,
        "confirmationState": confirmation,
    }


def _response(
    turn: Turn,
    action: dict[str, str],
    intent: dict[str, Any],
    attributes: dict[str, str],
    text: str | None,
) -> LexResponse:
    state: dict[str, Any] = {
        "dialogAction": action,
        "sessionAttributes": attributes,
        "intent": intent,
    }
    if contexts := _contexts(turn):
        state["activeContexts"] = contexts
    if text is None:
        return {"sessionState": state}
    message = {"contentType": "PlainText", "content": message_text(text)}
    return {"sessionState": state, "messages": [message]}


def _card(card: Card) -> dict[str, Any]:
    buttons = [{"text": shown, "value": said} for shown, said in card.buttons]
    shown = {"title": card.title, "buttons": buttons}
    return {"contentType": "ImageResponseCard", "imageResponseCard": shown}


def _contexts(turn: Turn) -> list[dict[str, Any]]:
    """All contexts, or none when they are too large: half of them would mean something else."""
    contexts = [dict(context) for context in turn.active_contexts]
    return contexts if not contexts or counted_bytes(contexts) <= CONTEXTS_BYTES else []


def _scalars(slots: Slots) -> dict[str, Any]:
    return {name: None if value is None else _scalar(value) for name, value in slots.items()}


def _scalar(value: str) -> dict[str, Any]:
    # The interpreted value alone: Lex copies whatever else stands here into every event.
    return {"shape": "Scalar", "value": {"interpretedValue": _cut(value)}}


def _bounded_slots(slots: Mapping[str, Any]) -> dict[str, Any]:
    """The slots as they came, unless a visitor filled one with a speech."""
    return {name: _bounded_slot(slot) for name, slot in slots.items()}


def _bounded_slot(slot: Any) -> Any:
    value = slot.get("value") if isinstance(slot, dict) else None
    if not isinstance(value, dict):
        return slot
    spellings = [value["interpretedValue"], value.get("originalValue", "")]
    spellings += value.get("resolvedValues", [])
    is_long = sum(map(len, spellings)) > len(spellings) * SLOT_CHARACTERS
    return _scalar(value["interpretedValue"]) if is_long or len(spellings) > 5 else slot


def _cut(value: str) -> str:
    return encodable(value)[:SLOT_CHARACTERS] or "-"


def message_text(text: str) -> str:
    """`text` as Lex takes it: nothing unspeakable, cut at a sentence, never empty."""
    return cut_to(UNSPEAKABLE.sub(" ", encodable(text)).strip() or "…", MESSAGE_CHARACTERS)


def attribute_bytes(name: str, value: str) -> int:
    """An attribute's size, with a colon, a comma and the blanks after them."""
    return counted_bytes(name) + counted_bytes(value) + 4


def counted_bytes(value: object) -> int:
    """Size in UTF-8, or half the size on the wire where that is more.

    Lambda's runtime client escapes what is not ASCII up to Python 3.11: an emoji of four bytes
    then travels as twelve. Half keeps a session of SESSION_BYTES within the 12 KB that Lex takes.
    """
    wire = json.dumps(value)
    if "\\u" not in wire:  # Nothing was escaped that UTF-8 would carry as it is.
        return len(wire)
    return max(len(_readable(value).encode("utf-8", "replace")), len(wire) // 2)


_readable = json.JSONEncoder(ensure_ascii=False).encode


def wire_bytes(value: object) -> int:
    """Size as Lambda's runtime client sends it, everything beyond ASCII escaped."""
    return len(json.dumps(value))
