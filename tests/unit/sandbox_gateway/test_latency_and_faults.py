"""Figures of the profiles and the arithmetic of faults, without waiting for either."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.conditions import Conditions
from sandbox.counters import CallCounters
from sandbox.faults import AnswerLostError, Effect, Faults, met
from sandbox.http_message import HttpResponse
from sandbox.latency import Latency, Pace, TokenTiming

FIGURES = [
    ("secretsmanager", "GetSecretValue", False, 0.3),
    ("dynamodb", "GetItem", False, 0.05),
    ("dynamodb", "UpdateItem", True, 0.2),
    ("dynamodb", "DescribeTable", True, 0.0),
    ("stepfunctions", "StartExecution", False, 0.05),
    ("connect", "StartOutboundVoiceContact", False, 0.8),
    ("lambda", "Invoke", True, 0.0),
    ("salesforce", "token", True, 0.5),
    ("salesforce", "upsert", False, 0.2),
    ("salesforce", "query", True, 0.8),
]


@pytest.mark.parametrize(("service", "operation", "is_new", "seconds"), FIGURES)
def test_reported_latency_of_an_operation(
    service: str, operation: str, is_new: bool, seconds: float
) -> None:
    assert Latency("reported").seconds(service, operation, is_new) == pytest.approx(seconds)
    assert Latency("reported", 0.1).seconds(service, operation, is_new) == pytest.approx(
        seconds / 10
    )
    assert Latency("none").seconds(service, operation, is_new) == 0


@pytest.mark.parametrize(("model_class", "low", "high"), [("haiku", 0.5, 1.0), ("sonnet", 2, 4)])
def test_eighty_tokens_take_t_and_t_is_within_its_class(
    model_class: str, low: float, high: float
) -> None:
    timing = TokenTiming(Latency("reported"), seed=1)
    answers = [timing.pace(model_class).due(80) for _ in range(500)]  # type: ignore[arg-type]
    assert low <= min(answers) < low * 1.02
    assert high * 0.98 < max(answers) <= high


def test_the_first_token_comes_after_a_quarter_whatever_the_length() -> None:
    pace = TokenTiming(Latency("reported")).pace("haiku")
    assert pace.due(0) == pytest.approx(pace.due(80) / 4)
    assert pace.due(40) == pytest.approx(pace.due(80) * (1 / 4 + 3 / 8))


def test_draws_repeat_with_their_seed_and_shrink_with_the_scale() -> None:
    first = TokenTiming(Latency("reported"), seed=7).pace("sonnet")
    assert TokenTiming(Latency("reported"), seed=7).pace("sonnet") == first
    tenth = TokenTiming(Latency("reported", 0.1), seed=7).pace("sonnet")
    assert tenth.due(80) == pytest.approx(first.due(80) / 10)


def test_no_profile_means_no_delay() -> None:
    assert TokenTiming().pace("sonnet") == Pace(0.0, 0.0)


def test_a_count_is_used_up() -> None:
    faults = Faults()
    faults.replace([{"service": "dynamodb", "operation": "GetItem", "error": "X", "count": 2}])
    drawn = [faults.draw("dynamodb", "GetItem").error for _ in range(3)]
    assert drawn == ["X", "X", None]
    assert faults.current()[0]["count"] == 0


def test_only_the_named_operation_is_met() -> None:
    faults = Faults()
    faults.replace([{"service": "dynamodb", "operation": "GetItem", "error": "X"}])
    assert faults.draw("dynamodb", "PutItem").error is None
    assert faults.draw("s3", "GetItem").error is None


def test_a_rate_is_kept_and_repeats_with_its_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.replace([{"service": "*", "hang": True, "rate": 0.25}])
        return [faults.draw("s3", "GetObject").hang for _ in range(1000)]

    assert drawn(1) == drawn(1)
    assert 200 < sum(drawn(1)) < 300


def test_a_rate_picks_fast_answers_and_slow_ones_alike() -> None:
    faults, timing = Faults(0), TokenTiming(Latency("reported"), seed=0)
    faults.replace([{"service": "bedrock-runtime", "error": "X", "rate": 0.05}])
    paces = [(faults.draw("bedrock-runtime").error, timing.pace("haiku")) for _ in range(2000)]
    picked = [pace.due(80) for error, pace in paces if error]
    assert 0.7 < sum(picked) / len(picked) < 0.8


def test_latencies_add_up_and_go_with_an_error() -> None:
    faults = Faults()
    faults.replace(
        [
            {"service": "s3", "latency_ms": 100},
            {"service": "*", "latency_ms": 50},
            {"service": "s3", "error": "SlowDown"},
        ]
    )
    effect = faults.draw("s3", "GetObject")
    assert effect.added_seconds == pytest.approx(0.15)
    assert effect.error == "SlowDown"


def test_a_service_takes_a_multiple_of_what_it_would() -> None:
    faults = Faults()
    faults.replace(
        [
            {"service": "salesforce", "times_slower": 5},
            {"service": "*", "times_slower": 2},
            {"service": "salesforce", "latency_ms": 100},
        ]
    )
    effect = faults.draw("salesforce", "query")
    assert effect.seconds(figure=0.2, spent=0.01) == pytest.approx(2.1)
    assert effect.seconds(figure=0.0, spent=0.01) == pytest.approx(0.2)
    assert faults.draw("s3", "GetObject").seconds(0.2, 0.01) == pytest.approx(0.4)
    assert Effect(added_seconds=1).seconds(figure=0.2, spent=0.3) == pytest.approx(1.2)


def test_a_stall_is_after_its_tokens_or_anywhere() -> None:
    faults = Faults()
    assert faults.draw("bedrock-runtime", "ConverseStream").stalls_after(40) is None
    faults.replace([{"service": "bedrock-runtime", "stall": 5}])
    effect = faults.draw("bedrock-runtime", "ConverseStream")
    assert (effect.stalls_after(40), effect.stalls_after(3)) == (5, 3)
    faults.replace([{"service": "bedrock-runtime", "stall": True}])
    places = [faults.draw("bedrock-runtime", "ConverseStream").stalls_after(40) for _ in range(99)]
    assert {place is not None and 0 <= place < 40 for place in places} == {True}
    assert len(set(places)) > 10


def test_a_model_slows_its_own_tokens_and_nothing_else() -> None:
    faults, paused = Faults(), []
    faults.pause = paused.append  # type: ignore[method-assign]
    faults.replace([{"service": "*", "times_slower": 3}])
    conditions = Conditions(Latency(), faults, CallCounters(), clock=lambda: 1.0)
    seen = []

    def answer() -> HttpResponse:
        seen.append(met().times_slower)
        return HttpResponse(200, [])

    for service in ("bedrock-runtime", "s3"):
        conditions.meet(service, ("X",), 0.5, False, answer, lambda _: HttpResponse(500, []))
    assert seen == [3, 3]
    assert [max(0.0, seconds) for seconds in paused] == pytest.approx([0.0, 1.0])
    assert met().times_slower == 1, "it is over with the call"


def test_an_operation_is_met_by_any_of_its_names() -> None:
    faults = Faults()
    faults.replace([{"service": "salesforce", "operation": "Lead.create", "error": "X"}])
    assert faults.draw("salesforce", "create", "Lead.create").error == "X"
    assert faults.draw("salesforce", "create", "Task.create").error is None


def test_only_what_was_carried_out_loses_its_answer() -> None:
    faults = Faults()
    faults.replace([{"service": "*", "lose_answer": True}, {"service": "s3", "error": "X"}])
    assert faults.draw("sts", "GetCallerIdentity").answer_is_lost
    assert not faults.draw("s3", "GetObject").answer_is_lost


def test_a_lost_stream_is_closed_unread() -> None:
    faults, events = Faults(), []
    faults.replace([{"service": "bedrock-runtime", "lose_answer": True}])

    class Stream:
        def __iter__(self) -> Iterator[bytes]:
            return iter(())

        def close(self) -> None:
            events.append("closed")

    conditions = Conditions(Latency(), faults, CallCounters())
    with pytest.raises(AnswerLostError):
        conditions.meet(
            *("bedrock-runtime", ("ConverseStream",), 0.0, False),
            answer=lambda: HttpResponse(200, [], Stream()),
            refuse=lambda code: HttpResponse(500, []),
        )
    assert events == ["closed"]


def test_nothing_is_held_or_paused_after_the_end() -> None:
    faults = Faults()
    faults.close()
    faults.hold()
    faults.pause(3600)
