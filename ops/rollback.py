"""Back to the version before: what a failed release does by itself, and `python -m ops rollback`.

Fulfilment's alias goes first, in one call; then what it invokes, then the Lex alias. What the bad
version held is freed last.
"""

from __future__ import annotations

from typing import Any

from ops import records
from ops.errors import RefusedError
from ops.lease import leased
from ops.lex_release import point_alias
from ops.provisioned import free_older, provision_within
from ops.route import Route
from ops.scaling import scale, stop_scaling
from ops.shift import Standing, back, require_versions, standing
from ops.stages import FULFILLMENT
from ops.steps import Context, Done, Steps


def take_back(ctx: Context, steps: Steps, route: Route) -> None:
    """Give the route's former versions and bot everything again; a second run completes it."""
    steps.run("move the aliases back", lambda: back(ctx, route.former))
    if route.former_bot_version:
        steps.run("move the Lex alias back", lambda: point_back(ctx, route))


def point_back(ctx: Context, route: Route) -> Done[None]:
    """Move the Lex alias to the route's former bot version, where there was one."""
    if not route.former_bot_version:
        return Done(None, "no bot was bound before")
    return point_alias(ctx, route.bot_id, route.lex_alias_id, route.former_bot_version)


def free_tried(ctx: Context, steps: Steps, route: Route) -> None:
    """Free what the version that was left held."""
    live = route.former[FULFILLMENT]
    steps.run("scale the live version alone", lambda: stop_scaling(ctx, live))
    steps.run("free the version that was left", lambda: free_older(ctx, live))


def roll_back(
    ctx: Context, steps: Steps, *, to: str = "", reason: str = "", patience_seconds: float = 15.0
) -> Route:
    """Go back to the version before the live one, or to fulfilment's version `to`.

    A version without provisioned environments gets them first, as far as that takes no longer
    than `patience_seconds`. Takes the lease from a release that is under way. RefusedError when
    there is nothing to go back to.
    """
    with leased(ctx, "rollback", by_force=True) as (ctx, _):
        route = steps.run("find what to go back to", lambda: _target(ctx, to))
        steps.run("look for its versions", lambda: require_versions(ctx, route.former))
        live = route.former[FULFILLMENT]
        left = route.versions[FULFILLMENT]
        wait = patience_seconds
        steps.run("provision fulfilment", lambda: provision_within(ctx, live, wait, left))
        route.note(ctx, "rolling_back", reason=reason)
        take_back(ctx, steps, route)
        steps.run("scale fulfilment", lambda: scale(ctx, live))
        free_tried(ctx, steps, route)
        # A release that lost its lease to this may have been in the middle of its last move.
        steps.run("see that the aliases stayed", lambda: back(ctx, route.former))
        route.note(ctx, "rolled_back", reason=reason or "by hand")
    return route


def unfinished(ctx: Context) -> dict[str, Any] | None:
    """The newest release's record when that release neither ended nor was rolled back."""
    newest = records.latest(ctx, "release")
    is_open = newest is not None and newest["outcome"] in ("begun", "rolling_back")
    return newest if is_open else None


def _target(ctx: Context, to: str) -> Done[Route]:
    now = standing(ctx)
    record = unfinished(ctx)
    if record is None or to:
        record = _released(ctx, now, to)
    route = Route.of(record)
    if to:
        route = _the_other_way(route, now, to)
    if route.is_first:
        raise RefusedError(
            "the live version was the first release, so there is none to go back to. "
            "Nothing has moved."
        )
    tried = route.versions[FULFILLMENT]
    return Done(route, f"from version {tried} to {route.former[FULFILLMENT]}")


def _released(ctx: Context, now: Standing, to: str) -> dict[str, Any]:
    """The record by which the live version, or the wanted one, became live."""
    version = to or now.main.get(FULFILLMENT, "")
    for record in records.newest(ctx, "release", 100):
        if record["outcome"] == "released" and record["versions"].get(FULFILLMENT) == version:
            return record
    raise RefusedError(
        f"no record tells how version {version or '?'} of {FULFILLMENT} was released, so what "
        "belongs to it is not known. Nothing has moved."
    )


def _the_other_way(route: Route, now: Standing, to: str) -> Route:
    """A wanted version's own release, as what to go back to."""
    if now.main.get(FULFILLMENT) == to and not now.is_divided:
        raise RefusedError(f"version {to} is live already. Nothing has moved.")
    return Route(
        former=route.versions,
        versions=now.main,
        bot_id=route.bot_id,
        lex_alias_id=route.lex_alias_id,
        former_bot_version=route.bot_version,
        facts=route.facts,
    )


class RolledBackError(RefusedError):
    """The release ended itself; `str()` says why, what is live, and who noticed."""
