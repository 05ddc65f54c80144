"""How often each operation was called."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict


class CallCounters:
    """Thread-safe counts by service and operation, both as botocore names them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, service: str, operation: str) -> None:
        with self._lock:
            self._counts[service][operation] += 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {service: dict(counts) for service, counts in sorted(self._counts.items())}

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
