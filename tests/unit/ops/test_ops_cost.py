"""`ops cost`: the price table, what is read out of the benchmarks, the bill, and the claims."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from ops.cost_bill import FOUR, Bill
from ops.cost_claims import Claim, claims
from ops.cost_prices import PRICES_FILE, prices
from ops.cost_results import BEFORE, WARMED, TurnResults, usage_file
from ops.cost_stage import StageSums, measured_on_stage, traffic_of
from ops.cost_usage import Traffic, Usage, Used, measured_on_bench
from ops.errors import RefusedError

TRAFFIC = Traffic()
GOOD = """
[lex_text]
usd = 0.5
per = 10
unit = "requests"
seen = "2026-11-24"
confirmed = false
source = "a page"
"""


@pytest.fixture(scope="module")
def usage() -> Usage:
    return measured_on_bench()


def bill_of(usage: Usage, traffic: Traffic = TRAFFIC, stage: str = "prod") -> Bill:
    return Bill(usage, traffic, prices(), stage)


def test_every_price_names_its_day_source_and_unit() -> None:
    for price in prices().values():
        assert price.source
        assert price.unit
        assert price.seen.startswith("20")


def test_a_price_is_for_so_many_of_its_unit(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert prices(path)["lex_text"].of(30) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ("usd = 0.5", "usd = 0", "lex_text.usd must be above 0"),
        ("usd = 0.5", 'usd = "0.5"', "lex_text.usd is missing or of the wrong type"),
        ('seen = "2026-11-24"', 'seen = "lately"', "lex_text.seen must be a date"),
        ("confirmed = false", "", "lex_text.confirmed is missing"),
        ("confirmed = false", "confirmed = false\nsure = true", "lex_text.sure is unknown"),
        (GOOD, "[lex_text", "prices.toml:"),
    ],
)
def test_a_bad_price_is_refused_by_its_name(tmp_path: Path, good: str, bad: str, told: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(GOOD.replace(good, bad), encoding="utf-8")
    with pytest.raises(RefusedError, match=told):
        prices(path)


def test_the_turn_benchmarks_columns_are_read_by_their_titles() -> None:
    text = (
        "| column | turns | mean s | sources |\n| --- | --- | --- | --- |\n"
        "| (e) Atlas, warmed | 10 | 0.121 | memory 58.8%, model 31.2%, fixed 10.0% |\n\n"
        "| column | asked | answered | tokens in | tokens out | USD (2026-11-23) |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| (e) Atlas, warmed | 1,314 | 314 | 147,513 | 7,121 | 0.18 |\n\n"
        "- keep_warm before (e) Atlas, warmed: {'made': 154}, {'made': 154}; 308 calls, 0.1 USD.\n"
    )
    results = TurnResults(text)
    column = results.column(WARMED)
    assert (column.mean_seconds, column.calls, column.input_tokens) == (0.121, 1314, 147513)
    assert column.shares == pytest.approx({"memory": 0.588, "model": 0.312, "fixed": 0.1})
    assert (results.warming().calls, results.warming().usd) == (154, 0.05)
    with pytest.raises(RefusedError, match="no row"):
        results.column(BEFORE)


def test_missing_results_name_the_benchmark_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="BENCHES=turns"):
        TurnResults.read(tmp_path)
    with pytest.raises(RefusedError, match=r"bench\.usage"):
        usage_file(tmp_path)


def test_a_transaction_counts_all_of_its_items_twice() -> None:
    used = Used(calls={"dynamodb.TransactWriteItems": 1, "dynamodb.PutItem": 2, "s3.PutObject": 9})
    assert used.write_units == 12 + 2 * 2
    assert used.read_units == 0


def test_provisioned_environments_are_paid_for_the_whole_month(usage: Usage) -> None:
    # 5 environments of 512 MB: AWS's own sum for 730 hours.
    warm = bill_of(usage).lines[0]
    assert warm.quantity == pytest.approx(5 * 0.5 * 730 * 3600)
    assert warm.usd == pytest.approx(27.375, abs=0.01)
    assert bill_of(usage, stage="dev").lines[0].usd == pytest.approx(27.375 / 5, abs=0.01)


def test_the_components_add_up_to_the_bill(usage: Usage) -> None:
    bill = bill_of(usage)
    assert sum(bill.components.values()) == pytest.approx(bill.total())
    assert bill.total(FOUR) < bill.total()
    assert set(FOUR) < set(bill.components)


def test_twice_the_turns_cost_twice_what_turns_cost_and_no_more(usage: Usage) -> None:
    once, twice = bill_of(usage), bill_of(usage, replace(TRAFFIC, turns=2 * TRAFFIC.turns))
    for component in ("Lex", "Transcribe", "Step Functions"):
        assert twice.total([component]) == pytest.approx(2 * once.total([component]))
    assert twice.lines[0].usd == once.lines[0].usd


def test_a_cheaper_answer_lowers_bedrocks_part_alone(usage: Usage) -> None:
    cheaper = replace(usage, turn=replace(usage.turn, usd=0.0))
    before, after = bill_of(usage).components, bill_of(cheaper).components
    assert {name for name in before if before[name] != after[name]} == {"Bedrock"}


def test_the_traffic_is_the_one_at_which_the_largest_claim_holds(usage: Usage) -> None:
    rows = {row.component: row for row in claims(usage, TRAFFIC, prices(), bill_of(usage))}
    assert rows["Bedrock"].modelled_before == pytest.approx(200, rel=0.01)
    assert rows["the four"].reported == 280
    assert rows["the four"].hoped == 105
    assert {name for name, row in rows.items() if row.before == "supported"} == {"Bedrock"}


@pytest.mark.parametrize(
    ("hoped", "now", "told"),
    [
        (20.0, 44.0, "not reached"),
        (20.0, 19.0, "supported"),
        (20.0, 2.0, "more than reached"),
    ],
)
def test_a_hope_is_held_against_the_bill(hoped: float, now: float, told: str) -> None:
    assert Claim("Bedrock", 200, 200, hoped, now, "").after == told


class Metrics:
    """CloudWatch with the sums that it was given, by metric and the last dimension's value."""

    def __init__(self, **sums: float) -> None:
        self.sums = sums
        self.asked: list[dict[str, Any]] = []

    def get_metric_statistics(self, **params: Any) -> dict[str, Any]:
        self.asked.append(params)
        value = str(params["Dimensions"][-1]["Value"]).rsplit("-", 1)[-1]
        found = self.sums.get(f"{params['MetricName']}_{value}")
        return {"Datapoints": [] if found is None else [{"Sum": found / 2}, {"Sum": found / 2}]}


NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_stages_own_turns_take_the_benchmarks_place(usage: Usage) -> None:
    metrics = Metrics(
        Turns_chat=800, Turns_phone=200, TurnLatency_chat=80_000, TurnLatency_phone=70_000,
        ModelCalls_chat=300, ModelCost_chat=0.25, Duration_keep_warm=500, Invocations_keep_warm=2,
    )  # fmt: skip
    sums = StageSums(metrics, "dev", 24, NOW)
    found = measured_on_stage(usage, sums, 24)
    assert found.turn.mean_seconds == pytest.approx(0.15)
    assert (found.turn.calls, found.turn.usd) == (300, 0.25)
    assert found.keep_warm.seconds["keep_warm"] == 0.25
    assert found.recover_leads == usage.recover_leads
    assert "1,000 turns" in str(found.origins)
    assert {str(asked["EndTime"] - asked["StartTime"]) for asked in metrics.asked} == {
        "1 day, 0:00:00"
    }


def test_a_stages_month_goes_on_as_its_hours_went(usage: Usage) -> None:
    metrics = Metrics(Turns_chat=900, Turns_phone=100, ExecutionsStarted_workflow=10)
    sums = StageSums(metrics, "dev", 73, NOW)
    traffic = traffic_of(sums, 73, "arn:aws:states:::stateMachine:atlas-dev-lead-workflow", TRAFFIC)
    assert traffic.turns == 10_000
    assert traffic.phone_share == pytest.approx(0.1)
    assert traffic.consents_per_1000 == pytest.approx(10)


def test_too_few_turns_of_a_stage_are_no_measurement(usage: Usage) -> None:
    with pytest.raises(RefusedError, match="99 turns"):
        measured_on_stage(usage, StageSums(Metrics(Turns_chat=99), "dev", 24, NOW), 24)


def test_the_verb_tells_bill_claims_and_doubts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost"]) == 0
    told = capsys.readouterr().out
    assert "134,000 turns a month" in told
    assert "10 USD are 80,000,000 reads" in told
    doubted = [name for name, price in prices(PRICES_FILE).items() if not price.is_confirmed]
    assert all(f"  {name}: " in told for name in doubted)


def test_the_verb_gives_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--stage", "dev", "--turns", "1000", "--call-minutes", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["assumed"]["turns"] == 1000
    assert told["assumed"]["call_minutes"] == pytest.approx(17.5 * 2)
    assert sum(line["usd"] for line in told["lines"]) == pytest.approx(told["total_usd"])
    assert "lex_text" in told["unconfirmed_prices"]


@pytest.mark.parametrize("option", [("--turns", "0"), ("--call-minutes", "0"), ("--hours", "x")])
def test_a_senseless_number_is_wrong_usage(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cost", *option])
    assert ended.value.code == 2
    assert option[1] in capsys.readouterr().err
