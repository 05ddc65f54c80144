"""Executions as AWS keeps them: started once, stopped at once, closed for good, and bounded.

moto 5.2.5 starts two for two simultaneous requests of one name; stops only when the running task
has ended, with neither error nor cause; writes history after the end; publishes a status before the
output it stands for; knows no paging of a history; sends two errors without their names; and keeps
every execution and thread for ever.
"""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime
from threading import Thread
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import (
    ExecutionStatus,
    HistoryEventType,
    InvalidDefinition,
    InvalidExecutionInput,
)
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.eval.event.event_manager import (
    EventHistoryContext,
    EventManager,
)
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramRunning,
    ProgramStopped,
)
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.parser.utils import TMP_THREADS
from moto.stepfunctions.responses import StepFunctionResponse

from sandbox.moto_services import execution_observer, execution_traces

CLOSED_KEPT = 1_000
"""Closed executions per state machine; AWS keeps them 90 days."""
PAGE_LIMIT = 1_000
"""GetExecutionHistory's largest page (API reference)."""

_TERMINAL = frozenset(
    (
        *(HistoryEventType.ExecutionSucceeded, HistoryEventType.ExecutionFailed),
        *(HistoryEventType.ExecutionAborted, HistoryEventType.ExecutionTimedOut),
    )
)
_starting = threading.Lock()
_closing = threading.Lock()

_original_start = StepFunctionsParserBackend.start_execution
_original_worker_start = ExecutionWorker.start
_original_environment = ExecutionWorker._get_evaluation_environment
_original_program = Program.eval
_original_add_event = EventManager.add_event
_original_stop = Execution.stop
_original_terminated = BaseExecutionWorkerCommunication.terminated
_original_stop_response = StepFunctionResponse.stop_execution
_original_history = StepFunctionResponse.get_execution_history
_original_describe = StepFunctionResponse.describe_execution


def install() -> None:
    """Patch moto; a second time changes nothing."""
    StepFunctionsParserBackend.start_execution = _start_execution
    ExecutionWorker._get_evaluation_environment = _environment
    ExecutionWorker.start = _start_worker
    Program.eval = _eval_program
    EventManager.add_event = _add_event
    Execution.stop = _stop
    BaseExecutionWorkerCommunication.terminated = _terminated
    StepFunctionResponse.stop_execution = _respond_to_stop
    StepFunctionResponse.describe_execution = _respond_to_describe
    StepFunctionResponse.get_execution_history = _respond_to_history
    for nameless in (InvalidDefinition, InvalidExecutionInput):
        nameless.TYPE = nameless.__name__


