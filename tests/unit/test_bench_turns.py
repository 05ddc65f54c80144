"""The turn benchmark measures what it says, apart from the sandbox that it runs against."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bench.streams.stream import BLOCK, SHARES, StreamTurn, stream
from bench.turns import sequential
from bench.turns.ablation import STEPS, step_row
from bench.turns.aims import Aim, aims
from bench.turns.columns import ABLATION, CONDITIONS, MAIN, Column
from bench.turns.events import event_of, first_attributes
from bench.turns.figures import BANDS, bands, cost, percentile, share_of, shares, usage_table
from bench.turns.prompts import atlas_request
from bench.turns.rounds import CHUNKS, Measured, Sizes, _cold, _dealt, _grown, _part, _rotated
from bench.turns.sequential import SPENT, Habits, Places, Sequential
from bench.turns.worker import Column as WorkerColumn
from chalicelib import conversation, lex, prompts
from chalicelib.intents import INTENT_HANDLERS

PLACES = Places("scenarios", "answers", "secret", "arn:aws:states:::machine")
MODEL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"


def turned(seconds: float, source: str = "model", kind: str = "grounded") -> dict[str, Any]:
    return {
        **{"kind": kind, "intent": "GreetingIntent", "step": "", "seconds": seconds},
        **{"cpu_seconds": 0.001, "source": source, "sentences": 2, "characters": 99, "spent": {}},
    }


class FakeAws:
    """Stands for boto3: notes which clients are made and what is asked of them."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.items: dict[str, dict[str, str]] = {}
        self.meta = self

    @property
    def client(self) -> Any:
        return self.new

    def new(self, service: str) -> FakeAws:
        self.made.append(service)
        return self

    def close(self) -> None:
        pass

    def Table(self, name: str) -> FakeAws:
        return self

    def get_item(self, Key: dict[str, str]) -> dict[str, Any]:
        self.asked.append(("get_item", Key))
        item = self.items.get(Key.get("key", ""))
        return {"Item": item} if item else {}

    def put_item(self, Item: dict[str, str]) -> None:
        self.items[Item["key"]] = Item

    def get_secret_value(self, **request: Any) -> dict[str, str]:
        self.asked.append(("secret", request))
        return {"SecretString": "{}"}

    def start_execution(self, **request: Any) -> None:
        self.asked.append(("execution", request))

    def converse(self, **request: Any) -> dict[str, Any]:
        self.asked.append(("converse", request))
        return {"output": {"message": {"content": [{"text": "One. Two."}]}}}

    def count(self, what: str) -> int:
        return sum(name == what for name, _ in self.asked)


class FakeResource(FakeAws):
    """A resource's `meta.client` is its client, and no maker of clients."""

    @property
    def client(self) -> Any:
        return self


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    fake, resource = FakeAws(), FakeResource()
    resource.asked, resource.items = fake.asked, fake.items
    monkeypatch.setattr(boto3, "client", fake.new)
    monkeypatch.setattr(boto3, "resource", lambda name: (fake.made.append(name), resource)[1])
    return fake


def one_of_each() -> Iterator[StreamTurn]:
    found: dict[str, StreamTurn] = {}
    for turn in stream(3, 2000):
        found.setdefault(turn.step or turn.kind, turn)
    yield from found.values()


def run(design: Sequential, *turns: StreamTurn) -> list[dict[str, Any]]:
    """The replies to the turns; a session keeps its attributes."""
    replies, kept = [], {}
    for turn in turns:
        attributes = kept.get(turn.session, first_attributes(turn))
        replies.append(design.turn(event_of(turn, turn.session, attributes)))
        kept[turn.session] = replies[-1]["sessionState"]["sessionAttributes"]
    return replies


def of_kind(kind: str, count: int) -> list[StreamTurn]:
    return [turn for turn in stream(3, 400) if turn.kind == kind][:count]


@pytest.mark.parametrize("turn", [*one_of_each()], ids=lambda turn: turn.step or turn.kind)
def test_every_turn_becomes_an_event_that_atlas_understands(turn: StreamTurn) -> None:
    parsed = lex.parse(event_of(turn, f"bench-{turn.session}", first_attributes(turn)))
    assert (parsed.intent, parsed.text) == (turn.intent, turn.text)
    assert parsed.intent in INTENT_HANDLERS
    assert parsed.channel == ("phone" if turn.kind == "phone" else "chat")
    assert parsed.confirmation == {"yes": "Confirmed", "no": "Denied"}.get(turn.step, "None")
    assert parsed.slot("VisitorPhoneNumber") == (turn.number if turn.step not in _EARLY else "")


_EARLY = ("", "start", "name")


def test_who_wants_a_call_has_asked_something_before() -> None:
    lead = of_kind("lead", 1)[0]
    history = first_attributes(lead)[conversation.ATTRIBUTE]
    assert len(conversation.read(history)) == 1


