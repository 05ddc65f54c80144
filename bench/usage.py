"""What a chat turn, a lead capture, a lead and each schedule's run use of every service.

    python -m bench.usage [--leads 5] [--turns 60] [--out bench/results]

Starts a sandbox of its own with the latencies `reported` and counts, one kind of work after the
other: calls by operation, invocations and seconds by function, tokens of what is asked besides the
turns, the workflow's transitions, and bytes of log. `python -m ops cost` and `python -m ops
capacity` read what it writes, usage.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.figures import load, table
from bench.site import Site, own_site, progress
from bench.streams.stream import stream
from bench.visitor import QUESTIONS, Visitor, number_of
from ops.stages import FULFILLMENT, FUNCTIONS, KEEP_WARM, MODEL_ROUTES, function_name
from sandbox.conversation.child import ROOT

FILE = "usage.json"
COMMAND = "python -m bench.usage"
SCHEDULE_RUNS = 3
# Longer than a scenario takes: an invocation is recorded when it ends.
QUIET_SECONDS, QUIET_LIMIT_SECONDS, SETTLE_SECONDS = 8.0, 90.0, 120.0
# A talk as the demo has one: two questions and a goodbye.
LINE = {
    "script": [
        "How much would that cost us?",
        "How long does a first setup take?",
        "Thank you, bye.",
    ],
    "ring_seconds": 0.1,
}
_PREFIX = "atlas-local-"
_ENTERED = "StateEntered"
LINE_BYTES = 26
"""https://aws.amazon.com/cloudwatch/pricing/: each log event counts so much more."""


class Counting:
    """Counts what one kind of work uses: everything from a reset until nothing moves any more."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.metrics: set[tuple[str, tuple[str, ...]]] = set()

    def of(self, times: int, work: Callable[[], None]) -> dict[str, Any]:
        """Averages of one of `times` pieces of work that `work` does."""
        executions, models = set(self._executions()), self._models()
        self._site.post("reset", {})
        begin_ms = int(time.time() * 1000)
        work()
        self.wait_until_quiet()
        seconds, invocations = self._functions()
        entered = self._transitions(set(self._executions()) - executions)
        return {
            "times": times,
            "calls": _per(times, self._calls()),
            "seconds": _per(times, seconds),
            "invocations": _per(times, invocations),
            "models": _asked(times, models, self._models()),
            "transitions": entered / times,
            "log_bytes": round(self._log_bytes(begin_ms) / times),
        }

    def _calls(self) -> dict[str, float]:
        asked: Mapping[str, Mapping[str, int]] = self._site.get("calls")
        # What this program asks to drive and to look is nobody's bill.
        own = {"lexv2-runtime", "cloudformation", "lexv2-models"}
        return {
            f"{service}.{operation}": count
            for service, operations in asked.items()
            if service not in own
            for operation, count in operations.items()
            if not operation.startswith(("List", "Describe", "GetExecutionHistory"))
        }

    def _functions(self) -> tuple[Counter[str], Counter[str]]:
        seconds: Counter[str] = Counter()
        invocations: Counter[str] = Counter()
        for record in self._site.get("invocations"):
            name = str(record["function"]).removeprefix(_PREFIX)
            seconds[name] += record["run_ms"] / 1000
            invocations[name] += 1
        return seconds, invocations

    def _models(self) -> dict[str, Mapping[str, float]]:
        """Of the scenario's route alone: what turns ask is the turn benchmark's to count."""
        wanted = MODEL_ROUTES["scenario"]["models"]
        asked = (item for each in self._site.get("models").values() for item in each.items())
        return {model: amounts for model, amounts in asked if model in wanted}

    def _executions(self) -> Iterator[str]:
        for status in ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT"):
            yield from (each["executionArn"] for each in self._site.executions(status))

    def _transitions(self, arns: Iterable[str]) -> int:
        client = self._site.client("stepfunctions")
        return sum(
            event["type"].endswith(_ENTERED)
            for arn in arns
            for page in client.get_paginator("get_execution_history").paginate(executionArn=arn)
            for event in page["events"]
        )

    def _log_bytes(self, begin_ms: int) -> int:
        """As CloudWatch bills them, with what it adds to each line."""
        lines = [line for f in FUNCTIONS for line in self._lines(f.name, begin_ms)]
        for line in lines:
            self._note_metrics(line)
        return sum(len(line.encode()) + LINE_BYTES for line in lines)

    def _lines(self, function: str, begin_ms: int) -> Iterator[str]:
        client = self._site.client("logs")
        group = f"/aws/lambda/{function_name('local', function)}"
        pages = client.get_paginator("filter_log_events")
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            for page in pages.paginate(logGroupName=group, startTime=begin_ms):
                yield from (event["message"] for event in page["events"])

    def _note_metrics(self, line: str) -> None:
        """CloudWatch bills each name with each set of dimensions."""
        if '"_aws"' not in line:
            return
        record = json.loads(line[line.index("{") :])
        for directive in record["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                values = tuple(f"{name}={record[name]}" for name in names)
                self.metrics |= {(m["Name"], values) for m in directive["Metrics"]}

    def wait_until_quiet(self) -> None:
        end, last, since = time.monotonic() + QUIET_LIMIT_SECONDS, -1, time.monotonic()
        while time.monotonic() < end:
            now = len(self._site.get("invocations"))
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > QUIET_SECONDS:
                return
            time.sleep(0.2)


def warmed(site: Site) -> None:
    """Have the shared answers made, and wait for the end of it."""
    site.post("reset", {})
    site.run_schedule("keep-warm")
    site.wait("keep_warm's first run", lambda: _has_run(site), SETTLE_SECONDS)
    Counting(site).wait_until_quiet()


def measure(site: Site, turns: int, leads: int) -> dict[str, Any]:
    """Every kind of work, with the shared answers made before."""
    counting = Counting(site)
    warmed(site)
    visitors = [Visitor(site, number_of(index)) for index in range(leads)]
    for visitor in visitors:
        site.post("phone/line", {"number": visitor.number, **LINE})
        # Who wants a call has asked something: without it there is no scenario to write.
        visitor.say(QUESTIONS[0])
    work: dict[str, tuple[int, Callable[[], None]]] = {
        "chat_turn": (turns, lambda: _chat(site, turns)),
        "capture": (leads, lambda: _captures(visitors)),
        "lead": (leads, lambda: _say_yes(site, visitors)),
        "keep_warm": (SCHEDULE_RUNS, lambda: _schedule(site, "keep-warm")),
        "recover_leads": (SCHEDULE_RUNS, lambda: _schedule(site, "recover-leads")),
    }
    found = {}
    for name, (times, do) in work.items():
        progress(f"counting {name}")
        found[name] = counting.of(times, do)
    return {"work": found, "custom_metrics": len(counting.metrics)}


def _chat(site: Site, turns: int) -> None:
    """Questions of the benchmark's stream, each by a visitor of its own."""
    wanted = [t for t in stream(1, turns * 2) if t.kind in ("grounded", "open")][:turns]
    for index, turn in enumerate(wanted):
        Visitor(site, number_of(index)).say(turn.text)


