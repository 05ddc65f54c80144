"""What may stand in a log line: numbers and addresses are masked, chosen names are hashed."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Mapping
from typing import Any

_PHONE_LIKE = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_EMAIL_LIKE = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_DIGIT_OR_AT = re.compile(r"[\d@]")
# A UUID, or many hexadecimal digits: with a letter, since digits alone may be a card's number or
# an account's on some messenger.
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=\d*[a-f])[0-9a-f]{16,64}")
_SAFE_FIELDS = frozenset(("request_id", "trace_id", "session", "model", "interaction_id"))
"""Written by Lambda, by us or by configuration; their digits are nobody's number."""


def session_label(session_id: str) -> str:
    """A session's name for logs: random ids as they are, anything a person chose as a hash.

    Four digits of the hash tell sessions of one hour apart. A longer hash of a phone number could
    be turned back by trying all numbers.
    """
    if _RANDOM_ID.fullmatch(session_id):
        return session_id
    return "h-" + hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()[:4]


def redacted(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Field values with whatever looks like a number or an address masked, as a second fence."""
    return {name: _mask(name, value) for name, value in fields.items()}


def _mask(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value if name in _SAFE_FIELDS else _masked(value)
    if isinstance(value, list | tuple):
        return [_mask(name, each) for each in value]
    if isinstance(value, Mapping):
        return {key: _mask(name, each) for key, each in value.items()}
    return value


def _masked(text: str) -> str:
    if not _DIGIT_OR_AT.search(text):
        return text
    return _EMAIL_LIKE.sub("[email]", _PHONE_LIKE.sub("[number]", text))


def place_of(exc: BaseException) -> str:
    """The innermost place of an exception, without its message, which may quote a visitor."""
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
