"""Log lines, embedded metrics and masks; what a trace does without a recorder."""

from __future__ import annotations

import json

import pytest

from chalicelib.observability import Log, Tracer, session_label
from tests.fakes import EPOCH, FakeClock, LogLines

RANDOM_ID = "6c1e8a54-0d0f-4b0e-8d8a-5c6a3f0a9b11"


@pytest.fixture
def lines() -> LogLines:
    return LogLines()


@pytest.fixture
def log(lines: LogLines) -> Log:
    return Log(write=lines.append, clock=FakeClock())


def test_a_line_is_one_json_object_with_its_fields(log: Log, lines: LogLines) -> None:
    log.info("happened", count=3)
    assert [json.loads(line) for line in lines] == [
        {"level": "INFO", "message": "happened", "count": 3}
    ]
    assert "\n" not in lines[0]


def test_bound_fields_are_on_every_line_until_they_are_replaced(log: Log, lines: LogLines) -> None:
    log.bind(request_id="a", session="b")
    log.info("one")
    log.warning("two")
    log.bind(request_id="c")
    log.info("three")
    assert [(r.get("request_id"), r.get("session")) for r in lines.records] == [
        ("a", "b"),
        ("a", "b"),
        ("c", None),
    ]


def test_lines_below_the_level_are_not_written(lines: LogLines) -> None:
    log = Log("WARNING", write=lines.append)
    log.info("quiet")
    log.warning("loud")
    assert [record["message"] for record in lines.records] == ["loud"]


def test_metrics_are_written_at_any_level_in_embedded_metric_format(lines: LogLines) -> None:
    log = Log("ERROR", write=lines.append, clock=FakeClock())
    log.bind(request_id="a")
    log.metrics("turn", {"TurnLatency": (12.34567, "Milliseconds")}, {"Stage": "dev"}, source="x")
    assert lines.records == [
        {
            "level": "INFO",
            "message": "turn",
            "request_id": "a",
            "source": "x",
            "_aws": {
                "Timestamp": int(EPOCH * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Atlas",
                        "Dimensions": [["Stage"]],
                        "Metrics": [{"Name": "TurnLatency", "Unit": "Milliseconds"}],
                    }
                ],
            },
            "Stage": "dev",
            "TurnLatency": 12.346,
        }
    ]


@pytest.mark.parametrize(
    "text",
    [
        "+1 (212) 555-0147",
        "212.555.0147",
        "+442071838750",
        "eleanor.vance@hillhouse.example",
    ],
)
def test_numbers_and_addresses_are_masked_wherever_they_stand(
    log: Log, lines: LogLines, text: str
) -> None:
    log.warning("odd", first=f"about {text} it", nested=[text, {"deep": text}])
    assert text not in lines[0]
    assert lines.records[0]["first"] in ("about [number] it", "about [email] it")


def test_short_numbers_and_ids_stay_readable(log: Log, lines: LogLines) -> None:
    log.info("fine", reason="took 12345 bytes", request_id="1-5759e988-bd862e3fe1be46a994272793")
    assert lines.records[0]["reason"] == "took 12345 bytes"
    assert lines.records[0]["request_id"] == "1-5759e988-bd862e3fe1be46a994272793"


def test_what_is_no_json_is_logged_by_its_type(log: Log, lines: LogLines) -> None:
    log.info("odd", thing=object(), error=ValueError("+1 212 555 0147"))
    assert lines.records[0]["thing"] == "object"
    assert lines.records[0]["error"] == "ValueError"


def test_a_line_is_ascii_whatever_was_logged(log: Log, lines: LogLines) -> None:
    log.info("odd", text="\ud800é😀\n")
    assert lines[0].isascii()


def test_a_random_session_id_is_logged_as_it_is() -> None:
    assert session_label(RANDOM_ID) == RANDOM_ID


@pytest.mark.parametrize(
    "session_id", ["eleanor-vance", "+12125550147", "4111111111111111", "", "\ud800"]
)
def test_a_session_id_that_a_person_chose_is_logged_as_a_hash(session_id: str) -> None:
    label = session_label(session_id)
    assert label.startswith("h-")
    assert label == session_label(session_id)
    assert not session_id or session_id not in label


def test_a_tracer_that_was_not_started_does_nothing() -> None:
    tracer = Tracer()
    with tracer.span("answer"):
        tracer.annotate(source="model")


def test_a_span_does_not_swallow_errors() -> None:
    tracer = Tracer()
    with pytest.raises(ValueError, match="inside"), tracer.span("answer"):
        raise ValueError("inside")


def test_what_counts_for_the_stage_as_a_whole_has_no_other_dimension(
    log: Log, lines: LogLines
) -> None:
    values = {"ModelTokens": (30.0, "Count"), "EstimatedCost": (0.000123456, "None")}
    log.metrics("model", values, {"Stage": "dev", "Step": "keep_warm"})
    (line,) = lines.records
    by_dimensions = [
        (each["Dimensions"], [metric["Name"] for metric in each["Metrics"]])
        for each in line["_aws"]["CloudWatchMetrics"]
    ]
    assert by_dimensions == [
        ([["Stage", "Step"]], ["ModelTokens"]),
        ([["Stage"]], ["EstimatedCost"]),
    ]
    assert line["EstimatedCost"] == 0.000123456


def test_a_line_of_the_stages_metrics_alone_has_one_directive(log: Log, lines: LogLines) -> None:
    log.metrics("parked", {"ParkedLeads": (2.0, "Count")}, {"Stage": "dev"})
    (directive,) = lines.records[0]["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Stage"]]
