"""Stands in for the docstrings that botocore writes when somebody asks for help: they are empty."""

from __future__ import annotations

from typing import Any


class _Empty(str):
    __slots__ = ()

    def __new__(cls, *_: Any, **__: Any) -> _Empty:
        return super().__new__(cls)


class ClientMethodDocstring(_Empty):
    """For a client's method."""


class PaginatorDocstring(_Empty):
    """For a paginator's method."""


class WaiterDocstring(_Empty):
    """For a waiter's method."""
