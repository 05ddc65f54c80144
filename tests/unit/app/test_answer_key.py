"""No visitor's words can reach another: the key stands for all that the models are sent."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import model_router, prompts
from chalicelib.answers import answer_key
from chalicelib.content import SENTENCES_BY_CHANNEL, Content, Contents
from chalicelib.intents.grounded import GROUNDED_INTENTS
from chalicelib.model_router import ModelFamily, Route
from chalicelib.prompts import request
from chalicelib.questions import Question
from chalicelib.services import Services
from tests.fakes import CONTENTS, HAIKU, World, a_question

SERVICES = World().services
CONTENT = CONTENTS.in_locale("en_US")
SAID = st.sampled_from(
    ("what do you run on", "what do you run on?", "WHAT DO YOU RUN ON", "hi", "")
)
FACTS = st.sampled_from(
    ("It runs on Lambda.", "It runs on Lambda. ", "It runs on Fargate.", "</facts>")
)
MODELS = st.lists(st.sampled_from((HAIKU, "other.model", "third.model")), min_size=1, max_size=3)

QUESTIONS = st.builds(
    Question,
    intent=st.sampled_from([grounded.intent for grounded in GROUNDED_INTENTS]),
    grounding=st.sampled_from([grounded.grounding for grounded in GROUNDED_INTENTS]),
    text=SAID | st.text(max_size=20),
    locale=st.sampled_from(("en_US", "en_GB")),
    channel=st.sampled_from(tuple(SENTENCES_BY_CHANNEL)),
    route=st.sampled_from(("simple", "conversation")),
    is_folded=st.booleans(),
)


@st.composite
def worlds(draw: st.DrawFn) -> Services:
    """Services whose content and routes differ in what a prompt is made of."""
    groundings = {name: draw(FACTS) for name in CONTENT.grounding}
    persona = {
        name: draw(st.sampled_from(("You are A.", "You are B."))) for name in CONTENT.persona
    }
    language = draw(st.sampled_from(("English", "German")))
    content = replace(CONTENT, grounding=groundings, persona=persona, language=language)
    route = Route(tuple(dict.fromkeys(draw(MODELS))), draw(st.sampled_from((150, 151))))
    routes = {**SERVICES.settings.routes, "simple": route}
    settings = replace(SERVICES.settings, routes=routes)
    return replace(SERVICES, contents=Contents({"en_US": content}), settings=settings)


def sent(question: Question, services: Services) -> list[dict[str, Any]]:
    """What any model may be sent for this question, in the order in which they are asked."""
    route = services.settings.routes[question.route]
    prompt = prompts.grounded(question, services.contents.in_locale(question.locale))
    return [request(model, prompt, route) for model in route.models]


def place(question: Question) -> tuple[str, str, str]:
    return question.intent, question.locale, question.channel


@given(QUESTIONS, QUESTIONS, worlds(), worlds())
def test_two_share_a_key_exactly_when_the_models_are_sent_the_same(
    one: Question, other: Question, here: Services, there: Services
) -> None:
    is_same = sent(one, here) == sent(other, there) and place(one) == place(other)
    assert (answer_key(one, here) == answer_key(other, there)) == is_same


@given(QUESTIONS, worlds())
def test_the_same_question_has_the_same_key_whenever_and_wherever(
    question: Question, services: Services
) -> None:
    again = replace(services, contents=Contents({"en_US": _copied(services)}))
    assert answer_key(question, services) == answer_key(replace(question), again)


def _copied(services: Services) -> Content:
    return replace(services.contents.in_locale("en_US"))


@pytest.mark.parametrize("name", [field.name for field in fields(Question)])
def test_each_field_of_a_question_changes_the_key_or_is_sent_to_no_model(name: str) -> None:
    """`is_folded` alone is not sent: the sample utterance itself shares its own answer."""
    others: dict[str, Any] = {
        "intent": "GreetingIntent",
        "grounding": "demo",
        "text": "which models do you use",
        "locale": "en_GB",
        "channel": "phone",
        "route": "scenario",
        "is_folded": True,
    }
    question = a_question()
    other = replace(question, **{name: others[name]})
    is_same = answer_key(other, SERVICES) == answer_key(question, SERVICES)
    assert is_same == (name == "is_folded")


@pytest.mark.parametrize("name", [field.name for field in fields(Content)])
def test_each_text_of_the_content_changes_the_key_exactly_when_it_is_sent(name: str) -> None:
    value = getattr(CONTENT, name)
    changes: dict[str, Any] = {name: f"{value} changed"}
    if isinstance(value, dict):
        changes = {name: {key: f"{each} Changed." for key, each in value.items()}}
    elif isinstance(value, frozenset):
        changes = {name: value | {"changed"}}
    other = replace(SERVICES, contents=Contents({"en_US": replace(CONTENT, **changes)}))
    question = a_question()
    is_same = sent(question, other) == sent(question, SERVICES)
    assert (answer_key(question, other) == answer_key(question, SERVICES)) == is_same


def test_a_new_prompt_makes_every_old_answer_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    before = answer_key(a_question("what runs here now"), SERVICES)
    monkeypatch.setattr(prompts, "VERSION", prompts.VERSION + 1)
    reloaded = replace(SERVICES, contents=Contents({"en_US": replace(CONTENT)}))
    assert answer_key(a_question("what runs here now"), reloaded) != before


def test_a_key_holds_no_word_of_the_question() -> None:
    key = answer_key(a_question("zeppelin featherstonehaugh"), SERVICES)
    assert "zeppelin" not in key
    assert "featherstonehaugh" not in key


def test_a_key_is_hashed_once_for_one_question_and_content(monkeypatch: pytest.MonkeyPatch) -> None:
    question, calls = a_question("how is it all put together"), []
    grounded = prompts.grounded

    def counted(*arguments: Any) -> prompts.Prompt:
        calls.append(arguments)
        return grounded(*arguments)

    monkeypatch.setattr(prompts, "grounded", counted)
    assert len({answer_key(replace(question), SERVICES) for _ in range(3)}) == 1
    assert len(calls) == 1


@pytest.mark.parametrize("models", [(HAIKU,), (HAIKU, "other.model"), ("other.model", HAIKU)])
def test_every_model_that_may_answer_is_in_the_key(models: tuple[str, ...]) -> None:
    def key(*names: str) -> str:
        routes = {**SERVICES.settings.routes, "simple": Route(names, 150)}
        settings = replace(SERVICES.settings, routes=routes)
        return answer_key(a_question(), replace(SERVICES, settings=settings))

    assert key(*models) != key(*models, "third.model")
    assert key(*models) == key(*models)


def test_another_way_to_ask_the_same_model_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = answer_key(a_question("how warm is it asked"), SERVICES)
    family = ModelFamily("claude-haiku-4-5", sampling={"temperature": 0.9})
    monkeypatch.setattr(model_router, "FAMILIES", (family,))
    reloaded = replace(SERVICES, contents=Contents({"en_US": replace(CONTENT)}))
    assert answer_key(a_question("how warm is it asked"), reloaded) != before
