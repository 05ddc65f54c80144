"""The command line of `ops trace`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ops.aws import clients
from ops.errors import RefusedError
from ops.log_lines import seconds
from ops.stages import STAGES
from ops.steps import Context
from ops.trace import reading
from ops.trace.reading import Trace
from ops.trace.tree import trees
from ops.trace.waterfall import Part, waterfall
from ops.waiting import Waiter

TRACE = """
Draw where the time of a turn, or of a whole lead, went: Lambda's and Step Functions' own segments,
and below them every call that Atlas made. X-Ray keeps a trace 30 days and samples some of them; a
trace that it did not sample still names its lines: `ops logs --trace ID`.

  python -m ops trace --stage prod 1-5759e988-bd862e3fe1be46a994272793   the id of a log line
  python -m ops trace --stage prod --last                                the newest turn
  python -m ops trace --stage prod --slowest --since 1h                  the slowest turn of an hour
  python -m ops trace --stage prod --interaction ID                      one lead, all its traces

A lead is several traces: the turn of the yes with the workflow that it started, and one for each
event of its call. They are drawn on one axis."""

WAIT_SECONDS = 15.0
_NARROWEST = 100


def add_trace(verb: argparse.ArgumentParser) -> None:
    """The arguments of `ops trace`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    which = verb.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", default="", help="a trace id, or a whole trace header")
    which.add_argument("--last", action="store_true", help="the newest turn")
    which.add_argument("--slowest", action="store_true", help="the slowest turn")
    which.add_argument("--interaction", default="", metavar="ID", help="a lead, by its id")
    verb.add_argument("--since", type=_duration, default="1h", help="90s, 15m, 2h or 3d; 1h")
    verb.add_argument(
        "--wait", type=float, default=WAIT_SECONDS, help="seconds for X-Ray to have it; %(default)s"
    )
    verb.add_argument("--width", type=int, default=0, help="columns; the terminal's by default")
    verb.add_argument("--json", action="store_true", help="the documents as X-Ray has them")
    verb.set_defaults(run=_run)


def _duration(text: str) -> int:
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(arguments: argparse.Namespace) -> int:
    waiter = Waiter(lambda text: print(text, file=sys.stderr))
    ctx = Context(arguments.stage, clients(arguments.stage), waiter)
    traces = found(ctx, arguments)
    width = arguments.width or shutil.get_terminal_size((140, 40)).columns
    print(_as_json(traces) if arguments.json else drawn(traces, width))
    return 0


def found(ctx: Context, arguments: argparse.Namespace) -> list[Trace]:
    """The traces that were asked for; RefusedError when X-Ray has none in `--wait` seconds."""
    traces: list[Trace] = []
    expression = _expression(arguments)

    def probe() -> str:
        traces[:] = _read(ctx, arguments, expression)
        return "" if traces or ctx.waiter.clock() >= give_up_at else "X-Ray has nothing of it yet"

    give_up_at = ctx.waiter.clock() + arguments.wait
    ctx.waiter.until("the trace", arguments.wait + 60.0, probe)
    if not traces:
        raise RefusedError(
            "X-Ray has no such trace: not sampled, older than --since, or not of this stage. "
            "Its log lines may be there: `ops logs --trace ID`"
        )
    return traces


def _expression(arguments: argparse.Namespace) -> str:
    if arguments.id:
        return ""
    if arguments.interaction:
        return reading.of_interaction(arguments.interaction)
    return reading.of_turns(arguments.stage)


def _read(ctx: Context, arguments: argparse.Namespace, expression: str) -> list[Trace]:
    if arguments.id:
        return reading.read(ctx, [reading.trace_id_of(arguments.id)])
    summaries = reading.summaries(ctx, expression, timedelta(seconds=arguments.since))
    if arguments.slowest and summaries:
        summaries = [max(summaries, key=_seconds)]
    ids = [summary["Id"] for summary in summaries]
    return reading.read(ctx, ids if arguments.interaction else ids[-1:])


def _seconds(summary: Mapping[str, Any]) -> float:
    """What the caller waited for. A trace's whole duration counts the workflow that it started too,
    and calls that were given up and ended when the environment ran again."""
    return float(summary.get("ResponseTime", summary.get("Duration", 0.0)))


def drawn(traces: Sequence[Trace], width: int) -> str:
    """The waterfall, each trace under its id."""
    parts = [Part(f"-- {trace.id}", trees(trace.documents)) for trace in traces]
    return waterfall(parts, max(_NARROWEST, width))


def _as_json(traces: Sequence[Trace]) -> str:
    told = [{"id": trace.id, "documents": list(trace.documents)} for trace in traces]
    return json.dumps(told, indent=1, ensure_ascii=False)
