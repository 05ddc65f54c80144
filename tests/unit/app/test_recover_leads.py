"""Every minute, what was promised and has not happened yet is started, resumed or parked."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from chalicelib.deadline import Deadline
from chalicelib.dynamodb import attributes
from chalicelib.errors import RetryableDependencyError
from chalicelib.pending_work import Kind
from chalicelib.steps.recover_leads import (
    ATTEMPTS,
    LONGEST_PAUSE_SECONDS,
    Recovered,
    RecoverLeadsInput,
    recover_leads,
)
from tests.fakes import SETTINGS
from tests.lead_world import INTERACTION, LeadWorld, lead_world


@pytest.fixture
def world() -> Iterator[LeadWorld]:
    with lead_world() as world:
        yield world


def run(world: LeadWorld, seconds: float = 50) -> Recovered:
    deadline = Deadline.after(seconds, clock=world.clock)
    return recover_leads(RecoverLeadsInput(), deadline, world.services)


def rows(world: LeadWorld, kind: Kind) -> list[str]:
    return [work.interaction_id for work in world.services.pending.all(kind)]


def put(world: LeadWorld, kind: Kind, due_in: float = 0.0) -> None:
    world.services.pending.put(kind, INTERACTION, world.clock() + due_in)


def test_nothing_due_is_a_result_of_its_own(world: LeadWorld) -> None:
    assert run(world) == Recovered("nothing_due")


def test_a_consent_whose_workflow_was_not_started_is_started(world: LeadWorld) -> None:
    world.consented()
    put(world, "start", due_in=30)
    assert run(world).done == 0
    world.clock.advance(30)
    assert run(world).done == 1
    assert world.workflow.started == [(INTERACTION, 0)]
    assert rows(world, "start") == []


def test_one_that_runs_already_is_not_started_twice(world: LeadWorld) -> None:
    world.consented()
    world.workflow.start(INTERACTION)
    put(world, "start")
    assert run(world).done == 1
    assert world.workflow.started == [(INTERACTION, 0)]


@pytest.mark.parametrize("status", ["withdrawn", "erasing"])
def test_what_was_taken_back_is_not_started(world: LeadWorld, status: str) -> None:
    world.consented(status=status)
    put(world, "start")
    assert run(world).done == 1
    assert world.workflow.started == []


def test_what_was_erased_is_not_started(world: LeadWorld) -> None:
    put(world, "start")
    assert run(world).done == 1
    assert world.workflow.started == []


def test_an_outage_puts_the_start_off_with_growing_pauses_until_a_person_must_look(
    world: LeadWorld,
) -> None:
    told: list[tuple[str, str]] = []
    world.with_services(team=SimpleNamespace(lead_parked=lambda *said: told.append(said)))
    world.consented()
    put(world, "start")
    world.workflow.error = RetryableDependencyError("stepfunctions", "ServiceUnavailable")
    for _ in range(ATTEMPTS):
        assert rows(world, "parked") == []
        run(world)
        world.clock.advance(LONGEST_PAUSE_SECONDS)
    assert rows(world, "start") == []
    assert rows(world, "parked") == [INTERACTION]
    assert world.services.pending.all("parked")[0].reason == "start"
    assert told == [(INTERACTION, "start")]


def parked_by_the_workflow(world: LeadWorld, interaction_id: str = INTERACTION) -> None:
    item = {
        "kind": "parked",
        "interaction_id": interaction_id,
        "reason": "create_lead",
        "error": "RejectedByDependencyError",
        "parked_at": "2026-11-23T12:00:00Z",
    }
    world.wire.put_item(TableName=SETTINGS.pending_work_table, Item=attributes(item))


class Telling:
    """A team that notes what it is told, or is not to be reached for the next `failures`."""

    def __init__(self, failures: int = 0) -> None:
        self.heard: list[tuple[str, str]] = []
        self.failures = failures

    def lead_parked(self, interaction_id: str, reason: str) -> None:
        if self.failures:
            self.failures -= 1
            raise RetryableDependencyError("sns", "ServiceUnavailable")
        self.heard.append((interaction_id, reason))


WORKFLOWS_OWN = (INTERACTION, "create_lead RejectedByDependencyError")


def test_what_the_workflow_parked_is_told_once(world: LeadWorld) -> None:
    team = Telling()
    world.with_services(team=team)
    parked_by_the_workflow(world)
    assert run(world) == Recovered("recovered", told=1)
    assert run(world) == Recovered("nothing_due")
    assert team.heard == [WORKFLOWS_OWN]
    assert rows(world, "parked") == [INTERACTION]


def test_what_is_parked_anew_is_told_anew(world: LeadWorld) -> None:
    team = Telling()
    world.with_services(team=team)
    for _ in range(2):
        parked_by_the_workflow(world)
        run(world)
    assert team.heard == [WORKFLOWS_OWN] * 2


def test_what_could_not_be_told_is_told_by_the_next_run(world: LeadWorld) -> None:
    team = Telling(failures=1)
    world.with_services(team=team)
    parked_by_the_workflow(world)
    parked_by_the_workflow(world, "cd" * 16)
    assert run(world).told == 0
    assert run(world).told == 2


def test_what_could_not_be_marked_is_rather_told_twice(world: LeadWorld) -> None:
    team = Telling()
    world.with_services(team=team)
    parked_by_the_workflow(world)
    world.wire.faults["update_item"] = ["InternalServerError"]
    run(world)
    run(world)
    run(world)
    assert team.heard == [WORKFLOWS_OWN] * 2


def test_telling_waits_for_a_run_that_has_the_time(world: LeadWorld) -> None:
    parked_by_the_workflow(world)
    assert run(world, seconds=1) == Recovered("nothing_due")


def test_a_row_that_went_meanwhile_is_not_brought_back_by_its_mark(world: LeadWorld) -> None:
    parked_by_the_workflow(world)
    (work,) = world.services.pending.untold()
    world.services.pending.done("parked", INTERACTION)
    world.services.pending.told(work, world.clock())
    assert rows(world, "parked") == []


def test_after_the_outage_the_lead_is_started(world: LeadWorld) -> None:
    world.consented()
    put(world, "start")
    world.workflow.error = RetryableDependencyError("stepfunctions", "ServiceUnavailable")
    assert run(world).postponed == 1
    world.workflow.error = None
    assert run(world) == Recovered("nothing_due")
    world.clock.advance(60)
    assert run(world).done == 1
    assert world.workflow.started == [(INTERACTION, 0)]


def test_a_call_without_a_recording_resumes_without_summary(world: LeadWorld) -> None:
    world.consented(task_token="token")
    put(world, "summary")
    assert run(world).done == 1
    assert world.workflow.resumed == [("token", "completed_without_summary")]
    assert rows(world, "summary") == []


def test_an_outcome_that_is_known_already_is_kept(world: LeadWorld) -> None:
    world.consented(task_token="token", call_outcome="completed")
    put(world, "summary")
    run(world)
    assert world.workflow.resumed == [("token", "completed")]


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("callback", "atlas-local-update_lead:live"),
        ("update", "atlas-local-update_lead:live"),
        ("erase", "atlas-local-erase_lead:live"),
    ],
)
def test_what_another_function_carries_out_is_asked_for_again(
    world: LeadWorld, kind: Kind, function: str
) -> None:
    put(world, kind)
    assert run(world).postponed == 1
    ((invoked, payload),) = world.background.invoked
    assert (invoked, payload["interaction_id"]) == (function, INTERACTION)
    assert rows(world, kind) == [INTERACTION]


def test_one_row_that_fails_does_not_keep_the_others(world: LeadWorld) -> None:
    other = "cd" * 16
    world.offered(interaction_id=other)
    world.services.leads.update(other, {"status": "consented"})
    world.consented()
    put(world, "start")
    world.services.pending.put("start", other, world.clock() + 0.5)
    world.clock.advance(1)
    world.wire.faults["get_item"] = ["InternalServerError"]
    assert run(world) == Recovered("recovered", done=1, postponed=1)
    assert world.workflow.started == [(other, 0)]
    (line,) = world.lines.of("recovery failed")
    assert (line["interaction_id"], line["kind"]) == (INTERACTION, "start")


def test_a_row_that_cannot_be_read_does_not_keep_the_others(world: LeadWorld) -> None:
    broken = attributes({"interaction_id": "ef" * 16, "status": "consented"})
    world.wire.put_item(TableName=SETTINGS.leads_table, Item=broken)
    world.services.pending.put("start", "ef" * 16, world.clock() - 5)
    world.consented()
    put(world, "start")
    assert run(world) == Recovered("recovered", done=1, postponed=1)
    assert world.workflow.started == [(INTERACTION, 0)]


def test_what_there_is_no_time_for_stays_due(world: LeadWorld) -> None:
    world.consented()
    put(world, "start")
    assert run(world, seconds=1).left == 1
    assert rows(world, "start") == [INTERACTION]


def test_a_table_that_fails_while_a_row_is_put_off_leaves_it_due(world: LeadWorld) -> None:
    world.consented()
    put(world, "start")
    world.workflow.error = RetryableDependencyError("stepfunctions", "ServiceUnavailable")
    world.wire.faults["put_item"] = ["InternalServerError"]
    assert run(world).postponed == 1
    assert rows(world, "start") == [INTERACTION]


def parked(world: LeadWorld) -> list[float]:
    return [line["ParkedLeads"] for line in world.lines.of("parked")]


def test_every_run_counts_what_waits_for_a_person_told_or_not(world: LeadWorld) -> None:
    world.with_services(team=Telling())
    run(world)
    parked_by_the_workflow(world)
    run(world)
    run(world)
    assert parked(world) == [0.0, 1.0, 1.0]


def test_what_cannot_be_counted_is_no_zero(
    world: LeadWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(kind: Kind) -> int:
        raise RetryableDependencyError("dynamodb", "ReadTimeoutError")

    monkeypatch.setattr(world.services.pending, "count", unreachable)
    assert run(world) == Recovered("nothing_due")
    assert parked(world) == []
