"""Secrets Manager behind a five-minute cache: read once, kept, and read again when refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_errors import translated
from chalicelib.deadline import Clock
from chalicelib.errors import RejectedByDependencyError

CACHE_SECONDS = 300.0


class SecretStore:
    """`get` answers from memory for CACHE_SECONDS; `forget` makes a rotation visible at once.

    `reads` and `fetches` count what was asked for, and what Secrets Manager was asked for.
    """

    def __init__(self, client: Callable[[], Any], clock: Clock = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._cached: dict[str, tuple[float, dict[str, str]]] = {}
        self.reads = self.fetches = 0

    def get(self, name: str) -> dict[str, str]:
        """The secret's JSON object; DependencyError when it cannot be had or is not one."""
        with self._lock:
            self.reads += 1
            expires_at, value = self._cached.get(name, (0.0, {}))
            if self._clock() >= expires_at:
                value = self._fetch(name)
                self._cached[name] = (self._clock() + CACHE_SECONDS, value)
            return value

    def forget(self, name: str) -> None:
        """Drop a secret that was refused by whom it is for; the next `get` reads it anew."""
        with self._lock:
            self._cached.pop(name, None)

    def _fetch(self, name: str) -> dict[str, str]:
        self.fetches += 1
        try:
            answer = self._client().get_secret_value(SecretId=name)
        except (ClientError, BotoCoreError) as exc:
            raise translated("secretsmanager", exc) from exc
        try:
            value = json.loads(answer["SecretString"])
        except (KeyError, ValueError):
            value = None
        if not isinstance(value, dict):
            raise RejectedByDependencyError("secretsmanager", "the secret is not a JSON object")
        return value
