"""The releases under load: clean, failing, slow; and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.production.acts import OVERRIDE
from bench.production.show import Show, require
from bench.production.team import Ran
from bench.production.visitors import Met, talking

SLOW_SECONDS = 1.5
NOTICED_SECONDS = 1.0
"""From which latency on a release calls a turn slow, where the former version is quick."""
ANOTHER = ("Count turns", "    next(_TURNS)\n")
FAILING = (
    "Fail on every fifth turn",
    "    if next(_TURNS) % 5 == 4:\n        raise RuntimeError\n",
)
SLOW = ("Take time over every turn", f"    time.sleep({SLOW_SECONDS})\n")
BOOKINGS = 2


def put(show: Show, change: tuple[str, str]) -> None:
    """Commit it and put it on $LATEST, which serves nobody."""
    show.team.change_code(*change)
    show.team.ops("deploy", "--only", "code")


def release(show: Show, *words: str, expected: tuple[int, ...]) -> Ran:
    return show.team.ops("release", "--json", *OVERRIDE, *words, expected=expected)


def clean(show: Show) -> str:
    """Other code, while people chat, book and are called: nobody notices."""
    put(show, ANOTHER)
    before, _ = show.live()
    # Tells what is no go without a stage dev; each release here then overrides it.
    show.team.ops("preflight", expected=(0, 1))
    show.account.post("reset", {})
    with talking(show.site, bookings=BOOKINGS) as met:
        ran = release(show, expected=(0,))
    served, (live, weights), told = show.served(), show.live(), ran.json()["release"]
    versions = {record["version"] for record in served}
    require(
        *_unnoticed(met, served),
        (not met.problems, "; ".join(met.problems)),
        (live != before and not weights, f"version {live} is live with {weights}"),
        (versions == {before, live}, f"versions {sorted(versions)} answered"),
        (show.warm_versions() == [live], f"warm: {show.warm_versions()}"),
        (told["noticed"]["visitors"] == 0, f"the release says: {told['noticed']}"),
    )
    judged = ", ".join(f"{step['step']} on {step['turns']} turns" for step in told["judged"])
    return (
        f"version {before} to {live} in {ran.seconds:.0f} s; {_load(met, served)}; "
        f"{len(met.leads)} leads booked; judged at {judged}"
    )


def _unnoticed(met: Met, served: list[dict[str, Any]]) -> list[tuple[bool, str]]:
    starts = [record["start"] for record in served]
    cold = len(starts) - starts.count("provisioned")
    errors = sum(bool(record["error"]) for record in served)
    return [
        (bool(served), "the sandbox has no record of a turn"),
        (met.failed == 0, f"{met.failed} of {len(met.turns)} turns failed"),
        (cold == 0, f"{cold} of {len(starts)} invocations had no provisioned environment"),
        (errors == 0, f"{errors} invocations ended in an error"),
    ]


def _load(met: Met, served: list[dict[str, Any]]) -> str:
    """The visitors' count beside the sandbox's."""
    cold = sum(record["start"] == "cold" for record in served)
    return (
        f"{len(met.turns)} turns of {met.visitors} visitors, {met.failed} failed; "
        f"{len(served)} invocations for visitors, chat and phone, {cold} cold"
    )


def failing(show: Show) -> str:
    """A version that fails in 20% of its turns, rehearsed and not."""
    put(show, FAILING)
    return f"{_rehearsed(show)}; {_unrehearsed(show, 'failed')}"


def slow(show: Show) -> str:
    """A version that takes 1.5 s more for every turn, rehearsed and not."""
    put(show, SLOW)
    return f"{_rehearsed(show)}; {_unrehearsed(show, 'slow')}"


def _rehearsed(show: Show) -> str:
    before, _ = show.live()
    show.account.post("reset", {})
    with talking(show.site) as met:
        ran = release(show, expected=(1,))
    served, noticed = show.served(), ran.json()["release"]["noticed"]
    require(
        *_unnoticed(met, served),
        *_as_before(show, before),
        (noticed["visitors"] == 0, f"the release says: {noticed}"),
        ({r["version"] for r in served} == {before}, "a visitor met the version"),
    )
    return f"rehearsed: taken back in {ran.seconds:.0f} s, nobody of {met.visitors} visitors met it"


def _unrehearsed(show: Show, kind: str) -> str:
    before, _ = show.live()
    show.account.post("reset", {})
    with talking(show.site) as met:
        ran = release(show, "--no-rehearsal", expected=(1,))
    told = ran.json()["release"]
    noticed, faults = told["noticed"], told["judged"][-1]["faults"]
    require(
        *_as_before(show, before),
        (kind in faults, f"it was taken back for {faults}"),
        *_counts_agree(met, noticed, kind),
        (not _cold(show), f"{_cold(show)} turns started cold"),
    )
    own = len(_own_count(met, kind))
    return (
        f"unrehearsed: taken back in {ran.seconds:.0f} s for {', '.join(faults)}; the release says "
        f"that {noticed['visitors']} of {met.visitors} visitors noticed, they themselves say {own}"
    )


def _as_before(show: Show, before: str) -> list[tuple[bool, str]]:
    live, weights = show.live()
    return [
        ((live, weights) == (before, {}), f"version {live} is live with {weights}"),
        (show.warm_versions() == [before], f"warm: {show.warm_versions()}"),
    ]


def _cold(show: Show) -> int:
    return sum(record["start"] == "cold" for record in show.served())


def _own_count(met: Met, kind: str) -> set[str]:
    return met.with_failure() if kind == "failed" else met.longer_than(SLOW_SECONDS)


def _counts_agree(met: Met, noticed: Mapping[str, int], kind: str) -> list[tuple[bool, str]]:
    """Whoever met the fault is counted, and nobody who met neither failure nor wait.

    In between lies who waited over a second for something else, on whichever version.
    """
    own, said = _own_count(met, kind), noticed["visitors"]
    most = met.with_failure() | met.longer_than(NOTICED_SECONDS)
    return [
        (bool(own), "no visitor met the fault, so nothing was tried"),
        (
            len(own) <= said <= len(most),
            f"the release says that {said} visitors noticed, they say {len(own)} to {len(most)}",
        ),
    ]


def back(show: Show) -> str:
    """`ops rollback` under load."""
    left, _ = show.live()
    show.account.post("reset", {})
    with talking(show.site) as met:
        ran = show.team.ops("rollback", "--json", "--reason", "shown")
    told, served = ran.json(), show.served()
    live, weights = show.live()
    require(
        *_unnoticed(met, served),
        (live != left and not weights, f"version {live} is live with {weights}"),
        (told["live"] == live, f"it says that {told['live']} is live"),
    )
    seconds = {step["step"]: step["seconds"] for step in told["steps"]}
    moved = seconds["move the aliases back"]
    return (
        f"version {left} to {live}: environments warm in {seconds['provision fulfilment']:.1f} s, "
        f"then every alias moved in {moved:.2f} s, {ran.seconds:.0f} s with the draining; "
        f"{_load(met, served)}"
    )
