"""The hundred's judge: it counts what was promised, and sees each broken promise."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from bench.hundred_consents import Found, Told, every_fault, judged, kind_of
from bench.site import Site
from bench.visitor import Visitor, number_of
from chalicelib.content import Contents

TEXTS = Contents.load().in_locale("en_US")
BOOKED = TEXTS.said("booked", number="+1 415 555 2000")
NOTHING = TEXTS.texts["not_recorded"]
UNCONFIRMED = TEXTS.texts["unconfirmed"]


def told(index: int, *replies: str) -> Told:
    visitor = Visitor(cast("Site", None), number_of(index), interaction_id=f"{index:032x}")
    return Told(visitor, (replies[0], replies[-1]))


def found(leads: dict[int, int], calls: dict[int, int], **outcomes: str) -> Found:
    items: dict[str, Any] = {f"{index:032x}": {} for index in range(10)}
    items |= {key[1:].zfill(32): {"call_outcome": {"S": v}} for key, v in outcomes.items()}
    return Found(
        Counter({number_of(index): count for index, count in leads.items()}),
        Counter({f"{index:032x}": count for index, count in leads.items()}),
        Counter({number_of(index): count for index, count in calls.items()}),
        items,
        [],
        {},
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (BOOKED, "promised"),
        (TEXTS.texts["refused_hour"], "promised"),
        (TEXTS.said("booked_later", number="+1 415 555 2000", time="8:00 AM"), "promised"),
        (TEXTS.said("refused_number", number="+1 415 555 2000"), "nothing"),
        (NOTHING, "nothing"),
        (UNCONFIRMED, "unconfirmed"),
        (TEXTS.texts["not_offered"], "other"),
        (TEXTS.texts["apology"], "other"),
        ("", "other"),
    ],
)
def test_a_reply_is_known_by_its_text(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_kept_promises_pass() -> None:
    people = [told(0, BOOKED), told(1, BOOKED, NOTHING), told(2, NOTHING), told(3, UNCONFIRMED)]
    judgement = judged(people, found({0: 1, 1: 1, 3: 1}, {0: 1, 3: 1}, _1="not_placed"), 4)
    assert judgement.broken == []
    assert judgement.counts["A: told that a call comes"] == 2
    assert judgement.counts["their calls refused by name"] == 1
    assert judgement.counts["unconfirmed that counted after all"] == 1


@pytest.mark.parametrize(
    ("person", "leads", "calls", "problem"),
    [
        (told(0, BOOKED), {}, {0: 1}, "their leads lost"),
        (told(0, BOOKED), {0: 2}, {0: 1}, "their leads twice"),
        (told(0, BOOKED), {0: 1}, {}, "neither call nor refusal"),
        (told(0, BOOKED), {0: 1}, {0: 2}, "called twice"),
        (told(0, NOTHING), {0: 1}, {}, "leads of those who were told nothing was recorded"),
        (told(0, NOTHING), {}, {0: 1}, "calls to those who were told nothing was recorded"),
        (told(0, UNCONFIRMED), {0: 2}, {0: 1}, "unconfirmed, with more than one lead or call"),
        (told(0, "Hm."), {}, {}, "told none of these"),
    ],
)
def test_each_broken_promise_is_seen(
    person: Told, leads: dict[int, int], calls: dict[int, int], problem: str
) -> None:
    broken = judged([person], found(leads, calls), 1).broken
    assert problem in {each.partition(":")[0] for each in broken}


def test_one_call_in_five_fails() -> None:
    by_service: dict[str, float] = {}
    for fault in every_fault():
        passes = by_service.get(fault["service"], 1.0) * (1 - fault["rate"])
        by_service[fault["service"]] = passes
    assert len(by_service) == 10
    assert all(passes == pytest.approx(0.8) for passes in by_service.values())


def test_no_two_visitors_share_a_number_or_a_name() -> None:
    visitors = [told(index, "").visitor for index in range(0, 8_000, 7)]
    assert len({visitor.number for visitor in visitors}) == len(visitors)
    assert len({visitor.name for visitor in visitors}) == len(visitors)
