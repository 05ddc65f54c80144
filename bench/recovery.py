"""Waits until nothing is pending any more, running the schedule that a real account runs."""

from __future__ import annotations

import contextlib
import time

from bench.site import PENDING_KINDS, Site

PAUSE_SECONDS = 2.0


def recovered(
    site: Site, seconds: float, kinds: tuple[str, ...] = PENDING_KINDS, *, hurry: bool = False
) -> float:
    """Run `recover_leads` until nothing of these kinds is pending or running; how long it took.

    NotInTimeError after `seconds`. Faults have to be off: they would meet the looks as well.
    `hurry` makes rows due that would have to wait, as if their time had passed.
    """
    begin, ran_at = time.monotonic(), 0.0

    def is_done() -> bool:
        nonlocal ran_at
        if time.monotonic() - ran_at > PAUSE_SECONDS:
            if hurry:
                _make_due(site, kinds)
            site.run_schedule("recover-leads")
            ran_at = time.monotonic()
        return not site.pending(*kinds) and not site.executions("RUNNING")

    site.wait("the end of all pending work", is_done, seconds)
    return time.monotonic() - begin


def _make_due(site: Site, kinds: tuple[str, ...]) -> None:
    dynamodb = site.client("dynamodb")
    for rows in site.pending(*kinds).values():
        for row in rows:
            # A row that was carried out meanwhile stays away.
            with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.update_item(
                    TableName="atlas-local-pending-work",
                    Key={name: row[name] for name in ("kind", "interaction_id")},
                    UpdateExpression="SET due_at = :now",
                    ConditionExpression="attribute_exists(kind)",
                    ExpressionAttributeValues={":now": {"N": "0"}},
                )
