"""What goes on after the reply: asynchronous invokes, and `generate_answer`, one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.answer_table import GENERATION_SECONDS, Claim
from chalicelib.answers import grounded_answer, is_shared
from chalicelib.aws_errors import translated
from chalicelib.bot import utterances_by_intent
from chalicelib.bounded_workers import BoundedWorkers
from chalicelib.canonical_questions import is_sample
from chalicelib.content import DEFAULT_LOCALE
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError, InvalidRequestError
from chalicelib.invocation import Invocation
from chalicelib.observability import TRACER, Log
from chalicelib.questions import Question

if TYPE_CHECKING:
    from chalicelib.services import Services

WORKERS = 2


@dataclass(frozen=True, slots=True)
class GenerateAnswerInput:
    """The payload of `generate_answer`: the question and the lease under which to answer it."""

    question: Question
    lease: str
    lease_until: float

    @property
    def claim(self) -> Claim:
        return Claim(None, self.lease, self.lease_until)

    def to_json(self) -> dict[str, Any]:
        question = self.question.to_json()
        return {"question": question, "lease": self.lease, "lease_until": self.lease_until}

    @classmethod
    def parse(cls, event: object) -> GenerateAnswerInput:
        """Raises InvalidRequestError, which names the field."""
        if not isinstance(event, dict):
            raise InvalidRequestError("event", "must be an object")
        lease, until = event.get("lease"), event.get("lease_until")
        if not isinstance(lease, str) or not lease:
            raise InvalidRequestError("lease", "must be a string that is not empty")
        if not isinstance(until, int | float):
            raise InvalidRequestError("lease_until", "must be a number of seconds")
        return cls(Question.from_json(event.get("question")), lease, float(until))


class Background:
    """Asynchronous invokes; one that fails is logged, and not repeated here.

    What may not be lost has a lease that expires, or a row of pending work.
    """

    def __init__(self, client: Callable[[], Any], function: str, log: Log) -> None:
        self._client = client
        self._function = function
        self._log = log
        # Beside the turn, so that an invoke that is late costs no more than the deadline leaves.
        self._workers = BoundedWorkers(WORKERS, "lambda")

    def prepare(self) -> None:
        """Build the client now rather than on the first turn."""
        self._client()

    def generate(self, question: Question, claim: Claim, deadline: Deadline) -> bool:
        """Queue the answer's making; False where it surely is not, so that the lease is free.

        One that is late may still be queued; if it is not, the lease expires by itself.
        """
        task = GenerateAnswerInput(question, claim.lease, claim.lease_until)
        queued = self._workers.submit(self._invoke, self._function, task.to_json())
        return self._taken(queued, deadline) or not queued.done()

    def invoke(self, function: str, payload: Mapping[str, Any], deadline: Deadline) -> bool:
        """Queue an event for `name:qualifier`; whether Lambda took it before the deadline.

        After the deadline the invoke may still arrive, with the environment's next turn.
        """
        return self._taken(self._workers.submit(self._invoke, function, payload), deadline)

    def _taken(self, queued: Future[bool], deadline: Deadline) -> bool:
        if not wait((queued,), timeout=deadline.remaining()).done:
            self._log.warning("hand-off late")
            return False
        try:
            return queued.result()
        except DependencyError as exc:
            self._log.warning("hand-off failed", error=str(exc))
            return False

    def _invoke(self, function: str, payload: Mapping[str, Any]) -> bool:
        name, _, qualifier = function.partition(":")
        try:
            answer = self._client().invoke(
                FunctionName=name,
                Qualifier=qualifier or "live",
                InvocationType="Event",
                Payload=json.dumps(payload).encode(),
            )
        except (ClientError, BotoCoreError) as exc:
            self._log.warning("hand-off failed", error=str(translated("lambda", exc)))
            return False
        _free_connection(answer)
        return True


def _free_connection(answer: Mapping[str, Any]) -> None:
    """Read the answer's empty body: before that its connection does not go back to the pool."""
    if (body := answer.get("Payload")) is not None:
        # The event is queued, whatever becomes of the connection.
        with suppress(BotoCoreError):
            body.read()


def finish_answer(event: object, invocation: Invocation, services: Services) -> dict[str, str]:
    """Make and store the answer that a turn had no time for; InvalidRequestError says why not."""
    services.begin(invocation)
    with TRACER.invocation("generate_answer", invocation.trace_header):
        task = GenerateAnswerInput.parse(event)
        _check(task.question, services)
        deadline = Deadline.after(GENERATION_SECONDS, invocation.remaining_ms())
        made = grounded_answer.make_and_store(task.question, task.claim, deadline, services)
        TRACER.annotate(
            stage=services.settings.stage,
            start=invocation.start_kind,
            intent=task.question.intent,
            channel=task.question.channel,
            source=str(made.source),
            model=made.model,
        )
    return {"source": str(made.source)}


def _check(question: Question, services: Services) -> None:
    """A question of another version of the code may name what this one does not have."""
    # The intent stands in keys, log lines and traces.
    if question.intent not in utterances_by_intent(DEFAULT_LOCALE):
        raise InvalidRequestError("question.intent", "is none of the bot's")
    if question.grounding not in services.contents.in_locale(question.locale).grounding:
        raise InvalidRequestError("question.grounding", "names no text of the content")
    if question.route not in services.settings.routes:
        raise InvalidRequestError("question.route", "names no route of the settings")
    # What is folded is shared whatever its words: an event's must be the bot's own.
    is_own = is_sample(question.text, question.intent, question.locale)
    if not is_shared(question, services) or (question.is_folded and not is_own):
        raise InvalidRequestError("question.text", "may not be shared")
