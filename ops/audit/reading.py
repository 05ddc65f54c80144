"""A fact: read when first asked for, once however many rows ask at the same time, then kept."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from botocore.exceptions import BotoCoreError, ClientError

T = TypeVar("T")


class Unobserved(Exception):
    """Something cannot be observed; `str()` says why, and becomes a row's `unknown`."""


class Reader:
    """Keeps what its facts have read, errors included."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def lock(self, name: str) -> threading.Lock:
        """The lock under which the fact of that name is read."""
        with self._lock:
            return self._locks[name]


class fact(Generic[T]):
    """A method of a Reader as such a fact; what it raised is raised again, and not asked again.

    Facts may ask for other facts, never in a circle.
    """

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self._name = read.__name__
        self.__doc__ = read.__doc__

    @overload
    def __get__(self, reader: None, owner: type) -> fact[T]: ...

    @overload
    def __get__(self, reader: Reader, owner: type) -> T: ...

    def __get__(self, reader: Reader | None, owner: type) -> fact[T] | T:
        if reader is None:
            return self
        with reader.lock(self._name):
            if self._name not in reader.known:
                reader.known[self._name] = self._outcome(reader)
        found: T | Exception = reader.known[self._name]
        if isinstance(found, Exception):
            raise found
        return found

    def _outcome(self, reader: Reader) -> T | Exception:
        try:
            return self._read(reader)
        except (Unobserved, ClientError, BotoCoreError) as error:
            return error
