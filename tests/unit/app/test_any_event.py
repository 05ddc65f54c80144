"""Whatever reaches the code hook, Lex gets a valid response: 2,000 mutated events, each checked."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import conversation
from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from chalicelib.lex import CONTEXTS_BYTES, SESSION_BYTES, SLOTS_BYTES
from chalicelib.lex_reply import SLOT_COPIES
from tests.fakes import SETTINGS, Reply, an_invocation, lex_event
from tests.lead_world import INTERACTION, PHONE, LeadWorld, lead_world
from tests.lex_shapes import problems

EVENTS = Path(__file__).parents[2] / "events"
EXAMPLES = 2_000

Path_ = tuple[str | int, ...]

SLOT = {
    "shape": "Scalar",
    "value": {
        "originalValue": "eleanor vance",
        "interpretedValue": "Eleanor Vance",
        "resolvedValues": ["Eleanor Vance"],
    },
}
PHONE_SLOT = {"shape": "Scalar", "value": {"interpretedValue": PHONE}}
DEMO_ATTRIBUTES = {"interactionId": INTERACTION, "demoTries": "010p", "stopTries": "1"}
CONTEXT = {
    "name": "demo_offered",
    "timeToLive": {"timeToLiveInSeconds": 600, "turnsToLive": 5},
    "contextAttributes": {"topic": "demo"},
}
HISTORY = '[["hello","Hi. I am Atlas."],["what is it","A demo 😀."]]'


def valid_events() -> list[Any]:
    """Every intent on both channels, at both hooks, with every confirmation; and real ones."""
    files = sorted(EVENTS.glob("*.json"))
    events = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    for intent in INTENT_HANDLERS:
        for mode in ("Text", "Speech"):
            for source in ("FulfillmentCodeHook", "DialogCodeHook"):
                for confirmation in ("None", "Confirmed", "Denied"):
                    events.append(_valid(intent, mode, source, confirmation))
    return [*events, *(labelled(event, label) for event in events for label in LABELS)]


LABELS = ("Start", "-VisitorFullName", "-VisitorPhoneNumberRetry", "-ConfirmationRetry")


def labelled(event: Any, label: str) -> Any:
    """The event of one step of a dialog, with all that its steps leave behind."""
    event = copy.deepcopy(event)
    state = event["sessionState"]
    event["invocationLabel"] = state["intent"]["name"] + label
    state["sessionAttributes"] = (state["sessionAttributes"] or {}) | DEMO_ATTRIBUTES
    slots = (state["intent"]["slots"] or {}) | {"VisitorPhoneNumber": PHONE_SLOT}
    state["intent"]["slots"] = slots
    return event


def _valid(intent: str, mode: str, source: str, confirmation: str) -> Any:
    event = lex_event(intent, "what does it cost", inputMode=mode, invocationSource=source)
    event = json.loads(json.dumps(event))
    state = event["sessionState"]
    state["sessionAttributes"] = {"history": HISTORY, "cart": "3", "answerSource": "model"}
    state["activeContexts"] = [CONTEXT]
    state["intent"] |= {
        "slots": {"VisitorFullName": SLOT, "VisitorPhoneNumber": None},
        "confirmationState": confirmation,
    }
    return event


def pick(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of `values`; unlike sampled_from it does not spell out kilobytes in a failure."""
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


VALID = valid_events()
NASTY_TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn"]), max_size=20),
    pick(
        [
            "",
            " ",
            "\x00",
            "\ud800",
            "😀" * 1_024,
            "x" * 11_264,
            "é" * 6_000,
            "word " * 3_000,
            "[" * 3_000,
            '[["a",1]]',
            "constructor",
            "__proto__",
            "FallbackIntent",
            "fr_FR",
            "9.0",
        ]
    ),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), NASTY_TEXTS
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY_TEXTS, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, here: Path_ = ()) -> list[Path_]:
    """The path of every member of an event, at any depth."""
    members = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    found = []
    for name, inner in members:
        found += [(*here, name), *places(inner, (*here, name))]
    return found


