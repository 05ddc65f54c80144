"""`ops capacity`: meters, the simulation against theory, needs, and where a quota ends."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ops.__main__ import main
from ops.capacity.meters import Gauge, Rate
from ops.capacity.needs import Need, breaks, needs, provisioned
from ops.capacity.quotas import Quota, quotas
from ops.capacity.simulation import simulate
from ops.capacity.workload import LEX_SECONDS, RING_SECONDS, measured_workload
from ops.errors import RefusedError

WORKLOAD = measured_workload("prod", 40.0, 180.0)
CHAT = replace(WORKLOAD, only_chat=True, turns_per_second=40.0)
QUOTA = Quota("lex_text", 50, "at once", True, "2026-11-24", True, "a page")


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_gauge_weighs_levels_by_their_time() -> None:
    clock = Clock()
    gauge = Gauge(clock)
    gauge.enter()
    clock.now = 3
    gauge.enter()
    clock.now = 4
    gauge.leave()
    gauge.leave()
    assert gauge.mean == pytest.approx((3 * 1 + 1 * 2) / 4)
    assert (gauge.quantile(0.75), gauge.quantile(0.76), gauge.peak) == (1, 2, 2)


def test_a_gauge_forgets_what_was_before_time_zero() -> None:
    clock = Clock(-10)
    gauge = Gauge(clock)
    gauge.enter()
    clock.now = 5
    gauge.leave()
    clock.now = 10
    gauge.close()
    assert gauge.mean == pytest.approx(0.5)


def test_a_gauges_quota_refuses_and_counts() -> None:
    gauge = Gauge(Clock(1), quota=1)
    assert gauge.enter()
    assert not gauge.enter()
    gauge.leave()
    assert gauge.enter()
    assert (gauge.entered, gauge.refused) == (2, 1)


def test_a_rates_peak_is_its_worst_window() -> None:
    clock = Clock()
    rate = Rate(clock, window_seconds=2)
    for second, amount in ((0, 1), (3, 4), (4, 5), (6, 8)):
        clock.now = second + 0.5
        rate.take(amount)
    assert rate.peak == 9
    assert rate.mean(9) == pytest.approx(4)


def test_a_rates_quota_comes_back_with_the_next_window() -> None:
    clock = Clock()
    rate = Rate(clock, quota=2)
    assert [rate.take() for _ in range(3)] == [True, True, False]
    clock.now = 1
    assert rate.take()
    assert rate.refused == 1


def test_the_same_seed_gives_the_same_run() -> None:
    first, second, other = (simulate(WORKLOAD, 20, seed) for seed in (1, 1, 2))
    assert (first.turns, first.models) == (second.turns, second.models)
    assert first.turns != other.turns


def test_as_many_turns_come_as_were_asked_for() -> None:
    # Poisson arrivals of visits: within 5% over 20,000 turns.
    result = simulate(replace(WORKLOAD, turns_per_second=100.0), 200)
    assert result.turns_per_second == pytest.approx(100, rel=0.05)


def test_turns_at_once_are_their_number_times_their_length() -> None:
    """Little's law, which holds for whatever distribution."""
    result = simulate(CHAT, 300)
    lex, environments = result.gauges["lex_text"], result.gauges["fulfillment"]
    inside = environments.mean / result.turns_per_second
    assert lex.mean == pytest.approx(result.turns_per_second * (LEX_SECONDS + inside), rel=0.02)
    asked = CHAT.model_share * result.turns
    assert result.models == pytest.approx(asked, rel=0.05)


def test_calls_are_in_a_steady_state_from_the_start() -> None:
    workload = replace(WORKLOAD, turns_per_second=200.0)
    calls = simulate(workload, 120).gauges["connect_calls"]
    expected = 200 * workload.calls_per_turn * (180 + RING_SECONDS)
    assert calls.mean == pytest.approx(expected, rel=0.06)


def test_longer_calls_take_more_lines() -> None:
    short, long = (
        simulate(replace(WORKLOAD, call_seconds=seconds), 60).gauges["connect_calls"].mean
        for seconds in (60.0, 300.0)
    )
    assert long > 3 * short


def test_more_model_turns_take_more_environments() -> None:
    few, many = (
        simulate(replace(CHAT, model_share=share), 60).gauges["fulfillment"].mean
        for share in (0.1, 0.9)
    )
    assert many > 4 * few


