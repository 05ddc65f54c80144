"""The rows of the preflight: what was found, why it matters before a release, what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import cast

from ops.alarms import AlarmName, dashboard_name
from ops.answering_code import PROVING_STAGE
from ops.audit import alarm_rows
from ops.audit.facts import Facts
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, failed, judged, passed
from ops.preflight.ground import LOAD_MINUTES, Ground
from ops.stages import FULFILLMENT

LOAD_LIMIT = 0.5
"""Of the warm environments: then half of them can be lost to a mistake, and nobody waits."""
RINGS_BEFORE_THE_FIRST_RELEASE = AlarmName("recovery-stopped")
"""Nothing recovers leads before a version is live, and the alarm on it knows nothing of that."""
RINGS_WITHOUT_VISITORS = AlarmName("nobody-served")
"""Before a stage is opened, and over quiet days: a release makes nobody wait then."""
_FIRST = "first release"


def released_on_dev(ground: Ground) -> Verdict:
    ours, dev = ground.deployed, ground.on_dev
    if ours is None:
        return failed(f"no code is deployed on {ground.stage}")
    if dev is None:
        return failed("no stage dev is live for these credentials, so nothing was tried there")
    if len(dev.versions) > 1:
        return failed(f"a release is on its way on dev: versions {', '.join(dev.versions)}")
    if dev.code.code_sha256 != ours.code_sha256:
        return failed(f"code {ours.short} would be released, and {dev.code.short} is live on dev")
    if dev.code.models_sha256 != ours.models_sha256:
        return failed(f"code {ours.short} is live on dev with other models or routes")
    if dev.release is None:
        return failed(f"no record says that version {dev.versions[0]} of dev was released")
    commit = dev.release.get("commit") or "unknown"
    return passed(f"code {ours.short} is live on dev since {dev.release['at'][:16]}, {commit}")


def evaluated_on_dev(ground: Ground) -> Verdict:
    ours = ground.deployed
    if ours is None:
        return failed(f"no code is deployed on {ground.stage}")
    found = ground.evaluations
    same = [one for one in found if all(one.get(k) == v for k, v in ours.to_json().items())]
    if not same:
        last = f"; the last one, {found[0]['at'][:16]}, judged another" if found else ""
        return failed(f"no evaluation of code {ours.short} with these models on dev{last}")
    newest = same[0]
    if not newest["passed"]:
        return failed(f"{newest['at'][:16]}: {'; '.join(newest['misses'] + newest['lacking'])}")
    return passed(f"passed {newest['at'][:16]}: {len(newest['models'])} models")


def way_back(ground: Ground) -> Verdict:
    if not ground.live_version:
        return passed(_FIRST)
    if ground.missing_versions:
        return failed(ground.missing_versions)
    return passed(f"version {ground.live_version} of {FULFILLMENT}, and what goes with it")


def dashboard(ground: Ground) -> Verdict:
    name = dashboard_name(ground.stage)
    return passed(name) if ground.has_dashboard else failed(f"there is no dashboard {name}")


def quiet(ground: Ground) -> Verdict:
    if not ground.alarms:
        raise Unobserved("there is no alarm")
    ringing = {name for name, alarm in ground.alarms.items() if alarm["StateValue"] == "ALARM"}
    expected = {RINGS_WITHOUT_VISITORS.on(ground.stage)}
    if not ground.live_version:
        expected.add(RINGS_BEFORE_THE_FIRST_RELEASE.on(ground.stage))
    told = f"none of {len(ground.alarms)} alarms rings"
    if known := ringing & expected:
        told = f"{' and '.join(sorted(known))} alone rings, as it may without traffic"
    return judged((f"{name} rings" for name in sorted(ringing - expected)), told)


def load(ground: Ground) -> Verdict:
    if not ground.live_version:
        return passed(f"{_FIRST}, so nobody is answered yet")
    now = ground.load
    if not now.provisioned:
        return failed(f"version {ground.live_version} has no warm environment")
    told = (
        f"{now.busiest:.1f} turns at a time in the busiest of {LOAD_MINUTES} minutes, "
        f"{now.provisioned} warm environments"
    )
    is_low = now.busiest < LOAD_LIMIT * now.provisioned
    return passed(told) if is_low else failed(f"{told}: over {LOAD_LIMIT:.0%}")


def no_freeze(ground: Ground) -> Verdict:
    today = ground.now.date()
    for freeze in ground.team.change_freezes:
        first, last = map(date.fromisoformat, freeze.split("/"))
        if first <= today <= last:
            return failed(f"{today} is in the change freeze {freeze}")
    return passed(f"{today} is in none of {len(ground.team.change_freezes)} change freezes")


def in_window(ground: Ground) -> Verdict:
    window = ground.team.release_window
    if window == "any":
        return passed("any time")
    told = f"{ground.now:%H:%M} UTC, and the window is {window}"
    return passed(told) if is_within(window, ground.now) else failed(told)


def is_within(window: str, now: datetime) -> bool:
    """Whether it is in hours such as "22:00-04:00"; the last minute is outside."""
    begin, end = map(time.fromisoformat, window.split("-"))
    clock = now.time()
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def alone(ground: Ground) -> Verdict:
    if ground.lease:
        return failed(ground.lease)
    left = ground.unfinished
    if left is not None:
        return passed(f"nobody; the one left half-done at {left['at'][:16]} is ended by this one")
    return passed("nobody releases or rolls back")


def _of(look: Callable[[Ground], Verdict]) -> Callable[[Facts], Verdict]:
    """For the audit's rows, whose facts a preflight's are."""
    return cast("Callable[[Facts], Verdict]", look)


_STACKS = "python -m ops deploy --stage {stage} --only stacks"

PROOF_ROWS: tuple[Row, ...] = (
    Row(
        "released-on-dev",
        "What visitors meet first must not meet visitors first.",
        "with this checkout: python -m ops deploy --stage dev; dev in another account: "
        "--dev-profile",
        _of(released_on_dev),
    ),
    Row(
        "evaluated-on-dev",
        "A release is judged by errors and speed; whether answers are right shows here alone.",
        "with the checkout that was deployed: python -m ops evaluate --stage dev",
        _of(evaluated_on_dev),
    ),
)
ROWS: tuple[Row, ...] = (
    Row(
        "way-back",
        "Rolling back takes seconds when there is a version, and a new release when there is none.",
        "python -m ops status --stage {stage}; a version that is gone takes a release of its "
        "commit",
        _of(way_back),
    ),
    *alarm_rows.ROWS,
    Row("dashboard", "Whoever watches a release looks at it.", _STACKS, _of(dashboard)),
    Row(
        "alarms-quiet",
        "A release on top of a fault hides which of them is to blame, and takes its way back.",
        "follow the alarm's page in docs/runbooks/; then release",
        _of(quiet),
    ),
    Row(
        "load",
        "The fewer visitors there are, the fewer a fault meets, and the more warm ones are free.",
        "wait for a quieter hour, or raise provisioned_fulfillment in ops/stages.py",
        _of(load),
    ),
    Row(
        "change-freeze",
        "The team said that nothing changes on these days.",
        "wait, or change change_freezes in ops/team.toml",
        _of(no_freeze),
    ),
    Row(
        "release-window",
        "Off-peak, a fault meets few.",
        "wait, or change release_window in ops/team.toml (UTC)",
        _of(in_window),
    ),
    Row(
        "nobody-else",
        "Two at once would move the same aliases.",
        "wait for its end; python -m ops status --stage {stage}",
        _of(alone),
    ),
)


def rows_of(stage: str) -> tuple[Row, ...]:
    """The stage's rows; the stage that proves a version has none before it."""
    return ROWS if stage in ("local", PROVING_STAGE) else (*PROOF_ROWS, *ROWS)
