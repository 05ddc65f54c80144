"""How many extra calls may be made beside the ordinary ones. Pure."""

from __future__ import annotations

import threading

INITIAL_CALLS = 1.0
MOST_SAVED_CALLS = 5.0


class CallBudget:
    """Each call earns `share` of an extra one, up to a few saved ones; 0.0 allows none.

    One call is there from the start, or an environment of twenty calls could make none.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._lock = threading.Lock()
        self._saved = INITIAL_CALLS if share > 0 else 0.0

    def earn(self) -> None:
        with self._lock:
            self._saved = min(MOST_SAVED_CALLS, self._saved + self._share)

    def spend(self) -> bool:
        """Whether an extra call may be made now; it is then spent."""
        with self._lock:
            if self._saved < 1.0 - 1e-9:
                return False
            self._saved -= 1.0
            return True
