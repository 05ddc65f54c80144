"""The person's terminal: lines in, text out, and notices that never cut through what is typed."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Protocol

from sandbox.conversation.layout import WIDTH, wants_colour, width_for

_CLEAR_LINE = "\r\x1b[K"


class Screen(Protocol):
    """What the chat needs of a terminal; `is_live` is whether a person sits at it."""

    is_live: bool
    width: int
    colour: bool

    def read(self, prompt: str) -> str: ...

    def tell(self, text: str) -> None: ...

    def notify(self, text: str) -> None: ...


class Terminal:
    """A Screen. A notice is shown above the line that is being typed, which is then shown again.

    `typed` returns what stands on the line so far; without it a notice waits for the line's end.
    """

    def __init__(
        self,
        read_line: Callable[[str], str],
        write: Callable[[str], object],
        typed: Callable[[], str] | None = None,
        *,
        is_live: bool = False,
        width: int = WIDTH,
        colour: bool = False,
    ) -> None:
        self._read_line, self._write, self._typed = read_line, write, typed
        self.is_live, self.width, self.colour = is_live, width, colour
        self._lock = threading.Lock()
        self._prompt: str | None = None
        self._waiting: list[str] = []

    def read(self, prompt: str) -> str:
        """The next line; EOFError at the end."""
        with self._lock:
            for notice in self._waiting:
                self._write(f"{notice}\n")
            self._waiting.clear()
            self._prompt = prompt
        try:
            return self._read_line(prompt)
        finally:
            with self._lock:
                self._prompt = None

    def tell(self, text: str) -> None:
        with self._lock:
            self._write(f"{text}\n")

    def notify(self, text: str) -> None:
        """Show a notice, from any thread."""
        with self._lock:
            if self._prompt is None:
                self._write(f"{text}\n")
            elif self._typed is None:
                self._waiting.append(text)
            else:
                self._write(f"{_CLEAR_LINE}{text}\n{self._prompt}{self._typed()}")


def own_terminal() -> Terminal:
    """Standard input and output. What is piped in is shown, so that it reads as a transcript."""
    is_live = sys.stdin.isatty() and sys.stdout.isatty()
    return Terminal(
        input if is_live else _read_piped,
        _write,
        _typed_so_far() if is_live else None,
        is_live=is_live,
        width=width_for(sys.stdout),
        colour=wants_colour(sys.stdout),
    )


def _typed_so_far() -> Callable[[], str] | None:
    # Importing it gives `input` line editing as well; some Pythons are built without.
    with contextlib.suppress(ImportError):
        read: Callable[[], str] = importlib.import_module("readline").get_line_buffer
        return read
    return None


def _read_piped(prompt: str) -> str:
    line = sys.stdin.buffer.readline()
    if not line:
        raise EOFError
    words = line.decode(errors="replace").strip()
    _write(f"{prompt}{words}\n")
    return words


def _write(text: str) -> None:
    print(text, end="", flush=True)
