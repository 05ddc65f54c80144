"""How answers are made; the decorator says how long one lives and who may share it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib import prompts
from chalicelib.answer import Answer, Generated, Source
from chalicelib.answer_ages import Ages
from chalicelib.cancellation import Cancellation
from chalicelib.content import SENTENCES_BY_CHANNEL, Content
from chalicelib.conversation import Exchange
from chalicelib.deadline import Deadline
from chalicelib.lex import Channel
from chalicelib.model_router import Route
from chalicelib.questions import Question, has_meaning, may_be_shared
from chalicelib.response_cache import response_cache
from chalicelib.scenario import briefing_of, facts, grounded_scenario, spoken_floor
from chalicelib.sentences import first_sentences, whole_sentences

if TYPE_CHECKING:
    from chalicelib.services import Services

KEYS = 512
"""Keys that an environment need not hash again: more than the bot has sample utterances."""


def answer_key(question: Question, services: Services) -> str:
    """A hash of everything the prompt contains, so that nobody's words can reach another."""
    content = services.contents.in_locale(question.locale)
    return _key(question, content, services.settings.routes[question.route])


@lru_cache(KEYS)
def _key(question: Question, content: Content, route: Route) -> str:
    """Kept for these very objects, none of which ever changes."""
    scope = f"{question.intent}/{question.locale}/{question.channel}/"
    return scope + prompts.grounded(question, content).fingerprint(route)


def answer_ages(services: Services) -> Ages:
    """How long an answer is fresh and how long it may be shown, as the team configured it."""
    settings = services.settings
    return Ages(settings.answer_fresh_seconds, settings.answer_stale_seconds)


def grounding_text(question: Question, services: Services) -> Answer:
    """The floor: a true answer that needs nobody."""
    content = services.contents.in_locale(question.locale)
    text = content.grounded_text(question.grounding, question.channel)
    return Answer(text, Source.GROUNDED)


def is_shared(question: Question, services: Services) -> bool:
    """Whether the answer may be stored and shown to others.

    That of a folded question may: none of the visitor's own words reach its prompt.
    """
    if question.is_folded:
        return True
    vocabulary = services.contents.in_locale(question.locale).vocabulary
    return has_meaning(question.text) and may_be_shared(question.text, vocabulary)


@response_cache(
    key=answer_key,
    floor=grounding_text,
    shared=is_shared,
    ages=answer_ages,
)
def grounded_answer(
    question: Question,
    deadline: Deadline,
    services: Services,
    cancellation: Cancellation | None = None,
) -> Answer:
    """A grounded intent's answer, written by the model from the intent's grounding alone."""
    floor = grounding_text(question, services)
    if not has_meaning(question.text):
        return floor
    prompt = prompts.grounded(question, services.contents.in_locale(question.locale))
    route = services.settings.routes[question.route]
    generated = services.models.complete(prompt, route, deadline, cancellation=cancellation)
    return _answer(generated, floor)


def open_answer(
    text: str,
    history: tuple[Exchange, ...],
    locale: str,
    channel: Channel,
    deadline: Deadline,
    services: Services,
) -> Answer:
    """An answer to what no intent matched, from the content's knowledge; never shared.

    It may refer to the history, and what people ask freely may name them. Its floor is the help
    text, given without a model call where there is nothing to answer to.
    """
    content = services.contents.in_locale(locale)
    floor = Answer(content.texts["help"], Source.GROUNDED)
    if not has_meaning(text):
        return Answer(content.texts["help"], Source.FIXED)
    prompt = prompts.open_question(text, history, channel, content)
    route = services.settings.routes["conversation"]
    return _answer(services.models.complete(prompt, route, deadline), floor)


def spoken_answer(
    text: str,
    history: tuple[Exchange, ...],
    scenario: str,
    locale: str,
    deadline: Deadline,
    services: Services,
) -> Answer:
    """A call's next sentence, from its scenario, its history and the content; never shared.

    An empty `scenario` is an unknown caller's. The floor is a sentence that fits any call, given
    without a model call where nothing was said that can be answered.
    """
    content = services.contents.in_locale(locale)
    floor = spoken_floor(content, history)
    if not has_meaning(text):
        return Answer(floor, Source.FIXED)
    known = briefing_of(scenario or grounded_scenario(content))
    prompt = prompts.phone_talk(text, history, known, facts(content), content)
    route = services.settings.routes["conversation"]
    generated = services.models.complete(prompt, route, deadline)
    answer = _answer(generated, Answer(floor, Source.GROUNDED))
    return replace(answer, text=first_sentences(answer.text, SENTENCES_BY_CHANNEL["phone"]))


def _answer(generated: Generated, floor: Answer) -> Answer:
    """The whole text, else the whole sentences that arrived, else the floor.

    Whole sentences of a text that met `max_tokens` are as much of it as there will ever be, so
    they count as the model's answer; those of a late one do not.
    """
    if generated.is_whole:
        return Answer(generated.text.strip(), Source.MODEL, generated.model, generated)
    if sentences := whole_sentences(generated.text):
        source = Source.MODEL if generated.was_truncated else Source.PARTIAL
        return Answer(sentences, source, generated.model, generated)
    return replace(floor, generated=generated)
