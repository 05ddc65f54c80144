"""A hundred people say yes, each twice at once, while every dependency fails one call in five.

    python -m bench.hundred_consents [--conversations 100] [--seed 7]

Starts a sandbox of its own. Faults hold from the first word of the chats until the phones have
rung: most are refused before they take effect, a third take effect and lose their answer. Then
they end, and recovery runs until nothing is pending. Exit code 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bench.figures import load
from bench.recovery import recovered
from bench.site import Site, own_site, progress
from bench.visitor import BOOKED, UndrivableError, Visitor, number_of
from bench.workflows import STATUSES, story_of
from sandbox.conversation.child import ROOT

RATE = 0.2
LOST_SHARE = 1 / 3
"""Of the failures, those that take effect first."""
ERRORS = {
    "dynamodb": "InternalServerError",
    "stepfunctions": "ServiceUnavailable",
    "lambda": "ServiceException",
    "connect": "InternalServiceException",
    "salesforce": "SERVER_UNAVAILABLE",
    "bedrock-runtime": "ThrottlingException",
    "secretsmanager": "InternalServiceError",
    "s3": "SlowDown",
    "transcribe": "InternalFailureException",
    "sns": "InternalErrorException",
}
LINES: Sequence[Mapping[str, Any]] = (
    {"mode": "declined", "ring_seconds": 0.1},
    {"mode": "no_answer", "ring_seconds": 0.2},
    {"mode": "busy"},
    {"script": ["How much would that cost us?", "Thank you, goodbye."], "ring_seconds": 0.1},
    {"mode": "silent", "ring_seconds": 0.1},
)
EXTERNAL_ID = "Atlas_Interaction_Id__c"
AT_ONCE = 2
RINGING_SECONDS = 10.0
RECOVERY_SECONDS = 420.0
YES_TURNS = 4
WORK = ("start", "summary", "callback")
REFUSALS = ("hourly_limit", "not_allowed", "not_placed", "do_not_call")

# What each reply is, by the beginning of its text, up to the first placeholder.
_CONTENT = ROOT / "atlas" / "chalicelib" / "content" / "en_US.toml"
_TEXTS = tomllib.loads(_CONTENT.read_text(encoding="utf-8"))["texts"]
_KINDS: Mapping[str, tuple[str, ...]] = {
    "promised": ("booked", "booked_later", "booked_by_day", "refused_hour"),
    "nothing": ("not_recorded", "refused_number"),
    "unconfirmed": ("unconfirmed",),
}


def kind_of(text: str) -> str:
    """`promised`, `nothing` (was recorded), `unconfirmed`, or `other` for any other reply."""
    for kind, names in _KINDS.items():
        if any(text.startswith(_TEXTS[name].partition("{")[0]) for name in names):
            return kind
    return "other"


@dataclass(slots=True)
class Told:
    """What one visitor heard last after each of the two yeses."""

    visitor: Visitor
    replies: tuple[str, str] = ("", "")

    @property
    def kinds(self) -> tuple[str, str]:
        return kind_of(self.replies[0]), kind_of(self.replies[1])

    @property
    def verdict(self) -> str:
        """What they may rely on: a promise counts, whatever the other reply was."""
        for kind in ("promised", "unconfirmed", "nothing"):
            if kind in self.kinds:
                return kind
        return "other"


def every_fault() -> list[dict[str, Any]]:
    """RATE of all calls to every dependency fail; a share of them only after taking effect."""
    lost = RATE * LOST_SHARE
    refused = 1 - (1 - RATE) / (1 - lost)
    return [
        fault
        for service, error in ERRORS.items()
        for fault in (
            {"service": service, "error": error, "rate": refused},
            {"service": service, "lose_answer": True, "rate": lost},
        )
    ]


def consent(visitor: Visitor, pause: float) -> Told | None:
    """Chat up to the question, then yes twice at the same moment; None if it never came."""
    time.sleep(pause)
    try:
        visitor.wants_call(questions=())
    except UndrivableError:
        return None
    with ThreadPoolExecutor(2) as both:
        first, second = (both.submit(_yes, visitor) for _ in range(2))
        return Told(visitor, (first.result(), second.result()))


def _yes(visitor: Visitor) -> str:
    """The last reply's text; who is told to try again, or asked once more, says yes again."""
    text = ""
    with closing(visitor.site.new_client("lexv2-runtime")) as client:
        for _ in range(YES_TURNS):
            try:
                reply = visitor.resend("yes", client)
            except (BotoCoreError, ClientError) as error:
                return f"({type(error).__name__}: {error})"
            visitor.interaction_id = reply.attributes.get(BOOKED) or visitor.interaction_id
            text = reply.text
            if kind_of(text) != "other":
                break
    return text


