"""One execution environment: a process that runs the unpacked zip, frozen between invocations."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from sandbox.lambda_service import process_env
from sandbox.lambda_service.code_store import CodeStore
from sandbox.lambda_service.functions import FunctionVersion
from sandbox.lambda_service.memory import peak_mb, resident_mb
from sandbox.lambda_service.runtime_api import MAX_RESPONSE_BYTES, Happening, Kind, RuntimeApi
from sandbox.lambda_service.watchdog import OrphanGuard
from sandbox.xray.lambda_segments import LambdaTrace

_TICK_SECONDS = 0.02
_serials = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the runtime client gets; `timeout_seconds` is what is left of the function's own."""

    request_id: str
    arn: str
    payload: bytes
    timeout_seconds: float
    trace: LambdaTrace
    client_context: str | None = None

    def headers(self) -> dict[str, str]:
        deadline_ms = int((time.time() + self.timeout_seconds) * 1000)
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.arn,
            "Lambda-Runtime-Trace-Id": str(self.trace.given),
        }
        if self.client_context:
            headers["Lambda-Runtime-Client-Context"] = self.client_context
        return headers


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation or an init ended; `error` is its type, None where it succeeded."""

    payload: bytes
    error: str | None = None


class Environment:
    """A process and its Runtime API; held by one thread at a time, or idle in a pool."""

    def __init__(
        self,
        spec: FunctionVersion,
        store: CodeStore,
        guard: OrphanGuard,
        initialization: str,
        place: process_env.Place,
    ) -> None:
        self.spec = spec
        self.initialization = initialization
        self.serial = next(_serials)
        self.stream = process_env.new_log_stream(spec.version)
        self.idle_since = 0.0
        self.init_ms = 0.0
        self.peak_mb = 0
        self._guard = guard
        self._output = bytearray()
        self._api = RuntimeApi(self._output.extend)
        self._started = time.perf_counter()
        self._process = self._spawn(store, place)
        guard.add(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _spawn(self, store: CodeStore, place: process_env.Place) -> subprocess.Popen[bytes]:
        layers = [store.unpacked(layer) for layer in reversed(self.spec.layers)]
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site = f"python/lib/{version}/site-packages"
        paths = [str(layer / part) for layer in layers for part in (site, "python")]
        command = [sys.executable, "-S", "-s", "-P", "-B"]
        command += [f"{place.runtime_dir}/bootstrap.py", self.spec.handler, store.runtime_client]
        read_end, write_end = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603
                command + paths,
                cwd=place.task_root,
                env=process_env.variables(
                    self.spec, place, self.initialization, self.stream, self._api.address
                ),
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        self._api.watch(process.pid, read_end)
        return process

    def initialize(self, limit_seconds: float) -> Outcome:
        """Wait until the process asks for its first invocation, then freeze it; sets `init_ms`.

        The error is `Sandbox.Timedout` past the limit, else what the runtime client reported,
        else `Runtime.ExitError`; after an error the process is gone.
        """
        happening = self._until(self._started + limit_seconds, (Kind.NEXT, Kind.INIT_ERROR))
        self.init_ms = (time.perf_counter() - self._started) * 1000
        if isinstance(happening, Outcome):
            return happening
        if happening.kind is Kind.INIT_ERROR:
            self.kill()
            return Outcome(happening.body, _error_type(happening.body))
        self.peak_mb = peak_mb(self.pid)
        self._freeze()
        return Outcome(b"")

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation to the next `/next`, which is when Lambda counts it as done."""
        deadline = time.perf_counter() + invocation.timeout_seconds
        self._signal(signal.SIGCONT)
        with contextlib.suppress(OSError):
            self._api.hand_over(invocation.request_id, invocation.headers(), invocation.payload)
        answer = self._until(deadline, (Kind.RESPONSE, Kind.ERROR, Kind.NEXT), invocation)
        if isinstance(answer, Outcome):
            return answer
        end = answer if answer.kind is Kind.NEXT else self._until(deadline, (Kind.NEXT,))
        if isinstance(end, Happening):
            self.peak_mb = peak_mb(self.pid)
            if self.peak_mb > self.spec.memory_mb:
                return self._out_of_memory(invocation)
            self._freeze()
        return _posted(answer)

    def _until(
        self, deadline: float, kinds: tuple[Kind, ...], invocation: Invocation | None = None
    ) -> Happening | Outcome:
        """The first of `kinds`, or the outcome when the process ended or had to be ended."""
        while True:
            left = deadline - time.perf_counter()
            happening = self._api.wait(max(0.0, min(left, _TICK_SECONDS)))
            if happening is not None and happening.kind in kinds:
                return happening
            if happening is not None and happening.kind is Kind.EXITED:
                return self._exited(invocation)
            if happening is None and left <= 0:
                self.kill()
                return Outcome(b"", "Sandbox.Timedout")
            if happening is None and (ended := self._checked(invocation)):
                return ended

    def _checked(self, invocation: Invocation | None) -> Outcome | None:
        if not hasattr(os, "pidfd_open") and self._process.poll() is not None:
            self._api.drain()
            return self._exited(invocation)
        if resident_mb(self.pid) > self.spec.memory_mb:
            return self._out_of_memory(invocation)
        return None

    def _out_of_memory(self, invocation: Invocation | None) -> Outcome:
        self.peak_mb = self.spec.memory_mb
        self.kill()
        return Outcome(_exit_payload(-signal.SIGKILL, invocation), "Runtime.OutOfMemory")

    def _exited(self, invocation: Invocation | None) -> Outcome:
        # The group first: while its leader is not reaped, nobody else can have the id.
        self._signal(signal.SIGKILL)
        code = self._process.wait()
        self.kill()
        return Outcome(_exit_payload(code, invocation), "Runtime.ExitError")

    def take_output(self) -> str:
        """What the process has written since the last call, and forget it."""
        text = self._output.decode("utf-8", "replace")
        self._output.clear()
        return text

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def _freeze(self) -> None:
        self._signal(signal.SIGSTOP)
        self.idle_since = time.monotonic()

    def end(self) -> None:
        """Kill the process of an environment that another thread holds; that thread cleans up."""
        self._signal(signal.SIGKILL)

    def kill(self) -> None:
        """End the process group and close the port; harmless when it has ended already."""
        if self._process.returncode is None:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._guard.remove(self._process.pid)
        with contextlib.suppress(OSError, ValueError):
            self._api.drain()
        self._api.close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _posted(answer: Happening) -> Outcome:
    if answer.kind is Kind.ERROR:
        return Outcome(answer.body, _error_type(answer.body))
    if len(answer.body) > MAX_RESPONSE_BYTES:
        return Outcome(_too_large(len(answer.body)), "Function.ResponseSizeTooLarge")
    return Outcome(answer.body)


def _error_type(body: bytes) -> str:
    try:
        parsed: Any = json.loads(body)
        return str(parsed["errorType"])
    except (ValueError, KeyError, TypeError):
        return "Runtime.Unknown"


def _exit_payload(code: int, invocation: Invocation | None) -> bytes:
    subject = f"RequestId: {invocation.request_id} Error: " if invocation else ""
    return error_payload("Runtime.ExitError", f"{subject}{_exit_text(code)}")


def _exit_text(code: int) -> str:
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    description = (signal.strsignal(-code) or f"signal {-code}").lower()
    return f"Runtime exited with error: signal: {description}"


def _too_large(size: int) -> bytes:
    return error_payload(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
        f"({MAX_RESPONSE_BYTES} bytes).",
    )


def error_payload(error_type: str, message: str) -> bytes:
    """The JSON that Lambda itself answers with when the function could not."""
    return json.dumps(
        {"errorType": error_type, "errorMessage": message}, separators=(",", ":")
    ).encode()
