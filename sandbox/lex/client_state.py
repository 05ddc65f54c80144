"""The session state that a client sends: taken as Lex takes it, after Lex's checks.

Clients may set anything here: attributes, slots, even a confirmation. The product must not trust
it, so the stand-in has to let it through.
"""

from __future__ import annotations

from typing import Any

from infra.bot_definition import Locale
from sandbox.lex.code_hook_reply import MAX_CONTEXTS
from sandbox.lex.session import Session
from sandbox.lex.state import invalid
from sandbox.lex.wire import new_intent

Wire = dict[str, Any]


def take_client_state(session: Session, state: Wire, locale: Locale) -> None:
    """Put the members that were sent into the session; ValidationException for unknown names."""
    if (attributes := state.get("sessionAttributes")) is not None:
        # "The stored attribute value is used any time that the client application doesn't include
        # the sessionAttributes field": sent attributes take the place of all that were stored.
        session.attributes = dict(attributes)
    if (contexts := state.get("activeContexts")) is not None:
        if len(contexts) > MAX_CONTEXTS:
            raise invalid(f"At most {MAX_CONTEXTS} active contexts are allowed.")
        session.active_contexts = list(contexts)
    if (hints := state.get("runtimeHints")) is not None:
        session.runtime_hints = hints
    if (intent := state.get("intent")) is not None:
        session.intent, session.retries = _intent(intent, locale), 0
    if (action := state.get("dialogAction")) is not None:
        session.dialog_action, session.retries = _action(action, session, locale), 0


def _intent(sent: Wire, locale: Locale) -> Wire:
    intent = locale.intent(sent["name"])
    if intent is None:
        raise invalid(f"The locale {locale.locale_id} has no intent named {sent['name']}.")
    slots = sent.get("slots") or {}
    if unknown := sorted(name for name in slots if intent.slot(name) is None):
        raise invalid(f"The intent {intent.name} has no slot named {', '.join(unknown)}.")
    made = new_intent(intent, slots)
    chosen = {name: sent[name] for name in ("state", "confirmationState") if sent.get(name)}
    return made | chosen


def _action(action: Wire, session: Session, locale: Locale) -> Wire:
    kind = action["type"]
    if kind in ("ElicitSlot", "ConfirmIntent", "Delegate", "Close") and session.intent is None:
        raise invalid(f"The dialog action {kind} needs an intent.")
    if kind == "ElicitSlot":
        intent = locale.intent((session.intent or {}).get("name", ""))
        name = action.get("slotToElicit") or ""
        if intent is None or intent.slot(name) is None:
            raise invalid(f"The intent has no slot named {name!r} to elicit.")
    return dict(action)