def _start_execution(
    self: Any,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Any:
    machine = self.describe_state_machine(state_machine_arn)
    with _starting:
        before = len(machine.executions)
        execution = _original_start(
            self, state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header
        )
        is_new = len(machine.executions) > before
        _forget_oldest(machine)
    if is_new:
        execution_observer.tell(state_machine_arn, ExecutionStatus.RUNNING.value, 0.0)
    return execution


def _forget_oldest(machine: StateMachine) -> None:
    """Drop what is closed and too old, and moto's list of every thread that ever ran."""
    TMP_THREADS.clear()
    closed = [one for one in machine.executions if one.exec_status != ExecutionStatus.RUNNING]
    for old in closed[: max(0, len(closed) - CLOSED_KEPT)]:
        machine.executions.remove(old)


def _environment(self: Any) -> Any:
    if self.env is None:
        self.env = _original_environment(self)
    return self.env


def _start_worker(self: Any) -> None:
    """With an environment from the first moment on, so that a stop finds what to stop."""
    env = self._get_evaluation_environment()
    execution_traces.begin(env, self._execution_communication.execution)
    Thread(target=self._execution_logic, name="execution", daemon=True).start()


def _eval_program(self: Any, env: Any) -> None:
    if _was_stopped(env):
        return
    try:
        _original_program(self, env)
    except RuntimeError:
        # moto refuses to give a stopped program its first state.
        if not _was_stopped(env):
            raise


def _was_stopped(env: Any) -> bool:
    state = env.program_state()
    return state is not None and not isinstance(state, ProgramRunning)


def _add_event(
    self: Any,
    context: Any,
    event_type: Any,
    event_details: Any = None,
    timestamp: Any = None,
    update_source_event_id: bool = True,
) -> int:
    with _closing:
        if getattr(self, "sandbox_is_closed", False):
            return int(context.last_published_event_id)
        self.sandbox_is_closed = event_type in _TERMINAL
        return int(
            _original_add_event(
                self, context, event_type, event_details, timestamp, update_source_event_id
            )
        )


def _stop(self: Any, stop_date: datetime, error: str | None, cause: str | None) -> None:
    """Closed when this returns; a task that runs meanwhile ends unheard."""
    details = {name: text for name, text in (("error", error), ("cause", cause)) if text}
    env = self.exec_worker.env
    event = {"executionAbortedEventDetails": details}
    _add_closing_event(env, HistoryEventType.ExecutionAborted, event)
    stopped = ProgramStopped(stop_date=stop_date, cause=cause, error=error)
    with env._state_mutex:
        if env.program_state() is None:
            env._program_state = stopped
    env.set_stop(stop_date=stop_date, cause=cause, error=error)
    _close(self, ExecutionStatus.ABORTED, **details)


def _terminated(self: Any) -> None:
    execution = self.execution
    env = execution.exec_worker.env
    state = env.program_state()
    if isinstance(state, ProgramEnded):
        _close(execution, ExecutionStatus.SUCCEEDED, output=env.states.get_input())
    elif isinstance(state, ProgramError):
        error = state.error or {}
        named = {name: error[name] for name in ("error", "cause") if error.get(name)}
        _close(execution, ExecutionStatus.FAILED, **named)
    elif not isinstance(state, ProgramStopped):
        event: dict[str, Any] = {"executionTimedOutEventDetails": {}}
        _add_closing_event(env, HistoryEventType.ExecutionTimedOut, event)
        _close(execution, ExecutionStatus.TIMED_OUT)


def _add_closing_event(env: Any, event_type: Any, details: dict[str, Any]) -> None:
    start = EventHistoryContext.of_program_start()
    env.event_manager.add_event(start, event_type, details)


def _close(execution: Any, status: ExecutionStatus, **members: Any) -> None:
    """The status last, so that whoever reads it finds all that belongs to it."""
    with _closing:
        if execution.exec_status != ExecutionStatus.RUNNING:
            return
        execution.stop_date = datetime.now(UTC)
        for name, value in members.items():
            setattr(execution, name, value)
        execution.exec_status = status
    taken = (execution.stop_date - execution.start_date).total_seconds()
    execution_observer.tell(execution.state_machine.arn, status.value, taken)
    execution_traces.end(execution, status.value)
    for endpoint in list(execution.exec_worker.env.callback_pool_manager._pool.values()):
        endpoint.interrupt_all()


def _respond_to_stop(self: Any) -> Any:
    backend = self.stepfunction_backend
    execution = backend.describe_execution(self._get_param("executionArn"))
    if execution.exec_status == ExecutionStatus.RUNNING:
        execution.stop(datetime.now(UTC), self._get_param("error"), self._get_param("cause"))
    return ActionResult({"stopDate": execution.stop_date})


def _respond_to_describe(self: Any) -> Any:
    """With the time of a time-out, and with text and null as the JSON that they are."""
    described = _original_describe(self)
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    if described.result["status"] == ExecutionStatus.TIMED_OUT:
        described.result["stopDate"] = execution.stop_date
    if described.result["status"] == ExecutionStatus.SUCCEEDED:
        described.result["output"] = json.dumps(execution.output)
    return described


def _respond_to_history(self: Any) -> Any:
    """Pages and order as asked; a token is the number of the next event."""
    arn = self._get_param("executionArn")
    events = self.stepfunction_backend.get_execution_history(arn)["events"]
    if self._get_param("reverseOrder"):
        events.reverse()
    start = int(self._get_param("nextToken") or 0)
    end = start + min(int(self._get_param("maxResults") or PAGE_LIMIT), PAGE_LIMIT)
    page = {"events": events[start:end]}
    return ActionResult({**page, "nextToken": str(end)} if end < len(events) else page)
