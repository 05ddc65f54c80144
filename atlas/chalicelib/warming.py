"""Shared answers made before anyone asks: the bot's sample utterances, within a budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from chalicelib.answers import grounded_answer, is_shared
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.invocation import Invocation
from chalicelib.lex import Channel
from chalicelib.questions import Question, canonical
from chalicelib.response_cache import GENERATION_SECONDS

if TYPE_CHECKING:
    from chalicelib.services import Services

BOT_FILE = Path(__file__).parent / "bot_utterances.json"
MODEL_CALLS_PER_RUN = 40
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


def sample_questions(bot: dict[str, Any] | None = None) -> Iterator[Question]:
    """Every sample utterance of the grounded intents, per locale and channel, without doubles."""
    bot = json.loads(BOT_FILE.read_text(encoding="utf-8")) if bot is None else bot
    seen = set()
    for locale, intents in bot["locales"].items():
        for grounded in GROUNDED_INTENTS:
            for utterance in intents.get(grounded.intent, {}).get("utterances", ()):
                for channel in get_args(Channel):
                    question = Question(
                        grounded.intent,
                        grounded.grounding,
                        canonical(utterance),
                        locale,
                        channel,
                        grounded.route,
                    )
                    if question not in seen and is_shared(question):
                        seen.add(question)
                        yield question


def warm_answers(invocation: Invocation, services: Services) -> Warmed:
    """Make what is missing or stale, until the budget or the time of this run is used up.

    Idempotent: what is fresh costs one look-up, and what another run is making is left to it.
    """
    services.log.bind(request_id=invocation.request_id, version=invocation.function_version)
    deadline = Deadline.after(RUN_SECONDS, invocation.remaining_ms())
    made = fresh = failed = left = 0
    for question in sample_questions():
        if made + failed >= MODEL_CALLS_PER_RUN or deadline.remaining() < GENERATION_SECONDS:
            left += 1
            continue
        match _warm(question, deadline, services):
            case "made":
                made += 1
            case "fresh":
                fresh += 1
            case "failed":
                failed += 1
    warmed = Warmed(made, fresh, failed, left)
    services.log.info("warmed", **warmed.to_json())
    return warmed


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
