"""`ops destroy`: a stage leaves the account as if it had never been there."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from ops.aws import clients
from ops.destroy_data import KEY_DAYS
from ops.destroy_parts import PARTS, Part
from ops.errors import RefusedError
from ops.stages import APP, STAGES
from ops.steps import Context, Done, Steps
from ops.waiting import Waiter

Inventory = dict[str, list[str]]

DESTROY = f"""
Remove everything that a stage has in the account: scaling, stacks, the Lex bot with its alias,
running workflows, functions and their roles, tables, recordings, secrets, logs, transcription
jobs, and what this machine noted of it. The key's deletion is scheduled, {KEY_DAYS} days from now,
which is the soonest that KMS takes. The data is gone for good, leads and recordings included.

It shows what it found and asks; for prod the name atlas-prod has to be typed. A script gives it
with --yes atlas-<stage>. Run it again after an interruption. It ends with a look whether anything
is left.

What AWS keeps by itself: metrics for 15 months, traces for 30 days, Connect's contact records."""


def add_destroy(verb: argparse.ArgumentParser) -> None:
    """The arguments of `ops destroy`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    verb.add_argument("--yes", metavar="NAME", help="atlas-<stage>, instead of being asked")
    verb.add_argument("--dry-run", action="store_true", help="show what would go, remove nothing")
    verb.add_argument("--json", action="store_true", help="the result as JSON; progress on stderr")
    verb.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    steps = Steps(stream=sys.stderr if arguments.json else sys.stdout)
    waiter = Waiter(steps.note)
    ctx = Context(arguments.stage, clients(arguments.stage), waiter, arguments.dry_run)
    everything = inventory(ctx)
    print(shown(ctx.stage, everything), file=steps.stream, flush=True)
    if everything and not ctx.dry_run:
        require_consent(ctx.stage, arguments.yes, _ask if sys.stdin.isatty() else None)
        destroy(ctx, steps)
    if arguments.json:
        told: dict[str, Any] = {"stage": ctx.stage, "dry_run": ctx.dry_run, "found": everything}
        print(json.dumps(told | {"steps": steps.records}, indent=2))
    elif everything:
        print("Dry run: nothing was changed." if ctx.dry_run else _closing(everything))
    return 0


def _closing(everything: Inventory) -> str:
    key = f" but the key, for {KEY_DAYS} days" if "key" in everything else ""
    return f"Destroyed: nothing is left{key}."


def inventory(ctx: Context) -> Inventory:
    """The names of everything that the stage has, by kind; empty when there is nothing."""
    found = {part.title: part.found(ctx) for part in PARTS}
    return {title: names for title, names in found.items() if names}


def shown(stage: str, everything: Inventory) -> str:
    """The inventory as lines; of long lists the first names."""
    if not everything:
        return f"Nothing to do: there is nothing of {APP}-{stage}."
    # Whoever consents sees every name but those of calls and leads, which may be thousands.
    rows = [f"  {title:<22} {_few(names, 30)}" for title, names in everything.items()]
    return "\n".join([f"{APP}-{stage} has:", *rows])


def _few(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def require_consent(stage: str, given: str | None, ask: Callable[[str], str] | None) -> None:
    """RefusedError unless the name was given or, where somebody can be asked, is typed."""
    name = f"{APP}-{stage}"
    if given is None and ask is None:
        raise RefusedError(f"nobody can be asked here: say --yes {name}. Nothing was removed.")
    wanted = {name} if stage == "prod" or given is not None else {name, "yes"}
    answer = given if given is not None else ask(_question(stage)) if ask else ""
    if answer.strip() not in wanted:
        raise RefusedError(f"that is not {name}. Nothing was removed.")


def _question(stage: str) -> str:
    if stage == "prod":
        return f"All of it, with its data, will be gone. Type {APP}-{stage} to go on: "
    return "All of it, with its data, will be gone. Type yes to go on: "


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""


def destroy(ctx: Context, steps: Steps) -> None:
    """Remove everything, and look again; RefusedError names what is left."""
    for part in PARTS:
        steps.run(part.title, partial(_remove, ctx, part))
    left = steps.run("look what is left", lambda: Done(inventory(ctx), "read again by name"))
    if left:
        told = "; ".join(f"{title} {_few(names)}" for title, names in left.items())
        raise RefusedError(f"not everything is gone: {told}. Run it again.")


def _remove(ctx: Context, part: Part) -> Done[None]:
    names = part.found(ctx)
    for name in names:
        part.remove(ctx, name)
    return Done(None, f"{part.done} {_few(names)}" if names else "none", bool(names))
