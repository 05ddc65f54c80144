"""One visitor's conversation through boto3's `lexv2-runtime`, and what the sandbox saw of it."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from sandbox.conversation.child import Address

FULFILLMENT = "lex_fulfillment"
# The order in which one turn's several invocations count: the worst start is the turn's.
_WORST_FIRST = ("cold", "warm", "provisioned")


@dataclass(frozen=True, slots=True)
class Served:
    """Who answered a turn: its fulfilment invocations by start, alias and version."""

    start: str = "-"
    alias: str = "-"
    version: str = "-"
    errors: tuple[str, ...] = ()

    @property
    def by_lex_alone(self) -> bool:
        """Whether no function ran, as when Lex itself asks for a slot."""
        return self.start == "-"

    @property
    def on_latest(self) -> bool:
        """Whether $LATEST answered, which no alias of a release points to."""
        return "$LATEST" in (self.alias, self.version)

    @classmethod
    def of(cls, records: list[dict[str, Any]]) -> Served:
        """What the Lambda service's records of one turn come to."""
        if not records:
            return cls()
        worst = min((str(record["start"]) for record in records), key=_WORST_FIRST.index)
        last = records[-1]
        errors = tuple(str(record["error"]) for record in records if record.get("error"))
        return cls(worst, str(last.get("alias") or "none"), str(last["version"]), errors)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as the visitor saw it; `milliseconds` is what the client waited."""

    words: str
    answer: str
    milliseconds: float
    source: str
    intent: str
    state: str
    served: Served


class Control:
    """Reads the sandbox's own API under /_sandbox/."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def get(self, name: str) -> Any:
        """The JSON of `GET /_sandbox/<name>`."""
        url = f"{self._endpoint}/_sandbox/{name}"
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
            return json.load(response)

    def invocations(self) -> list[dict[str, Any]]:
        """The Lambda service's records, oldest first."""
        records: list[dict[str, Any]] = self.get("invocations")
        return records

    def calls(self) -> dict[str, dict[str, int]]:
        """Counts by service and operation, named as botocore names them."""
        counts: dict[str, dict[str, int]] = self.get("calls")
        return counts


def runtime_client(address: Address) -> Any:
    """A boto3 client as a chat front end would have it, but that it asks once."""
    # A retry would hide an error and a wait from the person who measures.
    config = Config(retries={"total_max_attempts": 1}, read_timeout=35, connect_timeout=5)
    return boto3.client(
        "lexv2-runtime",
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106
        config=config,
    )


class Conversation:
    """One Lex session; `say` waits for the answer and finds out who gave it."""

    def __init__(
        self,
        address: Address,
        client: Any | None = None,
        control: Control | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._client = client or runtime_client(address)
        self._control = control or Control(address.endpoint)
        self._clock = clock
        self._bot = {
            "botId": address.bot_id,
            "botAliasId": address.bot_alias_id,
            "localeId": address.locale_id,
        }
        self._session_id = _new_session_id()
        self._seen = len(self._control.invocations())

    def say(self, words: str) -> Turn:
        """One turn; botocore's errors pass through."""
        begin = self._clock()
        response = self._client.recognize_text(**self._bot, sessionId=self._session_id, text=words)
        milliseconds = (self._clock() - begin) * 1000
        return _turn(words, response, milliseconds, self._served())

    def start_again(self) -> None:
        """Forget this session and begin another."""
        self._client.delete_session(**self._bot, sessionId=self._session_id)
        self._session_id = _new_session_id()

    def _served(self) -> Served:
        records = self._control.invocations()
        # Fewer than before: somebody reset the records meanwhile.
        new = records[self._seen :] if len(records) >= self._seen else records
        self._seen = len(records)
        return Served.of([record for record in new if _is_of_lex(record)])


def _is_of_lex(record: dict[str, Any]) -> bool:
    """Whether a fulfilment invocation can be Lex's: through an alias, or of $LATEST.

    A release that runs beside the conversation invokes each new version by its bare number.
    """
    is_by_number = not record.get("alias") and record["version"] != "$LATEST"
    return record["function"].endswith(FULFILLMENT) and not is_by_number


def _new_session_id() -> str:
    return f"visitor-{secrets.token_hex(8)}"


def _turn(words: str, response: dict[str, Any], milliseconds: float, served: Served) -> Turn:
    messages = response.get("messages", [])
    answer = " ".join(message.get("content", "") for message in messages)
    session = response.get("sessionState", {})
    intent = session.get("intent", {})
    # The attribute outlives its turn, so it counts only where a function ran.
    attributes = {} if served.by_lex_alone else session.get("sessionAttributes", {})
    return Turn(
        words=words,
        answer=answer or "(no message)",
        milliseconds=milliseconds,
        source=attributes.get("answerSource", "lex" if served.by_lex_alone else "-"),
        intent=intent.get("name", "-"),
        state=intent.get("state", "-"),
        served=served,
    )
