"""Phone numbers as keyed hashes: equal numbers are found again, and nobody can try them all."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from chalicelib.errors import RejectedByDependencyError

KEY_FIELD = "key"


class PhoneHasher:
    """HMAC-SHA256 with the stage's key, which is read once: it never changes.

    Another key would empty the do-not-call list without a word.
    """

    def __init__(self, secret: Callable[[], dict[str, str]]) -> None:
        self._secret = secret
        self._key = b""

    def __call__(self, phone: str) -> str:
        """The E.164 number's hash, 64 hex digits; DependencyError when the key cannot be had."""
        return hmac.new(self.key(), phone.encode(), hashlib.sha256).hexdigest()

    def key(self) -> bytes:
        """The key, fetched now if it was not before."""
        if not self._key:
            self._key = _key(self._secret())
        return self._key


def _key(secret: dict[str, str]) -> bytes:
    text = str(secret.get(KEY_FIELD, ""))
    if len(text) < 32:
        # A short key could be guessed, and with it every number.
        raise RejectedByDependencyError("secretsmanager", "the phone hash key is too short")
    return text.encode()
