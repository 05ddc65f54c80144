"""What each intent does; the table is checked against the bot's definition by a test."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.intents.callback import CALLBACK
from chalicelib.intents.closing import CLOSE
from chalicelib.intents.delete_my_info import DELETE_MY_INFO
from chalicelib.intents.grounded import ABOUT_DEMO, ABOUT_TECHNOLOGY
from chalicelib.intents.initiate_demo import INITIATE_DEMO
from chalicelib.intents.outcome import Handler
from chalicelib.intents.phone_talk import CONVERSATION, GREETING_BY_CHANNEL
from chalicelib.intents.second_yes import AfterYes
from chalicelib.intents.stop_calling import STOP_CALLING

INTENT_HANDLERS: Mapping[str, Handler] = {
    handler.intent: handler
    for handler in (
        GREETING_BY_CHANNEL,
        ABOUT_TECHNOLOGY,
        ABOUT_DEMO,
        INITIATE_DEMO,
        CALLBACK,
        STOP_CALLING,
        DELETE_MY_INFO,
        CLOSE,
        AfterYes(CONVERSATION),
    )
}

WRITING_INTENTS = frozenset(
    handler.intent for handler in (INITIATE_DEMO, STOP_CALLING, CALLBACK, DELETE_MY_INFO)
)
"""Their turns write before they may promise, and get the consent turn's time for it."""
