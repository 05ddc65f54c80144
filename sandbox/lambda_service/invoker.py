"""Runs one invocation from admission to its record: the path that every kind of caller takes."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from sandbox.aws_api import ApiError
from sandbox.lambda_service.admission import Admission
from sandbox.lambda_service.environment import Environment, Invocation, Outcome, error_payload
from sandbox.lambda_service.fleet import Fleet
from sandbox.lambda_service.functions import Target
from sandbox.lambda_service.logs import Sink, split_lines
from sandbox.lambda_service.observer import Observer
from sandbox.lambda_service.records import (
    Load,
    Records,
    Report,
    Start,
    start_line,
    tail,
    timeout_line,
)
from sandbox.lambda_service.starter import InitError, Starter
from sandbox.xray.lambda_segments import LambdaTrace, begin


@dataclass(frozen=True, slots=True)
class Finished:
    """An invocation's end; `error` is the error's type, None where the function succeeded."""

    payload: bytes
    error: str | None
    version: str
    log_tail: str


class Invoker:
    """Takes or starts an environment, runs the payload in it, and writes down what happened."""

    def __init__(
        self,
        admission: Admission,
        fleet: Fleet,
        starter: Starter,
        records: Records,
        sink: Sink,
        observer: Observer,
    ) -> None:
        self._admission = admission
        self._fleet = fleet
        self._starter = starter
        self._records = records
        self._sink = sink
        self._observer = observer

    def run(
        self,
        target: Target,
        payload: bytes,
        request_id: str | None = None,
        client_context: str | None = None,
    ) -> Finished:
        """ApiError TooManyRequestsException where Lambda would throttle."""
        try:
            return self._admitted(target, payload, request_id or str(uuid.uuid4()), client_context)
        except ApiError as error:
            if error.code == "TooManyRequestsException":
                self._observer.throttled(target)
            raise

    def _admitted(
        self, target: Target, payload: bytes, request_id: str, client_context: str | None
    ) -> Finished:
        version = target.version
        with self._admission.slot(version.function) as running:
            trace = begin(version.traced)
            try:
                environment, start = self._environment(target)
            except InitError as error:
                return self._init_failed(target, request_id, error, Load(running), trace)
            invocation = Invocation(
                request_id,
                target.arn,
                payload,
                float(version.timeout_seconds),
                trace,
                client_context,
            )
            load = Load(running, self._fleet.provision(target))
            return self._run_in(environment, start, target, invocation, load)

    def _environment(self, target: Target) -> tuple[Environment, Start]:
        return self._fleet.take(target) or (self._starter.on_demand(target.version), "cold")

    def _run_in(
        self,
        environment: Environment,
        start: Start,
        target: Target,
        invocation: Invocation,
        load: Load,
    ) -> Finished:
        started = time.perf_counter()
        try:
            outcome = environment.invoke(invocation)
            run_ms = (time.perf_counter() - started) * 1000
            output = environment.take_output()
            report = Report(
                target,
                invocation.request_id,
                start,
                environment.init_ms if start == "cold" else 0.0,
                run_ms,
                environment.peak_mb,
                outcome.error,
                load,
                invocation.trace,
            )
        finally:
            self._fleet.give_back(environment)
        return self._finish(report, outcome, environment.stream, split_lines(output))

    def _init_failed(
        self,
        target: Target,
        request_id: str,
        error: InitError,
        load: Load,
        trace: LambdaTrace,
    ) -> Finished:
        failed = error.outcome.error
        report = Report(target, request_id, "cold", error.init_ms, 0.0, 0, failed, load, trace)
        return self._finish(report, error.outcome, error.stream, [])

    def _finish(self, report: Report, outcome: Outcome, stream: str, output: list[str]) -> Finished:
        version = report.target.version
        seconds = float(version.timeout_seconds)
        lines = [start_line(report.request_id, version.version), *output]
        payload = outcome.payload
        if outcome.error == "Sandbox.Timedout":
            lines.append(timeout_line(report.request_id, seconds))
            payload = _timeout_payload(report.request_id, seconds)
        lines += report.lines()
        self._sink(version.function, stream, lines)
        self._records.add(report)
        self._observer.invoked(report)
        return Finished(payload, outcome.error, version.version, tail(lines))


def _timeout_payload(request_id: str, seconds: float) -> bytes:
    message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    return error_payload("Sandbox.Timedout", message)
