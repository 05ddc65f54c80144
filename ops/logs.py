"""`ops logs`: what a stage's functions wrote, by conversation, trace or lead, or as it comes."""

from __future__ import annotations

import argparse
import json
import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from chalicelib.observability import session_label
from ops.aws import clients
from ops.log_lines import Event, Search, fields_of, read, seconds, told
from ops.stages import FUNCTIONS, STAGES
from ops.steps import Context
from ops.waiting import Waiter

LOGS = """
Show the functions' log lines, the oldest first. Filters are exact and may be combined; CloudWatch
applies them, so only what matches is read. A line names its session, trace and interaction by ids:
no log has a name, a number or what anybody said.

  python -m ops logs --stage prod --level ERROR --since 1d     what went wrong
  python -m ops logs --stage prod --session SESSION            one conversation
  python -m ops logs --stage prod --interaction ID             one lead, through every function
  python -m ops logs --stage prod --function lex_fulfillment --follow

`ops trace ID` draws what one trace id took."""

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# Lines arrive late and out of order by some seconds, so each look goes back, and knows what it
# has shown.
_LOOKING_BACK = timedelta(seconds=20)
_PAUSE_SECONDS = 2.0
# What stands in the lines for a session's id that a person chose.
_LABEL = re.compile(r"h-[0-9a-f]{4}")
_REMEMBERED = 20_000


def add_logs(verb: argparse.ArgumentParser) -> None:
    """The arguments of `ops logs`."""
    verb.add_argument("--stage", required=True, choices=STAGES)
    names = [function.name for function in FUNCTIONS]
    several = "this function alone; may be repeated"
    verb.add_argument("--function", action="append", default=[], choices=names, help=several)
    verb.add_argument("--since", type=_duration, default="15m", help="90s, 15m, 2h or 3d; 15m")
    for name, what in _BY_ID.items():
        verb.add_argument(f"--{name}", default="", metavar="ID", help=what[1])
    verb.add_argument("--level", default="", choices=_LEVELS, help="this level alone")
    verb.add_argument("--platform", action="store_true", help="Lambda's own lines, too")
    verb.add_argument("--limit", type=_count, default=500, help="the newest so many; %(default)s")
    verb.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    verb.add_argument("--json", action="store_true", help="a JSON object a line")
    verb.set_defaults(run=_run)


# An option's field in the lines, and its help.
_BY_ID = {
    "session": ("session", "one conversation, by its session id or by the label in the lines"),
    "trace": ("trace_id", "one trace, by its id in the lines"),
    "interaction": ("interaction_id", "one lead, by its id"),
    "request": ("request_id", "one invocation"),
}


def _duration(text: str) -> int:
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 10_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 10000, not {text!r}")


def _run(arguments: argparse.Namespace) -> int:
    ctx = Context(arguments.stage, clients(arguments.stage), Waiter(lambda _: None))
    tell: Callable[[Event], str] = _as_json if arguments.json else told
    tail = Tail(ctx, search_of(arguments), arguments.limit, lambda e: print(tell(e), flush=True))
    tail.show(timedelta(seconds=arguments.since))
    while arguments.follow:
        ctx.waiter.sleep(_PAUSE_SECONDS)
        tail.show(_LOOKING_BACK)
    return 0


def search_of(arguments: argparse.Namespace) -> Search:
    """What the arguments look for."""
    by_id = {field: getattr(arguments, name) for name, (field, _) in _BY_ID.items()}
    if by_id["session"] and not _LABEL.fullmatch(by_id["session"]):
        by_id["session"] = session_label(by_id["session"])
    wanted = by_id | {"level": arguments.level}
    names = tuple(arguments.function) or tuple(function.name for function in FUNCTIONS)
    fields = {name: value for name, value in wanted.items() if value}
    return Search(names, fields, with_platform=arguments.platform)


def _as_json(event: Event) -> str:
    head = {"timestamp": event["timestamp"], "function": event["function"]}
    return json.dumps(head | fields_of(event), ensure_ascii=False)


class Tail:
    """Shows each event once, however often it is read."""

    def __init__(
        self, ctx: Context, search: Search, most: int, show: Callable[[Event], None]
    ) -> None:
        self._ctx, self._search, self._most, self._show = ctx, search, most, show
        self._shown: OrderedDict[str, None] = OrderedDict()

    def show(self, back: timedelta) -> None:
        """Show what is new among the lines of the time that is gone."""
        for event in read(self._ctx, self._search, self._ctx.now() - back, self._most):
            if event["eventId"] not in self._shown:
                self._shown[event["eventId"]] = None
                self._show(event)
        while len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)
