"""The first tier: answers that one environment knows, bounded in number and in bytes.

Beside them what it knows not to ask: keys that no model answered lately, and a table that does
not answer. Each is forgotten after seconds, and none is anything but time and keys.
"""

from __future__ import annotations

import sys
import threading
import time

from cachetools import LRUCache

from chalicelib.answer_table import Entry
from chalicelib.deadline import Clock

ENTRIES = 512
BYTES = 1_048_576
"""Of 512 MB; the sample utterances' answers take about a tenth of it."""
_ENTRY_OVERHEAD_BYTES = 600
"""The key and the objects around the text, by `sys.getsizeof` on CPython 3.11, rounded up."""
FAILURES_BEFORE_REST = 2
TABLE_REST_SECONDS = 5.0


class AnswerMemory:
    """Answers by key, the least recently used forgotten first; safe between threads."""

    def __init__(self, clock: Clock = time.time, entries: int = ENTRIES, size: int = BYTES) -> None:
        self._clock = clock
        self._most = entries
        self._lock = threading.Lock()
        self._entries: LRUCache[str, Entry] = LRUCache(size, getsizeof=bytes_of)
        self._refused_until: LRUCache[str, float] = LRUCache(entries)

    def entry(self, key: str) -> Entry | None:
        """The answer as long as it may be shown, fresh or stale."""
        with self._lock:
            entry = self._entries.get(key)
        return entry if entry is not None and entry.expires_at > self._clock() else None

    def remember(self, key: str, entry: Entry) -> None:
        """Keep it; one that is larger than all of the memory is not kept."""
        with self._lock:
            self._keep(key, entry)

    def fill(self, key: str, entry: Entry) -> None:
        """Keep it unless a newer one is known: it may have been read before that was made."""
        with self._lock:
            known = self._entries.get(key)
            if known is None or known.created_at < entry.created_at:
                self._keep(key, entry)

    def _keep(self, key: str, entry: Entry) -> None:
        if bytes_of(entry) > self._entries.maxsize:
            return
        self._entries[key] = entry
        while len(self._entries) > self._most:
            self._entries.popitem()

    def refuse(self, key: str, until: float) -> None:
        """Remember that no model is to be asked for this key until then."""
        with self._lock:
            self._refused_until[key] = until

    def is_refused(self, key: str) -> bool:
        # Reading moves the key to the end of what is evicted first.
        with self._lock:
            return self._refused_until.get(key, 0.0) > self._clock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """What the answers take."""
        return int(self._entries.currsize)


def bytes_of(entry: Entry) -> int:
    """What an entry and its key take in memory, about."""
    return sys.getsizeof(entry.text) + _ENTRY_OVERHEAD_BYTES


class TableRest:
    """Leaves a table alone for a while that a turn has waited for in vain twice in a row.

    Each turn would pay the whole wait otherwise. After the rest one more failure is enough.
    """

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    def is_over(self) -> bool:
        return self._until <= self._clock()

    def answered(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_BEFORE_REST:
            self._until = self._clock() + TABLE_REST_SECONDS
