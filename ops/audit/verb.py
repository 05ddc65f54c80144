"""The verb `audit`: looks at every row, prints the table or JSON, exits 1 on any failure."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from ops import records
from ops.audit import (
    alarm_rows,
    chain_rows,
    function_rows,
    limits,
    load_rows,
    log_rows,
    running_rows,
    target_rows,
    workflow_rows,
)
from ops.audit.facts import Facts
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, unknown
from ops.aws import clients
from ops.stages import STAGES
from ops.steps import Context
from ops.together import each
from ops.waiting import Waiter

AUDIT = """
Compare what is live with every finding that made the predecessor slow: one row each, with what was
found, why it matters and what to do. Reads AWS and changes nothing, --record apart; one invoke asks
a running environment about itself.

A row that cannot be observed says `unknown`, never `pass`: too little traffic to measure, a right
that is missing, a service that does not tell. Unknown is no failure, but for --strict."""
ROWS: tuple[Row, ...] = (
    *chain_rows.ROWS,
    *target_rows.ROWS,
    *load_rows.ROWS,
    *function_rows.ROWS,
    *workflow_rows.ROWS,
    *running_rows.ROWS,
    *alarm_rows.ROWS,
    *log_rows.ROWS,
)
_MARKS = {"pass": "ok", "fail": "FAIL", "unknown": "?"}
_WIDTH = 100
_INDENT = 31
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row with its verdict; `do` with the stage's name in it."""

    row: Row
    verdict: Verdict
    do: str

    def to_json(self) -> dict[str, str]:
        """The finding as plain data."""
        told = {"row": self.row.name, "status": self.verdict.status, "found": self.verdict.found}
        return told | {"why": self.row.why, "do": self.do}


def audit(facts: Facts, rows: Sequence[Row] = ROWS) -> list[Finding]:
    """Every row's finding, in order.

    Raises botocore's error where nothing answers, or nobody is let in, at all.
    """
    verdicts = each(lambda row: verdict_of(row, facts), rows)
    return [
        Finding(row, verdict, row.do.format(stage=facts.stage))
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def verdict_of(row: Row, facts: Facts) -> Verdict:
    """The row's verdict; `unknown` with the reason where it cannot be observed."""
    try:
        return row.look(facts)
    except Unobserved as reason:
        return unknown(str(reason))
    except (EndpointConnectionError, NoCredentialsError, NoRegionError):
        raise
    except ClientError as error:
        return unknown(_refusal(error))
    except BotoCoreError as error:
        return unknown(str(error))


def _refusal(error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "an error")
    word = "is not permitted" if code in _DENIED else f"answered {code}"
    return f"{error.operation_name} {word}"


def add_audit(verb: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    verb.add_argument("--json", action="store_true", help="the findings as JSON")
    verb.add_argument("--strict", action="store_true", help="unknown counts as a failure too")
    names = [row.name for row in ROWS]
    verb.add_argument(
        "--row", action="append", choices=names, metavar="NAME", help="only this; may be repeated"
    )
    verb.add_argument(
        "--hours",
        type=_hours,
        default=limits.HOURS,
        help="how far back metrics and logs are looked at; %(default)s",
    )
    verb.add_argument(
        "--record", action="store_true", help="keep what was found in the table of operations"
    )
    verb.set_defaults(run=_audit)


def _audit(arguments: argparse.Namespace) -> int:
    ctx = _context(arguments.stage)
    facts = Facts(ctx, arguments.hours)
    rows = [row for row in ROWS if arguments.row is None or row.name in arguments.row]
    findings = audit(facts, rows)
    print(_as_json(facts, findings) if arguments.json else table(findings))
    if arguments.record:
        _record(ctx, findings)
    bad = ("fail", "unknown") if arguments.strict else ("fail",)
    return int(any(finding.verdict.status in bad for finding in findings))


def _record(ctx: Context, findings: Sequence[Finding]) -> None:
    """Names and counts; what was found may be long, and is found again."""
    failed = [f.row.name for f in findings if f.verdict.status == "fail"]
    unseen = [f.row.name for f in findings if f.verdict.status == "unknown"]
    records.write(ctx, "audit", counts=counts(findings), failed=failed, unknown=unseen)


def _context(stage: str) -> Context:
    note: Callable[[str], None] = lambda line: print(line, file=sys.stderr)  # noqa: E731
    return Context(stage, clients(stage), Waiter(note), dry_run=True)


def _as_json(facts: Facts, findings: Sequence[Finding]) -> str:
    told: dict[str, Any] = {
        "stage": facts.stage,
        "at": facts.now.isoformat(timespec="seconds"),
        "hours": facts.hours,
        "counts": counts(findings),
        "rows": [finding.to_json() for finding in findings],
    }
    return json.dumps(told, indent=2)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many rows passed, failed and are unknown."""
    statuses = [finding.verdict.status for finding in findings]
    return {status: statuses.count(status) for status in ("pass", "fail", "unknown")}


def table(findings: Sequence[Finding]) -> str:
    """A line a row; a row that failed tells why it matters and what to do."""
    lines = [line for finding in findings for line in _lines(finding)]
    number = counts(findings)
    closing = f"{number['pass']} passed, {number['fail']} failed, {number['unknown']} unknown"
    return "\n".join([*lines, "", closing])


def _lines(finding: Finding) -> list[str]:
    head = f"{_MARKS[finding.verdict.status]:<6} {finding.row.name:<23} {finding.verdict.found}"
    lines = _wrapped(head)
    if finding.verdict.status == "fail":
        lines += _wrapped(f"{'':<{_INDENT}}why: {finding.row.why}")
        lines += _wrapped(f"{'':<{_INDENT}}do:  {finding.do}")
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=" " * _INDENT, drop_whitespace=True, break_on_hyphens=False
    )


def _hours(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= 336:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 336, not {text!r}")
