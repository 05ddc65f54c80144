"""Puts moto's ASL interpreter in force, repaired, with the first call that needs it.

It takes a second to import, which a sandbox that runs no state machine need not wait for.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from moto.core.config import default_user_config
from moto.stepfunctions import responses

_lock = threading.Lock()
_original_get_backend = responses.get_backend


def connect() -> None:
    """State machines run from now on, their tasks calling http://127.0.0.1:$MOTO_PORT."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    responses.get_backend = _get_backend


def disconnect() -> None:
    """Back to moto's own; what still runs ends by itself."""
    default_user_config["stepfunctions"] = {"execute_state_machine": False}
    responses.get_backend = _original_get_backend
    if speed := sys.modules.get("sandbox.moto_services.interpreter_speed"):
        speed.close()


def load(region: str) -> None:
    """Import and repair the interpreter and open its clients; a second time changes nothing."""
    from sandbox.moto_services import (
        execution_traces,
        executions,
        interpreter_speed,
        retries,
        task_tokens,
    )

    with _lock:
        interpreter_speed.install()
        executions.install()
        execution_traces.install()
        retries.install()
        task_tokens.install()
        interpreter_speed.warm(region)


def _get_backend(account: str, region: str) -> Any:
    load(region)
    return _original_get_backend(account, region)
