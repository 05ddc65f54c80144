"""Logs, metrics and traces: one JSON line a happening, and nothing personal in any of them.

Nobody else touches the X-Ray SDK (end of support 2027-02-25), so another tracer can take its
place here. Metrics travel inside log lines in CloudWatch's embedded metric format.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

NAMESPACE = "Atlas"
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_PHONE_LIKE = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_EMAIL_LIKE = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_DIGIT_OR_AT = re.compile(r"[\d@]")
# A UUID, or so many hexadecimal digits that it is no phone number.
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64}")
_SAFE_FIELDS = frozenset(("request_id", "trace_id", "session", "model", "interaction_id"))
"""Written by Lambda, by us or by configuration; their digits are nobody's number."""


class Log:
    """Writes JSON lines; `bind` adds fields that every later line of the invocation carries."""

    def __init__(self, level: str = "INFO", write: Any = None, clock: Any = time.time) -> None:
        self._threshold = _LEVELS[level]
        self._write = write or _to_stdout
        self._clock = clock
        self._bound: dict[str, Any] = {}

    def bind(self, **fields: Any) -> None:
        """Replace the fields that every line carries."""
        self._bound = fields

    def bind_also(self, **fields: Any) -> None:
        """Add to them, when more is known of the invocation."""
        self._bound = {**self._bound, **fields}

    def info(self, message: str, **fields: Any) -> None:
        self._line("INFO", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._line("WARNING", message, fields)

    def metrics(
        self,
        message: str,
        values: Mapping[str, tuple[float, str]],
        dimensions: Mapping[str, str],
        **fields: Any,
    ) -> None:
        """One line that is a log record and, for CloudWatch, a set of metrics.

        `values` maps a metric's name to its value and unit. Embedded metrics are written at any
        log level: a quiet log must not blind the alarms.
        """
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
        }
        embedded = {
            "_aws": {"Timestamp": int(self._clock() * 1000), "CloudWatchMetrics": [directive]},
            **dimensions,
            **{name: round(value, 3) for name, (value, _) in values.items()},
        }
        self._emit(
            {"level": "INFO", "message": message, **self._bound, **_redacted(fields)}, embedded
        )

    def _line(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        if _LEVELS[level] >= self._threshold:
            self._emit({"level": level, "message": message, **self._bound, **_redacted(fields)}, {})

    def _emit(self, record: Mapping[str, Any], embedded: Mapping[str, Any]) -> None:
        self._write(_encode({**record, **embedded}))


def _to_stdout(line: str) -> None:
    """In one piece: Lambda's standard output is not buffered, and each write is a system call."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def session_label(session_id: str) -> str:
    """A session's name for logs: random ids as they are, anything a person chose as a hash.

    Four digits of the hash tell sessions of one hour apart. A longer hash of a phone number could
    be turned back by trying all numbers.
    """
    if _RANDOM_ID.fullmatch(session_id):
        return session_id
    return "h-" + hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()[:4]


def _redacted(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Field values with whatever looks like a number or an address masked, as a second fence."""
    return {name: _mask(name, value) for name, value in fields.items()}


def _mask(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value if name in _SAFE_FIELDS else _masked(value)
    if isinstance(value, list | tuple):
        return [_mask(name, each) for each in value]
    if isinstance(value, Mapping):
        return {key: _mask(name, each) for key, each in value.items()}
    return value


def _masked(text: str) -> str:
    if not _DIGIT_OR_AT.search(text):
        return text
    return _EMAIL_LIKE.sub("[email]", _PHONE_LIKE.sub("[number]", text))


def _type_name(value: object) -> str:
    return type(value).__name__


_encode = json.JSONEncoder(ensure_ascii=True, default=_type_name).encode


def place_of(exc: BaseException) -> str:
    """The innermost place of an exception, without its message, which may quote a visitor."""
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""


class Tracer:
    """X-Ray subsegments and annotations; does nothing until `start` has found a recorder.

    It uses the SDK's documents, context and sender, and leaves out the recorder's own stack of
    open subsegments, which reads and parses the trace header seven times a turn. Spans belong to
    the thread that handles the invocation.
    """

    def __init__(self) -> None:
        self._recorder: Any = None
        self._new_subsegment: Any = None
        self._open: Any = None

    def start(self) -> None:
        """Import the SDK; inside Lambda it follows the runtime's own segment."""
        from aws_xray_sdk.core import xray_recorder
        from aws_xray_sdk.core.models.subsegment import Subsegment

        xray_recorder.configure(context_missing="IGNORE_ERROR", sampling=False)
        self._recorder, self._new_subsegment = xray_recorder, Subsegment

    def span(self, name: str) -> AbstractContextManager[None]:
        """A subsegment around the block, sent when the block ends, however it ends."""
        segment = self._recorder.get_trace_entity() if self._recorder is not None else None
        if segment is None or not segment.sampled:
            return nullcontext()
        return _Span(self, self._new_subsegment(name, "local", segment))

    def annotate(self, **annotations: str | int | float | bool) -> None:
        """Add searchable values to the open span, where there is one."""
        if self._open is not None:
            # `put_annotation` checks each letter of names that no Python keyword can get wrong.
            self._open.annotations.update(annotations)


class _Span(AbstractContextManager[None]):
    """A sampled subsegment, the tracer's open one as long as its block runs."""

    def __init__(self, tracer: Tracer, subsegment: Any) -> None:
        self._tracer = tracer
        self._outer = tracer._open
        self._subsegment = subsegment
        subsegment.parent_id = (self._outer or subsegment.parent_segment).id

    def __enter__(self) -> None:
        self._tracer._open = self._subsegment

    def __exit__(self, kind: object, error: BaseException | None, trace: Any) -> None:
        recorder, self._tracer._open = self._tracer._recorder, self._outer
        if error is not None:
            stack = traceback.extract_tb(trace, limit=recorder.max_trace_back)
            self._subsegment.add_exception(error, stack)
        self._subsegment.close()
        # The sender logs what it cannot send, and goes on.
        recorder.emitter.send_entity(self._subsegment)


TRACER = Tracer()
