"""The verb `watch`: reports at intervals, exit code 1 when the new version is worse than before."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from ops.aws import clients
from ops.errors import RefusedError
from ops.stages import STAGES
from ops.steps import Context, Steps
from ops.waiting import Waiter
from ops.watch.watching import Watch, take_back

WATCH = """
Watch the version that was released last: compare its turns with those of the 24 hours before it,
which `release` has kept. Both sides come from CloudWatch. It ends, with exit code 1, as soon as all
turns since the release, or those of the last interval alone, are worse:

  failed or crashed turns      over 1% and over 1.5 times what was usual, with 99% confidence
  cold starts                  over 2%, and the same
  without a model's words      over 10%, and the same
  average latency, by channel  over 1.25 times, and by more than 50 ms, of 50 turns
  p99 latency, by channel      over 1.5 times, and by more than 150 ms, of 100 turns
  models' cost per turn        over 1.5 times, and by more than 0.50 USD per 1,000, of 100 turns

Of fewer than 20 turns nothing is said, and a watch that saw no more ends with exit code 1 too.
Alarms that ring are told, and end nothing: each has its own page in docs/runbooks/.

  python -m ops watch --stage prod                   two days, a look every quarter of an hour
  python -m ops watch --stage prod --roll-back       go back to the version before when it is worse
  python -m ops watch --stage prod --hours 0.001     one look, now

--hours count from the release, so an interrupted watch goes on where it was, and a later one on
another machine sees the same. Another release, or a roll-back, ends it with exit code 1."""


def add_watch(verb: argparse.ArgumentParser) -> None:
    """The arguments of `watch`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    text = "from the release on; %(default)s"
    verb.add_argument("--hours", type=_number(336), default=48.0, help=text)
    text = "seconds between two looks; %(default)s"
    verb.add_argument("--every", type=_number(86_400), default=900.0, metavar="SECONDS", help=text)
    verb.add_argument("--roll-back", action="store_true", help="take a worse version back")
    verb.add_argument("--dry-run", action="store_true", help="tell of a roll-back, and make none")
    verb.add_argument("--json", action="store_true", help="every report as JSON at the end")
    verb.set_defaults(run=_run)


def _number(most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"no number: {text}") from None
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"over 0 and at most {most:g}, please")
        return value

    return read


def _run(arguments: argparse.Namespace) -> int:
    steps = Steps(stream=sys.stderr if arguments.json else sys.stdout)
    stage = arguments.stage
    ctx = Context(stage, clients(stage), Waiter(steps.note), arguments.dry_run)
    try:
        watch = Watch.of(ctx, arguments.hours, arguments.every)
    except Exception as error:
        if arguments.json:
            print(json.dumps({"stage": stage, "error": str(error)}))
        raise
    told: dict[str, Any] = {"stage": stage, "version": watch.version, "rolled_back": ""}
    _say(steps, f"before: {watch.before.text()}")
    try:
        told["worse"] = watch.run(lambda text: _say(steps, text))
        if told["worse"] and arguments.roll_back:
            told["rolled_back"] = take_back(ctx, steps, watch, told["worse"])
    except Exception as error:
        told["error"] = str(error)
        raise
    finally:
        if arguments.json:
            reports = [report.to_json() for report in watch.reports]
            print(json.dumps(told | {"before": watch.before.to_json(), "reports": reports}))
    if told["worse"]:
        raise RefusedError(_verdict(watch, told, arguments.roll_back))
    print(f"Version {watch.version} is no worse than before.", file=steps.stream)
    return 0


def _verdict(watch: Watch, told: dict[str, Any], is_told_to: bool) -> str:
    head = f"version {watch.version} is worse: {'; '.join(told['worse'])}"
    if is_told_to:
        return f"{head}; {told['rolled_back']}"
    return f"{head}; `python -m ops rollback --stage {told['stage']}` goes back"


def _say(steps: Steps, text: str) -> None:
    print(text, file=steps.stream, flush=True)
