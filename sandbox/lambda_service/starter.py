"""Starts an environment: unpacks its code, spawns its process, waits for the end of its init."""

from __future__ import annotations

import sys

from sandbox.aws_api import ApiError
from sandbox.lambda_service import process_env
from sandbox.lambda_service.code_store import CodeStore
from sandbox.lambda_service.environment import Environment, Outcome
from sandbox.lambda_service.fleet import Fleet
from sandbox.lambda_service.functions import FunctionVersion
from sandbox.lambda_service.logs import Sink, split_lines
from sandbox.lambda_service.process_env import Place
from sandbox.lambda_service.records import init_report_line
from sandbox.lambda_service.settings import Tunables
from sandbox.lambda_service.watchdog import OrphanGuard


class InitError(Exception):
    """The init phase failed; what Lambda would say is in `outcome`."""

    def __init__(self, outcome: Outcome, environment: Environment) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome
        self.init_ms = environment.init_ms
        self.stream = environment.stream


class Starter:
    """Makes initialised, frozen environments that the fleet counts and the caller holds."""

    def __init__(
        self,
        store: CodeStore,
        fleet: Fleet,
        endpoint: str,
        region: str,
        sink: Sink,
        tunables: Tunables,
        xray_daemon: str,
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._endpoint = endpoint
        self._region = region
        self._sink = sink
        self._tunables = tunables
        self._xray_daemon = xray_daemon
        self._guard = OrphanGuard()

    def start(
        self, spec: FunctionVersion, initialization: str, limit_seconds: float | None = None
    ) -> Environment:
        """Raises InitError; ApiError where no process can be started at all."""
        self._fleet.reserve()
        try:
            environment = self._spawn(spec, initialization)
        except BaseException:
            self._fleet.unreserve()
            raise
        self._fleet.join(environment)
        outcome = environment.initialize(limit_seconds or self._tunables.init_seconds)
        self._log_init(environment, outcome)
        if outcome.error:
            self._fleet.discard(environment)
            raise InitError(outcome, environment)
        return environment

    def _spawn(self, spec: FunctionVersion, initialization: str) -> Environment:
        if not spec.runtime.startswith("python"):
            message = f"The runtime {spec.runtime or '(none)'} is not supported by the sandbox."
            raise ApiError("InvalidRuntimeException", message, 502, Type="Server")
        place = Place(
            self._store.unpacked(spec.code),
            self._store.runtime(),
            self._region,
            self._endpoint,
            self._xray_daemon,
        )
        return Environment(spec, self._store, self._guard, initialization, place)

    def _log_init(self, environment: Environment, outcome: Outcome) -> None:
        lines = [_init_start_line(environment.spec.runtime)]
        lines += split_lines(environment.take_output())
        if outcome.error:
            lines.append(init_report_line(environment.init_ms, outcome.error))
        self._sink(environment.spec.function, environment.stream, lines)

    def on_demand(self, spec: FunctionVersion) -> Environment:
        """A cold start; an init past its limit is repeated within the function's own time-out.

        Source: Lambda developer guide, "Lambda execution environment lifecycle", init phase.
        """
        try:
            return self.start(spec, process_env.ON_DEMAND)
        except InitError as error:
            if error.outcome.error != "Sandbox.Timedout":
                raise
        return self.start(spec, process_env.ON_DEMAND, spec.timeout_seconds)

    def close(self) -> None:
        self._guard.close()


def _init_start_line(runtime: str) -> str:
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    note = "" if runtime == own else f" (the sandbox runs it with {own})"
    return f"INIT_START Runtime Version: {runtime.replace('python', 'python:')}{note}"
