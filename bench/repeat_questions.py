"""Twenty distinct questions asked twice: what a warm cache is worth, and what each round called.

    python -m bench.repeat_questions [--profile reported] [--scale 1.0]

Starts a sandbox of its own and prints one Markdown table. A ratio of two rounds of one run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Mapping

from bench.questions import QUESTIONS_BY_INTENT
from sandbox.conversation.child import own_sandbox
from sandbox.conversation.talk import Control, Conversation, Turn

Calls = Mapping[str, Mapping[str, int]]
SERVICES = ("secretsmanager", "dynamodb", "bedrock-runtime", "lambda")


def ask_all(conversation: Conversation) -> list[Turn]:
    """Every question in a session of its own, so that no history helps."""
    turns = []
    for questions in QUESTIONS_BY_INTENT.values():
        for question in questions:
            turns.append(conversation.say(question))
            conversation.start_again()
    return turns


def row(name: str, turns: list[Turn], calls: dict[str, int]) -> str:
    """One round as a line of the table."""
    ordered = sorted(turn.milliseconds for turn in turns)
    p50, p95 = statistics.median(ordered), ordered[round(0.95 * (len(ordered) - 1))]
    counts = " | ".join(str(calls.get(service, 0)) for service in SERVICES)
    cells = f"{p50:.0f} | {p95:.0f} | {ordered[-1]:.0f} | {tally(t.source for t in turns)}"
    return f"| {name} | {cells} | {counts} |"


def tally(names: Iterable[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(Counter(names).items()))


def calls_between(before: Calls, after: Calls) -> dict[str, int]:
    """How often each service was called from one reading of the counters to the next."""
    totals = {service: sum(operations.values()) for service, operations in after.items()}
    for service, operations in before.items():
        totals[service] -= sum(operations.values())
    return totals


def main() -> None:
    parser = argparse.ArgumentParser(description="Twenty distinct questions, asked twice.")
    parser.add_argument("--profile", default="reported")
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    rounds: list[list[Turn]] = []
    print(f"| round | p50 ms | p95 ms | max ms | sources | {' | '.join(SERVICES)} |")
    print("|---|---|---|---|---|" + "---|" * len(SERVICES))
    with own_sandbox(_progress, arguments.profile, arguments.scale) as address:
        conversation, control = Conversation(address), Control(address.endpoint)
        for name in ("first", "second"):
            before = control.calls()
            rounds.append(ask_all(conversation))
            print(row(name, rounds[-1], calls_between(before, control.calls())), flush=True)
    print("\n" + summary(*rounds))


def summary(first: list[Turn], second: list[Turn]) -> str:
    """The ratio that this is for, and whether the questions were what they should be."""
    p50, p50_again = (statistics.median(t.milliseconds for t in turns) for turns in (first, second))
    expected = [intent for intent, questions in QUESTIONS_BY_INTENT.items() for _ in questions]
    elsewhere = sum(turn.intent != intent for turn, intent in zip(first, expected, strict=True))
    return (
        f"First p50 / second p50: {p50 / p50_again:.1f}. "
        f"Starts: {tally(turn.served.start for turn in (*first, *second))}. "
        f"Questions that Lex took for another intent: {elsewhere} of {len(first)}."
    )


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
