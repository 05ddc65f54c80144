"""The careful part of a release: a rehearsal without visitors, then shares of their turns, judged.

Each step waits for enough turns of the new version and compares them with the former version's of
the same time. What is worse ends the release there; `ops/rollback.py` takes it back.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OpsError
from ops.judging import Fault, Noticed, Tally, faults, noticed, slow_limit
from ops.lease import Lease
from ops.pace import Pace
from ops.route import Route
from ops.shift import share, standing
from ops.stages import FULFILLMENT, STAGE_SIZES
from ops.steps import Context, Done, Steps
from ops.synthetic_turns import SyntheticTurns
from ops.turn_logs import VersionLog

_BEFORE = timedelta(minutes=15)
"""How far back the former version's turns are read, to know what is usual."""
_AT_A_TIME = 10
"""Turns made between two looks: one that hangs in each of them takes less than the lease."""
_ARRIVAL_SECONDS = 60.0
"""After so long a line that has not arrived counts as none; usually it takes a few seconds."""


class FaultyVersionError(OpsError):
    """The new version is worse than is allowed; `str()` says how."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """How many turns, crashes, and crashes of made turns there were before a judgement."""

    turns: int
    crashes: int
    made_crashes: int


@dataclass(slots=True)
class Stepwise:
    """One release's turns, and what came of each judgement."""

    ctx: Context
    lease: Lease
    route: Route
    pace: Pace
    synthetic: SyntheticTurns
    new: VersionLog
    old: VersionLog
    judged: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, ctx: Context, lease: Lease, route: Route, pace: Pace) -> Stepwise:
        """For a route with a version to compare with."""
        new, old = route.versions[FULFILLMENT], route.former[FULFILLMENT]
        now = ctx.now()
        return cls(
            *(ctx, lease, route, pace, SyntheticTurns(ctx)),
            new=VersionLog(ctx, new, now - timedelta(seconds=5)),
            old=VersionLog(ctx, old, now - _BEFORE),
        )

    def run(self, steps: Steps, *, is_rehearsed: bool) -> None:
        """Every step up to the last share; FaultyVersionError at the first that is worse."""
        if is_rehearsed:
            count = self.pace.rehearsal_turns
            rehearse = partial(self.judge, "rehearsal", count, 0.0, 0.0)
            steps.run("rehearse without visitors", rehearse)
        begun = standing(self.ctx).share(FULFILLMENT, self.route.versions[FULFILLMENT])
        for weight in (w for w in self.pace.weights if w >= begun):
            name = f"{100 * weight:g}%"
            steps.run(f"give the new version {name}", lambda weight=weight: self._share(weight))  # type: ignore[misc]
            steps.run(f"judge it at {name}", lambda name=name: self.judge(name))  # type: ignore[misc]

    def _share(self, weight: float) -> Done[None]:
        if not self.ctx.dry_run:
            self.lease.check()
        return share(self.ctx, self.route.former, self.route.versions, weight)

    def judge(
        self, name: str, wanted: int = 0, patience: float | None = None, bake: float | None = None
    ) -> Done[None]:
        """Wait for enough turns of the new version and compare; FaultyVersionError.

        A version that cannot be judged, as when its log cannot be read, is not kept either.
        """
        wanted = wanted or self.pace.turns
        if self.ctx.dry_run:
            return Done(None, f"would judge {wanted} turns")
        try:
            return self._judge(
                *(name, wanted),
                self.pace.patience_seconds if patience is None else patience,
                self.pace.bake_seconds if bake is None else bake,
            )
        except (BotoCoreError, ClientError) as error:
            raise FaultyVersionError(f"turns that cannot be judged: {error}") from error

    def _judge(self, name: str, wanted: int, patience: float, bake: float) -> Done[None]:
        begun = _Begun(len(self.new.turns), self.new.crashes, self.synthetic.crashes)
        clock = self.ctx.waiter.clock
        began, made, made_at, missing = clock(), 0, 0.0, 0
        while True:
            self._read()
            tally = self._tally(begun)
            if found := self._faults(tally, begun):
                self._note(name, tally, found)
                raise FaultyVersionError("; ".join(fault.text for fault in found))
            if (is_enough := tally.total >= wanted) and clock() - began >= bake:
                self._note(name, tally, [])
                return Done(None, self._told(tally))
            if not made and clock() - began >= patience:
                missing = wanted - tally.total
            if made < missing:
                self.synthetic.ask(self.new.version, min(_AT_A_TIME, missing - made))
                made, made_at = made + _AT_A_TIME, clock()
            elif made and not is_enough and clock() - made_at > _ARRIVAL_SECONDS:
                self._note(name, tally, [])
                raise FaultyVersionError(
                    f"no more than {tally.total} of {wanted} turns in the logs"
                )
            self.ctx.waiter.sleep(self.pace.poll_seconds)

    def _read(self) -> None:
        self.new.read()
        self.old.read()

    def _tally(self, begun: _Begun) -> Tally:
        """The new version's turns from there on, as far as they were read."""
        crashes = self.new.crashes - begun.crashes
        return Tally(self.new.turns[begun.turns :], crashes, self._slow_ms())

    def _slow_ms(self) -> float:
        return slow_limit(STAGE_SIZES[self.ctx.stage].turn_deadline_ms, self.old.turns)

    def _faults(self, tally: Tally, begun: _Begun) -> list[Fault]:
        """Of all turns, and of visitors' alone: made ones must not thin out what visitors meet."""
        former = Tally(self.old.turns, self.old.crashes, tally.slow_ms)
        own = [turn for turn in tally.turns if turn.session not in self.synthetic.sessions]
        crashes = max(0, tally.crashes - (self.synthetic.crashes - begun.made_crashes))
        return faults(tally, former) or faults(Tally(own, crashes, tally.slow_ms), former)

    def _note(self, name: str, tally: Tally, found: list[Fault]) -> None:
        made = sum(turn.session in self.synthetic.sessions for turn in tally.turns)
        kinds = [fault.kind for fault in found]
        self.judged.append({"step": name, **tally.to_json(), "synthetic": made, "faults": kinds})

    def _told(self, tally: Tally) -> str:
        last, counts = self.judged[-1], tally.counts()
        return (
            f"{last['turns']} turns ({last['synthetic']} made): {counts['failed']} failed, "
            f"{counts['cold']} cold, p99 {last['p99_ms']:.0f} ms"
        )

    def noticed(self) -> Noticed:
        """What visitors met of the new version until now, as far as the logs can be read."""
        with suppress(BotoCoreError, ClientError):
            self._read()
        tally = self._tally(_Begun(0, 0, 0))
        return noticed(tally, self.synthetic.sessions, self.synthetic.crashes)
