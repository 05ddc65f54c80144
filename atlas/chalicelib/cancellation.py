"""How one thread tells another that its result is no longer wanted. Pure."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Cancellation:
    """Cancelled once and for good; whoever works listens by a callback, since nobody can wait for
    two events at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._callbacks: list[Callable[[], None]] = []

    @property
    def is_cancelled(self) -> bool:
        return self._is_cancelled

    def cancel(self) -> None:
        """Call every callback, in the calling thread; a second time does nothing."""
        with self._lock:
            self._is_cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """`callback` must be short and must not raise; called at once where that is over."""
        with self._lock:
            if not self._is_cancelled:
                self._callbacks.append(callback)
                return
        callback()
