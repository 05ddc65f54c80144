"""Lambda's own two segments of an invocation: the service's, and below it the function's.

Shapes as "AWS Lambda and AWS X-Ray" and Lambda's guide show them: AWS::Lambda has the invoke's
time, AWS::Lambda::Function has Initialization (of a cold start) and Invocation; what the
function sends itself hangs below the function's segment, whose id is in the trace header.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.xray.header import TraceHeader, current, new_id, new_root
from sandbox.xray.store import Document, TraceStore

if TYPE_CHECKING:
    from sandbox.lambda_service.functions import Target
    from sandbox.lambda_service.records import Report

ACCEPTED, FAILED = 200, 500


@dataclass(frozen=True, slots=True)
class LambdaTrace:
    """One invocation's place in its trace; `given` is the header that the function gets."""

    given: TraceHeader
    caller: str = ""
    is_written: bool = False
    service_id: str = field(default_factory=new_id)
    began: float = field(default_factory=time.time)


def begin(is_active: bool) -> LambdaTrace:
    """In the caller's trace, else in a new one, which an Active function samples.

    Every trace is sampled here, where AWS takes one a second and 5% of the rest. PassThrough hands
    the caller's header on and writes nothing itself.
    """
    coming = current()
    if not is_active:
        header = coming or TraceHeader(new_root(), new_id(), sampled=False)
        return LambdaTrace(header)
    is_sampled = coming is None or coming.sampled is not False
    root = coming.root if coming else new_root()
    caller = coming.parent if coming else ""
    return LambdaTrace(TraceHeader(root, new_id(), is_sampled), caller, is_sampled)


class LambdaTraces:
    """Writes the segments of what the Lambda service ran; an `Observer` of it."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store

    def invoked(self, report: Report) -> None:
        """The invocation ended now."""
        if report.trace is not None and report.trace.is_written:
            for document in documents(report.trace, report, time.time()):
                self._store.add(document)

    def throttled(self, target: Target) -> None:
        """Nothing ran, and no segment is written."""

    def wrote(self, function: str, lines: list[str]) -> None:
        """Log lines are none of X-Ray's."""


def documents(trace: LambdaTrace, report: Report, ended: float) -> list[Document]:
    """The service's segment and the function's."""
    name = report.target.version.function
    ran_from = max(trace.began, ended - report.run_ms / 1000)
    shared = {"name": name, "trace_id": trace.given.root, "end_time": ended, **_flags(report)}
    status = FAILED if report.error else ACCEPTED
    service: Document = {
        **shared,
        "id": trace.service_id,
        "start_time": trace.began,
        "origin": "AWS::Lambda",
        "resource_arn": report.target.arn,
        "http": {"response": {"status": status}},
        "aws": {"request_id": report.request_id, "function_arn": report.target.arn},
    }
    if trace.caller:
        service["parent_id"] = trace.caller
    function: Document = {
        **shared,
        "id": trace.given.parent,
        "parent_id": trace.service_id,
        "start_time": trace.began,
        "origin": "AWS::Lambda::Function",
        "aws": {"account_id": report.target.arn.split(":")[4], "function_arn": report.target.arn},
        "subsegments": [
            *_initialization(trace, report, ran_from),
            _part("Invocation", ran_from, ended, **_flags(report)),
        ],
    }
    return [service, function]


def _initialization(trace: LambdaTrace, report: Report, ran_from: float) -> list[Document]:
    if not report.init_ms:
        return []
    begun = max(trace.began, ran_from - report.init_ms / 1000)
    return [_part("Initialization", begun, ran_from)]


def _part(name: str, start: float, end: float, **facts: object) -> Document:
    return {"id": new_id(), "name": name, "start_time": start, "end_time": end, **facts}


def _flags(report: Report) -> Document:
    return {"fault": True} if report.error else {}
