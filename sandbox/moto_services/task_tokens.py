"""Task tokens as AWS has them: one per attempt, good once, dead with the attempt.

moto 5.2.5 makes one token per state, so a retried task finds the former attempt's answer; it takes
a second answer, says InvalidToken of what is merely over, and drops a failure's cause.
AWS says TaskTimedOut, "Provided task does not exist anymore", for a token that was used, expired or
belongs to an execution that ended (https://github.com/aws-samples/amazon-mwaa-examples/issues/61),
and InvalidToken for what it never issued.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from typing import Any
from weakref import WeakValueDictionary

from moto.core.exceptions import AWSError
from moto.core.responses import EmptyResult
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackPoolManager,
)
from moto.stepfunctions.parser.asl.eval.states import ContextObject
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

_RANDOM_BYTES = 440
"""Makes a token of some 630 characters, about what AWS issues; the API takes up to 2,048."""

_key = secrets.token_bytes(32)
_open: WeakValueDictionary[str, _Endpoint] = WeakValueDictionary()

_original_evaluate = ExecutionState._evaluate_with_timeout
_original_body = StateTaskServiceCallback._eval_body
_original_add = CallbackPoolManager.add
_original_token = ContextObject.update_task_token
_original_failure = StepFunctionResponse.send_task_failure


def install() -> None:
    """Patch moto; a second time changes nothing."""
    ContextObject.update_task_token = _update_task_token
    CallbackPoolManager.add = _add
    StateTaskServiceCallback._eval_body = StateTaskService._eval_body
    StateTaskServiceCallback._evaluate_with_timeout = _evaluate_with_timeout
    StepFunctionsParserBackend.send_task_success = _send_task_success
    StepFunctionsParserBackend.send_task_failure = _send_task_failure
    StepFunctionsParserBackend.send_task_heartbeat = _send_task_heartbeat
    StepFunctionResponse.send_task_failure = _respond_to_failure


class _Endpoint(CallbackEndpoint):  # type: ignore[misc]
    """Takes one outcome while its attempt lasts, and none after."""

    def __init__(self, callback_id: str) -> None:
        super().__init__(callback_id)
        self._settling = threading.Lock()
        self._is_over = False

    @property
    def is_over(self) -> bool:
        return self._is_over

    def settle(self, outcome: CallbackOutcome) -> bool:
        with self._settling:
            if self._is_over:
                return False
            self._is_over = True
        self.notify(outcome)
        return True

    def interrupt_all(self) -> None:
        with self._settling:
            self._is_over = True
        super().interrupt_all()


def _update_task_token(self: Any) -> str:
    text = secrets.token_bytes(_RANDOM_BYTES)
    token = base64.b64encode(text + _signature(text)).decode()
    self.context_object_data["Task"] = {"Token": token}
    return token


def _signature(text: bytes) -> bytes:
    return hmac.digest(_key, text, hashlib.sha256)


def _was_issued(token: str) -> bool:
    try:
        decoded = base64.b64decode(token, validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(_signature(decoded[:-32]), decoded[-32:])


def _add(self: Any, callback_id: str) -> CallbackEndpoint:
    endpoint = _Endpoint(callback_id)
    self._pool[callback_id] = _open[callback_id] = endpoint
    return endpoint


def _evaluate_with_timeout(self: Any, env: Any) -> None:
    if self.resource.condition is not ResourceCondition.WaitForTaskToken:
        _original_evaluate(self, env)
        return
    context = env.states.context_object
    endpoint = env.callback_pool_manager.add(context.update_task_token())
    try:
        _original_evaluate(self, env)
    finally:
        endpoint.interrupt_all()
        context.context_object_data.pop("Task", None)


def _send_task_success(self: Any, task_token: str, outcome: str) -> None:
    try:
        json.loads(outcome)
    except ValueError as exc:
        raise AWSError(f"Invalid Output: '{exc}'", "InvalidOutput") from exc
    _settle(task_token, CallbackOutcomeSuccess(callback_id=task_token, output=outcome))


def _send_task_failure(
    self: Any, task_token: str, error: str | None = None, cause: str | None = None
) -> None:
    _settle(task_token, CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))


def _settle(token: str, outcome: CallbackOutcome) -> None:
    if not _endpoint(token).settle(outcome):
        raise _over()


def _send_task_heartbeat(self: Any, task_token: str) -> None:
    endpoint = _endpoint(task_token)
    if endpoint.is_over:
        raise _over()
    endpoint.notify_heartbeat()


def _endpoint(token: str) -> _Endpoint:
    endpoint = _open.get(token)
    if endpoint is not None:
        return endpoint
    if _was_issued(token):
        raise _over()
    raise AWSError("Invalid Token: 'Invalid token'", "InvalidToken")


def _over() -> AWSError:
    return AWSError("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut")


def _respond_to_failure(self: Any) -> Any:
    self.stepfunction_backend.send_task_failure(
        self._get_param("taskToken"), self._get_param("error"), self._get_param("cause")
    )
    return EmptyResult()
