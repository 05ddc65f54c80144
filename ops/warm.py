"""`ops warm`: have the shared answers made now, instead of at the schedule's next run."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ops.aws import clients
from ops.errors import RefusedError
from ops.lambda_aliases import live_alias
from ops.stages import KEEP_WARM, LIVE, STAGES, function_name
from ops.steps import Context, Done, Steps
from ops.waiting import Waiter

WARM = """
Invoke keep_warm's `live` until every shared answer is made and fresh, as its schedule does every
five minutes. Of use after a change of the cache by hand, or before traffic that is known to come.
What is fresh already costs nothing; each answer that is not costs one model call."""

# One run makes as many answers as its limit of model calls allows; the bot has fewer than two
# such loads of sample utterances, and what fails again and again must end.
MOST_RUNS = 5


def add_warm(verb: argparse.ArgumentParser) -> None:
    """The arguments of `ops warm`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    verb.add_argument("--dry-run", action="store_true", help="tell what would be invoked")
    verb.add_argument("--json", action="store_true", help="the counts as JSON")
    verb.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    steps = Steps(stream=sys.stderr if arguments.json else sys.stdout)
    waiter = Waiter(steps.note)
    ctx = Context(arguments.stage, clients(arguments.stage), waiter, arguments.dry_run)
    counts = warm_live(ctx, steps)
    if arguments.json:
        print(json.dumps({"stage": ctx.stage, "dry_run": ctx.dry_run, **counts}, indent=2))
    return 0


def warm_live(ctx: Context, steps: Steps) -> dict[str, int]:
    """How many answers were `made`, and were `fresh` already, `failed` or `left` at the end.

    RefusedError when there is no `live`, the function fails, or answers cannot be made.
    """
    counts: dict[str, int] = {"made": 0}
    for run in range(1, MOST_RUNS + 1):
        now = steps.run(f"warm, run {run}", lambda: _once(ctx))
        counts |= now | {"made": counts["made"] + now.get("made", 0)}
        if ctx.dry_run or not (now.get("left") and now.get("made")):
            break
    if open_ones := counts.get("failed", 0) + counts.get("left", 0):
        raise RefusedError(
            f"{open_ones} answers are not made: `python -m ops logs --stage {ctx.stage} --function "
            f"{KEEP_WARM}` says why"
        )
    return counts


def _once(ctx: Context) -> Done[dict[str, int]]:
    alias = live_alias(ctx, KEEP_WARM)
    if alias is None:
        raise RefusedError(
            f"{KEEP_WARM} has no alias {LIVE}: run `python -m ops release --stage {ctx.stage}` "
            "first"
        )
    if ctx.dry_run:
        return Done({}, f"would invoke {KEEP_WARM}:{LIVE}, version {alias['FunctionVersion']}")
    answer = ctx.clients.lambda_.invoke(
        FunctionName=function_name(ctx.stage, KEEP_WARM), Qualifier=LIVE, Payload=b"{}"
    )
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise RefusedError(f"{KEEP_WARM}:{LIVE} failed: {told.get('errorType', 'no reason')}")
    counts = {name: int(count) for name, count in told.items()}
    detail = ", ".join(f"{count} {name}" for name, count in counts.items())
    return Done(counts, detail, bool(counts.get("made")))
