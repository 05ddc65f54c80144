"""The verb `preflight`: every row with what to do, and exit code 1 unless all of them are a go."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Callable, Sequence

from ops.audit.verb import Finding
from ops.aws import clients
from ops.preflight.gate import Pass, Preflight, override, preflight
from ops.stages import STAGES
from ops.steps import Context
from ops.waiting import Waiter

PREFLIGHT = """
Go or no-go before a release: the code on $LATEST is live on stage dev and passed its evaluation
there, there is a version to go back to, alarms are there, wired and heard by somebody, none of them
rings, the dashboard is there, the load is low, no change freeze, inside the release window, and
nobody else is at work. What cannot be observed is `unknown`, and no go either.

`release` and `deploy` run it by themselves on stage prod, and on no other. With --override REASON
they go ahead all the same; the reason is kept in the table of operations with the rows that refused
and with who STS says you are. Name no visitor in it.

The way to a go, with one checkout:
  python -m ops deploy --stage dev          the same package, live where no visitor is
  python -m ops evaluate --stage dev        its answers, kept with the package that gave them
  python -m ops deploy --stage prod --only code
  python -m ops preflight --stage prod      then: python -m ops release --stage prod

Dates and hours are UTC, from change_freezes and release_window in ops/team.toml. Of stage dev in
another account, --dev-profile names the credentials. Reads only, --override apart."""
_MARKS = {"pass": "go", "fail": "NO-GO", "unknown": "?"}
_WIDTH = 100
_INDENT = 26
_LONGEST_REASON = 500


def add_preflight(verb: argparse.ArgumentParser) -> None:
    """The arguments of `preflight`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    add_pass(verb)
    verb.add_argument("--dry-run", action="store_true", help="record no override")
    verb.add_argument("--json", action="store_true", help="the rows as JSON")
    verb.set_defaults(run=_run)


def add_pass(verb: argparse.ArgumentParser) -> None:
    """The arguments with which a release passes."""
    text = "go ahead against the preflight; kept on record"
    verb.add_argument("--override", type=_reason, metavar="REASON", help=text)
    text = "AWS profile of stage dev, where that is another account"
    verb.add_argument("--dev-profile", default="", metavar="PROFILE", help=text)


def pass_of(arguments: argparse.Namespace) -> Pass:
    """How those arguments mean to pass."""
    return Pass(arguments.override or "", arguments.dev_profile)


def _reason(text: str) -> str:
    if not 3 <= len(text.strip()) <= _LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"a reason of 3 to {_LONGEST_REASON} characters, please")
    return text.strip()


def _run(arguments: argparse.Namespace) -> int:
    note: Callable[[str], None] = lambda line: print(line, file=sys.stderr)  # noqa: E731
    stage = arguments.stage
    ctx = Context(stage, clients(stage), Waiter(note), arguments.dry_run)
    seen = preflight(ctx, arguments.dev_profile)
    is_overridden = bool(seen.refusals and arguments.override)
    told = override(ctx, seen, arguments.override).detail if is_overridden else ""
    print(_as_json(stage, seen, told) if arguments.json else table(seen, told))
    return int(bool(seen.refusals) and not is_overridden)


def _as_json(stage: str, seen: Preflight, told: str) -> str:
    return json.dumps({"stage": stage, **seen.to_json(), "override": told}, indent=2)


def table(seen: Preflight, told: str = "") -> str:
    """A line a row; a row that refuses tells why it matters and what to do."""
    lines = [line for finding in seen.findings for line in _lines(finding)]
    count = len(seen.refusals)
    end = f"NO-GO: {count} of {len(seen.findings)} rows refuse" if count else "GO"
    return "\n".join([*lines, "", f"{end}; {told}" if told else end])


def _lines(finding: Finding) -> Sequence[str]:
    status = finding.verdict.status
    head = f"{_MARKS[status]:<6} {finding.row.name:<18} {finding.verdict.found}"
    lines = _wrapped(head)
    if status != "pass":
        lines += _wrapped(f"{'':<{_INDENT}}why: {finding.row.why}")
        lines += _wrapped(f"{'':<{_INDENT}}do:  {finding.do}")
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=" " * _INDENT, break_on_hyphens=False)
