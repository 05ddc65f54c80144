"""What a deployed stage says of its own use: sums of CloudWatch metrics over its last hours.

They take the benchmarks' place for what they cover: a turn's time, calls and cost, and how often
each function runs and how long. Tokens in and DynamoDB's units stay the benchmarks'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.cost_usage import Traffic, Usage, Used
from ops.errors import RefusedError
from ops.stages import FULFILLMENT, KEEP_WARM, RECOVER_LEADS, function_name, lead_workflow

LEAST_TURNS = 100
"""Of fewer turns an average says little."""
CHANNELS = ("chat", "phone")
_PERIOD_SECONDS = 3600
_NAMESPACE = "Atlas"
_TURN_SUMS = ("Turns", "TurnLatency", "ModelCalls", "ModelCost", "ModelTokens")


class StageSums:
    """Sums over the whole hours up to now; a metric that nobody wrote sums to 0."""

    def __init__(self, cloudwatch: Any, stage: str, hours: int, now: datetime | None = None):
        self._cloudwatch, self._stage = cloudwatch, stage
        end = now or datetime.now(UTC)
        self._times = {"StartTime": end - timedelta(hours=hours), "EndTime": end}

    def turns(self, name: str, channel: str) -> float:
        return self._sum(_NAMESPACE, name, {"Stage": self._stage, "Channel": channel})

    def function(self, name: str, metric: str) -> float:
        dimensions = {"FunctionName": function_name(self._stage, name)}
        return self._sum("AWS/Lambda", metric, dimensions)

    def workflows(self, arn: str) -> float:
        return self._sum("AWS/States", "ExecutionsStarted", {"StateMachineArn": arn})

    def _sum(self, namespace: str, metric: str, dimensions: Mapping[str, str]) -> float:
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            Period=_PERIOD_SECONDS,
            Statistics=["Sum"],
            **self._times,
        )
        return sum(float(point["Sum"]) for point in answer["Datapoints"])


def measured_on_stage(bench: Usage, sums: StageSums, hours: int) -> Usage:
    """`bench` with what the stage says of itself; RefusedError where it had too few turns."""
    found = {name: sum(sums.turns(name, c) for c in CHANNELS) for name in _TURN_SUMS}
    turns = found["Turns"]
    if turns < LEAST_TURNS:
        raise RefusedError(
            f"the stage had {turns:,.0f} turns in {hours} hours, too few to say what one costs; "
            "give more --hours, or leave out --measured stage to use the benchmarks' figures"
        )
    turn = replace(
        bench.turn,
        mean_seconds=found["TurnLatency"] / turns / 1000,
        calls=1000 * found["ModelCalls"] / turns,
        output_tokens=1000 * found["ModelTokens"] / turns,
        usd=1000 * found["ModelCost"] / turns,
    )
    where = f"CloudWatch, {turns:,.0f} turns of the last {hours} hours"
    return replace(
        bench,
        turn=turn,
        keep_warm=_run(sums, KEEP_WARM, bench.keep_warm),
        recover_leads=_run(sums, RECOVER_LEADS, bench.recover_leads),
        origins={"turns, schedules": where, "the rest": bench.origins["the rest"]},
    )


def traffic_of(sums: StageSums, hours: int, workflow_arn: str, assumed: Traffic) -> Traffic:
    """The stage's own month, if it goes on as in these hours; a call's length stays assumed."""
    phone, chat = sums.turns("Turns", "phone"), sums.turns("Turns", "chat")
    turns = max(phone + chat, 1.0)
    return replace(
        assumed,
        turns=turns * 730 / hours,
        phone_share=phone / turns,
        consents_per_1000=1000 * sums.workflows(workflow_arn) / turns,
    )


def workflow_arn(clients: Any, stage: str) -> str:
    """RefusedError where the stage's state machine is not deployed."""
    pages = clients.stepfunctions.get_paginator("list_state_machines").paginate()
    for page in pages:
        for machine in page["stateMachines"]:
            if machine["name"] == lead_workflow(stage):
                return str(machine["stateMachineArn"])
    raise RefusedError(f"there is no state machine {lead_workflow(stage)}: deploy the stage first")


def _run(sums: StageSums, function: str, bench: Used) -> Used:
    """The same work with the function's own time for one run, where it ran."""
    runs = sums.function(function, "Invocations")
    if not runs:
        return bench
    seconds = sums.function(function, "Duration") / runs / 1000
    others = {name: n for name, n in bench.seconds.items() if name not in (function, FULFILLMENT)}
    return replace(bench, seconds={**others, function: seconds})
