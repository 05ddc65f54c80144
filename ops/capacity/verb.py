"""`python -m ops capacity`: its arguments, and its answer as text or JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ops.capacity.quotas import Quota, quotas
from ops.cost_report import UNCONFIRMED, columns
from ops.errors import UnavailableError
from ops.stages import STAGE_SIZES, STAGES
from ops.team import team

if TYPE_CHECKING:
    from ops.capacity.needs import Breaks, Need
    from ops.capacity.simulation import Result
    from ops.capacity.workload import Workload

RATES = (1.0, 10.0, 100.0, 1000.0)
MOST_RATE, MOST_SECONDS = 1000.0, 36_000
LEAST_SECONDS, LEAST_TURNS = 120, 30_000
"""Simulated for each rate: long enough for calls of minutes to say how many meet."""
CAPACITY = """
What a steady traffic needs of Lambda, Lex, DynamoDB, Bedrock, Connect and Step Functions, beside
AWS's default quotas (ops/capacity/quotas.toml), and which quota ends first. A simulation of
visitors, their turns and their calls, with the shares and times of bench/results; the same
arguments give the same figures. Asks nothing of AWS and changes nothing.

A need is what is not exceeded for 99.9% of the time, or in the worst second or minute."""
_WORDS = {
    "lambda": "Lambda environments, all functions",
    "lex_text": "Lex, chat turns in flight",
    "lex_sessions": "Lex, chat sessions open (strict reading)",
    "lex_speech": "Lex, voice conversations",
    "connect_calls": "Connect, calls at once",
    "bedrock_requests": "Bedrock, requests a minute",
    "bedrock_tokens": "Bedrock, tokens a minute as counted",
    "dynamodb_write": "DynamoDB, write units a second",
    "dynamodb_read": "DynamoDB, read units a second",
    "connect_starts": "Connect, calls begun a second",
    "workflow_starts": "Step Functions, starts a second",
}


def add_capacity(verb: argparse.ArgumentParser) -> None:
    rates = ", ".join(f"{rate:g}" for rate in RATES)
    verb.add_argument("--stage", default="prod", choices=STAGES, help="default %(default)s")
    verb.add_argument(
        "--turns-per-second", type=_rate, action="append", help=f"may be repeated; {rates}"
    )
    verb.add_argument("--call-seconds", type=_positive, default=180.0, help="default %(default)s")
    verb.add_argument("--model-share", type=_share, help="of questions, for the measured one")
    verb.add_argument(
        "--seconds", type=_seconds, help=f"simulated; {LEAST_SECONDS}, or {LEAST_TURNS:,} turns"
    )
    verb.add_argument("--seed", type=int, default=1, help="default %(default)s")
    verb.add_argument(
        "--quota", type=_quota, action="append", default=[], metavar="NAME=VALUE", help="yours"
    )
    verb.add_argument("--json", action="store_true", help="needs and limits as JSON")
    verb.set_defaults(run=_capacity)


def _capacity(arguments: argparse.Namespace) -> int:
    granted = quotas(dict(arguments.quota))
    try:
        # simpy is a tool of development, and no other verb needs it.
        from ops.capacity import needs, simulation, workload
    except ModuleNotFoundError as error:
        raise UnavailableError(f"{error}; run `make` once, which installs it") from error
    found: dict[float, tuple[Result, Result]] = {}
    size = STAGE_SIZES[arguments.stage].provisioned_fulfillment
    for rate in sorted(arguments.turns_per_second or RATES):
        asked = workload.measured_workload(
            arguments.stage, rate, arguments.call_seconds, arguments.model_share
        )
        limits = {name: quota.value for name, quota in granted.items()}
        seconds = arguments.seconds or max(LEAST_SECONDS, LEAST_TURNS / rate)
        open_ended = simulation.simulate(asked, seconds, arguments.seed, {}, size)
        held = simulation.simulate(asked, seconds, arguments.seed, limits, size)
        found[rate] = (open_ended, held)
    by_rate = {rate: needs.needs(pair[0], granted) for rate, pair in found.items()}
    ends = needs.breaks(by_rate)
    if arguments.json:
        print(json.dumps(_as_json(found, by_rate, ends), indent=2))
    else:
        print("\n".join(_text(asked, found, by_rate, ends, size)))
        print(_own_limit(arguments.stage, asked))
    return 0


def _own_limit(stage: str, asked: Workload) -> str:
    """Our own limit stands in front of Connect's: a flood of yeses does not ring at once."""
    limit = team(stage).calls_per_hour
    ends_at = limit / 3600 / asked.calls_per_turn
    return (
        f"Our own calls_per_hour of {limit:,} in ops/team.toml ends at {ends_at:,.1f} turns a "
        "second; a yes beyond it is told so, and nothing is booked."
    )


