"""From the visitor's yes to the ringing phone: Atlas, the predecessor's order, Atlas in sequence.

    python -m bench.consent_to_ring [--runs 20] [--scale 1.0]

Starts a sandbox of its own with the profile `reported`. The variants take turns, so that they meet
the same machine; each one's first run is reported apart. Time runs from sending the yes to the
ring as the phone network notes it. The consent turn is the same in all four: where the workflow
must not run, Step Functions refuses the turn's StartExecution after its usual time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench import predecessor
from bench.figures import load, ratio, spread, table
from bench.site import Site, own_site, progress
from bench.visitor import QUESTIONS, Reply, Visitor, number_of
from bench.workflows import events_of, execution_of

AIM_SECONDS, AIM_RATIO = 1.3, 4.0
READY, NOT_READY = "Atlas, scenario ready", "Atlas, scenario not ready"
PREDECESSOR, IN_SEQUENCE = "the predecessor's order and habits", "Atlas's steps in sequence"
NO_START = {
    **{"service": "stepfunctions", "operation": "StartExecution"},
    **{"error": "InternalServerError", "count": 1},
}
# Calls that end at once leave the processor to what is measured.
SHORT_CALLS = {"mode": "declined", "ring_seconds": 0.1}
SCENARIO_SECONDS = 30.0
SETTLE_SECONDS = 30.0


@dataclass(slots=True)
class Results:
    """Seconds by variant; `parts` are those of each Atlas run."""

    first: dict[str, float] = field(default_factory=dict)
    later: dict[str, list[float]] = field(default_factory=dict)
    parts: list[dict[str, float]] = field(default_factory=list)
    ready: dict[str, list[bool]] = field(default_factory=dict)

    def add(self, variant: str, seconds: float) -> None:
        if variant not in self.first:
            self.first[variant] = seconds
        else:
            self.later.setdefault(variant, []).append(seconds)

    def of(self, *variants: str) -> list[float]:
        return [seconds for variant in variants for seconds in self.later.get(variant, [])]


class Runs:
    """Each method is one run of one variant with a visitor and a number of its own."""

    def __init__(self, site: Site, results: Results) -> None:
        self._site, self._results = site, results
        self._numbers = map(number_of, itertools.count())

    def atlas(self, variant: str) -> float:
        """The story as it is; the scenario's state is looked at after the ring."""
        visitor = self._offered(wait_for_scenario=variant == READY)
        reply = visitor.say("yes")
        seconds = visitor.ring_after(reply.sent)
        is_ready = has_scenario(self._site, visitor) if variant == NOT_READY else True
        self._results.ready.setdefault(variant, []).append(is_ready)
        self._settle()
        if variant in self._results.first:
            self._results.parts.append(parts(self._site, visitor, reply, seconds))
        return seconds

    def predecessor(self, variant: str) -> float:
        visitor, reply = self._consented()
        predecessor.run(self._site, visitor.name, visitor.number, QUESTIONS)
        return visitor.ring_after(reply.sent)

    def in_sequence(self, variant: str) -> float:
        """The workflow's three functions by their aliases, each after the one before."""
        visitor, reply = self._consented()
        for function in ("create_lead", "generate_scenario", "invoke_call"):
            token = {"task_token": "none"} if function == "invoke_call" else {}
            self._invoke(function, {"interaction_id": visitor.interaction_id} | token)
        return visitor.ring_after(reply.sent)

    def _offered(self, *, wait_for_scenario: bool) -> Visitor:
        visitor = Visitor(self._site, next(self._numbers))
        visitor.wants_call()
        if wait_for_scenario:
            self._site.wait(
                "a scenario", lambda: has_scenario(self._site, visitor), SCENARIO_SECONDS
            )
        return visitor

    def _consented(self) -> tuple[Visitor, Reply]:
        """A yes that is recorded and starts nothing."""
        visitor = self._offered(wait_for_scenario=False)
        # Made afresh in the sequence that follows, as it would be without Atlas's head start.
        self._forget_scenario(visitor)
        self._site.faults(NO_START)
        reply = visitor.say("yes")
        self._site.faults()
        return visitor, reply

    def _forget_scenario(self, visitor: Visitor) -> None:
        self._site.wait("a scenario", lambda: has_scenario(self._site, visitor), SCENARIO_SECONDS)
        self._site.client("dynamodb").update_item(
            TableName="atlas-local-scenario-cache",
            Key={"interaction_id": {"S": visitor.interaction_id}},
            UpdateExpression="REMOVE #text",
            ExpressionAttributeNames={"#text": "text"},
        )

    def _invoke(self, function: str, payload: dict[str, str]) -> None:
        answer = self._site.client("lambda").invoke(
            FunctionName=f"atlas-local-{function}",
            Qualifier="live",
            Payload=json.dumps(payload).encode(),
        )
        if "FunctionError" in answer:
            raise SystemExit(f"{function} failed: {answer['Payload'].read().decode()}")

    def _settle(self) -> None:
        """Let the workflow end, so that the next run meets a quiet machine."""
        is_idle = lambda: not self._site.executions("RUNNING")  # noqa: E731
        self._site.wait("the end of the workflow", is_idle, SETTLE_SECONDS)


