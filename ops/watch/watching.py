"""Looks at a released version until it is worse than before, or its time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops import records
from ops.audit.watch_facts import read_alarms
from ops.errors import RefusedError, UnavailableError
from ops.rollback import roll_back
from ops.shift import standing
from ops.stages import FULFILLMENT, STAGE_SIZES
from ops.steps import Context, Steps
from ops.watch.baseline import baseline_of
from ops.watch.comparing import LEAST_TURNS, worse
from ops.watch.figures import Figures, figures

FAILURES = 4
"""So many looks in a row may fail, an hour of them by default, before the watch gives up."""


@dataclass(frozen=True, slots=True)
class Report:
    """One look: what was measured since the release, what of it is worse, which alarms ring."""

    at: datetime
    figures: Figures
    worse: list[str]
    ringing: list[str]

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        told = {"at": self.at.isoformat(timespec="seconds"), **self.figures.to_json()}
        return told | {"worse": self.worse, "ringing": self.ringing}

    def text(self) -> str:
        """The report as lines."""
        lines = [f"{self.at:%Y-%m-%d %H:%M:%S}  {self.figures.text()}"]
        lines += [f"{'WORSE':>21}  {text}" for text in self.worse]
        lines += [f"{'rings':>21}  {name}" for name in self.ringing]
        return "\n".join(lines)


@dataclass(slots=True)
class Watch:
    """A version's watch; `released` and `until` bound it, so that a later run goes on with it."""

    ctx: Context
    version: str
    released: datetime
    until: datetime
    every_seconds: float
    before: Figures
    reports: list[Report] = field(default_factory=list)
    _failures: int = 0

    @classmethod
    def of(cls, ctx: Context, hours: float, every_seconds: float) -> Watch:
        """Of the release that is live; RefusedError when there is none, or nothing was kept."""
        record = records.latest(ctx, "release")
        if record is None or record["outcome"] != "released":
            last = record["outcome"].replace("_", " ") if record else "never begun"
            raise RefusedError(f"there is no release to watch: the last one was {last}")
        version = record["versions"][FULFILLMENT]
        kept = baseline_of(ctx, version)
        if kept is None:
            raise RefusedError(
                f"nothing was kept of the time before version {version}: it was a first release, "
                "stage local, or CloudWatch did not tell"
            )
        released = datetime.fromisoformat(record["at"])
        until = released + timedelta(hours=hours)
        return cls(ctx, version, released, until, every_seconds, Figures.of(kept["figures"]))

    def run(self, say: Callable[[str], None]) -> list[str]:
        """Report until something is worse, and return that; [] when the time is over without.

        RefusedError when another version has become live, or when too few turns came to say
        anything; UnavailableError when nothing could be read several times in a row.
        """
        while True:
            report = self._look(say)
            if report is not None:
                say(report.text())
                if report.worse:
                    return report.worse
            if self.ctx.now() >= self.until:
                return self._over(report)
            self.ctx.waiter.sleep(self._pause())

    def _pause(self) -> float:
        left = (self.until - self.ctx.now()).total_seconds()
        return max(0.0, min(self.every_seconds, left))

    def _look(self, say: Callable[[str], None]) -> Report | None:
        try:
            self._check_live()
            report = self._report()
        except (ClientError, BotoCoreError) as error:
            self._failures += 1
            if self._failures >= FAILURES:
                raise UnavailableError(
                    f"{self._failures} looks in a row read nothing: {error}"
                ) from error
            say(f"{self.ctx.now():%Y-%m-%d %H:%M:%S}  cannot be read: {error}")
            return None
        self._failures = 0
        self.reports.append(report)
        return report

    def _check_live(self) -> None:
        now = standing(self.ctx)
        live = now.main.get(FULFILLMENT, "none")
        if live != self.version or now.is_divided:
            beside = ", and traffic is divided" if now.is_divided else ""
            raise RefusedError(
                f"version {self.version} is watched, and {live} is live{beside}: the watch is over"
            )

    def _report(self) -> Report:
        """Of all turns since the release, and of the last ones alone, which the many would hide."""
        now, deadline = self.ctx.now(), STAGE_SIZES[self.ctx.stage].turn_deadline_ms
        whole = figures(self.ctx, self.released, now)
        found = worse(whole, self.before, deadline)
        begin = now - timedelta(seconds=max(60.0, self.every_seconds))
        if not found and begin > self.released:
            last = figures(self.ctx, begin, now)
            found = [f"since {begin:%H:%M}, {text}" for text in worse(last, self.before, deadline)]
        alarms = read_alarms(self.ctx).items()
        ringing = sorted(name for name, alarm in alarms if alarm["StateValue"] == "ALARM")
        return Report(now, whole, found, ringing)

    def _over(self, last: Report | None) -> list[str]:
        if last is None:
            raise UnavailableError("the watch is over, and its last look read nothing")
        if last.figures.turns < LEAST_TURNS:
            raise RefusedError(
                f"only {last.figures.turns:.0f} turns came since the release, too few to say "
                f"anything ({LEAST_TURNS}); give more --hours"
            )
        return []


def take_back(ctx: Context, steps: Steps, watch: Watch, found: list[str]) -> str:
    """Roll the watched version back, and tell what is live then."""
    route = roll_back(ctx, steps, reason=f"watch: {'; '.join(found)}")
    word = "would be rolled back" if ctx.dry_run else "rolled back"
    return f"{word} from version {watch.version} to {route.former[FULFILLMENT]}"
