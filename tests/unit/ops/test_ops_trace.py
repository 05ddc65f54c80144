"""`ops trace`: which traces are asked of X-Ray, and how their documents become a picture."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ops_fakes import FakeClient

from ops.aws import Clients
from ops.errors import RefusedError
from ops.steps import Context
from ops.trace import reading, verb
from ops.trace.tree import trees, walk
from ops.trace.waterfall import Part, span, waterfall
from ops.waiting import Waiter

INTERACTION = "56f932a483cb421e9b454d8aa1496b4d"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BEGUN = NOW.timestamp() - 600


def trace_id(number: int) -> str:
    return f"1-{int(BEGUN):08x}-{number:024x}"


def segment(name: str, start: float, end: float | None, **facts: Any) -> dict[str, Any]:
    """`start` and `end` in seconds after BEGUN."""
    whole: dict[str, Any] = {"id": name.ljust(16, "0"), "name": name, "start_time": BEGUN + start}
    return whole | ({} if end is None else {"end_time": BEGUN + end}) | facts


TURN = [
    segment("f", 0.0, 0.4, origin="AWS::Lambda", trace_id="t"),
    segment(
        "e",
        0.0,
        0.4,
        origin="AWS::Lambda::Function",
        parent_id="f".ljust(16, "0"),
        subsegments=[segment("Invocation", 0.0, 0.4)],
    ),
    segment("turn", 0.01, 0.39, parent_id="e".ljust(16, "0"), annotations={"source": "model"}),
    segment(
        "DynamoDB",
        0.02,
        0.07,
        parent_id="turn".ljust(16, "0"),
        namespace="aws",
        aws={"operation": "UpdateItem", "table_name": "atlas-dev-leads"},
    ),
    segment(
        "Salesforce",
        0.1,
        0.2,
        parent_id="turn".ljust(16, "0"),
        fault=True,
        http={"response": {"status": 503}},
    ),
    segment("model", 0.1, None, parent_id="turn".ljust(16, "0")),
]


class FakeXRay(FakeClient):
    """Traces by id with the time they began, and summaries of them in pages of one."""

    service = "xray"

    def __init__(self, traces: dict[str, list[dict[str, Any]]], late: int = 0) -> None:
        super().__init__([])
        self.traces, self.late = traces, late

    def on_get_trace_summaries(self, NextToken: str = "0", **window: Any) -> dict[str, Any]:
        start, end = window["StartTime"].timestamp(), window["EndTime"].timestamp()
        found = [
            {
                "Id": each,
                "StartTime": datetime.fromtimestamp(documents[0]["start_time"], UTC),
                "ResponseTime": documents[0].get("end_time", 0) - documents[0]["start_time"],
                "Duration": documents[-1].get("end_time", 0) - documents[0]["start_time"],
            }
            for each, documents in self.traces.items()
            if start <= documents[0]["start_time"] <= end
        ]
        at = int(NextToken)
        page: dict[str, Any] = {"TraceSummaries": found[at : at + 1]}
        return page | ({"NextToken": str(at + 1)} if at + 1 < len(found) else {})

    def on_batch_get_traces(self, TraceIds: list[str]) -> dict[str, Any]:
        assert len(TraceIds) <= 5, "X-Ray takes no more"
        self.late -= 1
        if self.late >= 0:
            return {"Traces": []}
        found = [each for each in TraceIds if each in self.traces]
        return {"Traces": [{"Id": each, "Segments": self._segments(each)} for each in found]}

    def _segments(self, each: str) -> list[dict[str, str]]:
        return [{"Id": d["id"], "Document": json.dumps(d)} for d in self.traces[each]]


def context(xray: FakeXRay) -> Context:
    time = [0.0]

    def sleep(seconds: float) -> None:
        time[0] += seconds

    waiter = Waiter(lambda _: None, clock=lambda: time[0], sleep=sleep)
    clients = Clients(None, None, None, None, of={"xray": xray}.__getitem__)
    return Context("dev", clients, waiter, now=lambda: NOW)


def asked(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_trace(parser)
    return parser.parse_args(["--stage", "dev", *arguments])


def test_nested_and_separate_parts_are_one_tree_by_their_times() -> None:
    (root,) = trees(TURN)
    lines = [("  " * depth + node.name) for depth, node in walk(root)]
    assert lines == [
        "Lambda f",
        "  environment e",
        "    Invocation",
        "    turn",
        "      DynamoDB.UpdateItem",
        "      model",
        "      Salesforce",
    ]


def test_a_part_whose_parent_is_not_there_is_shown_all_the_same() -> None:
    names = [root.name for root in trees([*TURN, segment("lost", 0.3, 0.4, parent_id="gone")])]
    assert names == ["Lambda f", "lost"]


def test_a_waterfall_has_a_line_a_part_on_one_axis() -> None:
    text = waterfall([Part("-- one", trees(TURN))], 140)
    head, title, *lines = text.splitlines()
    assert title == "-- one"
    assert head.endswith("400 ms")
    assert len(lines) == 7
    by_name = {line.split()[0]: line for line in lines}
    assert "380 ms" in by_name["turn"]
    assert by_name["turn"].endswith("model")
    assert by_name["DynamoDB.UpdateItem"].endswith("atlas-dev-leads")
    assert by_name["Salesforce"].endswith("FAULT 503")
    assert "!" in by_name["Salesforce"]
    assert "so far" in by_name["model"]
    assert by_name["model"].rstrip().endswith(">")


def test_bars_begin_where_their_time_begins() -> None:
    parts = [segment("a", 0, 10), segment("b", 5, 10), segment("c", 10, 10)]
    _, _, *lines = waterfall([Part("", trees(parts))], 140).splitlines()
    begins = [line.index("=") for line in lines]
    assert begins == sorted(begins)
    assert begins[1] - begins[0] == (begins[2] - begins[0] + 1) // 2


def test_a_trace_of_no_length_is_drawn() -> None:
    assert "0.0 ms" in waterfall([Part("", trees([segment("a", 0, 0)]))], 100)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0004, "0.4 ms"), (0.412, "412 ms"), (3.2, "3.20 s"), (245, "4 m 05 s"), (-1, "0.0 ms")],
)
def test_a_time_is_written_as_it_is_read_most_easily(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_trace_is_read_by_its_id_or_by_a_whole_header() -> None:
    ctx = context(FakeXRay({trace_id(1): TURN}))
    for text in (trace_id(1), f"Root={trace_id(1)};Parent=53995c3f42cd8ad8;Sampled=1"):
        (trace,) = verb.found(ctx, asked(text))
        assert trace.id == trace_id(1)


@pytest.mark.parametrize("text", ["1-2-3", "yesterday"])
def test_what_is_no_trace_id_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="no trace id"):
        verb.found(context(FakeXRay({})), asked(text))


def test_a_lead_is_all_its_traces_the_oldest_first_and_each_once() -> None:
    traces = {
        trace_id(number): [segment(f"s{number}", -number, 1 - number)] for number in range(12)
    }
    xray = FakeXRay(traces)
    found = verb.found(context(xray), asked("--interaction", INTERACTION, "--since", "1d"))
    assert [trace.id for trace in found] == [trace_id(number) for number in reversed(range(12))]
    windows = [params for name, params in xray.timeline if name == "get_trace_summaries"]
    assert {each["FilterExpression"] for each in windows} == {
        f'annotation.interaction_id = "{INTERACTION}"'
    }
    assert all((w["EndTime"] - w["StartTime"]).total_seconds() <= 6 * 3600 for w in windows)


@pytest.mark.parametrize("text", ['x" OR 1', INTERACTION[:-1]])
def test_what_is_no_interactions_id_reaches_no_filter(text: str) -> None:
    with pytest.raises(RefusedError, match="32 hexadecimal"):
        reading.of_interaction(text)


@pytest.mark.parametrize(("how", "wanted"), [("--last", 3), ("--slowest", 2)])
def test_the_newest_or_the_slowest_turn_is_found(how: str, wanted: int) -> None:
    traces = {
        # Its reply was there after a second; the workflow that it started took longer.
        trace_id(1): [segment("a", 1, 2), segment("workflow", 2, 90)],
        trace_id(3): [segment("c", 3, 4)],
        trace_id(2): [segment("b", 2, 9)],
    }
    (trace,) = verb.found(context(FakeXRay(traces)), asked(how))
    assert trace.id == trace_id(wanted)


def test_a_trace_that_comes_late_is_waited_for_and_one_that_never_comes_is_refused() -> None:
    (trace,) = verb.found(context(FakeXRay({trace_id(1): TURN}, late=3)), asked(trace_id(1)))
    assert trace.id == trace_id(1)
    with pytest.raises(RefusedError, match="ops logs --trace"):
        verb.found(context(FakeXRay({})), asked(trace_id(1), "--wait", "5"))


def test_the_documents_can_be_had_as_they_are() -> None:
    traces = verb.found(context(FakeXRay({trace_id(1): TURN})), asked(trace_id(1)))
    (told,) = json.loads(verb._as_json(traces))
    assert (told["id"], told["documents"]) == (trace_id(1), sorted(TURN, key=_start))


def _start(document: dict[str, Any]) -> float:
    return float(document["start_time"])
