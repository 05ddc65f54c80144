"""The composition root: the one place where real clients meet the code that uses them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from chalicelib.answer import Generated
from chalicelib.answer_table import AnswerTable, Claim
from chalicelib.background import Background
from chalicelib.bedrock import BedrockModels
from chalicelib.clients import AwsClients
from chalicelib.content import Contents
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigError, DependencyError
from chalicelib.model_router import Breakers, Route
from chalicelib.observability import TRACER, Log
from chalicelib.prompts import Prompt
from chalicelib.questions import Question
from chalicelib.response_cache import ResponseCache
from chalicelib.secret_store import SecretStore
from chalicelib.settings import Settings

PROBE_KEY = "probe"

_Loaded = TypeVar("_Loaded")


class Models(Protocol):
    """Whoever completes prompts."""

    def prepare(self) -> None: ...

    def has_candidate(self, route: Route) -> bool: ...

    def complete(self, prompt: Prompt, route: Route, deadline: Deadline) -> Generated: ...


class BackgroundWork(Protocol):
    """Whoever finishes answers after the reply."""

    def prepare(self) -> None: ...

    def generate(self, question: Question, claim: Claim, deadline: Deadline) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """All that a turn or a task may reach, and nothing global beside it."""

    settings: Settings
    contents: Contents
    log: Log
    models: Models
    response_cache: ResponseCache
    background: BackgroundWork
    secrets: SecretStore
    sleep: Callable[[float], None] = time.sleep

    def may_ask_models(self, route: str) -> bool:
        """Whether any model of that route is not resting."""
        return self.models.has_candidate(self.settings.routes[route])


def services_from_env(*, in_background: bool = False) -> Services:
    """Real services from the environment's variables and the content that ships.

    ConfigError names every problem of both.
    """
    problems: list[str] = []
    settings = _loaded(Settings.from_env, problems)
    contents = _loaded(Contents.load, problems)
    if settings is None or contents is None:
        raise ConfigError(problems)
    return build_services(settings, contents, in_background=in_background)


def _loaded(load: Callable[[], _Loaded], problems: list[str]) -> _Loaded | None:
    try:
        return load()
    except ConfigError as exc:
        problems.extend(exc.problems)
        return None


def build_services(
    settings: Settings, contents: Contents, *, in_background: bool = False
) -> Services:
    """Real services; `in_background` gives model calls the time that no visitor waits for."""
    clients = AwsClients()
    log = Log(settings.log_level)
    return Services(
        settings=settings,
        contents=contents,
        log=log,
        models=BedrockModels(
            (lambda: clients.bedrock_in_background)
            if in_background
            else (lambda: clients.bedrock_in_turn),
            Breakers(),
        ),
        response_cache=ResponseCache(
            AnswerTable(lambda: clients.dynamodb, settings.response_cache_table)
        ),
        background=Background(lambda: clients.lambda_, settings.generate_answer_function, log),
        secrets=SecretStore(lambda: clients.secretsmanager),
    )


def warm_up(services: Services) -> None:
    """Do in the init phase what the first turn would wait for: tracing, clients, a connection.

    A table that cannot be reached now is logged and no reason to refuse to start: turns do
    without it.
    """
    TRACER.start()
    services.models.prepare()
    services.background.prepare()
    try:
        services.response_cache.table.read(PROBE_KEY)
    except DependencyError as exc:
        services.log.warning("table not reached at start", error=str(exc))
