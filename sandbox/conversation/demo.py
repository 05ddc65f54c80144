"""The scripted conversation: each turn with its answer, wait, source and start; then the counts."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.conversation.layout import GAP, WIDTH, listing, row
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
# The answer takes what is left; a narrow terminal does without the last column.
_WIDTHS = (-2, 17, 0, -5, 8, 11, 8)
_NARROW_WIDTHS = (-2, 14, 0, -5, 8, 11)
_NARROW = 96


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
    width: int = WIDTH,
) -> int:
    """Hold the scripted conversation; 0 when every turn was answered warm by a released version."""
    before = Counts.read(control)
    widths = _widths(width)
    tell(_row(_HEAD, widths))
    tell("-" * width)
    turns, broken = [], ""
    for words in script:
        try:
            turns.append(conversation.say(words))
        except (ClientError, BotoCoreError) as error:
            broken = f"turn {len(turns) + 1} ({words!r}) failed: {error}"
            break
        tell(_row(_cells(len(turns), turns[-1]), widths))
    tell(_summary(turns, before, Counts.read(control), width))
    faults = [broken] if broken else []
    faults += [fault for number, turn in enumerate(turns, 1) if (fault := fault_of(number, turn))]
    if turns and all(turn.served.by_lex_alone for turn in turns):
        faults.append("no turn reached a function through an alias: Lex is not bound to a release")
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


def _widths(width: int) -> list[int]:
    columns = _WIDTHS if width >= _NARROW else _NARROW_WIDTHS
    answer = width - sum(map(abs, columns)) - len(GAP) * (len(columns) - 1)
    return [column or answer for column in columns]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return row(cells[: len(widths)], widths)


def _cells(number: int, turn: Turn) -> tuple[str, ...]:
    served = turn.served
    by = "Lex" if served.by_lex_alone else f"{served.alias} v{served.version}"
    wait = f"{turn.milliseconds:.0f}"
    return (str(number), turn.words, turn.answer, wait, turn.source, served.start, by)


def _summary(turns: Sequence[Turn], before: Counts, after: Counts, width: int) -> str:
    """What the caches, the models and the Lambda service did for these turns."""
    new = after.invocations[len(before.invocations) :]
    listings: list[tuple[str, Sequence[tuple[str, object]]]] = [
        ("answers by source", Counter(turn.source for turn in turns).most_common()),
        ("wait of a turn", _waits(turns)),
        ("Lambda invocations", _invocations(new)),
        *_calls(before, after),
    ]
    cold = sum(turn.served.start == "cold" for turn in turns)
    latest = sum(turn.served.on_latest for turn in turns)
    return "\n".join(
        [
            "\nWhat the caches, the models and the Lambda service did",
            *(listing(title, items, width) for title, items in listings),
            f"  turns on a cold start: {cold}, turns on $LATEST: {latest}\n",
        ]
    )


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


def _calls(before: Counts, after: Counts) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    for service, counts in sorted(after.calls.items()):
        earlier = before.calls.get(service, {})
        made = ((name, count - earlier.get(name, 0)) for name, count in sorted(counts.items()))
        if counted := [(name, count) for name, count in made if count]:
            yield f"calls to {service}", counted