def _captures(visitors: Iterable[Visitor]) -> None:
    for visitor in visitors:
        visitor.wants_call(questions=())


def _say_yes(site: Site, visitors: Iterable[Visitor]) -> None:
    for visitor in visitors:
        visitor.say("yes")
        visitor.rung()
        site.wait("a workflow's end", lambda: not site.executions("RUNNING"), SETTLE_SECONDS)


def _schedule(site: Site, rule: str) -> None:
    for number in range(1, SCHEDULE_RUNS + 1):
        site.run_schedule(rule)
        site.wait(f"a run of {rule}", partial(_have_ended, site, number), SETTLE_SECONDS)


def _have_ended(site: Site, invocations: int) -> bool:
    return len(site.get("invocations")) >= invocations


def _has_run(site: Site) -> bool:
    """Whether keep_warm's run has ended; its record is written then."""
    names = (function_name("local", KEEP_WARM), KEEP_WARM)
    return any(record["function"] in names for record in site.get("invocations"))


def _asked(
    times: int, before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """What was asked between two counts, for one of `times`."""
    found = {}
    for model, amounts in after.items():
        earlier = before.get(model, {})
        found[model] = {n: (v - earlier.get(n, 0)) / times for n, v in amounts.items()}
    return {model: amounts for model, amounts in found.items() if any(amounts.values())}


def _per(times: int, amounts: Mapping[str, float]) -> dict[str, float]:
    return {name: round(n / times, 4) for name, n in sorted(amounts.items()) if n}


def summary(found: Mapping[str, Any]) -> str:
    head = (
        "work",
        "fulfilment s",
        "other functions s",
        "DynamoDB calls",
        "transitions",
        "log bytes",
    )
    rows = []
    for name, row in found["work"].items():
        others = sum(s for f, s in row["seconds"].items() if f != FULFILLMENT)
        dynamodb = sum(n for c, n in row["calls"].items() if c.startswith("dynamodb."))
        cells = (row["seconds"].get(FULFILLMENT, 0), others, dynamodb, row["transitions"])
        rows.append([name, *(f"{cell:.3f}" for cell in cells), str(row["log_bytes"])])
    return table(head, rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--leads", type=int, default=5)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    arguments = parser.parse_args()
    with own_site("reported") as site:
        found = measure(site, arguments.turns, arguments.leads)
    today = datetime.now(UTC).date().isoformat()
    told = {"measured_on": today, "by": COMMAND, "machine": load(), **found}
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(summary(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
