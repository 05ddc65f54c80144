"""The life of stage `prod` on an empty account, from the first deployment to the last resource.

    python -m bench.production [--short] [--out bench/results/production.md]

Starts a sandbox of its own with the latencies `reported`, clones the committed project beside it
and types what a team types: deploy, audit, trace, releases of good, failing and slow code while
people talk, rollback, cost, status, destroy. Each act ends in a line with figures; exit code 1
when one did not come out. --short leaves the releases out and writes nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.production import acts, releases, report
from bench.production.account import own_account
from bench.production.show import Show
from bench.production.team import Team
from sandbox.conversation.child import ROOT

BEFORE = (
    ("deploy from nothing", acts.deploy),
    ("talk, and a whole lead", acts.talk),
    ("audit", acts.audit),
    ("traces", acts.traces),
)
RELEASES = (
    ("release under load", releases.clean),
    ("a release that fails", releases.failing),
    ("a release that is slow", releases.slow),
    ("rollback", releases.back),
)
AFTER = (("cost", acts.cost), ("status", acts.status), ("destroy", acts.destroy))
OUT = ROOT / "bench" / "results" / "production.md"


def tell(text: str) -> None:
    print(text, flush=True)


def play(*, is_short: bool = False) -> Show:
    """Everything in order; what depends on a deployment that failed is left out."""
    with (
        tempfile.TemporaryDirectory(prefix="atlas-production-") as folder,
        own_account(tell) as account,
    ):
        show = Show(account, Team(Path(folder), account.endpoint, tell), tell)
        first, *others = (*BEFORE, *AFTER) if is_short else (*BEFORE, *RELEASES, *AFTER)
        if show.act(*first):
            for act in others:
                show.act(*act)
            show.site.close()
        return show


def main() -> int:
    """Play it, print a line for each act, and write the results."""
    arguments = _parser().parse_args()
    began = time.monotonic()
    show = play(is_short=arguments.short)
    seconds = time.monotonic() - began
    tell("\n" + "\n".join(line.told() for line in show.lines))
    tell(f"{seconds:.0f} s in all")
    if not arguments.short:
        arguments.out.write_text(report.report(show, seconds), encoding="utf-8")
    return int(not all(line.came_out for line in show.lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.production",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="without the releases")
    parser.add_argument("--out", type=Path, default=OUT, help="where the results go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
