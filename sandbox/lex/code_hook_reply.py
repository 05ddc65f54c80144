"""What a code hook may answer, checked as strictly as Lex does.

Source: "AWS Lambda response format for Lex V2" and the service quotas; a reply that breaks a
rule is Lex's `DependencyFailedException: Invalid Lambda Response: ...`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from infra.bot_definition import Intent, Locale
from sandbox.aws_api import ApiError
from sandbox.lex.message_rules import InvalidMessages, check_messages

Wire = dict[str, Any]

# "Lambda output 25 KB, session attributes in the output 12 KB", from the 2021 guide.
MAX_OUTPUT_BYTES = 25 * 1024
MAX_ATTRIBUTES_BYTES = 12 * 1024
MAX_CONTEXTS = 20
ACTIONS = ("Close", "ConfirmIntent", "Delegate", "ElicitIntent", "ElicitSlot")
STATES = (
    "Failed",
    "Fulfilled",
    "InProgress",
    "ReadyForFulfillment",
    "Waiting",
    "FulfillmentInProgress",
)
CONFIRMATIONS = ("Confirmed", "Denied", "None")
STYLES = ("Default", "SpellByLetter", "SpellByWord")
_CONTEXT_NAME = re.compile(r"([A-Za-z0-9]_?)+")


@dataclass(frozen=True, slots=True)
class Reply:
    """A valid reply; `active_contexts` is None where the function left them as they are."""

    dialog_action: Wire
    intent: Wire | None
    attributes: dict[str, str]
    active_contexts: list[Wire] | None
    messages: list[Wire]
    request_attributes: dict[str, str] | None
    runtime_hints: Wire | None


class _Invalid(Exception):
    """The reply breaks a rule; the text says which."""


def dependency_failed(message: str) -> ApiError:
    return ApiError("DependencyFailedException", message, status=424)


def parse_reply(payload: bytes, locale: Locale) -> Reply:
    """ApiError DependencyFailedException for anything that Lex would not accept."""
    if len(payload) > MAX_OUTPUT_BYTES:
        raise _rejected(f"Lambda response exceeds maximum size ({len(payload)} vs. 25K)")
    try:
        body = json.loads(payload or b"null")
    except ValueError as exc:
        raise _rejected(f"Received invalid response from Lambda: {exc}") from exc
    if body is None:
        raise _rejected("Received null response from Lambda")
    try:
        return _reply(body, locale)
    except (_Invalid, InvalidMessages) as exc:
        raise _rejected(f"Received invalid response from Lambda: {exc}") from exc


def _rejected(why: str) -> ApiError:
    return dependency_failed(f"Invalid Lambda Response: {why}")


def _reply(body: Any, locale: Locale) -> Reply:
    state = _object(_object(body, "the response").get("sessionState"), "sessionState")
    action = _action(state)
    intent = _intent(state.get("intent"), locale, action["type"])
    _check_slot_to_elicit(action, intent, locale)
    messages = check_messages(body.get("messages"))
    if action["type"] in ("ElicitIntent", "ConfirmIntent") and not messages:
        raise _Invalid(f"messages is required with the dialog action {action['type']}")
    return Reply(
        dialog_action=action,
        intent=intent,
        attributes=_attributes(state.get("sessionAttributes")),
        active_contexts=_contexts(state.get("activeContexts")),
        messages=messages,
        request_attributes=_strings(body.get("requestAttributes"), "requestAttributes"),
        runtime_hints=_optional_object(state.get("runtimeHints"), "runtimeHints"),
    )


def _action(state: Wire) -> Wire:
    action = _object(state.get("dialogAction"), "sessionState.dialogAction")
    _member(action.get("type"), ACTIONS, "dialogAction.type")
    if action.get("slotElicitationStyle") is not None:
        _member(action["slotElicitationStyle"], STYLES, "dialogAction.slotElicitationStyle")
    return {name: value for name, value in action.items() if value is not None}


def _intent(intent: Any, locale: Locale, action_type: str) -> Wire | None:
    if intent is None and action_type == "ElicitIntent":
        return None
    intent = _object(intent, "sessionState.intent")
    name = intent.get("name")
    definition = locale.intent(name) if isinstance(name, str) else None
    if definition is None:
        raise _Invalid(f"the locale {locale.locale_id} has no intent {name!r}")
    state = intent.get("state") or "InProgress"
    _member(state, STATES, "intent.state")
    if state == "ReadyForFulfillment" and action_type != "Delegate":
        raise _Invalid("the intent state ReadyForFulfillment goes only with Delegate")
    confirmation = intent.get("confirmationState") or "None"
    _member(confirmation, CONFIRMATIONS, "intent.confirmationState")
    return {
        "name": name,
        "slots": _slots(intent.get("slots"), definition),
        "state": state,
        "confirmationState": confirmation,
    }


def _slots(slots: Any, intent: Intent) -> Wire:
    given = _optional_object(slots, "intent.slots") or {}
    known = {slot.name: None for slot in intent.slots}
    if strangers := sorted(set(given) - set(known)):
        raise _Invalid(f"the intent {intent.name} has no slot {', '.join(strangers)}")
    for name, slot in given.items():
        if slot is not None:
            _check_slot(_object(slot, f"the slot {name}"), name)
    return {**known, **given}


def _check_slot(slot: Wire, name: str) -> None:
    if slot.get("shape") == "List":
        if not isinstance(slot.get("values"), list):
            raise _Invalid(f"the slot {name} has the shape List and no values")
        return
    value = _object(slot.get("value"), f"the value of the slot {name}")
    interpreted = value.get("interpretedValue")
    if not isinstance(interpreted, str) or not interpreted:
        raise _Invalid(f"the slot {name} has no interpretedValue")


def _check_slot_to_elicit(action: Wire, intent: Wire | None, locale: Locale) -> None:
    if action["type"] != "ElicitSlot":
        return
    definition = locale.intent(intent["name"]) if intent else None
    name = action.get("slotToElicit")
    if not isinstance(name, str) or definition is None or definition.slot(name) is None:
        raise _Invalid(f"slotToElicit {name!r} is no slot of the intent")


def _attributes(value: Any) -> dict[str, str]:
    # A reply without attributes leaves the session with none: the stricter of two readings.
    attributes = _strings(value, "sessionAttributes") or {}
    size = len(json.dumps(attributes, ensure_ascii=False).encode())
    if size > MAX_ATTRIBUTES_BYTES:
        raise _Invalid(f"sessionAttributes exceed maximum size ({size} vs. 12K)")
    return attributes


def _contexts(value: Any) -> list[Wire] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_CONTEXTS:
        raise _Invalid(f"activeContexts must be a list of at most {MAX_CONTEXTS}")
    for each in value:
        _check_context(_object(each, "activeContexts[]"))
    return value


def _check_context(context: Wire) -> None:
    name = context.get("name")
    if not isinstance(name, str) or len(name) > 100 or not _CONTEXT_NAME.fullmatch(name):
        raise _Invalid(f"{name!r} is no name of a context")
    ttl = _object(context.get("timeToLive"), f"timeToLive of the context {name}")
    _whole(ttl.get("timeToLiveInSeconds"), 5, 86_400, "timeToLiveInSeconds")
    _whole(ttl.get("turnsToLive"), 1, 20, "turnsToLive")
    _strings(context.get("contextAttributes"), "contextAttributes")


def _whole(value: Any, low: int, high: int, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _Invalid(f"{name} must be a whole number from {low} to {high}")


def _strings(value: Any, name: str) -> dict[str, str] | None:
    strings = _optional_object(value, name)
    if strings and not all(isinstance(each, str) for each in strings.values()):
        raise _Invalid(f"{name} must have strings only")
    return strings


def _member(value: Any, allowed: tuple[str, ...], name: str) -> None:
    if value not in allowed:
        raise _Invalid(f"{name} {value!r} is none of {', '.join(allowed)}")


def _object(value: Any, name: str) -> Wire:
    if not isinstance(value, dict):
        raise _Invalid(f"{name} must be an object")
    return value


def _optional_object(value: Any, name: str) -> Wire | None:
    return None if value is None else _object(value, name)
