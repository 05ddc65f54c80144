"""The demo's closing counts: what the caches, the models, Lambda and the services did."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.conversation.layout import listing
from sandbox.conversation.story import Cast, Story
from sandbox.conversation.talk import Control

OwnCalls = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What the sandbox counted at one moment."""

    calls: dict[str, dict[str, int]]
    invocations: list[dict[str, Any]]

    @classmethod
    def read(cls, control: Control) -> Counts:
        return cls(control.calls(), control.invocations())


def show_counts(cast: Cast, story: Story, before: Counts) -> None:
    """Counts of this story alone, without what the demo looked up itself."""
    cast.begin("7  What the caches, the models and the services did")
    after = Counts.read(cast.control)
    new = after.invocations[len(before.invocations) :]
    listings: list[tuple[str, Sequence[tuple[str, object]]]] = [
        ("answers in the chat by source", Counter(t.source for t in story.turns).most_common()),
        ("wait of a turn in the chat", _waits([turn.milliseconds for turn in story.turns])),
        ("wait of a turn on the phone", _waits([t.milliseconds for t in story.phone_turns[1:]])),
        ("Lambda invocations", _invocations(new)),
        *_calls(before, after, cast.backstage.own_calls),
    ]
    for title, items in listings:
        cast.tell(listing(title, items, cast.width))
    served = [turn.served for turn in story.turns] + [turn.served for turn in story.phone_turns]
    cold = sum(each.start == "cold" for each in served)
    latest = sum(each.on_latest for each in served)
    cast.tell(f"  turns on a cold start: {cold}, turns on $LATEST: {latest}\n")


def _waits(waits: Sequence[float]) -> list[tuple[str, str]]:
    if not waits:
        return []
    median, longest = statistics.median(waits), max(waits)
    return [("median", f"{median:.0f} ms"), ("longest", f"{longest:.0f} ms")]


def _invocations(records: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    kinds = Counter(
        f"{record['function']}:{record.get('alias') or record['version']} {record['start']}"
        for record in records
    )
    return sorted(kinds.items())


def _calls(
    before: Counts, after: Counts, own: OwnCalls
) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    for service, counts in sorted(after.calls.items()):
        earlier, ours = before.calls.get(service, {}), own.get(service, {})
        made = ((n, count - earlier.get(n, 0) - ours.get(n, 0)) for n, count in counts.items())
        if counted := [(name, count) for name, count in sorted(made) if count > 0]:
            yield f"calls to {service}", counted
