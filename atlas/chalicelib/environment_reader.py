"""Reads single environment variables: their form is checked here, their names are the caller's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from chalicelib.model_router import Route
from chalicelib.phone_table import is_region

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


class EnvironmentReader:
    """Reads variables and remembers every problem instead of raising at the first.

    A method whose variable is wrong notes that in `problems` and returns something harmless.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        if not value:
            self.problems.append(f"{name} is missing")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str = "") -> str:
        value = self._environ.get(name, default)
        if value not in allowed:
            self.problems.append(f"{name} must be one of {', '.join(allowed)}")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        try:
            value = float(self._environ.get(name, default))
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            self.problems.append(f"{name} must be a number from {low:g} to {high:g}")
            return default
        return value

    def optional(self, name: str, form: re.Pattern[str], must_be: str, default: str = "") -> str:
        """A text of that form, or `default` where the variable is empty."""
        value = self._environ.get(name, "").strip() or default
        if value and not form.fullmatch(value):
            self.problems.append(f"{name} must be {must_be}")
        return value

    def country(self, name: str) -> str:
        code = self.text(name)
        if code and not is_region(code):
            self.problems.append(f"{name} must be a country's two letters, such as US")
        return code

    def countries(self, name: str) -> frozenset[str]:
        codes = [code.strip() for code in self.text(name).split(",") if code.strip()]
        if bad := [code for code in codes if not is_region(code)]:
            self.problems.append(
                f"{name} holds {', '.join(bad)}, which is no country's two letters"
            )
        return frozenset(codes)

    def hours(self, name: str) -> tuple[int, int] | None:
        value = self._environ.get(name, "off").strip()
        if value == "off":
            return None
        found = _HOURS.fullmatch(value)
        if found is None or value[:5] == value[6:]:
            self.problems.append(f"{name} must be off or two times such as 21:00-08:00")
            return None
        first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
        return first_hour * 60 + first_minute, last_hour * 60 + last_minute

    def pattern(self, name: str, group: str) -> re.Pattern[str]:
        try:
            pattern = re.compile(self.text(name))
        except re.error as exc:
            self.problems.append(f"{name} is no regular expression: {exc}")
            return re.compile("")
        if pattern.pattern and group not in pattern.groupindex:
            self.problems.append(f"{name} needs a group named {group}")
        return pattern

    def texts(self, name: str, keys: tuple[str, ...]) -> dict[str, str]:
        try:
            table = json.loads(self._environ.get(name) or "{}")
        except ValueError:
            table = None
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            self.problems.append(f"{name} must be a JSON object of texts")
            return dict.fromkeys(keys, "")
        self.problems.extend(f"{name}.{key} is not used" for key in table if key not in keys)
        return {key: table.get(key, "") for key in keys}

    def routes(self, name: str, names: tuple[str, ...]) -> dict[str, Route]:
        """The models of each of the `names`, from a JSON object."""
        text = self.text(name)
        try:
            table = json.loads(text) if text else {}
        except ValueError:
            table = None
        if text and not isinstance(table, dict):
            self.problems.append(f"{name} must be a JSON object")
        if not isinstance(table, dict) or not text:
            return {}
        return {route: self._route(f"{name}.{route}", table.get(route)) for route in names}

    def _route(self, name: str, value: Any) -> Route:
        fields = value if isinstance(value, dict) else {}
        models: Any = fields.get("models")
        max_tokens: Any = fields.get("max_tokens")
        if not _is_list_of_ids(models):
            self.problems.append(f"{name}.models must be a list of model ids, the first preferred")
            models = []
        if type(max_tokens) is not int or not 1 <= max_tokens <= 4096:
            self.problems.append(f"{name}.max_tokens must be a whole number from 1 to 4096")
            max_tokens = 1
        return Route(tuple(models), max_tokens)


def _is_list_of_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v for v in value)