def _text(
    asked: Workload,
    found: Mapping[float, tuple[Result, Result]],
    by_rate: Mapping[float, Sequence[Need]],
    ends: Sequence[Breaks],
    size: int,
) -> Iterator[str]:
    yield _assumed(asked)
    for rate, listed in by_rate.items():
        open_ended, held = found[rate]
        yield f"\nAt {rate:g} turns a second ({open_ended.turns_per_second:.1f} simulated)"
        yield from columns([_TITLES, *map(_row, listed)], right=(1, 2, 3, 4))
        yield _environments(open_ended, size)
        yield f"With these quotas refused in {held.seconds:g} s: {_refused(held)}."
    yield "\nWhere it ends, the first first, in turns a second:"
    yield from columns([_end_row(end) for end in ends], right=(0,))
    yield from _doubts([end.quota for end in ends])


_TITLES = ("need", "mean", "needed", "quota", "used")


def _assumed(asked: Workload) -> str:
    return (
        f"Assumed: {asked.questions_per_visit:.1f} questions a visit, {asked.chat_gap_seconds:g} s "
        f"between turns, {asked.capture_share:.0%} of visits want the demo and "
        f"{asked.consent_share:.0%} of those say yes; calls of {asked.call_seconds:g} s with "
        f"{asked.phone_turns_per_call:.1f} turns. Measured: {asked.model_share:.0%} of questions "
        "ask a model, as does every turn on the phone."
    )


def _row(need: Need) -> list[str]:
    cells = [f"{value:,.1f}" for value in (need.mean, need.need)]
    return [_WORDS[need.name], *cells, f"{need.quota.value:,.0f}", f"{need.used:.1%}"]


def _environments(result: Result, size: int) -> str:
    from ops.capacity.needs import provisioned

    spilled = result.spilled / max(result.turns, 1)
    return (
        f"Provisioned concurrency: {provisioned(result)} environments at 70% use. With the stage's "
        f"{size}, {spilled:.1%} of turns spill over."
    )


def _refused(result: Result) -> str:
    counted = result.refused
    told = (f"{_WORDS[name]} {count:,}" for name, count in counted.items())
    return ", ".join(told) or "nothing"


def _end_row(end: Breaks) -> list[str]:
    mark = "" if end.quota.is_confirmed else UNCONFIRMED
    raised = "can be raised" if end.quota.is_adjustable else "fixed"
    quota = f"{end.quota.value:,.0f} {end.quota.unit}, {raised}, seen {end.quota.seen} {mark}"
    about = "about " if end.is_extrapolated else ""
    return [f"{about}{end.turns_per_second:,.1f}", _WORDS[end.name], quota.rstrip()]


def _doubts(used: Sequence[Quota]) -> Iterator[str]:
    for quota in {each.name: each for each in used if not each.is_confirmed}.values():
        yield f"{UNCONFIRMED} {quota.name}: {quota.source}"


def _as_json(
    found: Mapping[float, tuple[Result, Result]],
    by_rate: Mapping[float, Sequence[Need]],
    ends: Sequence[Breaks],
) -> dict[str, Any]:
    from ops.capacity.needs import provisioned

    return {
        "rates": [
            {
                "turns_per_second": rate,
                "needs": [need.to_json() for need in by_rate[rate]],
                "provisioned": provisioned(open_ended),
                "spilled_share": open_ended.spilled / max(open_ended.turns, 1),
                "refused": held.refused,
            }
            for rate, (open_ended, held) in found.items()
        ],
        "breaks": [
            {
                "name": end.name,
                "turns_per_second": end.turns_per_second,
                "extrapolated": end.is_extrapolated,
                "quota": end.quota.value,
            }
            for end in ends
        ],
        "unconfirmed_quotas": {
            end.quota.name: end.quota.source for end in ends if not end.quota.is_confirmed
        },
    }


def _rate(text: str) -> float:
    return _between(text, MOST_RATE, "turns a second")


def _positive(text: str) -> float:
    return _between(text, 7200.0, "seconds")


def _share(text: str) -> float:
    return _between(text, 1.0, "as a share")


def _seconds(text: str) -> int:
    return int(_between(text, MOST_SECONDS, "seconds"))


def _between(text: str, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of {what} up to {most:g}")
    return value


def _quota(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE") from None
