"""The Lex V2 wire format: an event becomes a typed turn, a reply stays inside Lex's limits. Pure.

Reading is in `lex_parse`, replying in `lex_reply`; everybody else knows this module only.
"""

from chalicelib.lex_parse import (
    ACTIVE_CONTEXTS,
    CONTEXT_ATTRIBUTES,
    Channel,
    ConfirmationState,
    IntentState,
    InvocationSource,
    Turn,
    parse,
    salvage,
)
from chalicelib.lex_reply import (
    CONTEXTS_BYTES,
    MESSAGE_CHARACTERS,
    RESPONSE_BYTES,
    SESSION_BYTES,
    SLOT_CHARACTERS,
    SLOTS_BYTES,
    Attributes,
    LexResponse,
    Slots,
    attribute_bytes,
    close,
    confirm_intent,
    delegate,
    elicit_slot,
    message_text,
    wire_bytes,
    within_budget,
)

__all__ = [
    "ACTIVE_CONTEXTS",
    "CONTEXTS_BYTES",
    "CONTEXT_ATTRIBUTES",
    "MESSAGE_CHARACTERS",
    "RESPONSE_BYTES",
    "SESSION_BYTES",
    "SLOTS_BYTES",
    "SLOT_CHARACTERS",
    "Attributes",
    "Channel",
    "ConfirmationState",
    "IntentState",
    "InvocationSource",
    "LexResponse",
    "Slots",
    "Turn",
    "attribute_bytes",
    "close",
    "confirm_intent",
    "delegate",
    "elicit_slot",
    "message_text",
    "parse",
    "salvage",
    "wire_bytes",
    "within_budget",
]
