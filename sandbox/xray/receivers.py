"""Who receives the traces of what runs inside moto, whose methods are the whole process's."""

from __future__ import annotations

from sandbox.xray.store import TraceStore

_stores: list[TraceStore] = []


def connect(store: TraceStore) -> None:
    """Executions that start from now on are traced into it."""
    _stores.append(store)


def disconnect(store: TraceStore) -> None:
    if store in _stores:
        _stores.remove(store)


def receiver() -> TraceStore | None:
    """The one that was connected last."""
    return _stores[-1] if _stores else None
