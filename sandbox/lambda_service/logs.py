"""Each function's log lines: at once for us, in batches for moto's CloudWatch Logs."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.logs.models import logs_backends

from sandbox.lambda_service.process_env import log_group

_BATCH_SECONDS = 0.05
_STREAMS_KEPT = 200


@dataclass(frozen=True, slots=True)
class _Line:
    function: str
    stream: str
    timestamp_ms: int
    message: str


class FunctionLogs:
    """Bounded lines per function; a thread of its own carries them to moto."""

    def __init__(
        self,
        account: str,
        region: str,
        kept: int,
        wrote: Callable[[str, list[str]], None] = lambda function, lines: None,
    ) -> None:
        self._account = account
        self._region = region
        self._kept = kept
        self._wrote = wrote
        self._recent: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=kept))
        self._waiting: deque[_Line] = deque(maxlen=10 * kept)
        self._changed = threading.Condition()
        self._delivery = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._deliver, name="lambda-logs", daemon=True)
        self._thread.start()

    def write(self, function: str, stream: str, lines: list[str]) -> None:
        """Take lines in their order; never waits for moto."""
        now = int(time.time() * 1000)
        with self._changed:
            self._recent[function].extend(lines)
            self._waiting.extend(_Line(function, stream, now, line) for line in lines)
            self._changed.notify()

    def recent(self, function: str, limit: int) -> list[str]:
        """The last `limit` lines, oldest first."""
        with self._changed:
            return list(self._recent[function])[-limit:] if limit > 0 else []

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _deliver(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
            # A turn writes several times; one delivery for all of them is cheaper for moto.
            time.sleep(_BATCH_SECONDS)
            self.flush()

    def flush(self) -> None:
        """Hand to moto what is waiting; safe from any thread."""
        with self._delivery:
            for function, stream, lines in self._take():
                self._put(function, stream, lines)
                self._wrote(function, [line.message for line in lines])

    def _take(self) -> list[tuple[str, str, list[_Line]]]:
        with self._changed:
            lines, self._waiting = self._waiting, deque(maxlen=self._waiting.maxlen)
        batches: dict[tuple[str, str], list[_Line]] = defaultdict(list)
        for line in lines:
            batches[line.function, line.stream].append(line)
        return [(function, stream, batch) for (function, stream), batch in batches.items()]

    def _put(self, function: str, stream: str, lines: list[_Line]) -> None:
        backend = logs_backends[self._account][self._region]
        group = log_group(function)
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        events = [{"timestamp": line.timestamp_ms, "message": line.message} for line in lines]
        backend.put_log_events(group, stream, events)
        self._trim(backend.groups[group].streams, stream)

    def _trim(self, streams: Any, stream: str) -> None:
        del streams[stream].events[: -self._kept]
        for name in list(streams)[:-_STREAMS_KEPT]:
            del streams[name]


def split_lines(output: str) -> list[str]:
    """One event per line; awslambdaric writes an error's lines as one event, parted by CR."""
    return [line.replace("\r", "\n") for line in output.split("\n") if line]


Sink = Callable[[str, str, list[str]], None]
