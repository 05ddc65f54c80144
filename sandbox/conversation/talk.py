"""One visitor's conversation through boto3's `lexv2-runtime`, and what the sandbox saw of it."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from sandbox.conversation.child import Address

FULFILLMENT = "lex_fulfillment"
# Longer than any turn: a call's turns are answered by this API.
_PATIENCE_SECONDS = 35
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
    """One turn as the visitor saw it; `milliseconds` is what the client waited.

    `attributes` are the session's after it.
    """

    words: str
    answer: str
    milliseconds: float
    source: str
    intent: str
    state: str
    served: Served
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def interaction_id(self) -> str:
        """The demo that is being booked or was booked last in this session, "" for none."""
        names = ("interactionId", "bookedInteraction")
        return next((self.attributes[name] for name in names if self.attributes.get(name)), "")


class ControlError(Exception):
    """The sandbox refused what its own API was asked for; `str()` is its sentence."""


class Control:
    """The sandbox's own API under /_sandbox/; OSError when there is no sandbox any more."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def get(self, name: str) -> Any:
        """The JSON of `GET /_sandbox/<name>`."""
        return self._answer(name, None)

    def post(self, name: str, body: Mapping[str, Any]) -> Any:
        """The JSON of `POST /_sandbox/<name>`; ControlError where it is refused."""
        return self._answer(name, json.dumps(body).encode())

    def invocations(self) -> list[dict[str, Any]]:
        """The Lambda service's records, oldest first."""
        records: list[dict[str, Any]] = self.get("invocations")
        return records

    def calls(self) -> dict[str, dict[str, int]]:
        """Counts by service and operation, named as botocore names them."""
        counts: dict[str, dict[str, int]] = self.get("calls")
        return counts

    def _answer(self, name: str, body: bytes | None) -> Any:
        url = f"{self._endpoint}/_sandbox/{name}"
        try:
            with urllib.request.urlopen(url, body, timeout=_PATIENCE_SECONDS) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ControlError(_message(error)) from error


def _message(error: urllib.error.HTTPError) -> str:
    with error:
        try:
            return str(json.load(error)["message"])
        except (ValueError, KeyError, TypeError):
            return str(error)


def runtime_client(address: Address, service: str = "lexv2-runtime") -> Any:
    """A boto3 client as a chat front end would have it, but that it asks once."""
    # A retry would hide an error and a wait from the person who measures.
    config = Config(retries={"total_max_attempts": 1}, read_timeout=35, connect_timeout=5)
    # Typed by literals, one overload per service.
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",  # noqa: S106
        config=config,
    )


class Watch:
    """Finds out who served what happened since it last looked."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._seen = len(control.invocations())

    def served(self) -> Served:
        """Who answered since then, by the records of the Lambda service."""
        records = self._control.invocations()
        # Fewer than before: somebody reset the records meanwhile.
        new = records[self._seen :] if len(records) >= self._seen else records
        self._seen = len(records)
        return Served.of([record for record in new if _is_of_lex(record)])


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
        self._clock = clock
        self._bot = {
            "botId": address.bot_id,
            "botAliasId": address.bot_alias_id,
            "localeId": address.locale_id,
        }
        self._session_id = _new_session_id()
        self._watch = Watch(control or Control(address.endpoint))

    def say(self, words: str) -> Turn:
        """One turn; botocore's errors pass through."""
        begin = self._clock()
        response = self._client.recognize_text(**self._bot, sessionId=self._session_id, text=words)
        milliseconds = (self._clock() - begin) * 1000
        return _turn(words, response, milliseconds, self._watch.served())

    def start_again(self) -> None:
        """Forget this session, if it was begun, and begin another."""
        with contextlib.suppress(self._client.exceptions.ResourceNotFoundException):
            self._client.delete_session(**self._bot, sessionId=self._session_id)
        self._session_id = _new_session_id()


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
    attributes = session.get("sessionAttributes", {})
    # The attribute outlives its turn, so it counts only where a function ran.
    source = "lex" if served.by_lex_alone else attributes.get("answerSource", "-")
    return Turn(
        words=words,
        answer=answer or "(no message)",
        milliseconds=milliseconds,
        source=source,
        intent=intent.get("name", "-"),
        state=intent.get("state", "-"),
        served=served,
        attributes=attributes,
    )
