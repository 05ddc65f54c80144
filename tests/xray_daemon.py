"""X-Ray's daemon as tests need it: it takes the datagrams that the tracer would send."""

from __future__ import annotations

import json
from typing import Any

HEAD = b'{"format": "json", "version": 1}\n'


class Daemon:
    """Put it where the tracer has its sender."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def __call__(self, data: bytes) -> None:
        self.sent.append(data)

    @property
    def documents(self) -> list[dict[str, Any]]:
        assert all(each.startswith(HEAD) for each in self.sent)
        return [json.loads(each.removeprefix(HEAD)) for each in self.sent]

    def named(self, name: str) -> dict[str, Any]:
        """The one document of that name."""
        (document,) = [each for each in self.documents if each["name"] == name]
        return document