def test_the_sequential_design_does_everything_anew(aws: FakeAws) -> None:
    design = Sequential(Habits(MODEL), PLACES)
    replies = run(design, *of_kind("grounded", 2), *of_kind("phone", 2), *of_kind("lead", 4))
    assert (aws.count("converse"), aws.count("get_item"), aws.count("secret")) == (4, 2, 4)
    assert aws.made.count("bedrock-runtime") == 4
    assert aws.made.count("dynamodb") == 2
    sources = [json.loads(r["sessionState"]["sessionAttributes"][SPENT])["source"] for r in replies]
    assert sources == ["model"] * 4 + ["fixed"] * 4


def test_a_yes_starts_the_workflow_and_a_no_does_not(aws: FakeAws) -> None:
    steps = {turn.step: turn for turn in of_kind("lead", 40)}
    run(Sequential(Habits(MODEL), PLACES), steps["no"])
    assert aws.count("execution") == 0
    run(Sequential(Habits(MODEL), PLACES), steps["yes"])
    assert aws.count("execution") == 1


def test_habits_that_are_given_up_save_their_calls(aws: FakeAws) -> None:
    habits = Habits(MODEL, keeps_secret=True, keeps_scenario=True, keeps_clients=True)
    design = Sequential(habits, PLACES)
    design.prepare()
    run(design, *of_kind("phone", 2), *of_kind("lead", 4))
    assert (aws.count("get_item"), aws.count("secret"), aws.count("converse")) == (1, 1, 2)
    assert aws.made.count("bedrock-runtime") == 1


def test_kept_answers_are_for_the_same_words_alone(aws: FakeAws) -> None:
    first, second = of_kind("grounded", 2)
    design = Sequential(Habits(MODEL, keeps_answers=True), PLACES)
    run(design, first, first, second, *of_kind("open", 1), *of_kind("open", 1))
    assert aws.count("converse") == 4


def test_a_limit_of_sentences_is_stated_where_there_is_one(aws: FakeAws) -> None:
    turn = of_kind("grounded", 1)[0]
    run(Sequential(Habits(MODEL), PLACES), turn)
    run(Sequential(Habits(MODEL, chat_sentences=2, max_tokens=150), PLACES), turn)
    requests = [request for name, request in aws.asked if name == "converse"]
    assert ["sentences" in request["system"][0]["text"] for request in requests] == [False, True]
    assert [r["inferenceConfig"]["maxTokens"] for r in requests] == [512, 150]


def test_an_answer_of_the_sequential_design_has_eighty_tokens() -> None:
    for text in (*sequential._GROUNDINGS.values(), sequential._KNOWLEDGE):
        assert text.count(".") == 4
        assert len(text) / 4 == pytest.approx(82, abs=4)


@pytest.mark.parametrize("kind", ["grounded", "open", "phone"])
def test_the_control_asks_as_atlas_does(kind: str) -> None:
    turn = of_kind(kind, 1)[0]
    request = atlas_request(event_of(turn, "s", first_attributes(turn)), "")
    length = prompts._COUNTS[1 if kind == "phone" else 2]
    assert f"at most {length}" in request["system"][0]["text"]
    assert turn.text.casefold().strip(" ?") in request["messages"][-1]["content"][0]["text"].lower()


def test_a_percentile_is_a_turn_that_there_was() -> None:
    values = [n / 1000 for n in range(1000, 0, -1)]
    assert [percentile(values, p) for p in (0.5, 0.99, 0.999)] == [0.5, 0.99, 0.999]
    assert percentile([3.0], 0.5) == 3.0


def test_bands_part_all_turns_by_their_time() -> None:
    turns = [turned(n / 200) for n in range(200)]
    parted = bands(turns)
    assert [len(band) for band in parted] == [100, 90, 8, 2]
    assert len(parted) == len(BANDS)
    assert max(t["seconds"] for t in parted[0]) < min(t["seconds"] for t in parted[1])


def test_shares_stand_in_atlass_own_order() -> None:
    turns = [turned(1, "model"), turned(1, "memory"), turned(1, "memory"), turned(1, "partial")]
    assert shares(turns) == "memory 50.0%, model 25.0%, partial 25.0%"
    assert share_of(turns, ("partial", "grounded")) == 0.25
    assert shares([]) == "-"


def test_cost_follows_from_tokens_and_the_routers_prices() -> None:
    usage = {MODEL: {"calls": 3, "input_tokens": 1_000_000, "output_tokens": 200_000}}
    assert cost(usage) == pytest.approx(1.0 + 0.2 * 5.0)
    with pytest.raises(KeyError):
        cost({"a model without a price": {}})


def test_calls_that_were_refused_are_asked_and_not_answered() -> None:
    column = CONDITIONS[-1]
    found = Measured([turned(0.1)] * 4, {MODEL: {"calls": 1}}, {"bedrock-runtime.Converse": 2})
    found.calls["dynamodb.GetItem"] = 9
    assert "| 500 | 250 |" in usage_table({column: found})


def test_an_aim_is_reached_or_missed() -> None:
    assert Aim("mean", 0.05, 0.06).is_reached
    assert not Aim("mean", 0.07, 0.06).is_reached
    assert Aim("served", 0.95, 0.94, "%", True).is_reached
    assert not Aim("served", 0.93, 0.94, "%", True).is_reached
    assert Aim("reported", 99.0, None).is_reached
    assert Aim("mean", 0.07, 0.06, "s").row() == ["mean", "0.07 s", "at most 0.06 s", "MISSED"]


