"""Atlas's own side, with its real services; runs in the project's venv, not the peers'."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bench.peers.cached_secrets import NAME
from bench.peers.subject import Build, Material, Subject
from bench.questions import QUESTIONS_BY_INTENT
from chalicelib import answers, prompts
from chalicelib.answer import Answer, Source
from chalicelib.content import Contents
from chalicelib.deadline import Deadline
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.lex import Turn, parse
from chalicelib.prompts import Prompt
from chalicelib.questions import Question
from chalicelib.services import Services, services_from_env

LOCALE = "en_US"
WAIT_SECONDS = 30.0
"""Every deadline: none is what is measured."""
_BY_INTENT = {grounded.intent: grounded for grounded in GROUNDED_INTENTS}


def asked() -> list[tuple[str, str]]:
    """Intent and words of the twenty questions."""
    return [(intent, text) for intent, texts in QUESTIONS_BY_INTENT.items() for text in texts]


def question(intent: str, text: str) -> Question:
    return _BY_INTENT[intent].question(text, Contents.load().in_locale(LOCALE), "chat")


def prompt(intent: str, text: str) -> Prompt:
    """What the model is told."""
    return prompts.grounded(question(intent, text), Contents.load().in_locale(LOCALE))


def turn_hit(material: Material) -> Subject:
    """From a parsed turn to its answer: fold, prompt, key and memory."""
    answer = _answering(services_from_env(), material)
    sources = [answer(number).source for number, _ in enumerate(material.questions)]
    if set(sources) != {Source.MEMORY}:
        raise RuntimeError(f"not from memory alone: {sources}")
    return Subject(lambda n: answer(n).text, material.answers)


def question_hit(material: Material) -> Subject:
    """The same without its fold: from a canonical question to its answer."""
    services = services_from_env()
    _answering(services, material)
    questions = [question(*each) for each in material.questions]

    def answer(number: int) -> str:
        deadline = Deadline.after(WAIT_SECONDS)
        return answers.grounded_answer(questions[number], deadline, services).text

    return Subject(answer, material.answers)


def look_up(material: Material) -> Subject:
    """The memory tier alone, with a ready key."""
    services = services_from_env()
    _answering(services, material)
    keys = [answers.answer_key(question(*each), services) for each in material.questions]
    cache = services.response_cache

    def get(number: int) -> Any:
        entry = cache.memory.entry(keys[number])
        return entry.text if entry is not None and not cache.is_due(entry) else None

    return Subject(get, material.answers)


def _answering(services: Services, material: Material) -> Callable[[int], Answer]:
    """Answers the question of a number; each has been asked once already."""
    turns = [(_BY_INTENT[intent], _turn(intent, text)) for intent, text in material.questions]

    def answer(number: int) -> Answer:
        grounded, turn = turns[number]
        return grounded.answer(turn, Deadline.after(WAIT_SECONDS), services).answer

    for number, _ in enumerate(turns):
        answer(number)
    return answer


def _turn(intent: str, text: str) -> Turn:
    return parse(
        {
            "messageVersion": "1.0",
            "invocationSource": "FulfillmentCodeHook",
            "inputMode": "Text",
            "sessionId": "operations",
            "inputTranscript": text,
            "bot": {"localeId": LOCALE},
            "sessionState": {
                "intent": {"name": intent, "state": "ReadyForFulfillment", "slots": {}},
                "sessionAttributes": {},
            },
        }
    )


def model_call(material: Material) -> Subject:
    """BedrockModels.complete, streamed under a deadline in its own thread, breaker and all."""
    services = services_from_env()
    route = services.settings.routes["simple"]
    ready = [prompt(*each) for each in material.questions]

    def complete(number: int) -> str:
        generated = services.models.complete(ready[number], route, Deadline.after(WAIT_SECONDS))
        return generated.text.strip()

    return Subject(complete, material.answers)


def secret(material: Material) -> Subject:
    """SecretStore.get, parsed already."""
    services = services_from_env()
    return Subject(lambda _: services.secrets.get(NAME), [json.loads(material.secret)])


SUBJECTS: dict[str, Build] = {
    "turn_hit": turn_hit,
    "question_hit": question_hit,
    "look_up": look_up,
    "model_call": model_call,
    "secret": secret,
}
