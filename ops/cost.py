"""`python -m ops cost`: a month's bill by component, and what of the predecessor's claims holds.

The bill is a model: measured use times dated prices times one traffic assumption. It says of each
price where it was read, so that a reader can doubt the right line.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from ops.aws import clients
from ops.cost_bill import Bill
from ops.cost_claims import claims
from ops.cost_prices import prices
from ops.cost_report import as_json, text
from ops.cost_stage import StageSums, measured_on_stage, traffic_of, workflow_arn
from ops.cost_usage import Traffic, Usage, measured_on_bench
from ops.stages import STAGES

COST = """
The month's bill by component: measured tokens, calls, durations and hit rates, times the dated
prices of ops/prices.toml, at one stated traffic. Beside it stand the predecessor's totals (280 USD
reported, 105 hoped for), each with what it would take to be true.

By default the figures are those of bench/results, and nothing is asked of AWS. With --measured
stage they come from the stage's own CloudWatch metrics of the last --hours, as does the traffic
unless --turns says another. Changes nothing."""


def add_cost(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--stage", default="prod", choices=STAGES, help="default %(default)s")
    verb.add_argument(
        "--turns", type=_count, help="turns a month, for the assumed or measured ones"
    )
    verb.add_argument("--call-minutes", type=_minutes, help="of one call; assumed: 3")
    verb.add_argument(
        "--measured", default="bench", choices=("bench", "stage"), help="default %(default)s"
    )
    verb.add_argument("--hours", type=_count, default=24, help="of the stage; default %(default)s")
    verb.add_argument("--json", action="store_true", help="the bill as JSON")
    verb.set_defaults(run=_cost)


def _cost(arguments: argparse.Namespace) -> int:
    usage, traffic = _measured(arguments)
    if arguments.turns:
        traffic = replace(traffic, turns=float(arguments.turns))
    if arguments.call_minutes:
        traffic = replace(traffic, call_minutes=arguments.call_minutes)
    table = prices()
    bill = Bill(usage, traffic, table, arguments.stage)
    parts = (arguments.stage, usage, traffic, bill, claims(usage, traffic, table, bill))
    print(json.dumps(as_json(*parts), indent=2) if arguments.json else text(*parts))
    return 0


def _measured(arguments: argparse.Namespace) -> tuple[Usage, Traffic]:
    bench = measured_on_bench()
    if arguments.measured == "bench":
        return bench, Traffic()
    ctx_clients = clients(arguments.stage)
    sums = StageSums(ctx_clients.of("cloudwatch"), arguments.stage, arguments.hours)
    usage = measured_on_stage(bench, sums, arguments.hours)
    arn = workflow_arn(ctx_clients, arguments.stage)
    return usage, traffic_of(sums, arguments.hours, arn, Traffic())


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 240:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes up to 240")
    return minutes
