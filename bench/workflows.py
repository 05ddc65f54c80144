"""The lead workflow's executions, looked up by interaction and told in one line."""

from __future__ import annotations

import json
from typing import Any

from bench.site import Site
from sandbox.timeline import state_runs

STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


def execution_of(site: Site, interaction_id: str) -> dict[str, Any] | None:
    """The newest execution whose input names the interaction, as DescribeExecution tells it.

    The execution's name is Atlas's own business.
    """
    client = site.client("stepfunctions")
    for status in STATUSES:
        for execution in site.executions(status):
            arn = execution["executionArn"]
            described: dict[str, Any] = client.describe_execution(executionArn=arn)
            if json.loads(described["input"])["interaction_id"] == interaction_id:
                return described
    return None


def events_of(site: Site, execution: dict[str, Any]) -> list[dict[str, Any]]:
    """The execution's whole history."""
    pages = site.client("stepfunctions").get_paginator("get_execution_history")
    found = pages.paginate(executionArn=execution["executionArn"])
    return [event for page in found for event in page["events"]]


def story_of(site: Site, interaction_id: str) -> str:
    """The item's status and outcome, and every state that was run, with its last error."""
    item = site.item("leads", interaction_id)
    status, outcome = (item.get(name, {}).get("S", "none") for name in ("status", "call_outcome"))
    execution = execution_of(site, interaction_id)
    states = "no execution"
    if execution:
        runs = state_runs(events_of(site, execution))
        states = ", ".join(
            f"{run.state} x{run.attempts}{f' {run.error}' if run.error else ''}" for run in runs
        )
        states = f"{execution['status']} {execution.get('output', '')}: {states}"
    return f"item {status}, call {outcome}; {states}"
