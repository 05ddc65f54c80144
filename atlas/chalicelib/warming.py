"""Shared answers made before anyone asks: the bot's sample utterances, within a budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

from chalicelib.answer_table import GENERATION_SECONDS
from chalicelib.answers import grounded_answer, is_shared
from chalicelib.bot import utterances_by_intent
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.invocation import Invocation
from chalicelib.lex import Channel
from chalicelib.questions import Question

if TYPE_CHECKING:
    from chalicelib.services import Services

MODEL_CALLS_PER_RUN = 40
RUN_EVERY_SECONDS = 300
RUN_SECONDS = 55.0


@dataclass(frozen=True, slots=True)
class Warmed:
    """What one run did; `left` counts the questions it had no budget for."""

    made: int = 0
    fresh: int = 0
    failed: int = 0
    left: int = 0

    def to_json(self) -> dict[str, int]:
        return asdict(self)


def sample_questions(services: Services) -> list[Question]:
    """What the grounded intents' sample utterances fold into, per locale and channel, once each."""
    questions = [
        grounded.question(utterance, services.contents.in_locale(locale), channel)
        for locale in services.contents.locales
        for grounded in GROUNDED_INTENTS
        for utterance in utterances_by_intent(locale).get(grounded.intent, ())
        for channel in get_args(Channel)
    ]
    return [q for q in dict.fromkeys(questions) if is_shared(q, services)]


def warm_answers(invocation: Invocation, services: Services) -> Warmed:
    """Make what is missing or stale, until the budget or the time of this run is used up.

    Idempotent: what is fresh costs one look-up, and what another run is making is left to it.
    Each run begins where, by the clock, the one before it ended, so that all have their turn.
    Nothing is claimed while every model rests: a lease would only keep visitors waiting.
    """
    services.log.bind(request_id=invocation.request_id, version=invocation.function_version)
    deadline = Deadline.after(RUN_SECONDS, invocation.remaining_ms())
    tally: Counter[str] = Counter()
    for question in _in_turn(sample_questions(services), services):
        is_spent = tally["made"] + tally["failed"] >= MODEL_CALLS_PER_RUN
        is_late = deadline.remaining() < GENERATION_SECONDS
        if is_spent or is_late or not services.may_ask_models(question.route):
            tally["left"] += 1
        else:
            tally[_warm(question, deadline, services)] += 1
    warmed = Warmed(tally["made"], tally["fresh"], tally["failed"], tally["left"])
    services.log.info("warmed", **warmed.to_json())
    return warmed


def _in_turn(questions: list[Question], services: Services) -> list[Question]:
    run = int(services.response_cache.clock() // RUN_EVERY_SECONDS)
    start = run * MODEL_CALLS_PER_RUN % max(1, len(questions))
    return questions[start:] + questions[:start]


def _warm(
    question: Question, deadline: Deadline, services: Services
) -> Literal["made", "fresh", "failed"]:
    within = Deadline.after(deadline.sooner_of(GENERATION_SECONDS))
    try:
        claim = services.response_cache.table.claim(grounded_answer.key(question, services))
        if not claim.lease:
            return "fresh"
        made = grounded_answer.make_and_store(question, claim, within, services)
    except DependencyError as exc:
        services.log.warning("table failed", error=str(exc))
        return "failed"
    return "made" if made.is_whole else "failed"
