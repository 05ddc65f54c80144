"""The predecessor's totals beside the model's: which of its claims the measurements support.

Reported: Lambda 50, Step Functions 20, Bedrock 200, DynamoDB 10 = 280 USD a month. Hoped for after
its optimisation: 55, 15, 20, 15 = 105.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.cost_bill import FOUR, Bill
from ops.cost_prices import Price
from ops.cost_usage import SECONDS, Traffic, Usage

REPORTED = {"Lambda": 50.0, "Step Functions": 20.0, "Bedrock": 200.0, "DynamoDB": 10.0}
HOPED = {"Lambda": 55.0, "Step Functions": 15.0, "Bedrock": 20.0, "DynamoDB": 15.0}
NEAR = 0.25
"""A claim is supported where it lies within a quarter of what the model says."""
MEMORY_GB = 0.125
TRANSITIONS = 4
"""Its workflow: CreateLead, GenerateScenario, InvokeCall, one after the other, and the end."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`hoped` is held against Atlas's own bill: the system that the hope was about."""

    component: str
    reported: float
    modelled_before: float
    hoped: float
    modelled_now: float
    why: str

    @property
    def before(self) -> str:
        return "supported" if _is_near(self.reported, self.modelled_before) else "not supported"

    @property
    def after(self) -> str:
        """A hope is kept where the bill is no higher; a bill far below it shows a wrong guess."""
        if self.modelled_now > self.hoped:
            return "not reached"
        return "supported" if _is_near(self.hoped, self.modelled_now) else "more than reached"

    def to_json(self) -> dict[str, Any]:
        return {
            "component": self.component,
            "reported_usd": self.reported,
            "modelled_predecessor_usd": self.modelled_before,
            "reported_is": self.before,
            "hoped_usd": self.hoped,
            "atlas_usd": self.modelled_now,
            "hope_is": self.after,
            "why": self.why,
        }


def claims(usage: Usage, traffic: Traffic, prices: Mapping[str, Price], bill: Bill) -> list[Claim]:
    """One row a component, then their sum."""
    before = _before(usage, traffic, prices)
    whys = _whys(traffic, prices)
    rows = [
        Claim(name, REPORTED[name], before[name], HOPED[name], bill.total([name]), whys[name])
        for name in FOUR
    ]
    sums = (sum(each.values()) for each in (REPORTED, before, HOPED))
    reported, modelled, hoped = sums
    everything = f"All that the system uses comes to {bill.total():,.0f} USD: see the bill."
    return [*rows, Claim("the four", reported, modelled, hoped, bill.total(FOUR), everything)]


def _before(usage: Usage, traffic: Traffic, prices: Mapping[str, Price]) -> dict[str, float]:
    """The predecessor's month at the same traffic: 128 MB, no provisioned concurrency in use."""
    ran = traffic.turns * usage.before.mean_seconds * MEMORY_GB
    reads = traffic.phone_turns + traffic.calls * 2
    writes = traffic.calls * 2
    return {
        "Lambda": prices["lambda_duration"].of(ran) + prices["lambda_request"].of(traffic.turns),
        "Step Functions": prices["state_transition"].of(traffic.calls * TRANSITIONS),
        "Bedrock": usage.before.usd * traffic.turns / 1000,
        "DynamoDB": prices["dynamodb_read"].of(reads) + prices["dynamodb_write"].of(writes),
    }


def _whys(traffic: Traffic, prices: Mapping[str, Price]) -> dict[str, str]:
    """What each claim would take to be true, in units that can be looked up on a bill."""
    warm = REPORTED["Lambda"] / prices["lambda_provisioned"].of(MEMORY_GB * SECONDS)
    transitions = REPORTED["Step Functions"] / prices["state_transition"].of(1)
    reads = REPORTED["DynamoDB"] / prices["dynamodb_read"].of(1)
    return {
        "Lambda": (
            f"50 USD pay for {warm:.0f} idle provisioned environments of 128 MB, not for these "
            "turns: it was the concurrency that no turn used."
        ),
        "Step Functions": (
            f"20 USD are {transitions:,.0f} transitions: {transitions / TRANSITIONS:,.0f} leads, "
            f"at {traffic.turns:,.0f} turns."
        ),
        "Bedrock": "Holds by choice: the traffic was chosen so that it does.",
        "DynamoDB": f"10 USD are {reads:,.0f} reads: {reads / traffic.turns:,.0f} in every turn.",
    }


def _is_near(claimed: float, modelled: float) -> bool:
    return abs(claimed - modelled) <= NEAR * max(modelled, 1e-9)
