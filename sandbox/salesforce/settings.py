"""What can be set of the stand-in while it runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

DUPLICATE_RULES = ("off", "alert", "block")


class SettingsError(ValueError):
    """Names every problem of a change, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """`session_seconds` counts from the login; 7,200 is an organisation's default.

    `duplicate_rule` is Lead's: `alert` yields to `allowSave=true`, `block` does not.
    """

    session_seconds: float = 7200
    has_external_id_field: bool = True
    external_id_is_unique: bool = True
    daily_api_requests: int = 100_000
    duplicate_rule: str = "off"


class LiveSettings:
    """The settings in force, thread-safe; a change is taken whole or not at all."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._lock = threading.Lock()
        self._settings = settings or Settings()

    @property
    def now(self) -> Settings:
        return self._settings

    def change(self, body: Mapping[str, Any]) -> None:
        """SettingsError names every unknown field and every bad value."""
        problems = [text for name, value in body.items() if (text := _problem(name, value))]
        if problems:
            raise SettingsError(problems)
        with self._lock:
            self._settings = replace(self._settings, **body)

    def to_json(self) -> dict[str, Any]:
        return asdict(self._settings)


def _problem(name: str, value: Any) -> str | None:
    if name not in _WORDS:
        return f"unknown field {name!r}"
    return None if _is_good(name, value) else f"{name} must be {_WORDS[name]}, not {value!r}"


def _is_good(name: str, value: Any) -> bool:
    if name in ("has_external_id_field", "external_id_is_unique"):
        return isinstance(value, bool)
    if name == "duplicate_rule":
        return value in DUPLICATE_RULES
    kinds = (int,) if name == "daily_api_requests" else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < 1e9


_WORDS = {
    "session_seconds": "a number from 0",
    "has_external_id_field": "true or false",
    "external_id_is_unique": "true or false",
    "daily_api_requests": "a whole number from 0",
    "duplicate_rule": f"one of {', '.join(DUPLICATE_RULES)}",
}
