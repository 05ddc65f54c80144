"""What a running environment says of itself when `ops audit` asks: what it bounds and reuses.

Nothing else can be asked for it: AWS does not know how often a connection or a secret was reused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from chalicelib import conversation, lex, scenario, secret_store

if TYPE_CHECKING:
    from chalicelib.services import Services

_STARTED = time.monotonic()
ABOUT_EVENT = {"atlas": "about"}

Handler = Callable[[Any, Any], Any]


def answers_about(services: Callable[[], Services]) -> Callable[[Handler], Handler]:
    """Answer the audit's question before the function sees the event; bounds and counts only."""

    def decorate(function: Handler) -> Handler:
        @wraps(function)
        def guarded(event: Any, context: Any) -> Any:
            if event == ABOUT_EVENT:
                return {"ok": True, "about": about(services())}
            return function(event, context)

        return guarded

    return decorate


def about(services: Services) -> dict[str, Any]:
    """Sizes in bytes, and counts since this environment started, so many `seconds` ago."""
    secrets = services.secrets
    return {
        "seconds": round(time.monotonic() - _STARTED, 1),
        "history_bytes": conversation.BYTES,
        "scenario_bytes": scenario.BYTES,
        "session_bytes": lex.SESSION_BYTES,
        "secret_cache_seconds": secret_store.CACHE_SECONDS,
        "secrets": {"reads": secrets.reads, "fetches": secrets.fetches},
        "connections": services.connections(),
    }
