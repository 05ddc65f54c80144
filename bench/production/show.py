"""What the acts share, and the one line with figures that is left of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bench.production.account import Account, Standing
from bench.production.team import STAGE, Team, TeamError
from bench.site import NotInTimeError, Site
from bench.visitor import UndrivableError
from ops.stages import FULFILLMENT, LIVE, function_name

FUNCTION = function_name(STAGE, FULFILLMENT)


class ActError(Exception):
    """Something did not come out; `str()` says what."""


@dataclass(frozen=True, slots=True)
class Line:
    """What came of an act, in one sentence with its figures."""

    title: str
    came_out: bool
    text: str
    seconds: float

    def told(self) -> str:
        mark = "ok    " if self.came_out else "FAILED"
        return f"{mark} {self.title:<28} {self.seconds:6.1f} s  {self.text}"


@dataclass(slots=True)
class Show:
    """One run: the account, the team, what came of each act, and texts that are worth keeping."""

    account: Account
    team: Team
    tell: Callable[[str], None]
    lines: list[Line] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    empty: Standing = field(default_factory=dict)
    live_site: Site | None = None
    commit: str = field(init=False)

    def __post_init__(self) -> None:
        self.commit = self.team.commit

    def act(self, title: str, play: Callable[[Show], str]) -> bool:
        """Play an act and note its line; whether it came out."""
        self.tell(f"\n== {title}")
        began, came_out = time.monotonic(), False
        try:
            text, came_out = play(self), True
        except (ActError, TeamError, NotInTimeError, UndrivableError) as error:
            text = str(error)
        except (ClientError, BotoCoreError, OSError) as error:
            text = f"{type(error).__name__}: {error}"
        self.lines.append(Line(title, came_out, text, time.monotonic() - began))
        self.tell(self.lines[-1].told())
        return came_out

    @property
    def site(self) -> Site:
        """The released bot."""
        if self.live_site is None:
            self.live_site = self.account.site()
        return self.live_site

    def live(self) -> tuple[str, dict[str, float]]:
        """The version that fulfilment's alias leads to, and the weights beside it."""
        alias = self.account.client("lambda").get_alias(FunctionName=FUNCTION, Name=LIVE)
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        return str(alias["FunctionVersion"]), dict(weights)

    def warm_versions(self) -> list[str]:
        """The versions of fulfilment that hold provisioned environments."""
        listed = self.account.client("lambda").list_provisioned_concurrency_configs(
            FunctionName=FUNCTION
        )
        configs = listed["ProvisionedConcurrencyConfigs"]
        return sorted(str(config["FunctionArn"]).rpartition(":")[2] for config in configs)

    def served(self) -> list[dict[str, Any]]:
        """The sandbox's own record of fulfilment for visitors, since the records' last reset."""
        records: list[dict[str, Any]] = self.account.get("invocations")
        return [r for r in records if (r["function"], r["alias"]) == (FUNCTION, LIVE)]


def require(*conditions: tuple[bool, str]) -> None:
    """ActError with the sentence of every condition that does not hold."""
    if broken := [sentence for holds, sentence in conditions if not holds]:
        raise ActError("; ".join(broken))
