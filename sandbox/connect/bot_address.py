"""Which bot a flow's `${LexBotAliasArn}` is in the sandbox, and one spoken turn with it."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from sandbox.connect.clients import ClientOf

LEX_ALIAS = "live"
LOCALE = "en_US"


class SpokenLex(Protocol):
    """The part of Lex's runtime that a phone needs."""

    def recognize_speech(self, params: dict[str, Any]) -> dict[str, Any]: ...


class BotLine:
    """Looks the released bot up once, by the names that the release gives it."""

    def __init__(self, lex: SpokenLex, client_of: ClientOf, stage: str) -> None:
        self._lex, self._client_of, self._bot_name = lex, client_of, f"atlas-{stage}"
        self._lock = threading.Lock()
        self._address: dict[str, str] | None = None

    def listen(self, request: dict[str, Any]) -> dict[str, Any]:
        """Lex's answer; LookupError while no bot is released, ApiError as Lex says it."""
        return self._lex.recognize_speech({**self._where(), **request})

    def _where(self) -> dict[str, str]:
        with self._lock:
            if self._address is None:
                self._address = self._find()
            return self._address

    def _find(self) -> dict[str, str]:
        client = self._client_of("lexv2-models")
        bot_id = _id_of(client.list_bots()["botSummaries"], "bot", self._bot_name)
        aliases = client.list_bot_aliases(botId=bot_id)["botAliasSummaries"]
        alias_id = _id_of(aliases, "botAlias", LEX_ALIAS)
        return {"botId": bot_id, "botAliasId": alias_id, "localeId": LOCALE}


def _id_of(summaries: list[dict[str, str]], kind: str, name: str) -> str:
    for summary in summaries:
        if summary[f"{kind}Name"] == name:
            return summary[f"{kind}Id"]
    raise LookupError(f"no {kind} is named {name}")
