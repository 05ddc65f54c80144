"""The alarms of infra/watch.yaml by name; a test holds both lists, and the runbooks, together."""

from __future__ import annotations

from dataclasses import dataclass

from ops.stages import APP

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True, slots=True)
class AlarmName:
    """One alarm; the page's name is its own, unless both channels' alarms share a page.

    `metrics`: how many it looks at, each of which AWS charges.
    """

    slug: str
    page: str = ""
    metrics: int = 1

    @property
    def runbook(self) -> str:
        """The page's path in the repository."""
        return f"{RUNBOOKS}/{self.page or self.slug}.md"

    def on(self, stage: str) -> str:
        """The alarm's name in CloudWatch."""
        return f"{APP}-{stage}-{self.slug}"


def _of_channel(channel: str) -> tuple[AlarmName, ...]:
    return tuple(AlarmName(f"{page}-{channel}", page, many) for page, many in _BY_CHANNEL.items())


# A percentile of two channels cannot be had from theirs, and what a caller hears as silence is not
# what a reader sees as a pause.
_BY_CHANNEL = {
    "turn-average": 2,
    "turn-p99": 2,
    "turns-failed": 2,
    "cold-starts": 1,
    "answers-grounded": 2,
}

ALARMS: tuple[AlarmName, ...] = (
    *_of_channel("chat"),
    *_of_channel("phone"),
    AlarmName("turns-crashed", metrics=2),
    AlarmName("turns-throttled"),
    AlarmName("provisioned-spillover"),
    AlarmName("provisioned-utilization"),
    AlarmName("lex-p99", metrics=2),
    AlarmName("lex-throttled"),
    AlarmName("lex-lambda-errors"),
    AlarmName("lex-invalid-replies"),
    AlarmName("lex-failing"),
    AlarmName("nobody-served"),
    AlarmName("leads-parked"),
    AlarmName("recovery-stopped"),
    AlarmName("workflow-failed"),
    AlarmName("workflow-timed-out"),
    AlarmName("salesforce-failing"),
    AlarmName("ring-late", metrics=2),
    AlarmName("models-cost"),
)


def alarm_names(stage: str) -> list[str]:
    """Every alarm's name in CloudWatch, in the order of the template."""
    return [alarm.on(stage) for alarm in ALARMS]


def dashboard_name(stage: str) -> str:
    """The dashboard's name, as `infra/watch.yaml` makes it."""
    return f"{APP}-{stage}"
