"""The scripted conversation: each turn with its answer, wait, source and start; then the counts."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.conversation.layout import WIDTH, listing, row
from sandbox.conversation.talk import Control, Conversation, Turn

# The same question comes back in the same and in other words, so that both caches show.
SCRIPT = (
    "hello",
    "What technology do you use?",
    "what technology do you use",
    "Which technologies are behind this?",
    "how long does the demo take",
    "How long does the demo take?",
    "Would this work for a small sales team in Spain?",
    "start the demo",
    "can you call me back later",
    "stop calling me",
    "delete my information",
    "fnord qwx zzz",
    "goodbye",
)

_HEAD = ("", "words", "answer", "ms", "source", "start", "by")
_WIDTHS = (-2, 17, 37, -5, 8, 11, 8)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the sandbox counted at one moment."""

    calls: dict[str, dict[str, int]]
    invocations: list[dict[str, Any]]

    @classmethod
    def read(cls, control: Control) -> Counts:
        return cls(control.calls(), control.invocations())


def demo(
    conversation: Conversation,
    control: Control,
    tell: Callable[[str], None],
    script: Sequence[str] = SCRIPT,
) -> int:
    """Hold the scripted conversation; 0 when every turn was answered warm by a released version."""
    before = Counts.read(control)
    tell(row(_HEAD, _WIDTHS))
    tell("-" * WIDTH)
    turns, broken = [], ""
    for words in script:
        try:
            turns.append(conversation.say(words))
        except (ClientError, BotoCoreError) as error:
            broken = f"turn {len(turns) + 1} ({words!r}) failed: {error}"
            break
        tell(_line(len(turns), turns[-1]))
    tell(_summary(turns, before, Counts.read(control)))
    faults = [broken] if broken else []
    faults += [fault for number, turn in enumerate(turns, 1) if (fault := fault_of(number, turn))]
    tell("\n".join(f"FAILED: {fault}" for fault in faults) or _verdict(turns))
    return 1 if faults else 0


def fault_of(number: int, turn: Turn) -> str:
    """What is wrong with a turn in one sentence, "" when nothing is."""
    name, served = f"turn {number} ({turn.words!r})", turn.served
    if served.errors:
        return f"{name} made the function fail: {'; '.join(served.errors)}"
    if served.on_latest:
        return f"{name} was answered by $LATEST: Lex is not bound to a released alias"
    if served.start == "cold":
        return f"{name} met a cold start: the released version has too little provisioned"
    if turn.source == "-":
        return f"{name} came back without the source of its answer"
    return ""


def _verdict(turns: Sequence[Turn]) -> str:
    return f"PASSED: {len(turns)} turns, none on a cold start, none on $LATEST."


def _line(number: int, turn: Turn) -> str:
    served = turn.served
    by = "Lex" if served.by_lex_alone else f"{served.alias} v{served.version}"
    wait = f"{turn.milliseconds:.0f}"
    cells = (str(number), turn.words, turn.answer, wait, turn.source, served.start, by)
    return row(cells, _WIDTHS)


def _summary(turns: Sequence[Turn], before: Counts, after: Counts) -> str:
    """What the caches, the models and the Lambda service did for these turns."""
    new = after.invocations[len(before.invocations) :]
    sections = [
        "\nWhat the caches, the models and the Lambda service did",
        listing("answers by source", Counter(turn.source for turn in turns).most_common()),
        listing("wait of a turn", _waits(turns)),
        listing("Lambda invocations", _invocations(new)),
        *(_calls(service, before, after) for service in sorted(after.calls)),
    ]
    cold = sum(turn.served.start == "cold" for turn in turns)
    latest = sum(turn.served.on_latest for turn in turns)
    sections.append(f"  turns on a cold start: {cold}, turns on $LATEST: {latest}\n")
    return "\n".join(section for section in sections if section)


def _waits(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    waits = [turn.milliseconds for turn in turns] or [0.0]
    median, longest = statistics.median(waits), max(waits)
    return [("median", f"{median:.0f} ms"), ("longest", f"{longest:.0f} ms")]


def _invocations(records: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    kinds = Counter(
        f"{record['function']}:{record.get('alias') or record['version']} {record['start']}"
        for record in records
    )
    return sorted(kinds.items())


def _calls(service: str, before: Counts, after: Counts) -> str:
    earlier = before.calls.get(service, {})
    made = {
        operation: count - earlier.get(operation, 0)
        for operation, count in after.calls[service].items()
    }
    counted = [(operation, count) for operation, count in sorted(made.items()) if count]
    return listing(f"calls to {service}", counted) if counted else ""
