"""Every minute: start, resume or carry out what was promised and has not happened yet.

And tell the team, once, of every row that was given up, here or by the workflow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError
from chalicelib.lead import CallOutcome
from chalicelib.observability import place_of
from chalicelib.pending_work import DO_NOT_CALL, Kind, Work
from chalicelib.steps.payloads import InteractionInput, StepResult, UpdateLeadInput

if TYPE_CHECKING:
    from chalicelib.services import Services

ROWS_PER_RUN = 100
ATTEMPTS = 12
"""Tries before a row is parked for a person; the pauses double from one minute to an hour."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 3_600.0
MARGIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RecoverLeadsInput:
    """The schedule's event; nothing in it matters."""

    @classmethod
    def parse(cls, event: object) -> RecoverLeadsInput:
        return cls()


@dataclass(frozen=True, slots=True)
class Recovered(StepResult):
    """How many rows were carried out, put off and given up; `left` had no time in this run.

    `told`: how many that were given up the team was told of.
    """

    done: int = 0
    postponed: int = 0
    parked: int = 0
    left: int = 0
    told: int = 0


def recover_leads(task: RecoverLeadsInput, deadline: Deadline, services: Services) -> Recovered:
    """Idempotent: what was carried out already is found so and its row removed."""
    tally: Counter[str] = Counter()
    for kind, carry_out in _BY_KIND.items():
        for work in services.pending.due(kind, services.clock(), ROWS_PER_RUN):
            if deadline.remaining() < MARGIN_SECONDS:
                tally["left"] += 1
            else:
                tally[_recovered(work, carry_out, deadline, services)] += 1
    tally["told"] = _told(deadline, services)
    _count_parked(services)
    return Recovered(
        "recovered" if tally.total() else "nothing_due",
        tally["done"],
        tally["postponed"],
        tally["parked"],
        tally["left"],
        tally["told"],
    )


def _told(deadline: Deadline, services: Services) -> int:
    """Tell of rows given up; one that could not be told, or marked, is told by the next run."""
    told = 0
    try:
        for work in services.pending.untold()[:ROWS_PER_RUN]:
            if deadline.remaining() < MARGIN_SECONDS:
                break
            services.team.lead_parked(work.interaction_id, work.reason)
            services.pending.told(work, services.clock())
            told += 1
    except DependencyError as exc:
        services.log.warning("parked rows not told", error=str(exc))
    return told


def _count_parked(services: Services) -> None:
    """How many leads wait for a person now, for the alarm; none told of where it cannot be read."""
    try:
        parked = services.pending.count("parked")
    except DependencyError as exc:
        services.log.warning("parked rows not counted", error=str(exc))
        return
    stage = services.settings.stage
    services.log.metrics("parked", {"ParkedLeads": (float(parked), "Count")}, {"Stage": stage})


def _recovered(work: Work, carry_out: _CarryOut, deadline: Deadline, services: Services) -> str:
    try:
        if carry_out(work, deadline, services):
            services.pending.done(work.kind, work.interaction_id)
            return "done"
    except DependencyError as exc:
        _warn("recovery failed", work, str(exc), services)
    except Exception as exc:
        # One row that cannot even be read must not keep the others; it is parked in the end.
        _warn("recovery failed", work, f"{type(exc).__name__} in {place_of(exc)}", services)
    return _put_off(work, services)


def _put_off(work: Work, services: Services) -> str:
    try:
        if work.attempts + 1 < ATTEMPTS:
            services.pending.postpone(work, services.clock() + _pause(work.attempts))
            return "postponed"
        services.pending.put("parked", work.interaction_id, services.clock(), reason=work.kind)
        services.pending.done(work.kind, work.interaction_id)
    except DependencyError as exc:
        # The row is still due, and the next run finds it.
        _warn("recovery not noted", work, str(exc), services)
        return "postponed"
    return "parked"


def _warn(message: str, work: Work, error: str, services: Services) -> None:
    about = {"kind": work.kind, "interaction_id": work.interaction_id}
    services.log.warning(message, **about, error=error)


def _pause(attempts: int) -> float:
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**attempts)


def _start(work: Work, deadline: Deadline, services: Services) -> bool:
    """A consent that was taken back, or erased meanwhile, starts nothing.

    Starting what runs already is harmless, so the turn that started it need not remove the row.
    """
    lead = services.leads.get(work.interaction_id)
    if lead is not None and lead.status == "consented":
        services.workflow.start(work.interaction_id)
    return True


def _resume_without_summary(work: Work, deadline: Deadline, services: Services) -> bool:
    lead = services.leads.get(work.interaction_id)
    if lead is not None and lead.task_token:
        outcome = lead.call_outcome or CallOutcome.COMPLETED_WITHOUT_SUMMARY
        services.workflow.resume(lead.task_token, str(outcome))
    return True


def _update(work: Work, deadline: Deadline, services: Services) -> bool:
    """`update_lead` removes the row when Salesforce and the team have it."""
    if work.reason == DO_NOT_CALL:
        # The turn may have ended between its row and its mark.
        once = {"do_not_call_at": services.clock()}
        services.leads.update(work.interaction_id, {"expires_at": 0.0}, once=once)
    task = UpdateLeadInput(work.interaction_id)
    function = services.settings.update_lead_function
    services.background.invoke(function, task.to_json(), deadline)
    return False


def _erase(work: Work, deadline: Deadline, services: Services) -> bool:
    """`erase_lead` removes the row when nothing is left."""
    task = InteractionInput(work.interaction_id)
    services.background.invoke(services.settings.erase_lead_function, task.to_json(), deadline)
    return False


_CarryOut = Callable[[Work, Deadline, "Services"], bool]
_BY_KIND: Mapping[Kind, _CarryOut] = {
    "start": _start,
    "summary": _resume_without_summary,
    "update": _update,
    "callback": _update,
    "erase": _erase,
}
