"""What the Lambda service says about each invocation: its record, and Lambda's own log lines."""

from __future__ import annotations

import base64
import math
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.lambda_service.functions import Target
from sandbox.xray.lambda_segments import LambdaTrace

Start = Literal["cold", "warm", "provisioned"]

_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Provision:
    """The provisioned concurrency that an invocation met, on a version or an alias."""

    qualifier: str
    busy: int
    requested: int


@dataclass(frozen=True, slots=True)
class Load:
    """What ran of the function when an invocation began, itself included."""

    running: int
    provision: Provision | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One finished invocation; times in ms, `init_ms` is 0 unless the start was cold."""

    target: Target
    request_id: str
    start: Start
    init_ms: float
    run_ms: float
    peak_mb: int
    error: str | None
    load: Load
    trace: LambdaTrace | None = None

    def record(self) -> dict[str, Any]:
        return {
            "function": self.target.version.function,
            "version": self.target.version.version,
            "alias": self.target.alias,
            "start": self.start,
            "init_ms": round(self.init_ms, 3),
            "run_ms": round(self.run_ms, 3),
            "error": self.error,
        }

    def lines(self) -> list[str]:
        """The END and REPORT lines; since August 2025 the init of a cold start is billed too."""
        billed = math.ceil(self.run_ms + self.init_ms)
        fields = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.run_ms:.2f} ms",
            f"Billed Duration: {billed} ms",
            f"Memory Size: {self.target.version.memory_mb} MB",
            f"Max Memory Used: {self.peak_mb} MB",
        ]
        if self.start == "cold":
            fields.append(f"Init Duration: {self.init_ms:.2f} ms")
        if self.error == "Sandbox.Timedout":
            fields.append("Status: timeout")
        elif self.error and self.error.startswith("Runtime."):
            fields.append(f"Status: error\tError Type: {self.error}")
        return [f"END RequestId: {self.request_id}", "\t".join(fields)]


def start_line(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}"


def timeout_line(request_id: str, seconds: float) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{now} {request_id} Task timed out after {seconds:.2f} seconds"


def init_report_line(init_ms: float, error: str) -> str:
    status = "timeout" if error == "Sandbox.Timedout" else f"error\tError Type: {error}"
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\tStatus: {status}"


def tail(lines: list[str]) -> str:
    """The last 4 KB of an invocation's log in base64, as `LogType=Tail` returns it."""
    text = "".join(f"{line}\n" for line in lines).encode()
    return base64.b64encode(text[-_TAIL_BYTES:]).decode()


class Records:
    """The last reports, oldest first."""

    def __init__(self, kept: int) -> None:
        self._lock = threading.Lock()
        self._records: deque[dict[str, Any]] = deque(maxlen=kept)

    def add(self, report: Report) -> None:
        with self._lock:
            self._records.append(report.record())

    def all(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(record) for record in self._records]

    def clear(self) -> None:
        with self._lock:
            self._records.clear()