def test_quotas_refuse_what_is_beyond_them_and_nothing_else() -> None:
    held = simulate(WORKLOAD, 60, quotas={"connect_calls": 10, "bedrock_requests": 100})
    assert held.refused.keys() == {"connect_calls", "bedrock_requests"}
    assert held.gauges["connect_calls"].peak == 10
    assert simulate(WORKLOAD, 60).refused == {}


def test_turns_beyond_the_warm_environments_spill_over() -> None:
    none, some, enough = (simulate(CHAT, 60, provisioned=n) for n in (0, 5, 100))
    # All but those that are still in Lex when the run ends.
    assert 0 <= none.turns - none.spilled < 40 * LEX_SECONDS * 3
    assert 0 < some.spilled < none.spilled
    assert enough.spilled == 0


def test_short_turns_need_environments_for_their_number() -> None:
    """Lambda takes ten requests a second of each, so 40 turns of a millisecond want four."""
    short = replace(CHAT, model_share=0.0, table_share=0.0)
    result = simulate(short, 60)
    assert result.gauges["fulfillment"].quantile(0.999) <= 2
    assert provisioned(result) >= 4 / 0.7


def need_of(value: float, quota: Quota = QUOTA) -> list[Need]:
    return [Need("lex_text", value, value, quota)]


def test_a_quota_ends_between_the_rates_around_it() -> None:
    (end,) = breaks({10.0: need_of(20), 1000.0: need_of(500)})
    assert 10 < end.turns_per_second < 1000
    assert not end.is_extrapolated
    # On the line through both points, in logarithms.
    assert end.turns_per_second == pytest.approx(37.07, rel=0.001)


def test_beyond_the_rates_a_limit_is_in_proportion_and_says_so() -> None:
    (above,) = breaks({10.0: need_of(25)})
    (below,) = breaks({10.0: need_of(100)})
    assert (above.turns_per_second, above.is_extrapolated) == (20, True)
    assert (below.turns_per_second, below.is_extrapolated) == (5, True)


def test_the_lowest_limit_comes_first() -> None:
    result = simulate(WORKLOAD, 60)
    ends = breaks({40.0: needs(result, quotas())})
    assert [end.turns_per_second for end in ends] == sorted(e.turns_per_second for e in ends)
    assert ends[0].name == "connect_calls"


def test_a_connect_burst_is_no_breach() -> None:
    """Two calls a second with bursts of five: five seconds' worth may come at once."""
    result = simulate(WORKLOAD, 60)
    need = {each.name: each for each in needs(result, quotas())}["connect_starts"]
    assert need.need == result.rates["connect_starts"].peak / 5


def test_a_teams_own_quota_replaces_the_default() -> None:
    assert quotas({"lex_text": 400})["lex_text"].value == 400
    assert quotas()["lex_text"].value == 50
    with pytest.raises(RefusedError, match="no quota lex_txt"):
        quotas({"lex_txt": 1})


def test_every_quota_names_its_day_and_source() -> None:
    for quota in quotas().values():
        assert quota.source
        assert quota.seen.startswith("20")


def test_measured_shares_are_those_of_the_benchmark() -> None:
    assert 0 < WORKLOAD.model_share < 0.5
    assert WORKLOAD.turns_per_visit == pytest.approx(1000 / 170, rel=0.01)
    assert measured_workload("prod", 1.0, 60.0, 0.5).model_share == 0.5


def test_the_verb_tells_needs_and_what_ends_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity", "--turns-per-second", "20", "--seconds", "20"]) == 0
    told = capsys.readouterr().out
    assert "At 20 turns a second" in told
    end = told.partition("Where it ends")[2]
    assert "Connect, calls at once" in end.splitlines()[1]
    assert "calls_per_hour of 200" in told


def test_the_verb_gives_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--turns-per-second", "5", "--seconds", "10", "--quota", "connect_calls=1e6"]
    assert main(["capacity", *arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (rate,) = told["rates"]
    assert rate["turns_per_second"] == 5
    assert {need["name"] for need in rate["needs"]} >= {"lambda", "lex_text", "bedrock_tokens"}
    assert told["breaks"][0]["name"] != "connect_calls"


@pytest.mark.parametrize(
    "option",
    [("--turns-per-second", "1001"), ("--seconds", "0"), ("--quota", "x"), ("--model-share", "2")],
)
def test_a_senseless_number_is_wrong_usage(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["capacity", *option])
    assert ended.value.code == 2
    assert option[1] in capsys.readouterr().err
