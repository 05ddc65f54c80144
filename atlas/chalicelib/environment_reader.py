"""Reads single environment variables: their form is checked here, their names are the caller's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from chalicelib import model_table
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

    def routes(self, name: str, models_name: str, names: tuple[str, ...]) -> dict[str, Route]:
        """The route of each of the `names`, from one JSON object, with its models from another."""
        table, rows = self._object(models_name), self._object(name)
        if table is None or rows is None:
            return {}
        models, problems = model_table.read_models(models_name, table)
        problems += [f"{name}.{route} is not used" for route in rows if route not in names]
        routes = {}
        for route in names:
            routes[route], found = model_table.read_route(
                f"{name}.{route}", rows.get(route), models
            )
            problems += found
        asked = {model for route in routes.values() for model in route.models}
        if not problems:
            problems = [
                f"{models_name}.{model} is on no route" for model in models if model not in asked
            ]
        self.problems.extend(problems)
        return routes

    def _object(self, name: str) -> dict[str, Any] | None:
        text = self.text(name)
        if not text:
            return None
        found, problems = model_table.read_object(name, text)
        self.problems.extend(problems)
        return None if problems else found
