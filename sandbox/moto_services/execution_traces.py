"""Step Functions' segments: one per execution, one subsegment per state, a header for its tasks.

An execution whose state machine has tracing on goes on in the trace of whoever started it, by
`traceHeader` or else by the request's own header ("AWS X-Ray and Step Functions" in its guide).
moto 5.2.5 does nothing with either. A state runs in several threads (a time-out
has one of its own, each branch has one), so its place in the trace travels with moto's `env`.
"""

from __future__ import annotations

import time
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.responses import StepFunctionResponse

from sandbox.xray.header import TraceHeader, current, new_id, new_root, under
from sandbox.xray.receivers import receiver
from sandbox.xray.store import Document, TraceStore

_ORIGIN = "AWS::StepFunctions::StateMachine"
_PLACE = "sandbox_trace"

_original_state = CommonStateField._eval_body
_original_frame = Environment.open_frame
_original_inner_frame = Environment.open_inner_frame
_original_task = StateTaskService._eval_execution
_original_start_response = StepFunctionResponse.start_execution


class Place:
    """Where in its trace a state of an execution is; `header` is what its tasks hand on."""

    __slots__ = ("header", "store")

    def __init__(self, store: TraceStore, header: TraceHeader) -> None:
        self.store, self.header = store, header

    def write(self, document: Document) -> None:
        if self.header.sampled:
            self.store.add({**document, "trace_id": self.header.root})


def install() -> None:
    """Patch moto; a second time changes nothing."""
    CommonStateField._eval_body = _state
    Environment.open_frame = _frame
    Environment.open_inner_frame = _inner_frame
    StateTaskService._eval_execution = _task
    StepFunctionResponse.start_execution = _respond_to_start


def begin(env: Any, execution: Any) -> None:
    """Called in the thread of StartExecution; the segment is in progress from now on."""
    machine, store = execution.state_machine, receiver()
    if store is None or not (machine.tracingConfiguration or {}).get("enabled"):
        return
    coming = current() or TraceHeader(new_root())
    header = TraceHeader(coming.root, new_id(), coming.sampled is not False)
    place = Place(store, header)
    execution.sandbox_segment = {
        "id": header.parent,
        "name": machine.name,
        "origin": _ORIGIN,
        "start_time": time.time(),
        "aws": {"execution_arn": execution.exec_arn, "state_machine_arn": machine.arn},
        **({"parent_id": coming.parent} if coming.parent else {}),
    }
    setattr(env, _PLACE, place)
    place.write({**execution.sandbox_segment, "in_progress": True})


def end(execution: Any, status: str) -> None:
    """The execution is closed with that status."""
    segment = getattr(execution, "sandbox_segment", None)
    place = getattr(execution.exec_worker.env, _PLACE, None)
    if segment is not None and place is not None:
        flags = {} if status == "SUCCEEDED" else {"fault": True}
        place.write({**segment, "end_time": time.time(), **flags})


def pass_on(params: Any, **_: Any) -> None:
    """For botocore's before-call: a task's request says in whose trace it is."""
    if (header := current()) is not None:
        params["headers"]["X-Amzn-Trace-Id"] = str(header)


def _respond_to_start(self: Any) -> Any:
    """In the trace that the request names, which moto does not read."""
    with under(TraceHeader.parse(self._get_param("traceHeader")) or current()):
        return _original_start_response(self)


def _state(self: Any, env: Any) -> None:
    outer: Place | None = getattr(env, _PLACE, None)
    if outer is None:
        _original_state(self, env)
        return
    inner = Place(outer.store, outer.header.below(new_id()))
    document = {
        "id": inner.header.parent,
        "parent_id": outer.header.parent,
        "type": "subsegment",
        "name": self.name,
        "start_time": time.time(),
    }
    inner.write({**document, "in_progress": True})
    setattr(env, _PLACE, inner)
    flags: Document = {"fault": True}
    try:
        _original_state(self, env)
        flags = {}
    finally:
        setattr(env, _PLACE, outer)
        inner.write({**document, "end_time": time.time(), **flags})


def _frame(self: Any, *args: Any, **kwargs: Any) -> Any:
    return _inherited(self, _original_frame(self, *args, **kwargs))


def _inner_frame(self: Any, *args: Any, **kwargs: Any) -> Any:
    return _inherited(self, _original_inner_frame(self, *args, **kwargs))


def _inherited(env: Any, frame: Any) -> Any:
    if (place := getattr(env, _PLACE, None)) is not None:
        setattr(frame, _PLACE, place)
    return frame


def _task(self: Any, env: Any) -> None:
    place: Place | None = getattr(env, _PLACE, None)
    with under(place.header if place is not None else None):
        _original_task(self, env)
