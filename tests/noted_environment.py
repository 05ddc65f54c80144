"""An environment that remembers what was asked of it, and so which variables Settings read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from chalicelib.errors import ConfigError
from chalicelib.settings import Settings


class NotedEnvironment(Mapping[str, str]):
    """The given variables; `names` are those that were asked for, there or not."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def names_that_settings_read() -> frozenset[str]:
    """Every name that `Settings.from_env` asks for; it reads on after a problem."""
    nothing = NotedEnvironment({})
    with suppress(ConfigError):
        Settings.from_env(nothing)
    return frozenset(nothing.names)
