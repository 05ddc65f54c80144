"""The ring while Salesforce is down, Salesforce is ten times slower, or Bedrock is down.

    python -m bench.outages [--runs 8] [--scale 1.0]

Starts a sandbox of its own with the profile `reported`. The conditions take turns with the
undisturbed one; a disturbance holds until the ring and OUTAGE_SECONDS more. Afterwards every lead
has to be in Salesforce exactly once and nothing parked, or the exit code is 1. Last, Salesforce
stays down until the last retry: the lead is parked, and `python -m ops leads replay` brings it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.figures import load, spread, table
from bench.recovery import recovered
from bench.site import Site, own_site, progress
from bench.visitor import Visitor, number_of
from sandbox.conversation.child import ROOT

OUTAGE_SECONDS = 3.0
RECOVERY_SECONDS = 120.0
PARKED_SECONDS = 60.0
SALESFORCE_DOWN = {"service": "salesforce", "error": "SERVER_UNAVAILABLE"}
CONDITIONS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "undisturbed": (),
    "Salesforce down": (SALESFORCE_DOWN,),
    "Salesforce 10 times slower": ({"service": "salesforce", "times_slower": 10},),
    "Bedrock down": ({"service": "bedrock-runtime", "error": "ServiceUnavailableException"},),
}
FEW_RETRIES = 2
SHORT_CALLS = {"mode": "declined", "ring_seconds": 0.1}
EXTERNAL_ID = "Atlas_Interaction_Id__c"


@dataclass(slots=True)
class Condition:
    """What was measured under one condition, in seconds; the first run stands apart."""

    rings: list[float] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    interactions: list[str] = field(default_factory=list)


def one(site: Site, visitor: Visitor, faults: Sequence[Mapping[str, Any]], to: Condition) -> None:
    """One visitor's yes and ring under the faults, then the recovery without them."""
    site.faults(*faults)
    try:
        visitor.wants_call()
        to.rings.append(visitor.ring_after(visitor.say("yes").sent))
        to.interactions.append(visitor.interaction_id)
        # The outage is meant to last: nothing is waited for.
        time.sleep(OUTAGE_SECONDS if faults else 0.0)
    finally:
        site.faults()
    begin = time.monotonic()
    site.wait(
        "the workflow's end after the recovery",
        lambda: not site.executions("RUNNING"),
        RECOVERY_SECONDS,
    )
    to.recoveries.append(time.monotonic() - begin)


def leads_of(site: Site, interactions: Sequence[str]) -> Counter[int]:
    """How many interactions have how many leads in Salesforce."""
    found = Counter(lead[EXTERNAL_ID] for lead in site.salesforce("Lead"))
    return Counter(found[interaction] for interaction in interactions)


def table_of(site: Site, conditions: Mapping[str, Condition]) -> str:
    usual = statistics.median(conditions["undisturbed"].rings[1:])
    rows = []
    for name, of in conditions.items():
        leads, rings = leads_of(site, of.interactions), of.rings[1:]
        rows.append(
            (
                *(name, f"{of.rings[0]:.2f}", *spread(rings)),
                f"{statistics.median(rings) / usual:.2f}",
                f"{max(of.recoveries):.1f}",
                f"{leads[1]} of {len(of.interactions)}",
            )
        )
    head = ("condition", "first ring s", "median s", "least", "most", "/ undisturbed")
    return table((*head, "longest recovery s", "leads there exactly once"), rows)


def faults_of(site: Site, conditions: Mapping[str, Condition]) -> list[str]:
    """What must not be, one sentence each."""
    found = []
    for name, of in conditions.items():
        if leads_of(site, of.interactions)[1] != len(of.interactions):
            found.append(f"{name}: leads missing or twice: {leads_of(site, of.interactions)}")
    if parked := site.pending("parked"):
        found.append(f"parked: {parked}")
    if closed := site.executions("FAILED") + site.executions("TIMED_OUT"):
        found.append(f"{len(closed)} executions did not succeed")
    return found


class FewRetries:
    """The deployed workflow with a few quick retries for as long as a `with` lasts."""

    def __init__(self, site: Site) -> None:
        self._client, self._arn = site.client("stepfunctions"), site.workflow_arn
        described = self._client.describe_state_machine(stateMachineArn=self._arn)
        self._definition = described["definition"]

    def __enter__(self) -> None:
        definition = json.loads(self._definition)
        branch = definition["States"]["LeadScenarioCall"]["Branches"][0]["States"]
        for state in (branch["CreateLead"], definition["States"]["UpdateLead"]):
            for retry in state["Retry"]:
                retry["MaxAttempts"] = FEW_RETRIES
        self._update(json.dumps(definition))

    def __exit__(self, *error: object) -> None:
        self._update(self._definition)

    def _update(self, definition: str) -> None:
        self._client.update_state_machine(stateMachineArn=self._arn, definition=definition)


def park_and_replay(site: Site, visitor: Visitor) -> str:
    """What became of a lead for which Salesforce was down until the last retry."""
    with FewRetries(site):
        site.faults(SALESFORCE_DOWN)
        visitor.wants_call()
        ring = visitor.ring_after(visitor.say("yes").sent)
        # A site reads the rows by DynamoDB, which no fault disturbs here.
        site.wait("the parked row", lambda: site.pending("parked"), PARKED_SECONDS)
        site.wait("the workflow's end", lambda: not site.executions("RUNNING"), PARKED_SECONDS)
        site.faults()
    before = leads_of(site, [visitor.interaction_id])
    replayed = ops(site, "leads", "replay", "--stage", "local", "--id", visitor.interaction_id)
    after = leads_of(site, [visitor.interaction_id])
    again = ops(site, "leads", "replay", "--stage", "local", "--all")
    is_good = (before, after) == (Counter([0]), Counter([1])) and not site.pending("parked")
    return (
        f"Salesforce down until the last retry: rang after {ring:.2f} s, parked; "
        f"`ops leads replay`: {replayed!r}; leads before {_one(before)}, after {_one(after)}; "
        f"once more: {again!r}. {'As it should be.' if is_good else 'WRONG.'}"
    )


def _one(leads: Counter[int]) -> int:
    return next(iter(leads))


def ops(site: Site, *arguments: str) -> str:
    """The last line that `python -m ops` prints."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": site.address.endpoint,
        "AWS_DEFAULT_REGION": site.address.region,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    command = [sys.executable, "-m", "ops", *arguments]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(description="The ring while a dependency is down or slow.")
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    numbers = map(number_of, itertools.count())
    conditions = {name: Condition() for name in CONDITIONS}
    with own_site("reported", arguments.scale) as site:
        site.post("phone/line", SHORT_CALLS)
        print(f"Before: {load()}.")
        for number in range(arguments.runs + 1):
            for name, faults in CONDITIONS.items():
                one(site, Visitor(site, next(numbers)), faults, conditions[name])
            progress(f"round {number} of {arguments.runs}")
        recovered(site, RECOVERY_SECONDS)
        print(table_of(site, conditions))
        print(f"{arguments.runs} runs each after the first; pending: {site.pending() or 'nothing'}")
        problems = faults_of(site, conditions)
        parking = park_and_replay(site, Visitor(site, next(numbers)))
        print(f"{parking}\nAfter: {load()}.")
        problems += ["the parked lead"] if parking.endswith("WRONG.") else []
    print("\n".join(f"FAILED: {problem}" for problem in problems) or "PASSED.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
