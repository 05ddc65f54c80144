"""`ops status`: what of a stage stands, what is live, and what waits for a person."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from botocore.exceptions import ClientError

from ops import records
from ops.aws import clients
from ops.chain import verify
from ops.errors import OpsError, RefusedError
from ops.lambda_aliases import live_aliases, serves
from ops.lambda_versions import find_functions
from ops.lease import held
from ops.lex_release import find_alias, find_bot
from ops.stack_state import described
from ops.stacks import PHONE, TEMPLATES, stack_name
from ops.stages import FULFILLMENT, FUNCTIONS, STAGES
from ops.steps import Context
from ops.team import team
from ops.to_do import to_do
from ops.together import each
from ops.waiting import Waiter

STATUS = """
Show a stage at one look: every stack, the code on $LATEST beside the code that is live, the chain
of a visitor's turn (Lex alias, Lambda alias, version, provisioned concurrency), the last release,
and what waits for a person. Reads only. Exit code 1 when something is not as a deployed stage
should be; `ops audit` looks deeper."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing as it stands; `is_well`: as it should be in a deployed stage."""

    what: str
    state: str
    is_well: bool = True


def add_status(verb: argparse.ArgumentParser) -> None:
    """The arguments of `ops status`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    verb.add_argument("--json", action="store_true", help="the rows as JSON")
    verb.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    waiter = Waiter(lambda text: print(text, file=sys.stderr))
    # It reads alone, and a dry run makes sure of it.
    rows = status(Context(arguments.stage, clients(arguments.stage), waiter, dry_run=True))
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print("\n".join(told(row) for row in rows))
    return int(not all(row.is_well for row in rows))


def told(row: Row) -> str:
    """A row as one line."""
    return f"{'ok' if row.is_well else 'NOT OK':<8} {row.what:<18} {row.state}"


def status(ctx: Context) -> list[Row]:
    """Everything, in the order of a deployment; what cannot be read is a row that says why."""
    stacks = each(partial(_stack, ctx), TEMPLATES)
    parts = [_read(what, partial(look, ctx)) for what, look in _LOOKS.items()]
    return [*stacks, *parts, *_people(ctx)]


def _read(what: str, look: Callable[[], str]) -> Row:
    try:
        return Row(what, look())
    except OpsError as error:
        return Row(what, str(error), is_well=False)
    except ClientError as error:
        # A refusal of AWS is what this row has found out.
        return Row(what, f"cannot be read: {error}", is_well=False)


def _stack(ctx: Context, stack: str) -> Row:
    now = described(ctx, stack_name(ctx.stage, stack))
    if now is None and stack == PHONE and not team(ctx.stage).connect_instance_id:
        return Row(f"stack {stack}", "left out: there is no Connect instance")
    state = str(now["StackStatus"]) if now else "missing"
    return Row(f"stack {stack}", state, state in ("CREATE_COMPLETE", "UPDATE_COMPLETE"))


def _code(ctx: Context) -> str:
    """Whether $LATEST is what is live; it is not between a deployment of code and its release."""
    latest = find_functions(ctx).value[FULFILLMENT]["CodeSha256"]
    aliases = live_aliases(ctx, [function.name for function in FUNCTIONS])
    if missing := [name for name, alias in aliases.items() if alias is None]:
        raise RefusedError(f"not released: {', '.join(missing)} without live")
    moving = [name for name, a in aliases.items() if a and not serves(a, a["FunctionVersion"])]
    if moving:
        raise RefusedError(f"traffic is divided: {', '.join(moving)}; {_at_work(ctx)}")
    version = (aliases[FULFILLMENT] or {})["FunctionVersion"]
    live = ctx.clients.lambda_.get_function_configuration(
        FunctionName=f"atlas-{ctx.stage}-{FULFILLMENT}", Qualifier=version
    )["CodeSha256"]
    if live == latest:
        return f"{latest[:12]}, version {version} of {FULFILLMENT}"
    told = f"$LATEST is {latest[:12]} and live is {live[:12]}"
    if records.latest(ctx, "release", outcome="rolled_back", code_sha256=latest):
        return f"{told}: that was rolled back, so deploy other code before a release"
    raise RefusedError(f"{told}: release it")


def _chain(ctx: Context) -> str:
    functions, bot = find_functions(ctx).value, find_bot(ctx).value
    alias_id = find_alias(ctx, bot)
    if alias_id is None:
        raise RefusedError("there is no Lex alias live")
    arn = functions[FULFILLMENT]["FunctionArn"].removesuffix(":$LATEST")
    chain = verify(ctx, bot, alias_id, arn).value
    link = next(link for link in chain.links if link.function == FULFILLMENT)
    lex = f"bot {chain.bot_id}, alias {alias_id}, bot version {chain.bot_version}"
    return f"{lex} -> {FULFILLMENT}:live, version {link.version}, {link.provisioned}"


def _release(ctx: Context) -> str:
    record = records.latest(ctx, "release")
    if record is None:
        raise RefusedError("never")
    told = f"{record['at'][:19]} {record['outcome']}, commit {record.get('commit', 'unknown')}"
    if record["outcome"] in ("begun", "rolling_back"):
        raise RefusedError(f"{told}; {_at_work(ctx)}")
    return told


def _at_work(ctx: Context) -> str:
    """Who has it in hand or, where nobody has, how it is ended."""
    stage = ctx.stage
    return held(ctx) or (
        f"nobody is at work on it, and nobody judges the new version: `python -m ops release "
        f"--stage {stage}` goes on, `python -m ops rollback --stage {stage}` takes it back"
    )


_LOOKS = {"code": _code, "way of a turn": _chain, "last release": _release}


def _people(ctx: Context) -> list[Row]:
    return [Row("for a person", f"{one.what}; {one.how}", not one.blocks) for one in to_do(ctx)]
