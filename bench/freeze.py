"""Environments frozen right after each reply, for a minute, while they hold a refresh each.

    python -m bench.freeze [--environments 4] [--seconds 60] [--rounds 4]

Starts a sandbox of its own with the latencies `reported`. The sandbox stops an environment's
process at the moment at which its reply is out, as Lambda freezes it, so whatever a turn does
beside its reply stands still until that environment's next turn. Answers are fresh for a second
here, so from the second round on every environment finds its own stale. Exit code 1 for an error
or for a refresh that nobody made.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.figures import load, table
from bench.site import Site, own_site, progress

FUNCTION = "atlas-local-lex_fulfillment"
MAKER = "atlas-local-generate_answer"
FRESH_SECONDS = 1.0
_BOT = {"id": "BOT", "name": "atlas-local", "localeId": "en_US", "version": "1"}


@dataclass(frozen=True, slots=True)
class Round:
    """What every environment answered in one round, how long it took, and what followed."""

    sources: Sequence[str]
    longest_ms: float
    made: int
    model_calls: int
    errors: int

    def row(self, name: str) -> tuple[str, ...]:
        told = ", ".join(f"{n} {source}" for source, n in Counter(self.sources).most_common())
        counts = (str(self.made), str(self.model_calls), str(self.errors))
        return (name, told, f"{self.longest_ms:.0f}", *counts)


@contextmanager
def short_lived_answers(site: Site) -> Iterator[None]:
    """$LATEST makes answers that are fresh for a second; generate_answer's are for hours."""
    functions = site.client("lambda")
    before = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]
    changed = {"Variables": before["Variables"] | {"ANSWER_FRESH_SECONDS": f"{FRESH_SECONDS:g}"}}
    functions.update_function_configuration(FunctionName=FUNCTION, Environment=changed)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=FUNCTION, Environment=before)


def ask_all(site: Site, count: int) -> Round:
    """One turn of each environment; turns at once are what keeps them apart."""
    barrier = threading.Barrier(count)

    def ask(number: int) -> str:
        barrier.wait(60)
        return _source(site, number)

    with ThreadPoolExecutor(count) as pool:
        sources = list(pool.map(ask, range(count)))
    records = site.get("invocations")
    turns = [record for record in records if record["function"] == FUNCTION][-count:]
    return Round(
        sources,
        max(record["run_ms"] for record in turns),
        sum(record["function"] == MAKER for record in records),
        sum(site.get("calls").get("bedrock-runtime", {}).values()),
        sum(bool(record["error"]) for record in records),
    )


def _source(site: Site, number: int) -> str:
    answer = site.client("lambda").invoke(
        FunctionName=FUNCTION, Payload=json.dumps(_event(f"frozen-{number}")).encode()
    )
    reply: Mapping[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        return "error"
    return str(reply["sessionState"]["sessionAttributes"]["answerSource"])


def _event(session: str) -> dict[str, Any]:
    intent = {"name": "AboutTechnologyIntent", "slots": {}, "state": "ReadyForFulfillment"}
    return {
        "messageVersion": "1.0",
        "invocationSource": "FulfillmentCodeHook",
        "inputMode": "Text",
        "sessionId": session,
        "inputTranscript": "what technology do you use",
        "bot": _BOT,
        "interpretations": [],
        "sessionState": {"intent": intent, "sessionAttributes": {}},
    }


def run(site: Site, count: int, seconds: float, rounds: int) -> list[Round]:
    """The first round makes the answer, the others meet it stale, each after a freeze."""
    site.post("reset", {})
    with short_lived_answers(site):
        done = [ask_all(site, count)]
        time.sleep(2 * FRESH_SECONDS)
        for number in range(rounds):
            done.append(ask_all(site, count))
            progress(f"round {number + 2}: {done[-1]}")
            if number < rounds - 1:
                time.sleep(seconds)
    return done


def main() -> int:
    parser = argparse.ArgumentParser(description="Freezes between turns, and the refreshes.")
    parser.add_argument("--environments", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    with own_site("reported") as site:
        done = run(site, arguments.environments, arguments.seconds, arguments.rounds)
    head = ("round", "sources", "longest turn ms", "generate_answer", "model calls", "errors")
    print(table(head, [each.row(str(number)) for number, each in enumerate(done, 1)]))
    print(f"\n{arguments.environments} environments, {arguments.seconds:g} s frozen; {load()}.")
    last = done[-1]
    is_lost = last.made == 0
    print("FAILED: a refresh was lost" if is_lost else "PASSED: every refresh was made.")
    return 1 if is_lost or any(each.errors for each in done) else 0


if __name__ == "__main__":
    sys.exit(main())
