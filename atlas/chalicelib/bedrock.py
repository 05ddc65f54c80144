"""Bedrock Converse, streamed until a deadline: what has arrived by then is what there is.

botocore reads a stream with blocking calls whose time-out belongs to the client, not to the call,
so a worker thread reads and the turn waits for it no longer than its deadline. The turn then
shuts the connection down, and the worker ends before the environment is frozen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from chalicelib.answer import Generated
from chalicelib.aws_errors import translated
from chalicelib.bounded_workers import BoundedWorkers
from chalicelib.cancellation import Cancellation
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    ContentRefusedError,
    DependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.model_router import Breakers, Route, family_of
from chalicelib.prompts import Prompt

WORKERS = 4
"""Streams at once in one environment: one turn's, and late ones that are still ending."""
ENDING_SECONDS = 0.05
"""Kept back from the deadline, for a stream that was shut down to let go."""
FAIR_SECONDS = 0.3
"""A model that had less time than this to its first word is not counted as late."""
_REFUSALS = frozenset(("content_filtered", "guardrail_intervened", "refusal"))


class BedrockModels:
    """Asks a route's models in order until one answers; safe to use from several threads."""

    def __init__(self, client: Callable[[], Any], breakers: Breakers) -> None:
        self._client = client
        self._breakers = breakers
        self._workers = BoundedWorkers(WORKERS, "bedrock-runtime")

    def prepare(self) -> None:
        """Build the client now rather than on the first turn."""
        self._client()

    def has_candidate(self, route: Route) -> bool:
        """Whether any model of the route may be asked now."""
        return bool(self._breakers.available(route))

    def complete(
        self,
        prompt: Prompt,
        route: Route,
        deadline: Deadline,
        *,
        cancellation: Cancellation | None = None,
    ) -> Generated:
        """The text that arrived by the deadline; never raises for what Bedrock does.

        `cancellation`: another thread may end the call early, which then says "cancelled" and
        counts for or against no model.
        """
        started = time.monotonic()
        run = _Run(self._client, self._breakers, prompt, route)
        if not run.candidates:
            return Generated("", "resting")
        if deadline.is_over():
            return Generated("", "deadline")
        future = self._workers.submit(run.ask_in_order)
        over = threading.Event()
        future.add_done_callback(lambda _: over.set())
        if cancellation is not None:
            cancellation.on_cancel(over.set)
        over.wait(deadline.keeping_back(ENDING_SECONDS).remaining())
        run.stop(future, is_cancelled=cancellation is not None and cancellation.is_cancelled)
        return run.generated(time.monotonic() - started)


@dataclass(slots=True)
class _Run:
    """One request on its way through the models; shared by the turn and its worker."""

    client: Callable[[], Any]
    breakers: Breakers
    prompt: Prompt
    route: Route
    candidates: tuple[str, ...] = field(init=False)
    stopped: threading.Event = field(default_factory=threading.Event)
    parts: list[str] = field(default_factory=list)
    model: str = ""
    stop_reason: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    raw: Any = None
    asked_at: float = 0.0

    def __post_init__(self) -> None:
        self.candidates = self.breakers.available(self.route)

    def ask_in_order(self) -> None:
        """The worker's part: the next model is asked while no text has arrived."""
        for model in self.candidates:
            if self.stopped.is_set():
                return
            self.model, self.asked_at = model, time.monotonic()
            try:
                self._ask(model)
            except DependencyError as exc:
                self._note(exc)
                if self.parts or isinstance(exc, ContentRefusedError):
                    return
            else:
                return

    def stop(self, future: Future[None], *, is_cancelled: bool) -> None:
        """The turn's part at its deadline: no more reading, the connection closed."""
        if future.done():
            try:
                future.result()
            except DependencyError as refused:
                self.errors.append(str(refused))
            return
        self.stopped.set()
        self.stop_reason = "cancelled" if is_cancelled else "deadline"
        if not is_cancelled and not self.parts and self._had_its_time():
            self.breakers.failed(self.model)
        if not future.cancel() and self.raw is not None:
            with suppress(OSError, ValueError, RuntimeError):
                self.raw.shutdown()
        wait((future,), timeout=ENDING_SECONDS)

    def _had_its_time(self) -> bool:
        """A fallback that the first model left a moment to is not to blame for being late."""
        return bool(self.model) and time.monotonic() - self.asked_at >= FAIR_SECONDS

    def generated(self, seconds: float) -> Generated:
        return Generated(
            text="".join(self.parts),
            stop_reason=self.stop_reason or "failed",
            model=self.model,
            input_tokens=self.usage.get("inputTokens", 0),
            output_tokens=self.usage.get("outputTokens", 0),
            seconds=seconds,
            errors=tuple(self.errors),
        )

    def _ask(self, model: str) -> None:
        try:
            answer = self.client().converse_stream(**request(model, self.prompt, self.route))
            stream = answer["stream"]
            # The one private name: EventStream has no public way to end a read from outside.
            self.raw = getattr(stream, "_raw_stream", None)
            try:
                # `stop` may have looked for the stream just before it was there.
                if not self.stopped.is_set():
                    self._read(stream)
            finally:
                stream.close()
        except (ClientError, BotoCoreError) as exc:
            raise translated("bedrock-runtime", exc) from exc
        except (HTTPError, OSError, ParserError, ResponseParserError) as exc:
            raise RetryableDependencyError("bedrock-runtime", type(exc).__name__) from exc

    def _read(self, stream: Iterator[Mapping[str, Any]]) -> None:
        for event in stream:
            if self.stopped.is_set():
                return
            self._take(event)
        if self.stopped.is_set():
            return
        if not self.stop_reason:
            raise RetryableDependencyError("bedrock-runtime", "StreamEndedEarly")
        if self.stop_reason in _REFUSALS:
            self.parts.clear()
            self.stop_reason = "refused"
            raise ContentRefusedError("bedrock-runtime", "refused")
        self.breakers.succeeded(self.model)

    def _take(self, event: Mapping[str, Any]) -> None:
        if "contentBlockDelta" in event:
            # Thinking arrives as reasoningContent: it is never shown, and it is no answer yet.
            if text := event["contentBlockDelta"]["delta"].get("text"):
                self.parts.append(text)
        elif "messageStop" in event:
            self.stop_reason = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            self.usage = event["metadata"].get("usage", {})

    def _note(self, exc: DependencyError) -> None:
        if self.stopped.is_set():
            return
        self.errors.append(str(exc))
        if isinstance(exc, ThrottledError):
            self.breakers.throttled(self.model)
        elif not isinstance(exc, ContentRefusedError) and exc.reason != "ValidationException":
            # Refused words and parameters say nothing about the model's health.
            self.breakers.failed(self.model)


def request(model: str, prompt: Prompt, route: Route) -> dict[str, Any]:
    """ConverseStream's parameters for this model, with its family's quirks."""
    family = family_of(model)
    parameters: dict[str, Any] = {
        "modelId": model,
        "system": [{"text": prompt.system}],
        "messages": [{"role": m.role, "content": [{"text": m.text}]} for m in prompt.messages],
        "inferenceConfig": {"maxTokens": route.max_tokens, **family.sampling},
    }
    if family.extra:
        parameters["additionalModelRequestFields"] = dict(family.extra)
    return parameters
