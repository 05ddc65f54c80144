"""The sandbox's traces without a network: what is kept, dropped, found, and how headers read."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from sandbox.aws_api import ApiError
from sandbox.xray import filter_expression
from sandbox.xray.daemon import Daemon, parsed
from sandbox.xray.filter_expression import Facts
from sandbox.xray.header import TraceHeader
from sandbox.xray.service import XRayService
from sandbox.xray.store import TraceStore

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"


def document(number: int = 1, trace: str = ROOT, **facts: Any) -> dict[str, Any]:
    return {
        "id": f"{number:016x}",
        "trace_id": trace,
        "name": "turn",
        "start_time": 100.0 + number,
        "end_time": 101.0 + number,
        **facts,
    }


@pytest.mark.parametrize(
    ("text", "parent", "sampled"),
    [
        (HEADER, "53995c3f42cd8ad8", True),
        (f"Sampled=0;Root={ROOT};Lineage=a:1", "", False),
        (f"Root={ROOT};Parent=xyz;Sampled=?", "", None),
    ],
)
def test_a_header_is_read_in_any_order_and_without_its_parts(
    text: str, parent: str, sampled: bool | None
) -> None:
    assert TraceHeader.parse(text) == TraceHeader(ROOT, parent, sampled)


@pytest.mark.parametrize("text", [None, "", "Root=1", "Self=1;Parent=53995c3f42cd8ad8", "x"])
def test_what_is_no_header_begins_no_trace(text: str | None) -> None:
    assert TraceHeader.parse(text) is None


def test_a_header_is_written_as_it_was_read() -> None:
    assert str(TraceHeader.parse(HEADER)) == HEADER


def test_a_later_document_replaces_its_former() -> None:
    store = TraceStore()
    store.add({**document(), "in_progress": True, "end_time": None})
    store.add(document())
    (kept,) = store.trace(ROOT)
    assert "in_progress" not in kept


def test_the_oldest_trace_goes_first_and_a_trace_holds_no_more_than_it_may() -> None:
    store = TraceStore(traces=2, documents=2)
    for digit in "123":
        for number in (1, 2, 3):
            store.add(document(number, trace=ROOT[:-1] + digit))
    assert store.ids() == [ROOT[:-1] + "2", ROOT[:-1] + "3"]
    assert store.counts() == {"traces": 2, "documents": 4, "dropped": 3}


@pytest.mark.parametrize("missing", ["name", "id", "trace_id", "start_time", "end_time"])
def test_a_document_without_what_xray_requires_is_refused(missing: str) -> None:
    incomplete = {name: value for name, value in document().items() if name != missing}
    with pytest.raises(ValueError, match=missing):
        TraceStore().add(incomplete)


def test_a_subsegment_needs_a_parent() -> None:
    with pytest.raises(ValueError, match="parent_id"):
        TraceStore().add(document(type="subsegment"))


def test_the_daemon_takes_what_is_whole_and_drops_the_rest() -> None:
    store, came = TraceStore(), threading.Event()

    def take(each: Any) -> None:
        store.add(each)
        came.set()

    daemon = Daemon(take)
    daemon.start()
    try:
        host, _, port = daemon.address.partition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for body in (b"no json", b"{}", json.dumps(document()).encode()):
                head = b'{"format": "json", "version": 1}\n'
                sender.sendto(head + body, (host, int(port)))
        assert came.wait(10)
    finally:
        daemon.close()
    assert [each["id"] for each in store.trace(ROOT)] == [f"{1:016x}"]


@pytest.mark.parametrize("datagram", [b"{}\n{}", b'{"format": "json", "version": 1}\n[]', b"x"])
def test_a_datagram_has_the_daemons_header_and_one_document(datagram: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parsed(datagram)


FACTS = Facts(
    {"stage": ["prod", "dev"], "calls": [2], "cold": [True]},
    frozenset(("atlas-prod-lex_fulfillment",)),
    frozenset(("fault",)),
    1.5,
)


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("", True),
        ('annotation.stage = "prod"', True),
        ('annotation[stage] = "dev"', True),
        ('annotation.stage = "local"', False),
        ('annotation.nothing != "x"', False),
        ("annotation.calls >= 2", True),
        ("annotation.calls > 2", False),
        ('annotation.calls = "2"', False),
        ("annotation.cold = true", True),
        ('service("atlas-prod-lex_fulfillment") AND duration > 1', True),
        ('service("other")', False),
        ("responsetime < 1.5", False),
        ("fault AND duration > 1", True),
        ("ok", False),
    ],
)
def test_a_filter_finds_what_it_says(expression: str, holds: bool) -> None:
    assert filter_expression.parse(expression)(FACTS) is holds


@pytest.mark.parametrize("expression", ["nonsense", "fault AND", "fault error", "fault OR error"])
def test_a_filter_that_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(ApiError) as refused:
        filter_expression.parse(expression)
    assert refused.value.code == "InvalidRequestException"


def summaries(store: TraceStore, **params: Any) -> dict[str, Any]:
    window = {"StartTime": 0.0, "EndTime": 20_000.0, **params}
    return XRayService(store).operations["GetTraceSummaries"](window)


def test_summaries_are_paged_and_the_newest_comes_first() -> None:
    store = TraceStore()
    for number in range(250):
        store.add(document(number, trace=f"1-00000000-{number:024x}"))
    first = summaries(store)
    second = summaries(store, NextToken=first["NextToken"])
    last = summaries(store, NextToken=second["NextToken"])
    assert "NextToken" not in last
    ids = [each["Id"] for page in (first, second, last) for each in page["TraceSummaries"]]
    assert ids == [f"1-00000000-{number:024x}" for number in reversed(range(250))]


def test_a_summary_says_how_long_and_how_it_went() -> None:
    store = TraceStore()
    store.add(document(1))
    nested = document(3, fault=True, annotations={"source": "model", "calls": 2, "cold": False})
    store.add(document(2, subsegments=[nested]))
    (summary,) = summaries(store)["TraceSummaries"]
    assert (summary["Duration"], summary["HasFault"], summary["HasError"]) == (2.0, True, False)
    values = {key: each[0]["AnnotationValue"] for key, each in summary["Annotations"].items()}
    assert values == {
        "source": {"StringValue": "model"},
        "calls": {"NumberValue": 2.0},
        "cold": {"BooleanValue": False},
    }


@pytest.mark.parametrize(("start", "end"), [(0.0, 21_601.0), (10.0, 9.0)])
def test_a_window_that_xray_does_not_take_is_refused(start: float, end: float) -> None:
    with pytest.raises(ApiError) as refused:
        summaries(TraceStore(), StartTime=start, EndTime=end)
    assert refused.value.code == "InvalidRequestException"
