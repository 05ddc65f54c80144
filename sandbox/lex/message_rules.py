"""The limits of messages, the same for a code hook's reply and for a client's PutSession."""

from __future__ import annotations

from typing import Any

Wire = dict[str, Any]

# "Character limits are calculated as the number of Unicode code units": UTF-16, as Java counts.
MAX_MESSAGES = 10
MAX_CHARACTERS = 1024
MAX_CARD_CHARACTERS = 250
MAX_BUTTONS = 5
MAX_BUTTON_CHARACTERS = 50
_TEXT_TYPES = ("CustomPayload", "PlainText", "SSML")


class InvalidMessages(ValueError):
    """A message breaks a limit; the text says which."""


def check_messages(messages: Any) -> list[Wire]:
    """The messages as they are, an empty list for none; InvalidMessages otherwise."""
    if messages is None:
        return []
    if not isinstance(messages, list) or len(messages) > MAX_MESSAGES:
        raise InvalidMessages(f"messages must be a list of at most {MAX_MESSAGES}")
    for message in messages:
        _check(message)
    return [{name: each for name, each in m.items() if each is not None} for m in messages]


def _check(message: Any) -> None:
    if not isinstance(message, dict):
        raise InvalidMessages("a message must be an object")
    kind = message.get("contentType")
    if kind == "ImageResponseCard":
        _check_card(message.get("imageResponseCard"))
    elif kind in _TEXT_TYPES:
        _check_text(message.get("content"), "content", MAX_CHARACTERS)
    else:
        raise InvalidMessages(f"contentType {kind!r} is unknown")


def _check_card(card: Any) -> None:
    if not isinstance(card, dict):
        raise InvalidMessages("imageResponseCard must be an object")
    _check_text(card.get("title"), "title", MAX_CARD_CHARACTERS)
    for name in ("subtitle", "imageUrl"):
        if card.get(name) is not None:
            _check_text(card[name], name, MAX_CARD_CHARACTERS)
    buttons = card.get("buttons") or []
    if not isinstance(buttons, list) or len(buttons) > MAX_BUTTONS:
        raise InvalidMessages(f"buttons must be a list of at most {MAX_BUTTONS}")
    for button in buttons:
        _check_button(button)


def _check_button(button: Any) -> None:
    if not isinstance(button, dict):
        raise InvalidMessages("a button must be an object")
    for name in ("text", "value"):
        _check_text(button.get(name), name, MAX_BUTTON_CHARACTERS)


def code_units(text: str) -> int:
    """The length that Lex's limits mean; an emoji counts two (quotas page of the V2 guide)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _check_text(value: Any, name: str, limit: int) -> None:
    if not isinstance(value, str) or not 1 <= code_units(value) <= limit:
        raise InvalidMessages(f"{name} must have 1 to {limit} characters")
