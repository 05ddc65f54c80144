"""A wish for no more calls, on its way to Salesforce: there the team sees whom it may call.

The do-not-call list stands by then, and the reply with it: what fails here is logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.intents.writing import written
from chalicelib.lead import Lead
from chalicelib.pending_work import CARRIED_OUT_LATER_SECONDS, DO_NOT_CALL
from chalicelib.steps.payloads import UpdateLeadInput
from chalicelib.timely import timely

if TYPE_CHECKING:
    from chalicelib.services import Services

INVOKED_AT_ONCE = 5
"""Whatever leads a number has beyond, recovery brings to Salesforce minutes later."""


def tell_salesforce(
    find: Callable[[], Iterable[Lead]], deadline: Deadline, services: Services
) -> None:
    """Note the wish on those leads, as far as the deadline allows; it raises nothing."""
    noting = _Noting(find, services)
    try:
        if not timely(lambda: written(noting.write, deadline, services), deadline, services):
            services.log.warning("do-not-call not noted on every lead")
    except DependencyError as exc:
        services.log.warning("do-not-call not noted on every lead", error=str(exc))
    function = services.settings.update_lead_function
    for each in noting.noted[:INVOKED_AT_ONCE]:
        services.background.invoke(function, UpdateLeadInput(each).to_json(), deadline)


@dataclass(frozen=True, slots=True)
class _Noting:
    """`noted`: the leads' ids so far, which another try passes over."""

    find: Callable[[], Iterable[Lead]]
    services: Services
    noted: list[str] = field(default_factory=list)

    def write(self) -> bool:
        for lead in self.find():
            is_new = lead.interaction_id not in self.noted and not lead.do_not_call_at
            if is_new and lead.status == "consented":
                self._note(lead.interaction_id)
        return True

    def _note(self, interaction_id: str) -> None:
        """The row first: from it recovery repeats the rest. The item may not expire meanwhile."""
        now = self.services.clock()
        due_at = now + CARRIED_OUT_LATER_SECONDS
        self.services.pending.put("update", interaction_id, due_at, reason=DO_NOT_CALL)
        once = {"do_not_call_at": now}
        self.services.leads.update(interaction_id, {"expires_at": 0.0}, once=once)
        self.noted.append(interaction_id)
