"""The only reader of environment variables; every name stands here once."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import ConfigError
from chalicelib.model_router import Route

STAGES = ("local", "dev", "prod")
ROUTES = ("simple", "conversation", "scenario")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

LOCAL_HTTP_VARIABLE = "ATLAS_LOCAL_HTTP"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment says; resource names have no defaults, tunables have."""

    stage: str
    response_cache_table: str
    generate_answer_function: str
    routes: Mapping[str, Route]
    log_level: str = "INFO"
    turn_deadline_seconds: float = 0.8

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and check everything; ConfigError names every problem at once."""
        reader = _Reader(os.environ if environ is None else environ)
        settings = cls(
            stage=reader.choice("ATLAS_STAGE", STAGES),
            response_cache_table=reader.text("RESPONSE_CACHE_TABLE"),
            generate_answer_function=reader.text("GENERATE_ANSWER_FUNCTION"),
            routes=reader.routes("MODEL_ROUTES"),
            log_level=reader.choice("LOG_LEVEL", LOG_LEVELS, default="INFO"),
            turn_deadline_seconds=reader.number("TURN_DEADLINE_MS", 800, 100, 20_000) / 1000,
        )
        if reader.problems:
            raise ConfigError(reader.problems)
        return settings


def in_lambda() -> bool:
    """Whether Lambda's own runtime runs this process."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ and "AWS_LAMBDA_RUNTIME_API" in os.environ


def function_name() -> str:
    """The running function's name, `atlas-<stage>-<function>`; empty outside Lambda."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")


def initialization_type() -> str:
    """`on-demand` or `provisioned-concurrency`, as Lambda says; empty outside Lambda."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "")


def serves_local_http() -> bool:
    """Whether `chalice local` itself runs, for a stage that wants the route.

    `chalice deploy` and `package` set the stage's variables too before they import the app, and
    a shell may have exported them. What only `chalice local` does is to load its reloader.
    """
    return os.environ.get(LOCAL_HTTP_VARIABLE) == "1" and "chalice.cli.reloader" in sys.modules


class _Reader:
    """Reads variables and remembers every problem instead of raising at the first."""

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

    def routes(self, name: str) -> dict[str, Route]:
        text = self.text(name)
        try:
            table = json.loads(text) if text else {}
        except ValueError:
            table = None
        if text and not isinstance(table, dict):
            self.problems.append(f"{name} must be a JSON object")
        if not isinstance(table, dict) or not text:
            return {}
        return {route: self._route(f"{name}.{route}", table.get(route)) for route in ROUTES}

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