def conversations(site: Site, count: int, seed: int) -> list[Told]:
    """Every conversation up to the replies to its yeses."""
    chance = random.Random(seed)  # noqa: S311 - a line is no secret
    visitors = [Visitor(site, number_of(index)) for index in range(count)]
    for visitor in visitors:
        site.post("phone/line", {"number": visitor.number, **chance.choice(LINES)})
    pauses = [chance.uniform(0.0, 0.2) for _ in visitors]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(consent, visitors, pauses))
    return [each for each in told if each is not None]


@dataclass(slots=True)
class Found:
    """What stands at the end: leads and calls by number, leads by id, items by interaction."""

    leads: Counter[str]
    external_ids: Counter[str]
    calls: Counter[str]
    items: Mapping[str, Mapping[str, Any]]
    parked: Sequence[Mapping[str, Any]]
    executions: Mapping[str, int]

    @classmethod
    def on(cls, site: Site, told: Sequence[Told]) -> Found:
        ids, leads = [each.visitor.interaction_id for each in told], site.salesforce("Lead")
        return cls(
            Counter(str(lead["Phone"]) for lead in leads),
            Counter(str(lead[EXTERNAL_ID]) for lead in leads),
            Counter(call["number"] for call in site.get("phone")),
            {each: site.item("leads", each) for each in ids},
            site.pending("parked").get("parked", []),
            {status: len(site.executions(status)) for status in STATUSES},
        )

    def outcome(self, interaction_id: str) -> str:
        return str(self.items[interaction_id].get("call_outcome", {}).get("S", ""))


@dataclass(slots=True)
class Judgement:
    """The counts that are printed, and every broken promise."""

    counts: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def expect(self, what: str, count: int, expected: int) -> None:
        self.counts[what] = count
        if count != expected:
            self.broken.append(f"{what}: {count}, expected {expected}")


def judged(told: Sequence[Told], found: Found, asked: int) -> Judgement:
    """Compare what was said with what there is."""
    judgement = Judgement()
    by_verdict: dict[str, list[Visitor]] = {
        name: [each.visitor for each in told if each.verdict == name]
        for name in ("promised", "nothing", "unconfirmed", "other")
    }
    promised, nothing = by_verdict["promised"], by_verdict["nothing"]
    judgement.counts = {
        "conversations": asked,
        "never came to the question": asked - len(told),
        "A: told that a call comes": len(promised),
        "told that nothing was recorded": len(nothing),
        "told that it cannot be said": len(by_verdict["unconfirmed"]),
    }
    judgement.expect("told none of these", len(by_verdict["other"]), 0)
    _count_promised(judgement, promised, found)
    _count_others(judgement, nothing, by_verdict["unconfirmed"], found)
    judgement.counts["rows parked"] = len(found.parked)
    judgement.counts |= {f"workflows {name.lower()}": n for name, n in found.executions.items()}
    return judgement


def _count_promised(judgement: Judgement, promised: Sequence[Visitor], found: Found) -> None:
    of = [found.leads[visitor.number] for visitor in promised]
    judgement.expect("their leads, exactly one each", of.count(1), len(promised))
    judgement.expect("their leads lost", of.count(0), 0)
    judgement.expect("their leads twice", sum(count > 1 for count in of), 0)
    own = sum(found.external_ids[visitor.interaction_id] == 1 for visitor in promised)
    judgement.expect("under the interaction that was booked", own, len(promised))
    calls = [found.calls[visitor.number] for visitor in promised]
    silent = [visitor for visitor in promised if not found.calls[visitor.number]]
    refused = sum(found.outcome(visitor.interaction_id) in REFUSALS for visitor in silent)
    judgement.counts["their calls, exactly one each"] = calls.count(1)
    judgement.counts["their calls refused by name"] = refused
    judgement.expect("neither call nor refusal", len(silent) - refused, 0)
    judgement.expect("called twice", sum(count > 1 for count in calls), 0)


