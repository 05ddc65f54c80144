"""DynamoDB whose conditional writes are atomic, also when several callers write one item.

moto 5.2.5 checks a condition and then writes, with nothing in between that would keep another
thread out: of eight claims of one lease, three succeeded. Reads are kept out as well, because a
dict must not grow while it is walked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

_OPERATIONS = (
    *("put_item", "get_item", "update_item", "delete_item", "query", "scan"),
    "transact_write_items",
)
_lock = threading.RLock()
_MARK = "_one_at_a_time"


def install() -> None:
    """Patch moto; a second time changes nothing."""
    for name in _OPERATIONS:
        original = getattr(DynamoDBBackend, name)
        if not hasattr(original, _MARK):
            setattr(DynamoDBBackend, name, _one_at_a_time(original))


def _one_at_a_time(operation: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(operation)
    def locked(*args: Any, **kwargs: Any) -> Any:
        with _lock:
            return operation(*args, **kwargs)

    setattr(locked, _MARK, True)
    return locked
