"""The trace header, and whose trace the thread that answers a request belongs to."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """`parent` is "" where nobody is; `sampled` None leaves the decision to who gets it."""

    root: str
    parent: str = ""
    sampled: bool | None = None

    def __str__(self) -> str:
        parts = [f"Root={self.root}"]
        if self.parent:
            parts.append(f"Parent={self.parent}")
        if self.sampled is not None:
            parts.append(f"Sampled={int(self.sampled)}")
        return ";".join(parts)

    def below(self, parent: str) -> TraceHeader:
        return replace(self, parent=parent)

    @classmethod
    def parse(cls, text: str | None) -> TraceHeader | None:
        """None for what is no header; parts that are unknown or wrong are left out."""
        parts = dict(part.strip().partition("=")[::2] for part in (text or "").split(";"))
        root, parent = parts.get("Root", ""), parts.get("Parent", "")
        if not _ROOT.fullmatch(root):
            return None
        sampled = {"1": True, "0": False}.get(parts.get("Sampled", ""))
        return cls(root, parent if _ID.fullmatch(parent) else "", sampled)


def new_root() -> str:
    """A trace id as AWS makes them: the time in seconds, and 96 random bits."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def new_id() -> str:
    return secrets.token_hex(8)


_current: ContextVar[TraceHeader | None] = ContextVar("trace_header", default=None)


def current() -> TraceHeader | None:
    """The header of the request that this thread answers, if it had one."""
    return _current.get()


@contextmanager
def under(header: TraceHeader | None) -> Iterator[None]:
    """Answer in that trace, for the length of a `with`."""
    token = _current.set(header)
    try:
        yield
    finally:
        _current.reset(token)
