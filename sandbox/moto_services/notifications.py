"""What was published to SNS, readable as a team's mailbox would be.

moto 5.2.5 keeps it per topic, without a time, and without end.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.sns.models import Topic

KEPT = 1_000

_original_publish = Topic.publish


class Notifications:
    """The last thousand, oldest first; `install` has moto's topics write here."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def install(self) -> None:
        notifications = self

        def publish(self: Any, message: str, subject: str | None = None, **more: Any) -> str:
            message_id = str(_original_publish(self, message, subject=subject, **more))
            self.sent_notifications.clear()
            notifications.add(self.name, subject, message, message_id)
            return message_id

        Topic.publish = publish

    def add(self, topic: str, subject: str | None, message: str, message_id: str) -> None:
        entry = {"topic": topic, "subject": subject, "message": message, "id": message_id}
        with self._lock:
            self._kept.append({**entry, "time": self._clock().isoformat()})

    def all(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(one) for one in self._kept]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


def uninstall() -> None:
    """Give moto its own method back."""
    Topic.publish = _original_publish
