"""The traces, bounded: the oldest go first, as X-Ray's go after 30 days."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

TRACES = 2_000
DOCUMENTS_PER_TRACE = 2_000

Document = dict[str, Any]


class TraceStore:
    """Documents by trace id and their own id; thread-safe. A later document replaces its former."""

    def __init__(self, traces: int = TRACES, documents: int = DOCUMENTS_PER_TRACE) -> None:
        self._lock = threading.Condition()
        self._traces: OrderedDict[str, dict[str, Document]] = OrderedDict()
        self._most_traces, self._most_documents = traces, documents
        self._dropped = 0

    def add(self, document: Mapping[str, Any]) -> None:
        """Keep a segment or an independent subsegment; ValueError says what it lacks."""
        kept = checked(document)
        with self._lock:
            trace = self._traces.setdefault(kept["trace_id"], {})
            if kept["id"] not in trace and len(trace) >= self._most_documents:
                self._dropped += 1
                return
            trace[kept["id"]] = kept
            while len(self._traces) > self._most_traces:
                self._traces.popitem(last=False)
            self._lock.notify_all()

    def trace(self, trace_id: str) -> list[Document]:
        """The trace's documents by their start; none for one that is not known."""
        with self._lock:
            found = list(self._traces.get(trace_id, {}).values())
        return sorted(found, key=lambda document: float(document["start_time"]))

    def ids(self) -> list[str]:
        """All traces, the newest last."""
        with self._lock:
            return list(self._traces)

    def counts(self) -> dict[str, int]:
        """For the control API."""
        with self._lock:
            documents = sum(map(len, self._traces.values()))
            return {
                "traces": len(self._traces),
                "documents": documents,
                "dropped": self._dropped,
            }


def checked(document: Mapping[str, Any]) -> Document:
    """As X-Ray requires of a segment document: names, ids and times (its guide)."""
    for name in ("name", "id", "trace_id"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise ValueError(f"{name} is missing")
    if not isinstance(document.get("start_time"), int | float):
        raise ValueError("start_time is missing")
    if not document.get("in_progress") and not isinstance(document.get("end_time"), int | float):
        raise ValueError("end_time is missing")
    if document.get("type") == "subsegment" and not document.get("parent_id"):
        raise ValueError("parent_id is missing")
    return dict(document)
