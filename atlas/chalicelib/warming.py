"""Shared answers made before anyone asks: the bot's sample utterances, within a budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from chalicelib.answers import grounded_answer, is_shared
from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.lex import Channel
from chalicelib.questions import Question, canonical
from chalicelib.response_cache import GENERATION_SECONDS

if TYPE_CHECKING:
    from chalicelib.services import Services

BOT_FILE = Path(__file__).parent / "bot_utterances.json"
MODEL_CALLS_PER_RUN = 40


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


def warm_answers(deadline: Deadline, services: Services) -> Warmed:
    """Make what is missing or stale, until the budget or the time of this run is used up.

    Idempotent: what is fresh costs one look-up, and what another run is making is left to it.
    """
    made = fresh = failed = left = 0
    for question in sample_questions():
        if made + failed >= MODEL_CALLS_PER_RUN or deadline.remaining() < GENERATION_SECONDS:
            left += 1
            continue
        try:
            is_made = _warm(question, deadline, services)
        except DependencyError as exc:
            services.log.warning("table failed", error=str(exc))
            failed += 1
            continue
        made, fresh, failed = (
            made + (is_made is True),
            fresh + (is_made is None),
            failed + (is_made is False),
        )
    return Warmed(made, fresh, failed, left)


def _warm(question: Question, deadline: Deadline, services: Services) -> bool | None:
    """True when it was made, False when the model failed, None when there was nothing to do."""
    key = grounded_answer.key(question, services)
    claim = services.response_cache.table.claim(key)
    if not claim.lease:
        return None
    within = Deadline.after(deadline.sooner_of(GENERATION_SECONDS))
    return grounded_answer.make_and_store(question, claim, within, services).is_whole
