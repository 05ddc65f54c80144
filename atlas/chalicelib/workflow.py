"""Step Functions: one execution per interaction, started, resumed and stopped by ids alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.account import Account
from chalicelib.aws_errors import translated
from chalicelib.observability import TRACER

TRACE_HEADER_CHARACTERS = 256
"""StartExecution's limit."""
_OVER = frozenset(("TaskDoesNotExist", "TaskTimedOut", "InvalidToken"))


def execution_name(interaction_id: str, run: int = 0) -> str:
    """One name per interaction and run, so that starting twice starts once.

    A hash, because names live in logs and metrics, and only of characters that are safe there.
    """
    return f"{hashlib.sha256(interaction_id.encode()).hexdigest()[:32]}-{run}"


def _trace() -> dict[str, str]:
    """The execution and its tasks go on in this invocation's trace."""
    return {"traceHeader": TRACER.header[:TRACE_HEADER_CHARACTERS]} if TRACER.header else {}


class Workflow:
    """The lead workflow; every call raises DependencyError when Step Functions fails."""

    def __init__(self, client: Callable[[], Any], state_machine: str, account: Account) -> None:
        self._client = client
        self._name = state_machine
        self._account = account

    def prepare(self) -> None:
        """Build the client now rather than on the turn that starts the first execution."""
        self._client()

    def start(self, interaction_id: str, run: int = 0) -> None:
        """Start the execution; one that exists already, running or closed, is a success."""
        self._call(
            "start_execution",
            ("ExecutionAlreadyExists",),
            stateMachineArn=self._account.arn("states", f"stateMachine:{self._name}"),
            name=execution_name(interaction_id, run),
            input=json.dumps({"interaction_id": interaction_id}),
            **_trace(),
        )

    def resume(self, task_token: str, outcome: str) -> bool:
        """Give the waiting task its outcome; False for a token that was used or has expired."""
        output = json.dumps({"outcome": outcome})
        return self._call("send_task_success", _OVER, taskToken=task_token, output=output)

    def stop(self, interaction_id: str, run: int = 0) -> bool:
        """Abort the execution; False when there is none."""
        name = execution_name(interaction_id, run)
        arn = self._account.arn("states", f"execution:{self._name}:{name}")
        return self._call("stop_execution", ("ExecutionDoesNotExist",), executionArn=arn)

    def _call(self, operation: str, harmless: Any, **request: str) -> bool:
        try:
            getattr(self._client(), operation)(**request)
        except ClientError as exc:
            if exc.response["Error"]["Code"] in harmless:
                return False
            raise translated("stepfunctions", exc) from exc
        except BotoCoreError as exc:
            raise translated("stepfunctions", exc) from exc
        return True
