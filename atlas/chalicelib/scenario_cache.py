"""The scenario cache, used as a decorator: one scenario per interaction, made once.

The decorator goes on the function that makes a scenario and says its key and how long it is kept.
Table and lease stay in here: whoever comes first makes it, ahead of the call or in its workflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from chalicelib.answer_table import CLOCK_SKEW_SECONDS, GENERATION_SECONDS
from chalicelib.deadline import Deadline
from chalicelib.scenario import Scenario, Visitor
from chalicelib.scenario_table import ScenarioClaim

if TYPE_CHECKING:
    from chalicelib.services import Services

POLL_SECONDS = 0.25
"""How often a caller looks for the scenario that another one is making."""

Fate = Literal["made", "ready", "grounded", "not_made"]
"""`ready`: it was there. `not_made`: another one makes it, or the lease was lost."""


class Make(Protocol):
    """The function under the decorator; it gives a grounded scenario where no model helps."""

    def __call__(self, visitor: Visitor, deadline: Deadline, services: Services) -> Scenario: ...


@dataclass(frozen=True, slots=True)
class CachedScenarios:
    """What the decorator leaves in the function's place."""

    make: Make
    key: Callable[[Visitor], str]
    keep_seconds: float

    def ahead(
        self, visitor: Visitor, deadline: Deadline, services: Services
    ) -> tuple[Fate, Scenario | None]:
        """Make it if nobody does; a grounded one is not kept, so that the next may try again."""
        # Its draft may have been deleted since it was read, and then nothing may be written.
        claim = services.scenarios.claim(self.key(visitor), needs_draft=True)
        return self._under(claim, visitor, deadline, services, keeps_grounded=False)

    def now(
        self, visitor: Visitor, deadline: Deadline, services: Services
    ) -> tuple[Fate, Scenario | None]:
        """Make it or wait for whoever does; a grounded one is kept until there is a made one."""
        claim = self._claimed(visitor, deadline, services)
        return self._under(claim, visitor, deadline, services, keeps_grounded=True)

    def _claimed(self, visitor: Visitor, deadline: Deadline, services: Services) -> ScenarioClaim:
        """The claim, once nobody else's lease is in the way; bounded by the lease's own age."""
        within = deadline.keeping_back(GENERATION_SECONDS)
        while True:
            claim: ScenarioClaim = services.scenarios.claim(self.key(visitor))
            if claim.scenario or claim.lease or within.is_over():
                return claim
            services.sleep(within.sooner_of(POLL_SECONDS))

    def _under(
        self,
        claim: ScenarioClaim,
        visitor: Visitor,
        deadline: Deadline,
        services: Services,
        *,
        keeps_grounded: bool,
    ) -> tuple[Fate, Scenario | None]:
        if not claim.lease:
            return ("ready", claim.scenario) if claim.scenario else ("not_made", None)
        left = claim.lease_until - CLOCK_SKEW_SECONDS - services.scenarios.clock()
        within = Deadline.after(deadline.sooner_of(left), clock=deadline.clock)
        made = self.make(visitor, within, services)
        key, table = self.key(visitor), services.scenarios
        if made.maker == "grounded" and not keeps_grounded:
            table.release(key, claim.lease)
            return "not_made", made
        stored = table.store(key, claim.lease, made, self.keep_seconds)
        return (made.maker if stored else "not_made"), made


def scenario_cache(
    *, key: Callable[[Visitor], str], keep_seconds: float
) -> Callable[[Make], CachedScenarios]:
    """Keep what the decorated function makes under `key` for `keep_seconds`, made once."""

    def decorate(make: Make) -> CachedScenarios:
        return CachedScenarios(make, key, keep_seconds)

    return decorate
