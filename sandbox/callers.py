"""Who calls, by the application id in the user agent, so that one sandbox can serve a comparison.

botocore puts it there from AWS_SDK_UA_APP_ID (or `user_agent_appid` in a client's Config):
https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sandbox.http_message import HttpRequest

NOBODY = ""

_APP_ID = re.compile(r"(?:^|\s)app/(\S+)")
_caller: ContextVar[str] = ContextVar("caller", default=NOBODY)


def app_id(request: HttpRequest) -> str:
    """The application id that the request names, NOBODY where it names none."""
    found = _APP_ID.search(request.headers.get("user-agent", ""))
    return found[1] if found else NOBODY


@contextmanager
def calling(caller: str) -> Iterator[None]:
    """Whose call this thread answers, for the length of a `with`."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def caller() -> str:
    """Whose call this thread answers."""
    return _caller.get()


class ModelUsage:
    """Thread-safe sums of calls and tokens, by caller and model id.

    Output tokens are those that were written before the caller went away.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, dict[str, Counter[str]]] = {}

    def add(self, who: str, model_id: str, **amounts: int) -> None:
        with self._lock:
            self._sums.setdefault(who, {}).setdefault(model_id, Counter()).update(amounts)

    def snapshot(self) -> dict[str, dict[str, dict[str, int]]]:
        with self._lock:
            return {
                who: {model: dict(sums) for model, sums in by_model.items()}
                for who, by_model in self._sums.items()
            }
