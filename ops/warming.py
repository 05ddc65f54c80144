"""The release's step that has the shared answers made before any traffic can ask for them.

A new prompt, grounding or model makes every stored answer unreachable at once. The new version of
keep_warm makes them anew while the former version still answers from its own; the environments
that are provisioned after it read them while they start.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.lambda_aliases import live_alias, serves
from ops.lambda_versions import Versions
from ops.stages import KEEP_WARM, function_name
from ops.steps import Context, Done

COUNTS = ("made", "fresh", "failed", "left")


def warm(ctx: Context, versions: Versions) -> Done[None]:
    """Have keep_warm's new version make what is missing; what it cannot is no reason to stop.

    The schedule goes on with it every five minutes, and until then a visitor's turn makes it.
    """
    version = versions[KEEP_WARM]
    if serves(live_alias(ctx, KEEP_WARM), version):
        return Done(None, "live already, and its schedule keeps them")
    if ctx.dry_run:
        return Done(None, f"would invoke {KEEP_WARM} version {version}", True)
    try:
        answer = ctx.clients.lambda_.invoke(
            FunctionName=function_name(ctx.stage, KEEP_WARM), Qualifier=version, Payload=b"{}"
        )
        payload = answer["Payload"].read()
    except (BotoCoreError, ClientError) as error:
        return Done(None, f"not warmed: {type(error).__name__}; the schedule will")
    if answer.get("FunctionError"):
        return Done(None, f"not warmed: {_error(payload)}; the schedule will")
    return Done(
        None, ", ".join(f"{count} {name}" for name, count in _counts(payload).items()), True
    )


def _counts(payload: bytes) -> dict[str, int]:
    warmed: dict[str, int] = json.loads(payload)
    return {name: warmed[name] for name in COUNTS}


def _error(payload: bytes) -> str:
    """The error's type alone: its message is in the function's log."""
    try:
        error: Any = json.loads(payload)
        return str(error["errorType"])
    except (ValueError, KeyError, TypeError):
        return "keep_warm failed"
