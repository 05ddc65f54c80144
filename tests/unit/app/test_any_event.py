"""Whatever reaches the code hook, Lex gets a valid response: 2,000 mutated events, each checked."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.fulfillment import conversation_turn
from chalicelib.intents import INTENT_HANDLERS
from tests.fakes import FakeClock, Reply, World, an_invocation, lex_event
from tests.lex_shapes import ATTRIBUTES_BYTES, problems

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
    return events


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


VALID = valid_events()
NASTY_TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn"]), max_size=20),
    st.sampled_from(
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


# What a session is attacked with most: its attributes, slots, contexts and words.
TARGETS: dict[Path_, st.SearchStrategy[Any]] = {
    ("messageVersion",): st.sampled_from(["2.0", "1.1", 1.0, None]),
    ("inputMode",): st.sampled_from(["Text", "Speech", "DTMF", "Fax"]),
    ("inputTranscript",): NASTY_TEXTS,
    ("sessionState", "intent", "name"): NASTY_TEXTS,
    ("sessionState", "intent", "slots"): st.none() | st.dictionaries(NASTY_TEXTS, JUNK, max_size=3),
    ("sessionState", "intent", "slots", "VisitorFullName"): JUNK
    | st.lists(st.just(SLOT), max_size=3).map(lambda v: {"shape": "List", "values": v}),
    ("sessionState", "sessionAttributes"): st.dictionaries(NASTY_TEXTS, JUNK, max_size=40),
    ("sessionState", "sessionAttributes", "history"): JUNK,
    ("sessionState", "sessionAttributes", "answerSource"): NASTY_TEXTS,
    ("sessionState", "sessionAttributes", "huge"): st.just("x" * 11_264),
    ("sessionState", "activeContexts"): st.lists(
        st.builds(lambda name: {**CONTEXT, "name": name}, NASTY_TEXTS), max_size=30
    ),
    ("sessionState", "activeContexts", 0, "contextAttributes"): st.dictionaries(
        st.text(max_size=120), NASTY_TEXTS, max_size=15
    ),
    ("bot", "localeId"): NASTY_TEXTS,
}


@st.composite
def mutated_events(draw: st.DrawFn) -> Any:
    """A valid event with up to four members dropped, replaced or added."""
    event = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 4))):
        how = draw(st.sampled_from(["drop", "replace", "target", "target"]))
        path, values = draw(st.sampled_from(sorted(TARGETS.items(), key=lambda i: str(i[0]))))
        if how != "target":
            path, values = draw(st.sampled_from(places(event) or [("x",)])), JUNK
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


REPLIES = st.sampled_from(
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
WORLD = World(clock=FakeClock())


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.one_of(mutated_events(), mutated_events(), mutated_events(), JUNK), REPLIES)
def test_every_event_is_answered_validly(event: Any, reply: Reply) -> None:
    WORLD.models.replies = [reply]
    WORLD.lines.clear()
    response = conversation_turn(event, an_invocation(), WORLD.services)
    assert problems(response) == []
    assert len(WORLD.lines.of("turn")) == 1
    check_attributes(event, response["sessionState"]["sessionAttributes"])


def check_attributes(event: Any, kept: dict[str, str]) -> None:
    """What came as strings goes back as it was, unless it had no room."""
    came = sendable_attributes(event)
    ours = {"history", "answerSource"}
    others = {name: value for name, value in came.items() if name not in ours}
    if len(json.dumps(came, ensure_ascii=False).encode("utf-8", "replace")) < ATTRIBUTES_BYTES // 2:
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


def test_valid_events_cover_every_intent_and_are_all_answered() -> None:
    WORLD.models.replies = [Reply()]
    for event in VALID:
        assert problems(conversation_turn(event, an_invocation(), WORLD.services)) == []
    assert {e["sessionState"]["intent"]["name"] for e in VALID} >= set(INTENT_HANDLERS)
