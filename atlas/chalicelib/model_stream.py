"""One request to one model: a worker thread reads its stream, a turn watches what arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from chalicelib.aws_errors import translated
from chalicelib.deadline import Clock, Deadline
from chalicelib.errors import ContentRefusedError, RetryableDependencyError
from chalicelib.interruptible import Call
from chalicelib.sentences import whole_sentences

SERVICE = "bedrock-runtime"
_REFUSALS = frozenset(("content_filtered", "guardrail_intervened", "refusal"))
_CHARACTERS_PER_TOKEN = 4
"""Where Bedrock's count never came, because the stream was cut; an English text's usual figure."""


@dataclass(slots=True)
class ModelStream:
    """Written by its worker, read by its turn; times are the clock's, None until they are known.

    `on_change` is called in the worker when the request is sent, when the first text is there and
    when it is over.
    """

    model: str
    deadline: Deadline
    on_change: Callable[[], None]
    asked_at: float
    sent_at: float | None = None
    first_at: float | None = None
    last_at: float = 0.0
    parts: list[str] = field(default_factory=list)
    stop_reason: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    error: BaseException | None = None
    is_over: bool = False
    is_settled: bool = False
    has_stalled: bool = False
    future: Future[None] | None = None
    call: Call = field(init=False)
    _raw: Any = None

    def __post_init__(self) -> None:
        self.call = Call(self.deadline, self.note_sent)

    @property
    def clock(self) -> Clock:
        return self.deadline.clock

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def has_ended_well(self) -> bool:
        """Whether the model said all that it was going to say, or all that it was allowed to."""
        return self.is_over and self.error is None and bool(self.stop_reason)

    @property
    def was_refused(self) -> bool:
        return isinstance(self.error, ContentRefusedError)

    @property
    def was_turned_away(self) -> bool:
        """Whether the model said no before it said anything, so that nothing is to be paid."""
        has_begun = bool(self.parts) or self.was_cut or self.was_refused
        return self.error is not None and not has_begun

    @property
    def worth(self) -> tuple[bool, int, int]:
        """What to show of several: a finished one, else the most in whole sentences."""
        return self.has_ended_well, len(whole_sentences(self.text)), len(self.text)

    @property
    def was_cut(self) -> bool:
        """Whether the turn ended it rather than the model."""
        return self.call.is_ended

    def begin(self, workers: Executor, client: Callable[[], Any], parameters: Any) -> None:
        self.future = workers.submit(self._run, client, parameters)
        self.future.add_done_callback(self._ended)

    def note_sent(self) -> None:
        self.sent_at = self.clock()
        self.on_change()

    def stop(self) -> None:
        """The turn's part: no more reading, the connection closed."""
        is_shut = self.call.end()
        if self.future is not None:
            self.future.cancel()
        if self._raw is not None and not is_shut:
            # No handle on its connection: the response has one of its own.
            with suppress(OSError, ValueError, RuntimeError):
                self._raw.shutdown()

    def _run(self, client: Callable[[], Any], parameters: Mapping[str, Any]) -> None:
        with self.call.in_this_thread():
            self._ask(client(), parameters)

    def _ended(self, future: Future[None]) -> None:
        self.error = None if future.cancelled() else future.exception()
        self.is_over = True
        self.on_change()

    def _ask(self, client: Any, parameters: Mapping[str, Any]) -> None:
        if self.call.is_ended:
            return
        try:
            stream = self._opened(client, parameters)
            self._raw = getattr(stream, "_raw_stream", None)
            try:
                # `stop` may have looked for the stream just before it was there.
                if not self.call.is_ended:
                    self._read(stream)
            finally:
                stream.close()
        except (ClientError, BotoCoreError) as exc:
            raise translated(SERVICE, exc) from exc
        except (HTTPError, OSError, ParserError, ResponseParserError) as exc:
            raise RetryableDependencyError(SERVICE, type(exc).__name__) from exc

    def _opened(self, client: Any, parameters: Mapping[str, Any]) -> Any:
        """The stream; asked for again, once, where only a kept connection was at fault."""
        try:
            return client.converse_stream(**parameters)["stream"]
        except BotoCoreError:
            if self.call.is_ended or not self.call.has_lost_kept:
                raise
        return client.converse_stream(**parameters)["stream"]

    def _read(self, stream: Iterator[Mapping[str, Any]]) -> None:
        for event in stream:
            if self.call.is_ended:
                return
            self._take(event)
        if self.stop_reason in _REFUSALS:
            self.parts.clear()
            raise ContentRefusedError(SERVICE, "refused")
        if not self.stop_reason and not self.call.is_ended:
            raise RetryableDependencyError(SERVICE, "StreamEndedEarly")

    def _take(self, event: Mapping[str, Any]) -> None:
        if "contentBlockDelta" in event:
            # Thinking arrives as reasoningContent: it is never shown, and it is no answer yet.
            if text := event["contentBlockDelta"]["delta"].get("text"):
                self._hear(text)
        elif "messageStop" in event:
            self.stop_reason = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            self.usage = event["metadata"].get("usage", {})

    def _hear(self, text: str) -> None:
        self.parts.append(text)
        self.last_at = self.clock()
        if self.first_at is None:
            self.first_at = self.last_at
            self.on_change()


def estimated_tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)
