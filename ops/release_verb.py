"""`python -m ops release` and `python -m ops rollback`: arguments in, prints and exit codes out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ops.aws import clients
from ops.pace import PACES, Pace
from ops.preflight.gate import gate
from ops.preflight.verb import add_pass, pass_of
from ops.release import release
from ops.rollback import roll_back
from ops.stages import FULFILLMENT, STAGES
from ops.steps import Context, Steps
from ops.waiting import Waiter

RELEASE = """
Make what `python -m ops deploy` put on $LATEST live, in an order in which traffic never meets a
cold version or $LATEST: publish a version of every function, invoke each new one, have the shared
answers made, provision the fulfilment version and wait until it is READY; then rehearse it with
turns that nobody had, and give it a growing share of the visitors' turns (every alias `live` with
the same weights). Each share is judged on the new version's turns, by its own log lines: failures,
slow turns, cold starts, answers without a model's words, beside the former version's of the same
time. Where too few visitors came, turns are made. Then the bot's version and the Lex alias move,
and what older versions held is freed.

A version that is worse than allowed is rolled back at once, exit code 1, with the number of
visitors who noticed. Stage local, and a first release, move at once and unjudged.

On stage prod `preflight` comes first, and refuses unless every row of it is a go; --override goes
ahead all the same, and is recorded.

Run it again after an interruption: every step looks before it changes, and a half-done shift is
completed, or taken back when other code was deployed meanwhile. Two at a time are refused.
Endpoint, region and credentials are botocore's usual ones; stage local goes to AWS_ENDPOINT_URL,
or to the sandbox at http://127.0.0.1:4566, and never to an account."""

ROLLBACK = """
Go back to the version before the live one, and to the bot it was released with: fulfilment's alias
first, in one call, then what it invokes, then the Lex alias. A version without provisioned
environments gets them first, but for no longer than --patience seconds; 0 moves at once, and the
first turns start cold. A release that is under way loses its lease to this, and stops.

What is gone back to is what the records of `release` say, so it takes a stage that was released
once before. --to names any other version of lex_fulfillment that was released."""


def add_release(verb: argparse.ArgumentParser) -> None:
    """The arguments of `release`."""
    _add_common(verb)
    verb.add_argument("--no-warming", action="store_true", help="make no answers beforehand")
    verb.add_argument("--no-rehearsal", action="store_true", help="make no turns beforehand")
    at_once = argparse.BooleanOptionalAction
    verb.add_argument("--at-once", action=at_once, help="one step, unjudged; default on local")
    text = "shares of the turns in percent, such as 10,50; default by stage"
    verb.add_argument("--steps", type=_weights, metavar="PERCENT,...", help=text)
    text = "on how many turns a step is judged; default by stage"
    verb.add_argument("--turns", type=_at_least_two, help=text)
    text = "seconds until missing turns are made; default by stage"
    verb.add_argument("--patience", type=_seconds, help=text)
    text = "seconds that a step lasts at least; default by stage"
    verb.add_argument("--bake", type=_seconds, help=text)
    add_pass(verb)
    verb.set_defaults(run=_release)


def add_rollback(verb: argparse.ArgumentParser) -> None:
    """The arguments of `rollback`."""
    _add_common(verb)
    verb.add_argument("--to", default="", metavar="VERSION", help="default: the one before")
    verb.add_argument("--reason", default="", help="for the record; names nobody")
    text = "seconds to wait for provisioned environments; default %(default)s"
    verb.add_argument("--patience", type=_seconds, default=15.0, help=text)
    verb.set_defaults(run=_rollback)


def _add_common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--stage", required=True, choices=STAGES)
    verb.add_argument("--dry-run", action="store_true", help="tell what would change, change none")
    verb.add_argument("--json", action="store_true", help="the result as JSON; progress on stderr")


def _weights(text: str) -> tuple[float, ...]:
    try:
        shares = tuple(float(part) / 100 for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"no percentages: {text}") from None
    if not all(0 < share < 1 for share in shares) or list(shares) != sorted(set(shares)):
        raise argparse.ArgumentTypeError("growing percentages over 0 and under 100, please")
    return shares


def _at_least_two(text: str) -> int:
    if not text.isdigit() or not 2 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError("a whole number from 2 to 10000, please")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"no seconds: {text}") from None
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("from 0 to 3600 seconds, please")
    return seconds


def _release(arguments: argparse.Namespace) -> int:
    def run(context: Context, steps: Steps) -> dict[str, Any]:
        gate(context, steps, pass_of(arguments))
        chain = release(
            context,
            steps,
            is_warmed=not arguments.no_warming,
            at_once=arguments.at_once,
            pace=_pace(arguments),
            is_rehearsed=not arguments.no_rehearsal,
        )
        if chain and not arguments.json:
            print(f"\n{chain.table()}\n")
        return {"chain": chain and chain.to_json()}

    return _told(arguments, run, "Released.", "Nothing to do: everything is live as deployed.")


def _pace(arguments: argparse.Namespace) -> Pace:
    pace = PACES[arguments.stage]
    given = {
        "weights": arguments.steps,
        "turns": arguments.turns,
        "patience_seconds": arguments.patience,
        "bake_seconds": arguments.bake,
    }
    return replace(pace, **{name: value for name, value in given.items() if value is not None})


def _rollback(arguments: argparse.Namespace) -> int:
    def run(context: Context, steps: Steps) -> dict[str, Any]:
        route = roll_back(
            context,
            steps,
            to=arguments.to,
            reason=arguments.reason,
            patience_seconds=arguments.patience,
        )
        return {"live": route.former[FULFILLMENT], "left": route.versions[FULFILLMENT]}

    return _told(arguments, run, "Rolled back.", "Nothing to do.")


def _told(
    arguments: argparse.Namespace,
    run: Callable[[Context, Steps], dict[str, Any]],
    done: str,
    nothing: str,
) -> int:
    """Run it, and tell its end in words or, with how far it came, as JSON."""
    steps = Steps(stream=sys.stderr if arguments.json else sys.stdout)
    stage, is_dry = arguments.stage, arguments.dry_run
    context = Context(stage, clients(stage), Waiter(steps.note), is_dry)
    try:
        result = run(context, steps)
    except Exception as error:
        if arguments.json:
            print(_outcome(context, steps, error=str(error)))
        raise
    if arguments.json:
        print(_outcome(context, steps, **result))
    elif not steps.changed:
        print(nothing)
    else:
        print("Dry run: nothing was changed." if is_dry else done)
    return 0


def _outcome(context: Context, steps: Steps, **result: Any) -> str:
    """What a tool reads: how far it came, then the result or the error."""
    told = {"stage": context.stage, "dry_run": context.dry_run, "changed": steps.changed}
    return json.dumps(told | {"steps": steps.records} | steps.facts | result, indent=2)