def many(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping of up to 30 plausible members."""
    return st.lists(values, max_size=30).map(
        lambda drawn: {f"{name}{number}": value for number, value in enumerate(drawn)}
    )


WORDS = pick(["hello", "x" * 390, "é" * 390, "", " ", "\ud800"])
HISTORIES = st.one_of(
    st.lists(st.lists(WORDS, min_size=2, max_size=2), max_size=6).map(json.dumps),
    st.lists(JUNK, max_size=3).map(json.dumps),
    st.lists(st.lists(JUNK, max_size=3), max_size=3).map(json.dumps),
)

# What a session is attacked with most: its attributes, slots, contexts and words.
TARGETS: dict[Path_, st.SearchStrategy[Any]] = {
    ("messageVersion",): pick(["2.0", "1.1", 1.0, None]),
    ("inputMode",): pick(["Text", "Speech", "DTMF", "Fax"]),
    ("inputTranscript",): NASTY_TEXTS,
    ("sessionState", "intent", "name"): NASTY_TEXTS,
    ("sessionState", "intent", "slots"): st.none()
    | st.dictionaries(NASTY_TEXTS, JUNK, max_size=3)
    | many("Slot", pick([SLOT, {"value": {"interpretedValue": "é" * 2_000}}])),
    ("sessionState", "intent", "slots", "VisitorFullName"): JUNK
    | st.lists(st.just(SLOT), max_size=3).map(lambda v: {"shape": "List", "values": v}),
    ("invocationLabel",): pick(["InitiateDemoStart", "InitiateDemo-VisitorFullName", "", 7]),
    ("sessionState", "intent", "confirmationState"): pick(["Confirmed", "Denied", "None", 3]),
    ("sessionState", "intent", "slots", "VisitorPhoneNumber"): JUNK
    | pick([PHONE_SLOT, None, {"value": {"interpretedValue": "+1900" * 50}}]),
    ("sessionState", "sessionAttributes", "interactionId"): NASTY_TEXTS
    | pick([INTERACTION, "0" * 32, INTERACTION.upper()]),
    ("sessionState", "sessionAttributes", "bookedInteraction"): NASTY_TEXTS
    | pick([INTERACTION, "0" * 32]),
    ("sessionState", "sessionAttributes", "demoTries"): NASTY_TEXTS | pick(["222p", "333", "9"]),
    ("sessionState", "sessionAttributes", "interactionKey"): NASTY_TEXTS
    | pick([INTERACTION * 2, "0" * 64]),
    ("sessionState", "sessionAttributes"): st.dictionaries(NASTY_TEXTS, JUNK, max_size=40)
    | many("visitor", pick(["x" * 700, "é" * 300, "small"])),
    ("sessionState", "sessionAttributes", "history"): JUNK | HISTORIES,
    ("sessionState", "sessionAttributes", "answerSource"): NASTY_TEXTS,
    ("sessionState", "sessionAttributes", "huge"): st.just("x" * 11_264),
    ("sessionState", "activeContexts"): st.integers(0, 30).map(lambda n: [CONTEXT] * n)
    | st.lists(st.builds(lambda name: {**CONTEXT, "name": name}, NASTY_TEXTS), max_size=5),
    ("sessionState", "activeContexts", 0, "name"): pick(["a-b", "a__b", "x" * 101]),
    ("sessionState", "activeContexts", 0, "contextAttributes"): st.dictionaries(
        st.text(max_size=120), NASTY_TEXTS, max_size=15
    )
    | many("key", pick(["x", "é" * 1_024, "😀" * 513])),
    ("bot", "localeId"): NASTY_TEXTS,
}


@st.composite
def mutated_events(draw: st.DrawFn) -> Any:
    """A valid event with up to four members dropped, replaced or added."""
    event = copy.deepcopy(draw(pick(VALID)))
    for _ in range(draw(st.integers(0, 4))):
        how = draw(pick(["drop", "replace", "target", "target"]))
        path, values = draw(pick(list(TARGETS.items())))
        if how != "target":
            path, values = draw(pick(places(event) or [("x",)])), JUNK
        # A copy: later changes must not reach into what a strategy hands out again.
        event = changed(event, path, copy.deepcopy(draw(values)), is_dropped=how == "drop")
    return event


def changed(event: Any, path: Path_, value: Any, *, is_dropped: bool) -> Any:
    """`event` with the member at `path` replaced, added or dropped, where there is such a place."""
    holder = event
    for name in path[:-1]:
        try:
            holder = holder[name]
        except (KeyError, IndexError, TypeError):
            return event
    try:
        if is_dropped:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        pass
    return event


REPLIES = pick(
    [
        Reply(),
        Reply("😀" * 2_000),
        Reply("A sentence. " * 400),
        Reply("\x00\ud800"),
        Reply(seconds=60),
        Reply(seconds=60, arrived="One is whole. Two is no"),
        Reply("", stop_reason="refused"),
        Reply("One. Tw", stop_reason="max_tokens"),
    ]
)


@pytest.fixture(scope="module")
def world() -> Iterator[LeadWorld]:
    """One environment with working tables for all events."""
    with lead_world() as world:
        yield world


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.one_of(mutated_events(), mutated_events(), mutated_events(), JUNK), REPLIES)
def test_every_event_is_answered_validly(world: LeadWorld, event: Any, reply: Reply) -> None:
    world.models.replies = [reply]
    world.lines.clear()
    # Nothing that an earlier example left in the caches is alive any more.
    world.clock.advance(2 * SETTINGS.answer_stale_seconds)
    response = conversation_turn(event, an_invocation(), world.services)
    assert problems(response) == []
    (line,) = world.lines.of("turn")
    # An error of ours would be answered too, with an apology.
    assert " in " not in line.get("problem", "")
    state = response["sessionState"]
    check_attributes(event, state["sessionAttributes"])
    if state["dialogAction"]["type"] == "Close":
        history = state["sessionAttributes"].get("history", "")
        assert len(history.encode("utf-8")) <= conversation.BYTES


OUR_ATTRIBUTES = frozenset(
    [
        *("history", "answerSource", "scenario"),
        *("interactionId", "bookedInteraction", "demoTries", "stopTries", "deletionTries"),
        "chatRating",
    ]
)


def check_attributes(event: Any, kept: dict[str, str]) -> None:
    """What came as strings goes back as it was, unless it had no room."""
    came = sendable_attributes(event)
    ours = OUR_ATTRIBUTES
    others = {name: value for name, value in came.items() if name not in ours}
    room = SESSION_BYTES - conversation.BYTES - CONTEXTS_BYTES - SLOTS_BYTES * SLOT_COPIES
    if len(json.dumps(came)) < room:
        assert others.items() <= kept.items()
    assert set(kept) <= set(came) | ours


def sendable_attributes(event: Any) -> dict[str, str]:
    try:
        attributes = event["sessionState"]["sessionAttributes"]
        return {
            encodable(name): encodable(value)
            for name, value in attributes.items()
            if name and isinstance(value, str)
        }
    except (KeyError, TypeError, AttributeError, IndexError):
        return {}


def encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def test_valid_events_cover_every_intent_and_are_all_answered(world: LeadWorld) -> None:
    world.models.replies = [Reply()]
    for event in VALID:
        assert problems(conversation_turn(event, an_invocation(), world.services)) == []
    assert {e["sessionState"]["intent"]["name"] for e in VALID} >= set(INTENT_HANDLERS)
