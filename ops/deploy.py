"""`ops deploy`: an empty account's way to a talking bot, and every later change's way to it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ops.aws import clients
from ops.code import deploy_code
from ops.errors import RefusedError
from ops.lambda_versions import latest
from ops.lease import held
from ops.package import Package
from ops.preflight.gate import Pass, gate
from ops.preflight.verb import add_pass, pass_of
from ops.release import release
from ops.stack_state import described
from ops.stacks import BOT, TABLES, WORKFLOW, deploy_stacks, stack_name
from ops.stages import STAGES
from ops.steps import Context, Done, Steps
from ops.to_do import ToDo, put_salesforce_secret, refuse_while_blocked, to_do
from ops.waiting import Waiter

PARTS = ("stacks", "code", "release")

DEPLOY = """
Bring a stage up, in an order in which each part finds what it needs: the stacks (workflow, tables,
bot, the reserved Lex alias, phone, watch) by change sets, then the slim package by `chalice deploy`
to $LATEST of every function, which serves nobody, then `release`, which makes it live.

Before the code it looks for what only a person can do, such as Salesforce's secret, and stops with
the commands, in their order. Run it again then, or after an interruption: every part looks before
it changes, and goes on where it was. A change that would replace a table, a bucket, a key or a
secret is refused. On stage prod the release is preceded by `preflight`, which refuses unless every
row of it is a go.

  python -m ops deploy --stage prod --dry-run              what would change
  python -m ops deploy --stage prod --salesforce sf.json   put the secret on the way
  python -m ops deploy --stage prod --only code            the package alone, as before a release

On stage local a sandbox of `make run` has made what the stacks declare, so there it is code and
release alone, unless --only says otherwise; a bare sandbox takes the stacks of any stage.

Chalice's record stays in atlas/.chalice/deployed, so that bare `chalice deploy` (the same code with
whole libraries) goes on from there. Deploys for the Python that runs it. Region and credentials are
botocore's usual ones; stage local goes to AWS_ENDPOINT_URL, or to the sandbox at
http://127.0.0.1:4566, and never to an account."""


def add_deploy(verb: argparse.ArgumentParser) -> None:
    """The arguments of `ops deploy`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    only = "this part alone; may be repeated"
    verb.add_argument("--only", action="append", choices=PARTS, default=[], help=only)
    put = "a JSON file to put into Salesforce's secret"
    verb.add_argument("--salesforce", type=Path, metavar="FILE", help=put)
    verb.add_argument("--dry-run", action="store_true", help="tell what would change, change none")
    verb.add_argument("--no-warming", action="store_true", help="make no answers beforehand")
    add_pass(verb)
    verb.add_argument("--json", action="store_true", help="the result as JSON; progress on stderr")
    verb.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    steps = Steps(stream=sys.stderr if arguments.json else sys.stdout)
    waiter = Waiter(steps.note)
    ctx = Context(arguments.stage, clients(arguments.stage), waiter, arguments.dry_run)
    try:
        done = deploy(
            ctx,
            steps,
            arguments.only or parts_of(arguments.stage),
            salesforce=arguments.salesforce,
            is_warmed=not arguments.no_warming,
            how=pass_of(arguments),
        )
    except Exception as error:
        if arguments.json:
            print(_outcome(ctx, steps, {"error": str(error)}))
        raise
    print(_outcome(ctx, steps, done) if arguments.json else _closing(ctx, steps, done))
    return 0


def parts_of(stage: str) -> Collection[str]:
    """What is brought up where --only names nothing."""
    return [part for part in PARTS if stage != "local" or part != "stacks"]


def deploy(
    ctx: Context,
    steps: Steps,
    parts: Collection[str] = PARTS,
    *,
    salesforce: Path | None = None,
    is_warmed: bool = True,
    how: Pass | None = None,
) -> dict[str, Any]:
    """Bring up the parts of the stage, in their order; what a tool may want to know of it.

    `how`: by what a release passes the preflight of a stage that has one.

    Raises OpsError; what was done until then stays, and the next run goes on from there.
    """
    done: dict[str, Any] = {"to_do": []}
    steps.run("look who is at work", lambda: _refuse_beside_another(ctx))
    if "stacks" in parts:
        deploy_stacks(ctx, steps)
    if salesforce:
        steps.run("put Salesforce's secret", lambda: put_salesforce_secret(ctx, salesforce))
    if "code" in parts:
        waiting = steps.run("look for what people do", lambda: _people(ctx))
        done["to_do"] = [each.to_json() for each in waiting]
        package = steps.run("deploy the code", lambda: _code(ctx, steps))
        done["package"] = package and package.to_json()
    if "release" in parts and not (ctx.dry_run and "code" in parts):
        gate(ctx, steps, how or Pass())
        chain = release(ctx, steps, is_warmed=is_warmed)
        done["chain"] = chain and chain.to_json()
        done["table"] = chain and chain.table()
    return done


def _refuse_beside_another(ctx: Context) -> Done[None]:
    """RefusedError while a release is under way: it publishes the bot's DRAFT when it ends."""
    try:
        who = held(ctx)
    except RefusedError:
        return Done(None, "nobody: there is no table of operations yet")
    if who:
        raise RefusedError(f"{who} Nothing was changed.")
    return Done(None, "nobody")


def _people(ctx: Context) -> Done[list[ToDo]]:
    """What waits for a person; a dry run tells what would stop the real one."""
    if not ctx.dry_run:
        return refuse_while_blocked(ctx)
    waiting = to_do(ctx)
    return Done(waiting, "; ".join(each.what for each in waiting) or "nothing waits for a person")


def _code(ctx: Context, steps: Steps) -> Done[Package | None]:
    if ctx.dry_run:
        return Done(None, "would build the package, upload it, and release it", True)
    _require_stacks(ctx)
    before = latest(ctx)
    package = deploy_code(ctx.stage, lambda text: _noted(steps, text))
    is_same = latest(ctx) == before
    size = f"{package.zipped_bytes / 1_000_000:.2f} MB"
    detail = f"{size}, as it was on $LATEST" if is_same else f"{size} on $LATEST"
    return Done(package, detail, not is_same)


def _noted(steps: Steps, text: str) -> None:
    for line in text.splitlines():
        steps.note(line.strip())


def _require_stacks(ctx: Context) -> None:
    """RefusedError without the stacks that the functions cannot start without."""
    names = [stack_name(ctx.stage, stack) for stack in (WORKFLOW, TABLES, BOT)]
    if missing := [name for name in names if ctx.stage != "local" and not described(ctx, name)]:
        raise RefusedError(
            f"there is no stack {', '.join(missing)}: run `python -m ops deploy --stage "
            f"{ctx.stage}` without --only, or with --only stacks, first"
        )


def _outcome(ctx: Context, steps: Steps, result: dict[str, Any]) -> str:
    told = {"stage": ctx.stage, "dry_run": ctx.dry_run, "changed": steps.changed}
    shown = {name: value for name, value in result.items() if name != "table"}
    return json.dumps(told | {"steps": steps.records} | steps.facts | shown, indent=2)


def _closing(ctx: Context, steps: Steps, done: dict[str, Any]) -> str:
    lines = [f"\n{done['table']}\n"] if done.get("table") else []
    lines += [f"Left for a person: {each['what']}; {each['how']}." for each in done["to_do"]]
    if not steps.changed:
        return "\n".join([*lines, "Nothing to do: everything is as the repository says."])
    return "\n".join([*lines, "Dry run: nothing was changed." if ctx.dry_run else "Deployed."])
