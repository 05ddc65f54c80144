"""How often each operation was called."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict

from sandbox.callers import caller


class CallCounters:
    """Thread-safe counts by service and operation, both as botocore names them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._by_caller: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, service: str, operation: str) -> None:
        with self._lock:
            self._counts[service][operation] += 1
            self._by_caller[caller()][f"{service}.{operation}"] += 1

    def snapshot(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {service: dict(counts) for service, counts in sorted(self._counts.items())}

    def by_caller(self) -> dict[str, dict[str, int]]:
        """Counts by application id (see `callers`) and `service.Operation`."""
        with self._lock:
            return {who: dict(counts) for who, counts in sorted(self._by_caller.items())}

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
            self._by_caller.clear()