def test_aims_are_judged_by_the_turns() -> None:
    slow, fast = [turned(3.0)] * 10, [turned(0.0004, "memory")] * 99 + [turned(0.9, "partial")]
    found = {name: Measured(list(slow)) for name in ("0", "a", "c")}
    found |= {"d": Measured(list(fast)), "e": Measured(list(fast))}
    found["e"].calls["bedrock-runtime.ConverseStream"] = 30
    verdicts = {aim.what: aim for aim in aims(found, 0.8)}
    assert verdicts["mean, warmed, of (a)'s"].is_reached
    assert verdicts["p99, warmed"].is_reached
    assert not verdicts["p99.9, warmed"].is_reached
    assert verdicts["grounded or partial, warmed"].value == pytest.approx(0.01)
    assert not verdicts["model calls per 1,000 turns, warmed"].is_reached
    assert verdicts["grounded turns served without a model"].value == pytest.approx(0.99)


def test_streams_are_rounded_up_to_the_exact_mix() -> None:
    sizes = Sizes(1000, 300, (1, 2))
    atlas = next(column for column in MAIN if column.is_atlas)
    assert (sizes.per_stream(atlas), sizes.per_stream(MAIN[0])) == (140, 40)
    for column in (atlas, MAIN[0]):
        turns = stream(1, sizes.per_stream(column))
        counts = [sum(t.kind == kind for t in turns) / len(turns) for kind in SHARES]
        assert counts == pytest.approx(list(SHARES.values()))


def test_parts_make_up_the_whole_stream() -> None:
    turns = stream(1, 3 * BLOCK)
    assert [turn for part in range(CHUNKS) for turn in _part(turns, part)] == turns


def test_turns_are_dealt_out_and_columns_rotate() -> None:
    turns = stream(1, 40)
    hands = _dealt(turns, 4)
    assert sorted(len(hand) for hand in hands) == pytest.approx([10] * 4, abs=2)
    assert sorted(t.session for hand in hands for t in hand) == sorted(t.session for t in turns)
    sessions = [{turn.session for turn in hand} for hand in hands]
    assert sum(map(len, sessions)) == len(set.union(*sessions))
    assert [column.name for column in _rotated(MAIN, 8)][:2] == [MAIN[2].name, MAIN[3].name]


def test_exactly_the_promised_share_is_cold() -> None:
    cold = list(_cold(20, MAIN[0].cold, random.Random(1)))
    assert (len(cold), sum(cold)) == (20, 6)


def test_counts_grow_from_one_reading_to_the_next() -> None:
    before = {"bench-e": {MODEL: {"calls": 2}}}
    after = {"bench-e": {MODEL: {"calls": 5, "input_tokens": 7}}, "bench-d": {MODEL: {"calls": 1}}}
    assert _grown(before, after, "bench-e") == {MODEL: {"calls": 3, "input_tokens": 7}}
    assert _grown(before, after, "nobody") == {}


def test_a_column_keeps_each_sessions_attributes_apart() -> None:
    class Echo(WorkerColumn):
        def reply(self, event: dict[str, Any]) -> dict[str, Any]:
            seen = event["sessionState"]["sessionAttributes"]
            attributes = {
                **seen,
                "turns": seen.get("turns", "") + "x",
                SPENT: '{"source": "model"}',
            }
            message = {"content": "One sentence. And 3.5 of another."}
            return {"sessionState": {"sessionAttributes": attributes}, "messages": [message]}

    column, call = Echo("e", {}), of_kind("phone", 2)
    found = [column.run(turn, is_cold=False) for turn in (*call, of_kind("open", 1)[0])]
    assert column._attributes[f"e-{call[0].session}"]["turns"] == "xx"
    assert SPENT not in column._attributes[f"e-{call[0].session}"]
    assert [(turn.source, turn.sentences, turn.characters) for turn in found] == [
        ("model", 2, 33)
    ] * 3


def test_the_ablation_gives_up_one_habit_at_a_time() -> None:
    habits = [Habits(**c.options["habits"]) for c in (MAIN[1], *ABLATION)]
    for before, after in itertools.pairwise(habits):
        differing = [n for n in Habits.__slots__ if getattr(before, n) != getattr(after, n)]
        assert len(differing) == (3 if "max_tokens" in differing else 1)
    known = {column.name for column in (*MAIN, *ABLATION)}
    assert {step.name for step in STEPS} <= known


def test_what_no_component_explains_is_the_rest() -> None:
    turns = [turned(2.0), turned(4.0)]
    turns[0] = {**turns[0], "spent": {"model": 1.0, "secret": 0.5}}
    assert step_row(STEPS[0], turns, 0.25)[-6:] == [
        *("0.250", "0.250", "0.500"),
        *("0.000", "0.000", "2.000"),
    ]


def test_columns_have_names_of_their_own() -> None:
    columns: list[Column] = [*MAIN, *CONDITIONS, *ABLATION]
    assert len({column.name for column in columns}) == len(columns)
