"""The goodbye, and the one tap that rates a conversation: asked once and counted once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bot import utterances_by_intent
from chalicelib.content import Contents
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents.closing import INTENT, RATING
from chalicelib.refusals import is_refusal
from tests.fakes import CONTENTS, World, an_invocation, lex_event, with_attributes
from tests.lex_shapes import problems

CONTENT = CONTENTS.in_locale("en_US")
WORDS = CONTENT.rating


@pytest.fixture
def world() -> World:
    return World()


def say(world: World, text: str, attributes: dict[str, str] | None = None) -> Any:
    event = with_attributes(lex_event(INTENT, text), **(attributes or {}))
    response = conversation_turn(event, an_invocation(), world.services)
    assert problems(response) == []
    return response


def texts(response: Any) -> list[str]:
    return [m["content"] for m in response["messages"] if m["contentType"] == "PlainText"]


def cards(response: Any) -> list[Any]:
    return [m["imageResponseCard"] for m in response["messages"] if "imageResponseCard" in m]


def kept(response: Any) -> dict[str, str]:
    found: dict[str, str] = response["sessionState"]["sessionAttributes"]
    return found


def ratings(world: World) -> list[float]:
    return [line["VisitorRating"] for line in world.lines.of("rating")]


def test_a_goodbye_on_the_chat_asks_with_two_buttons(world: World) -> None:
    response = say(world, "bye")
    assert texts(response) == [CONTENT.texts["goodbye"]]
    (card,) = cards(response)
    assert card["title"] == WORDS["question"]
    assert [button["value"] for button in card["buttons"]] == [
        WORDS["helpful"],
        WORDS["unhelpful"],
    ]
    assert ratings(world) == []


@pytest.mark.parametrize(("button", "rating"), [("helpful", 1.0), ("unhelpful", 0.0)])
def test_a_tap_is_counted_once_for_the_stage(world: World, button: str, rating: float) -> None:
    asked = kept(say(world, "bye"))
    thanked = say(world, WORDS[button], asked)
    again = say(world, WORDS[button], kept(thanked))
    assert texts(thanked) == texts(again) == [WORDS["thanks"]]
    assert cards(thanked) == cards(again) == []
    assert ratings(world) == [rating]
    (line,) = world.lines.of("rating")
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Stage"]]


def test_who_says_goodbye_again_is_not_asked_again(world: World) -> None:
    asked = kept(say(world, "bye"))
    assert cards(say(world, "bye", asked)) == []


def test_the_words_of_a_button_that_nobody_showed_are_a_goodbye(world: World) -> None:
    response = say(world, WORDS["helpful"])
    assert texts(response) == [CONTENT.texts["goodbye"]]
    assert ratings(world) == []


@pytest.mark.parametrize("value", ["", "forged", "5" * 100])
def test_an_attribute_that_a_client_made_up_rates_nothing(world: World, value: str) -> None:
    response = say(world, WORDS["helpful"], {RATING: value})
    assert cards(response) == []
    assert ratings(world) == []


def test_the_phone_is_asked_nothing(world: World) -> None:
    event = lex_event(INTENT, "bye", inputMode="Speech")
    response = conversation_turn(event, an_invocation(), world.services)
    assert cards(response) == []
    assert RATING not in kept(response)


def test_a_team_that_leaves_the_section_out_asks_nobody(world: World) -> None:
    contents = Contents({"en_US": replace(CONTENT, rating={})})
    world.services = replace(world.services, contents=contents)
    assert cards(say(world, "bye")) == []


@pytest.mark.parametrize("locale", CONTENTS.locales)
def test_what_the_buttons_say_leads_to_the_same_intent(locale: str) -> None:
    rating = CONTENTS.in_locale(locale).rating
    heard = utterances_by_intent(locale)[INTENT]
    assert {rating["helpful"], rating["unhelpful"]} <= set(heard)


@pytest.mark.parametrize("button", ["helpful", "unhelpful"])
def test_a_late_tap_on_an_old_card_is_nobodys_name_and_no_yes(world: World, button: str) -> None:
    assert is_refusal(WORDS[button])
    slot = {"shape": "Scalar", "value": {"originalValue": WORDS[button]}}
    slot["value"] |= {"interpretedValue": WORDS[button]}
    event = lex_event("InitiateDemo", WORDS[button], invocationSource="DialogCodeHook")
    event["invocationLabel"] = "InitiateDemo-VisitorFullName"
    event["sessionState"]["intent"]["slots"] = {"VisitorFullName": slot}
    response = conversation_turn(event, an_invocation(), world.services)
    assert texts(response) == [CONTENT.texts["declined"]]
    assert response["sessionState"]["dialogAction"]["type"] == "Close"
