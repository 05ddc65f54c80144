"""Shared answers made before anyone asks: the bot's sample utterances, within a budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

from chalicelib.answer_table import GENERATION_SECONDS, KEYS_PER_READ, Entry
from chalicelib.answers import answer_ages, grounded_answer, is_shared
from chalicelib.bot import utterances_by_intent
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.invocation import Invocation
from chalicelib.lex import Channel
from chalicelib.observability import TRACER
from chalicelib.questions import Question

if TYPE_CHECKING:
    from chalicelib.services import Services

AHEAD_SECONDS = 600.0
"""How long before its fresh time ends an answer is made anew: two runs, should one be missed."""
RUN_SECONDS = 55.0
FILL_SECONDS = 0.4
"""How long an environment's start waits for the answers that it is to know."""

Fate = Literal["made", "fresh", "failed", "left"]


@dataclass(frozen=True, slots=True)
class Warmed:
    """What one run did; `left` counts the questions it had no budget, time or model for."""

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
    """Make what is missing or soon stale, until the budget or the time of this run is used up.

    First what is missing, then what is oldest, so that all have their turn. Idempotent: what is
    fresh is seen in one look at all, and what another run is making is left to it. Nothing is
    claimed while every model rests: a lease would only keep visitors waiting.
    """
    services.begin(invocation)
    with TRACER.invocation("keep_warm", invocation.trace_header):
        TRACER.annotate(stage=services.settings.stage, start=invocation.start_kind)
        return _warmed(Deadline.after(RUN_SECONDS, invocation.remaining_ms()), services)


def _warmed(deadline: Deadline, services: Services) -> Warmed:
    questions = {grounded_answer.key(q, services): q for q in sample_questions(services)}
    try:
        found = services.response_cache.table.read_many(list(questions))
    except DependencyError as exc:
        services.log.warning("table failed", error=str(exc))
        return _told(Counter(left=len(questions)), services)
    due = _due(list(questions), found, services)
    budget = services.settings.warming_model_calls
    tally: Counter[str] = Counter(fresh=len(questions) - len(due), left=len(due[budget:]))
    with ThreadPoolExecutor(services.settings.warming_at_once) as pool:
        made = [questions[key] for key in due[:budget]]
        tally.update(pool.map(lambda question: _warm(question, deadline, services), made))
    return _told(tally, services)


def _due(keys: list[str], found: Mapping[str, Entry], services: Services) -> list[str]:
    """The keys to make anew: those without an answer, then by age."""
    ends = _soon(services)
    due = [key for key in keys if key not in found or found[key].fresh_until < ends]
    return sorted(due, key=lambda key: found[key].created_at if key in found else 0.0)


def _soon(services: Services) -> float:
    """Before this moment ends the fresh time of what is to be made anew."""
    ahead = min(AHEAD_SECONDS, answer_ages(services).fresh_seconds / 10)
    return services.response_cache.clock() + ahead


def _warm(question: Question, deadline: Deadline, services: Services) -> Fate:
    if deadline.remaining() < GENERATION_SECONDS or not services.may_ask_models(question.route):
        return "left"
    table, key = services.response_cache.table, grounded_answer.key(question, services)
    within = Deadline.after(deadline.sooner_of(GENERATION_SECONDS))
    try:
        claim = table.claim(key, _soon(services))
        if not claim.lease:
            return "failed" if claim.refused_until else "fresh"
        made = grounded_answer.make_and_store(question, claim, within, services)
    except DependencyError as exc:
        services.log.warning("table failed", error=str(exc))
        return "failed"
    return "made" if made.is_whole else "failed"


def _told(tally: Counter[str], services: Services) -> Warmed:
    warmed = Warmed(**{fate: tally[fate] for fate in get_args(Fate)})
    services.log.info("warmed", **warmed.to_json())
    return warmed


def fill_memory(services: Services) -> None:
    """Read the sample utterances' answers into memory, waiting FILL_SECONDS at most.

    For an environment's start: a table that is late or fails costs the first visitors a look-up.
    """
    keys = [grounded_answer.key(question, services) for question in sample_questions(services)]
    starts = range(0, len(keys), KEYS_PER_READ)
    reads = [services.response_cache.start_fill(keys[at : at + KEYS_PER_READ]) for at in starts]
    late = wait(reads, timeout=FILL_SECONDS).not_done
    failed = [read for read in reads if read.done() and read.exception() is not None]
    if late or failed:
        services.log.warning("memory not filled", late=len(late), failed=len(failed))