def _count_others(
    judgement: Judgement, nothing: Sequence[Visitor], unsure: Sequence[Visitor], found: Found
) -> None:
    leads = sum(found.leads[visitor.number] for visitor in nothing)
    judgement.expect("leads of those who were told nothing was recorded", leads, 0)
    calls = sum(found.calls[visitor.number] for visitor in nothing)
    judgement.expect("calls to those who were told nothing was recorded", calls, 0)
    counted = [(found.leads[v.number], found.calls[v.number]) for v in unsure]
    judgement.expect("unconfirmed, with more than one lead or call", _many(counted), 0)
    judgement.counts["unconfirmed that counted after all"] = sum(map(any, counted))


def _many(counted: Sequence[tuple[int, int]]) -> int:
    return sum(leads > 1 or calls > 1 for leads, calls in counted)


def run(
    site: Site,
    count: int,
    seed: int,
    ringing_seconds: float = RINGING_SECONDS,
    *,
    hurry: bool = False,
) -> Judgement:
    """The whole of it on a sandbox without schedules; `hurry` as `recovered` takes it."""
    site.faults(*every_fault())
    try:
        told = conversations(site, count, seed)
        progress(f"{len(told)} conversations had; {load()}")
        site.run_schedule("recover-leads")
        # Calls, recordings and leads go on meanwhile, and meet the faults.
        time.sleep(ringing_seconds)
    finally:
        site.faults()
    progress(f"pending after the faults: {_pending(site)}")
    seconds = recovered(site, RECOVERY_SECONDS, WORK, hurry=hurry)
    progress(f"nothing pending {seconds:.0f} s after the faults")
    judgement = judged(told, Found.on(site, told), count)
    judgement.broken += [f"a reply that says neither: {text}" for text in _unknown(told)]
    judgement.notes += [note for each in told for note in _note(site, each)]
    judgement.notes += [_parked(site, row) for row in site.pending("parked").get("parked", [])]
    return judgement


def _note(site: Site, told: Told) -> Iterator[str]:
    """What became of a promise without a lead or a call."""
    visitor = told.visitor
    leads = [lead["Phone"] for lead in site.salesforce("Lead")].count(visitor.number)
    calls = site.calls_to(visitor.number)
    is_promise = told.verdict == "promised"
    if (leads, len(calls)) != ((1, 1) if is_promise else (0, 0)):
        yield (
            f"{' and '.join(told.kinds)}: {leads} leads, {len(calls)} calls; "
            f"{story_of(site, visitor.interaction_id)}"
        )


def _parked(site: Site, row: Mapping[str, Any]) -> str:
    words = (row.get(name, {}).get("S", "-") for name in ("reason", "error"))
    return f"parked {' '.join(words)}: {story_of(site, row['interaction_id']['S'])}"


def _pending(site: Site) -> dict[str, int]:
    return {kind: len(rows) for kind, rows in site.pending().items()}


def _unknown(told: Sequence[Told]) -> Iterator[str]:
    for each in told:
        if each.verdict == "other":
            yield " / ".join(each.replies)


def main() -> int:
    parser = argparse.ArgumentParser(description="Many consents while everything fails at times.")
    parser.add_argument("--conversations", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with own_site("none") as site:
        judgement = run(site, arguments.conversations, arguments.seed)
        errors = Counter(
            f"{record['function']} {record['error']}"
            for record in site.get("invocations")
            if record["error"]
        )
        calls = {name: sum(of.values()) for name, of in site.get("calls").items()}
    for what, number in judgement.counts.items():
        print(f"{number:6d}  {what}")
    print("calls met: " + ", ".join(f"{name} {calls.get(name, 0)}" for name in ERRORS))
    print("functions' own errors: " + ", ".join(f"{n} x {e}" for e, n in errors.most_common()))
    for note in judgement.notes:
        print(f"note: {note}")
    print("\n".join(f"FAILED: {each}" for each in judgement.broken) or "PASSED.")
    return 1 if judgement.broken else 0


if __name__ == "__main__":
    sys.exit(main())
