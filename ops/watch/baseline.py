"""What was usual before a release, kept before its first visitor, for `watch` to compare with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops import records
from ops.route import Route
from ops.stages import FULFILLMENT
from ops.steps import Context, Done
from ops.watch.figures import figures

BASELINE_HOURS = 24
"""A day: nights and busy hours in their own measure."""


def note_baseline(ctx: Context, route: Route) -> Done[None]:
    """Keep the figures of the hours before this release, once for each version that comes.

    A release does not stop for it: where CloudWatch does not tell, `watch` says what it lacks.
    """
    version = route.versions[FULFILLMENT]
    if baseline_of(ctx, version) is not None:
        return Done(None, "kept by the run before")
    if ctx.dry_run:
        return Done(None, f"would keep the figures of the last {BASELINE_HOURS} hours", True)
    end = ctx.now()
    begin = end - timedelta(hours=BASELINE_HOURS)
    try:
        found = figures(ctx, begin, end)
    except (ClientError, BotoCoreError) as error:
        return Done(None, f"not kept, so `watch` has nothing to compare with: {error}")
    records.write(
        ctx,
        "baseline",
        version=version,
        former=route.former[FULFILLMENT],
        begin=begin.isoformat(timespec="seconds"),
        end=end.isoformat(timespec="seconds"),
        figures=found.to_json(),
    )
    return Done(None, found.text(), True)


def baseline_of(ctx: Context, version: str) -> dict[str, Any] | None:
    """What was kept before that version came; None without it."""
    return records.latest(ctx, "baseline", version=version)