def has_scenario(site: Site, visitor: Visitor) -> bool:
    return "text" in site.item("scenario-cache", visitor.interaction_id)


def parts(site: Site, visitor: Visitor, reply: Reply, seconds: float) -> dict[str, float]:
    """Where one run's time went, in milliseconds, from the workflow's history and the phone's."""
    call = site.calls_to(visitor.number)[0]
    started, entered, scheduled = _moments(site, visitor)
    return {
        "from the yes to StartExecution": (started - reply.sent) * 1000,
        "interpreter: to the state InvokeCall": (entered - started) * 1000,
        "interpreter: to the task's start": (scheduled - entered) * 1000,
        "invoke_call until it asks Connect": (call["started"] - scheduled) * 1000,
        "Connect until it rings": (call["ring"] - call["started"]) * 1000,
        "in all": seconds * 1000,
        "(the visitor's own wait for the reply)": (reply.came - reply.sent) * 1000,
    }


def _moments(site: Site, visitor: Visitor) -> tuple[float, float, float]:
    """Epoch seconds: the execution's start, InvokeCall's entry, its task's start."""
    execution = execution_of(site, visitor.interaction_id)
    if execution is None:
        raise SystemExit("a workflow was not started")
    events = events_of(site, execution)
    entered = next(event for event in events if _state(event) == "InvokeCall")
    begun = next(event for event in events if _is_start_after(event, entered["id"], events))
    times = (execution["startDate"], entered["timestamp"], begun["timestamp"])
    return times[0].timestamp(), times[1].timestamp(), times[2].timestamp()


def _state(event: dict[str, Any]) -> str:
    return str(event.get("stateEnteredEventDetails", {}).get("name", ""))


def _is_start_after(event: dict[str, Any], entered: int, events: list[dict[str, Any]]) -> bool:
    """Whether a task's start follows that entry, in its own branch."""
    before = {each["id"]: each["previousEventId"] for each in events}
    number = event["id"] if event["type"] == "TaskStarted" else 0
    while number and number != entered:
        number = before.get(number, 0)
    return bool(number)


def rounds(site: Site, count: int) -> Results:
    """Every variant `count` times after a first one, in turns."""
    results = Results()
    runs = Runs(site, results)
    variants: dict[str, Callable[[str], float]] = {
        READY: runs.atlas,
        PREDECESSOR: runs.predecessor,
        NOT_READY: runs.atlas,
        IN_SEQUENCE: runs.in_sequence,
    }
    for number in range(count + 1):
        for variant, run in variants.items():
            results.add(variant, run(variant))
        progress(f"round {number} of {count}")
    return results


def report(results: Results, count: int) -> Iterator[str]:
    """What is printed, line by line."""
    yield table(
        ("from yes to ring", "first s", "median s", "least", "most", "predecessor /", "sequence /"),
        (
            (
                *(variant, f"{results.first[variant]:.2f}", *spread(results.of(variant))),
                ratio(results.of(PREDECESSOR), results.of(variant)),
                ratio(results.of(IN_SEQUENCE), results.of(variant)),
            )
            for variant in (READY, NOT_READY, PREDECESSOR, IN_SEQUENCE)
        ),
    )
    late = results.ready[NOT_READY][1:]
    yield f"\n{count} runs each; scenario not there yet when it rang: {late.count(False)} of them."
    yield "\nWhere the time of an Atlas run goes, medians (and most) in ms:"
    yield table(
        ("part", "median", "most"),
        ((name, *_median_and_most(results.parts, name)) for name in results.parts[0]),
    )
    yield "\n" + verdict(results)


def verdict(results: Results) -> str:
    medians = [statistics.median(results.of(variant)) for variant in (READY, NOT_READY)]
    times = statistics.median(results.of(PREDECESSOR)) / max(medians)
    is_met = max(medians) <= AIM_SECONDS and times >= AIM_RATIO
    return (
        f"Aim (median at most {AIM_SECONDS} s in both, {AIM_RATIO:g} times faster than the "
        f"predecessor's order): {'met' if is_met else 'MISSED'}."
    )


def _median_and_most(found: list[dict[str, float]], name: str) -> tuple[str, str]:
    values = [each[name] for each in found]
    return f"{statistics.median(values):.0f}", f"{max(values):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="From the visitor's yes to the ringing phone.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    with own_site("reported", arguments.scale) as site:
        site.post("phone/line", SHORT_CALLS)
        print(f"Before: {load()}.")
        began = time.monotonic()
        results = rounds(site, arguments.runs)
        for line in report(results, arguments.runs):
            print(line)
        print(f"After {time.monotonic() - began:.0f} s: {load()}.")


if __name__ == "__main__":
    main()
