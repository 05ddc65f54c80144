"""Rows on who would hear of trouble: alarms present, wired and subscribed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.alarms import ALARMS, alarm_names
from ops.audit.facts import Facts
from ops.audit.reading import Unobserved
from ops.audit.rows import Row, Verdict, failed, grouped, judged, passed
from ops.stages import team_topic


def present(facts: Facts) -> Verdict:
    missing = [alarm.slug for alarm in ALARMS if alarm.on(facts.stage) not in facts.alarms]
    if missing and len(missing) == len(ALARMS):
        return failed(f"none of {len(ALARMS)} alarms is there")
    return judged(grouped(("missing", slug) for slug in missing), f"{len(ALARMS)} alarms")


def wired(facts: Facts) -> Verdict:
    there = [facts.alarms[name] for name in alarm_names(facts.stage) if name in facts.alarms]
    if not there:
        raise Unobserved("there is no alarm")
    problems = (p for alarm in there for p in _unwired(alarm, facts.topic))
    return judged(problems, f"{len(there)} alarms tell {team_topic(facts.stage)}")


def _unwired(alarm: dict[str, Any], topic: str) -> Iterator[str]:
    name = alarm["AlarmName"]
    if not alarm.get("ActionsEnabled", True):
        yield f"the actions of {name} are switched off"
    if topic not in alarm.get("AlarmActions", ()):
        yield f"{name} does not tell the team's topic"


def subscribed(facts: Facts) -> Verdict:
    if facts.subscriptions is None:
        return failed(f"there is no topic {team_topic(facts.stage)}")
    arns = [str(subscription["SubscriptionArn"]) for subscription in facts.subscriptions]
    confirmed = [arn for arn in arns if arn.startswith("arn:")]
    if confirmed:
        return passed(f"{len(confirmed)} subscribed to {team_topic(facts.stage)}")
    return failed(f"{len(arns)} of {len(arns)} still to be confirmed" if arns else "nobody")


_STACK = "python -m ops deploy --stage {stage} --only stacks"

ROWS = (
    Row(
        "alarms-present",
        "No metric and no alarm: the predecessor's nine seconds were found by a visitor.",
        _STACK,
        present,
    ),
    Row(
        "alarms-wired",
        "An alarm that tells nobody changes a colour on a page that nobody has open.",
        f"{_STACK}; aws cloudwatch enable-alarm-actions where they were switched off",
        wired,
    ),
    Row(
        "alarms-subscribed",
        "A topic without a confirmed subscription drops what is published to it.",
        f"set alarm_email in ops/team.toml, {_STACK}, confirm the mail from AWS",
        subscribed,
    ),
)
