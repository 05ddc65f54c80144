"""Runs a verb's steps in order and tells what each did, in words for people or data for tools."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TextIO, TypeVar

from ops.aws import Clients
from ops.waiting import Waiter

T = TypeVar("T")

# Stands for what a dry run would have made.
NEW_VERSION = "(new)"


def utc_now() -> datetime:
    """The time of day, for what is written down; waiting has the waiter's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    """What every step is given; a step under `dry_run` reads and tells, and changes nothing."""

    stage: str
    clients: Clients
    waiter: Waiter
    dry_run: bool = False
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What a step hands on, what it did in one line, and whether anything changed by it."""

    value: T
    detail: str
    changed: bool = False


@dataclass(slots=True)
class Steps:
    """Prints each step with its result and seconds; keeps the same as `records` for `--json`.

    `facts`: what a verb adds to them there.
    """

    stream: TextIO = field(default_factory=lambda: sys.stdout)
    clock: Callable[[], float] = time.monotonic
    records: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, title: str, step: Callable[[], Done[T]]) -> T:
        """Run `step` and return its value; its errors pass through, after a line that names it."""
        begin = self.clock()
        try:
            done = step()
        except BaseException:
            self._print("stopped", title, "", self.clock() - begin)
            raise
        seconds = self.clock() - begin
        self.records.append(
            {
                "step": title,
                "changed": done.changed,
                "detail": done.detail,
                "seconds": round(seconds, 3),
            }
        )
        self._print("changed" if done.changed else "ok", title, done.detail, seconds)
        return done.value

    def note(self, text: str) -> None:
        """Show progress inside a step."""
        print(f"           … {text}", file=self.stream, flush=True)

    @property
    def changed(self) -> bool:
        """Whether any step so far changed anything."""
        return any(record["changed"] for record in self.records)

    def _print(self, mark: str, title: str, detail: str, seconds: float) -> None:
        line = f"{mark:<8} {title:<32} {seconds:6.1f} s  {detail}"
        print(line.rstrip(), file=self.stream, flush=True)
