"""What each intent does; the table is checked against the bot's definition by a test."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.intents.fixed import (
    CALLBACK,
    CLOSE,
    DELETE_MY_INFO,
    INITIATE_DEMO,
    STOP_CALLING,
)
from chalicelib.intents.grounded import ABOUT_DEMO, ABOUT_TECHNOLOGY, GREETING
from chalicelib.intents.open_question import OPEN_QUESTION
from chalicelib.intents.outcome import Handler

INTENT_HANDLERS: Mapping[str, Handler] = {
    handler.intent: handler
    for handler in (
        GREETING,
        ABOUT_TECHNOLOGY,
        ABOUT_DEMO,
        INITIATE_DEMO,
        CALLBACK,
        STOP_CALLING,
        DELETE_MY_INFO,
        CLOSE,
        OPEN_QUESTION,
    )
}

WRITING_INTENTS = frozenset(
    handler.intent for handler in (INITIATE_DEMO, STOP_CALLING, CALLBACK, DELETE_MY_INFO)
)
"""Their turns write before they may promise, and get the consent turn's time for it."""
