"""Moves traffic between two versions of the app: forward by weights, back in one call.

Every alias `live` carries the same weights, callees first and fulfilment last, because either
version of a function may invoke either version of another. Back it goes the other way round: the
visitors' function first, the rest behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import is_error
from ops.errors import RefusedError
from ops.lambda_aliases import live_alias, live_aliases, move_aliases
from ops.stages import FULFILLMENT, FUNCTIONS, LIVE, function_name
from ops.steps import Context, Done
from ops.together import each

Versions = dict[str, str]
Alias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the aliases stand: main versions by function, and the weighted ones beside them."""

    main: Versions
    beside: dict[str, dict[str, float]]

    @property
    def is_divided(self) -> bool:
        """Whether a shift was begun and not ended."""
        return bool(self.beside)

    def share(self, function: str, version: str) -> float:
        """The version's share of the function's traffic, from 0 to 1."""
        beside = self.beside.get(function, {})
        if self.main.get(function) == version:
            return 1.0 - sum(beside.values())
        return beside.get(version, 0.0)


def standing(ctx: Context) -> Standing:
    """What every alias `live` says now; a function without one is in neither mapping."""
    aliases = live_aliases(ctx, [f.name for f in FUNCTIONS])
    main = {name: str(alias["FunctionVersion"]) for name, alias in aliases.items() if alias}
    beside = {name: _weights(alias) for name, alias in aliases.items() if alias and _weights(alias)}
    return Standing(main, beside)


def _weights(alias: Alias) -> dict[str, float]:
    return dict(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights") or {})


def share(ctx: Context, former: Mapping[str, str], versions: Versions, weight: float) -> Done[None]:
    """Give the new versions that share of every alias; a function that did not change stays.

    One that was never live gets its alias at once: only the new version of another invokes it.

    RefusedError when somebody else moves aliases at the same time.
    """
    moved = [name for name in _order(versions) if former.get(name, "").isdigit()]
    moved = [name for name in moved if former[name] != versions[name]]
    added = {name: versions[name] for name in _order(versions) if name not in former}
    is_added = bool(added) and move_aliases(ctx, added).changed
    is_changed = [_share(ctx, name, former[name], versions[name], weight) for name in moved]
    word = "would give" if ctx.dry_run else "gave"
    detail = f"{word} version {versions[FULFILLMENT]} {100 * weight:g}% of the turns"
    return Done(None, detail, is_added or any(is_changed))


def _order(versions: Mapping[str, str]) -> list[str]:
    return [f.name for f in FUNCTIONS if f.name in versions]


def _share(ctx: Context, name: str, former: str, version: str, weight: float) -> bool:
    alias = live_alias(ctx, name)
    if alias is None or alias["FunctionVersion"] == version:
        return False
    wanted = {version: weight}
    if alias["FunctionVersion"] == former and _weights(alias) == wanted:
        return False
    if not ctx.dry_run:
        _update(ctx, name, former, wanted, alias.get("RevisionId", ""))
    return True


def _update(
    ctx: Context, name: str, version: str, weights: dict[str, float], revision: str = ""
) -> None:
    """With a revision the move is made only while nobody else has moved the alias."""
    try:
        ctx.clients.lambda_.update_alias(
            FunctionName=function_name(ctx.stage, name),
            Name=LIVE,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": weights},
            **({"RevisionId": revision} if revision else {}),
        )
    except ClientError as error:
        if not is_error(error, "PreconditionFailedException"):
            raise
        raise RefusedError(
            f"somebody else moved {LIVE} of {name} meanwhile; look with `python -m ops status "
            f"--stage {ctx.stage}`, then run it again"
        ) from error


def back(ctx: Context, versions: Mapping[str, str]) -> Done[None]:
    """Give these versions everything: fulfilment at once, then what it invokes."""
    now = standing(ctx)
    moved = [n for n in versions if n in now.main and now.share(n, versions[n]) < 1.0]
    if not ctx.dry_run:
        if FULFILLMENT in moved:
            _update(ctx, FULFILLMENT, versions[FULFILLMENT], {})
        rest = [name for name in moved if name != FULFILLMENT]
        each(lambda name: _update(ctx, name, versions[name], {}), rest)
    word = "would move" if ctx.dry_run else "moved"
    detail = f"{word} {', '.join(moved)}" if moved else "all stand on these versions"
    return Done(None, detail, bool(moved))


def require_versions(ctx: Context, versions: Mapping[str, str]) -> Done[None]:
    """RefusedError names the versions that are not there any more."""
    are_there = each(partial(_is_there, ctx), versions.items())
    gone = [
        f"{n} {v}"
        for (n, v), is_there in zip(versions.items(), are_there, strict=True)
        if not is_there
    ]
    if gone:
        raise RefusedError(f"there is no version {', '.join(gone)} any more. Nothing has moved.")
    return Done(None, f"{FULFILLMENT} {versions.get(FULFILLMENT, '?')} and what goes with it")


def _is_there(ctx: Context, item: tuple[str, str]) -> bool:
    name, version = item
    try:
        ctx.clients.lambda_.get_function_configuration(
            FunctionName=function_name(ctx.stage, name), Qualifier=version
        )
    except ClientError as error:
        if is_error(error, "ResourceNotFoundException"):
            return False
        raise
    return True
