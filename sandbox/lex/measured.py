"""What the runtime tells of each request: whose, how long it took, how it was refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.aws_api import ApiError, Params


@dataclass(frozen=True, slots=True)
class LexRequest:
    """One request to a bot; `error` and `message` say how it was refused, else they are None."""

    operation: str
    bot_id: str
    bot_alias_id: str
    bot_version: str
    locale_id: str
    input_mode: str | None
    seconds: float
    error: str | None = None
    message: str | None = None


Observe = Callable[[LexRequest], None]


def unobserved(request: LexRequest) -> None:
    """Nobody measures."""


@contextmanager
def measured(
    operation: str,
    params: Params,
    input_mode: str | None,
    version_of: Callable[[str, str], str | None],
    observe: Observe,
) -> Iterator[None]:
    """Tell of the request when the block ends; without bot or alias there is nothing to tell."""
    started, error, message = time.perf_counter(), None, None
    try:
        yield
    except ApiError as exc:
        error, message = exc.code, exc.message
        raise
    finally:
        taken = time.perf_counter() - started
        bot_id, alias_id = params["botId"], params["botAliasId"]
        try:
            version = version_of(bot_id, alias_id)
        except (ApiError, KeyError):
            version = None
        if version is not None:
            place = (operation, bot_id, alias_id, version, params["localeId"], input_mode)
            observe(LexRequest(*place, taken, error, message))
