"""Which bot the flow of a call means, and one spoken turn with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any, Protocol

from sandbox.connect.clients import ClientOf

LEX_ALIAS = "live"
LOCALE = "en_US"


class SpokenLex(Protocol):
    """The part of Lex's runtime that a phone needs."""

    def recognize_speech(self, params: dict[str, Any]) -> dict[str, Any]: ...


class BotLine:
    """Finds the bot at the first word of a call, and only once."""

    def __init__(self, lex: SpokenLex, find: Callable[[], dict[str, str]]) -> None:
        self._lex, self._find = lex, find
        self._lock = threading.Lock()
        self._address: dict[str, str] | None = None

    @classmethod
    def of_stage(cls, lex: SpokenLex, client_of: ClientOf, stage: str) -> BotLine:
        """The stage's bot, by the names that the release gives it."""
        return cls(lex, lambda: _released(client_of, f"atlas-{stage}"))

    @classmethod
    def of_aliases(
        cls, lex: SpokenLex, aliases: Collection[str], allowed: Collection[str]
    ) -> BotLine:
        """The one alias that a flow names, if the instance may use it."""

        def find() -> dict[str, str]:
            (arn,) = aliases
            if arn not in allowed:
                raise LookupError(f"the instance may not use {arn}")
            return _address(*arn.split("/")[-2:])

        return cls(lex, find)

    def listen(self, request: dict[str, Any]) -> dict[str, Any]:
        """Lex's answer; LookupError while there is no such bot, ApiError as Lex says it."""
        return self._lex.recognize_speech({**self._where(), **request})

    def _where(self) -> dict[str, str]:
        with self._lock:
            if self._address is None:
                self._address = self._find()
            return self._address


def _released(client_of: ClientOf, bot_name: str) -> dict[str, str]:
    client = client_of("lexv2-models")
    bot_id = _id_of(client.list_bots()["botSummaries"], "bot", bot_name)
    aliases = client.list_bot_aliases(botId=bot_id)["botAliasSummaries"]
    return _address(bot_id, _id_of(aliases, "botAlias", LEX_ALIAS))


def _address(bot_id: str, alias_id: str) -> dict[str, str]:
    return {"botId": bot_id, "botAliasId": alias_id, "localeId": LOCALE}


def _id_of(summaries: list[dict[str, str]], kind: str, name: str) -> str:
    for summary in summaries:
        if summary[f"{kind}Name"] == name:
            return summary[f"{kind}Id"]
    raise LookupError(f"no {kind} is named {name}")
