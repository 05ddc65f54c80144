"""update_lead: outcome, summary and callback reach Salesforce once, beside what people wrote."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import DependencyError, RejectedByDependencyError, RetryableDependencyError
from chalicelib.lead import Summary
from chalicelib.lead_fields import stop_block
from chalicelib.pending_work import DO_NOT_CALL
from chalicelib.steps.payloads import UpdateLeadInput
from chalicelib.steps.recover_leads import RecoverLeadsInput, recover_leads
from chalicelib.steps.update_lead import (
    OWN_WORK,
    RETENTION_SECONDS,
    UpdateLeadResult,
    update_lead,
)
from chalicelib.team import TeamTopic
from tests.fakes import EPOCH, client_error
from tests.lead_world import INTERACTION, LeadWorld, lead_world
from tests.salesforce_fake import (
    EXTERNAL_ID,
    INSTANCE,
    LOST,
    FakeSalesforce,
    a_salesforce,
    problem,
)

SUMMARY = Summary("Price and languages.", "Interested.", "Send an offer.")
DONE = {"call_outcome": "completed", "call_ended_at": EPOCH + 300, "summary": SUMMARY}
CALLBACK = {"callback_requested_at": EPOCH + 200}


class FakeTopic:
    """Remembers what was published; `error` is raised once."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> None:
        if error := self.error:
            self.error = None
            raise error
        self.published.append(json.loads(Message))


class SalesforceWorld:
    """The tables, the real adapter before a fake Salesforce, and the team."""

    def __init__(self, world: LeadWorld, external_id_field: str = EXTERNAL_ID) -> None:
        self.world, self.fake, self.topic = world, FakeSalesforce(world.clock), FakeTopic()
        self.salesforce = a_salesforce(self.fake, external_id_field=external_id_field)
        team = TeamTopic(
            *(lambda: self.topic, "atlas-local-team", world.services.account),
            *(world.services.leads, self.salesforce.record_link, world.clock),
        )
        world.with_services(salesforce=self.salesforce, team=team)

    def update(self, call_outcome: str = "", **outcomes: str) -> UpdateLeadResult:
        self.world.clock.advance(60)
        task = UpdateLeadInput(INTERACTION, call_outcome=call_outcome, **outcomes)
        deadline = Deadline.after(30, clock=self.world.clock)
        return update_lead(task, deadline, self.world.services)

    def update_twice(self, call_outcome: str) -> None:
        self.update(call_outcome)
        self.update(call_outcome)

    def recover(self) -> None:
        """What is due an hour later is invoked, and carried out as far as Salesforce lets it."""
        self.world.clock.advance(3_600)
        deadline = Deadline.after(50, clock=self.world.clock)
        recover_leads(RecoverLeadsInput(), deadline, self.world.services)
        for _, payload in self.world.background.invoked:
            with contextlib.suppress(DependencyError):
                self.update(**{n: v for n, v in payload.items() if n != "interaction_id"})
        self.world.background.invoked.clear()

    def description(self) -> str:
        return str(self.fake.only("Lead")["Description"])

    def tasks(self) -> dict[str, dict[str, Any]]:
        found = {task["Subject"]: task for task in self.fake.records["Task"]}
        assert len(found) == len(self.fake.records["Task"])
        return found

    def rows(self, kind: Any) -> list[str]:
        return [work.interaction_id for work in self.world.services.pending.all(kind)]


@pytest.fixture(params=["exactly_once", "at_least_once"])
def either(request: Any) -> Iterator[SalesforceWorld]:
    with lead_world() as world:
        org = SalesforceWorld(world, EXTERNAL_ID * (request.param == "exactly_once"))
        yield org
        org.salesforce.close()


@pytest.fixture
def org() -> Iterator[SalesforceWorld]:
    with lead_world() as world:
        org = SalesforceWorld(world)
        yield org
        org.salesforce.close()


def test_the_summary_stands_on_the_lead_and_as_an_activity(either: SalesforceWorld) -> None:
    either.world.consented(**DONE)
    result = either.update("completed", lead_outcome="created")
    assert result == UpdateLeadResult(
        "updated", either.salesforce.mode, either.fake.only("Lead")["Id"]
    )
    for text in (
        either.description(),
        either.tasks()["AI call: answered"]["Description"],
    ):
        for part in ("Price and languages.", "Interested.", "Send an offer."):
            assert part in text
    assert "Asked: what technology do you use" in either.description()


def test_one_line_says_how_the_workflows_branches_ended(org: SalesforceWorld) -> None:
    org.world.consented(**DONE)
    org.update()
    assert org.world.lines.of("workflow branches") == []
    org.update("completed", lead_outcome="parked", scenario_outcome="grounded")
    (line,) = org.world.lines.of("workflow branches")
    told = (line["lead"], line["scenario"], line["call"])
    assert told == ("parked", "grounded", "completed")


def test_running_again_writes_nothing_twice(either: SalesforceWorld) -> None:
    either.world.consented(**DONE, **CALLBACK)
    either.update("completed")
    written = either.description()
    either.update("completed")
    assert either.description() == written
    assert set(either.tasks()) == {"AI call: answered", "Call back"}
    assert len(either.topic.published) == 1


@pytest.mark.parametrize("at", ["PATCH Lead", "PATCH Task", "GET Lead", "GET query", "GET Task"])
def test_a_lost_answer_at_any_point_is_made_good_by_the_retry(
    org: SalesforceWorld, at: str
) -> None:
    org.world.consented(**DONE, **CALLBACK)
    org.fake.faults = [(at, LOST)]
    with pytest.raises(RetryableDependencyError):
        org.update_twice("completed")
    org.update("completed")
    assert org.description().count("[Atlas call ") == 1
    assert set(org.tasks()) == {"AI call: answered", "Call back"}
    assert org.fake.faults == []


def test_what_people_wrote_stays_byte_for_byte(either: SalesforceWorld) -> None:
    either.world.consented(**CALLBACK)
    either.update()
    either.world.clock.advance(60)
    hers = f"Knows her from the fair.\r\n\r\n{either.description()}\r\n-- call before noon --"
    either.fake.person_writes("Lead", Description=hers, Status="Working", Company="Acme")
    either.world.services.leads.update(INTERACTION, DONE)
    either.update("completed")
    assert either.description().startswith(hers + "\n\n[Atlas call ")
    assert either.fake.only("Lead")["Status"] == "Working"
    assert either.fake.only("Lead")["Company"] == "Acme"


def test_somebody_who_writes_at_the_same_moment_is_not_overwritten(org: SalesforceWorld) -> None:
    org.world.consented(**DONE)
    org.update()
    org.world.services.leads.update(INTERACTION, CALLBACK)
    hers = f"Her note.\n{org.description()}"
    org.world.clock.advance(60)
    org.fake.before["PATCH Lead"] = lambda: org.fake.person_writes("Lead", Description=hers)
    org.update("completed")
    assert org.description().startswith(hers + "\n\n[Atlas callback ")


def test_a_summary_that_comes_late_replaces_our_own_words_only(either: SalesforceWorld) -> None:
    either.world.consented(call_outcome="completed_without_summary", call_ended_at=EPOCH)
    either.update("completed_without_summary")
    assert "no summary could be made" in either.description()
    either.world.services.leads.update(INTERACTION, {"summary": SUMMARY})
    either.update("completed")
    assert "no summary could be made" not in either.description()
    (task,) = either.fake.records["Task"]
    for text in (either.description(), task["Description"]):
        assert text.count("[Atlas call ") == 1
        assert "Send an offer." in text


def test_an_outcome_that_only_the_workflow_knows_is_kept_on_the_item(org: SalesforceWorld) -> None:
    org.world.consented()
    org.update("not_placed")
    assert org.world.lead().call_outcome == "not_placed"
    assert "could not be placed in time" in org.tasks()["AI call: not placed"]["Description"]


def test_a_parked_lead_is_created_with_its_summary_and_its_row_goes(
    either: SalesforceWorld,
) -> None:
    either.world.consented(**DONE)
    either.world.services.pending.put("parked", INTERACTION, EPOCH, "create_lead")
    either.update(lead_outcome="parked", call_outcome="completed")
    assert "Send an offer." in either.description()
    assert either.world.lead().salesforce_id == either.fake.only("Lead")["Id"]
    assert either.rows("parked") == []


def test_while_salesforce_is_down_nothing_is_given_up(org: SalesforceWorld) -> None:
    org.world.consented(**DONE, **CALLBACK)
    for kind in ("parked", "callback"):
        org.world.services.pending.put(kind, INTERACTION, EPOCH)
    org.fake.faults = [("GET query", (503, "<html>"))]
    with pytest.raises(RetryableDependencyError):
        org.update("completed")
    assert org.rows("parked") == org.rows("callback") == [INTERACTION]
    assert org.world.lead().expires_at == 0
    assert org.topic.published == []


def test_a_request_for_a_callback_is_a_task_and_one_word_to_the_team(
    either: SalesforceWorld,
) -> None:
    either.world.consented(**CALLBACK)
    either.world.services.pending.put("callback", INTERACTION, EPOCH)
    either.update()
    task = either.tasks()["Call back"]
    assert (task["Status"], task["Priority"]) == ("Not Started", "High")
    assert task["WhoId"] == either.fake.only("Lead")["Id"]
    item = either.world.lead()
    assert item.callback_task_id == task["Id"]
    assert item.callback_notified_at == either.world.clock()
    (message,) = either.topic.published
    assert (message["interaction_id"], message["task_id"]) == (INTERACTION, task["Id"])
    assert message["link"] == f"{INSTANCE}/{task['Id']}"
    assert either.rows("callback") == []
    assert "A call back by a person was requested" in either.description()


def test_a_callback_during_the_call_says_nothing_of_the_call_yet(org: SalesforceWorld) -> None:
    org.world.consented(**CALLBACK)
    org.update()
    assert set(org.tasks()) == {"Call back"}
    assert "[Atlas call " not in org.description()
    assert org.world.lead().expires_at == 0


def test_a_team_that_cannot_be_told_is_told_by_the_retry(org: SalesforceWorld) -> None:
    org.world.consented(**CALLBACK)
    org.world.services.pending.put("callback", INTERACTION, EPOCH)
    org.topic.error = client_error("InternalError", 500)
    with pytest.raises(RetryableDependencyError):
        org.update()
    assert org.rows("callback") == [INTERACTION]
    org.update()
    (message,) = org.topic.published
    assert message["task_id"] == org.tasks()["Call back"]["Id"]
    assert org.rows("callback") == []


def test_a_callback_that_came_meanwhile_keeps_its_row(org: SalesforceWorld) -> None:
    """It was not on the lead when this run read it, so this run has not carried it out."""
    org.world.consented(**DONE)
    org.fake.before["PATCH Lead"] = lambda: org.world.services.pending.put(
        "callback", INTERACTION, EPOCH
    )
    org.update("completed")
    assert org.rows("callback") == [INTERACTION]


def test_the_item_may_expire_only_when_salesforce_has_everything(org: SalesforceWorld) -> None:
    org.world.consented(**DONE)
    org.fake.faults = [("PATCH Task", problem("UNABLE_TO_LOCK_ROW"))]
    with pytest.raises(RetryableDependencyError):
        org.update("completed")
    assert org.world.lead().expires_at == 0
    org.update("completed")
    assert org.world.lead().expires_at == int(org.world.clock()) + RETENTION_SECONDS


def test_a_call_that_was_cut_off_waits_for_its_summary_or_the_workflow(
    org: SalesforceWorld,
) -> None:
    org.world.consented(call_outcome="dropped", call_ended_at=org.world.clock(), **CALLBACK)
    org.update()
    assert "[Atlas call " not in org.description()
    org.update("dropped")
    assert "Call: cut off" in org.description()


def test_a_call_that_was_cut_off_is_told_once_no_summary_can_come(org: SalesforceWorld) -> None:
    org.world.consented(call_outcome="dropped", call_ended_at=org.world.clock())
    org.world.clock.advance(org.world.services.settings.recording_wait_seconds)
    org.update()
    assert "Call: cut off" in org.description()


def test_a_late_summary_outlives_an_outage_of_salesforce(org: SalesforceWorld) -> None:
    """Its one invoke meets an outage; recovery asks again until Salesforce has it."""
    world = org.world
    org.world.consented(call_outcome="completed_without_summary", call_ended_at=EPOCH)
    org.update("completed_without_summary")
    world.services.leads.update(INTERACTION, {"summary": SUMMARY})
    world.services.pending.put("update", INTERACTION, EPOCH)
    org.fake.faults = [("GET Lead", (503, "<html>"))] * 20
    for _ in range(3):
        org.recover()
        assert org.rows("update") == [INTERACTION]
        assert "Send an offer." not in org.description()
    org.fake.faults = []
    org.recover()
    assert "Send an offer." in org.description()
    assert org.rows("update") == []


def test_a_summary_that_came_meanwhile_keeps_its_row(org: SalesforceWorld) -> None:
    """It was not on the lead when this run read it, so this run has not carried it out."""
    org.world.consented(call_outcome="completed_without_summary", call_ended_at=EPOCH)
    org.fake.before["PATCH Lead"] = lambda: org.world.services.pending.put(
        "update", INTERACTION, EPOCH
    )
    org.update("completed_without_summary")
    assert org.rows("update") == [INTERACTION]


def test_the_row_of_a_late_summary_goes_last(org: SalesforceWorld) -> None:
    org.world.consented(**DONE)
    org.world.services.pending.put("update", INTERACTION, EPOCH)
    org.world.wire.faults["update_item"] = ["", "InternalServerError"]
    with pytest.raises(RetryableDependencyError):
        org.update()
    assert org.rows("update") == [INTERACTION]
    org.update()
    assert org.rows("update") == []


def stopped(org: SalesforceWorld, **changes: Any) -> None:
    """A lead whose person wants no more calls, and the row that brings it to Salesforce."""
    org.world.consented(do_not_call_at=EPOCH, **changes)
    org.world.services.pending.put("update", INTERACTION, EPOCH, reason=DO_NOT_CALL)


@pytest.mark.parametrize("call", [{}, DONE])
def test_a_wish_for_no_more_calls_stands_on_the_lead(
    either: SalesforceWorld, call: dict[str, Any]
) -> None:
    stopped(either, **call)
    either.update()
    either.update()
    assert either.fake.only("Lead")["DoNotCall"] is True
    line = "Asked not to be called again at: 2027-01-15 08:00 UTC"
    assert either.description().count(line) == 1
    assert either.rows("update") == []


def test_who_clears_the_field_later_finds_it_cleared(org: SalesforceWorld) -> None:
    stopped(org)
    org.update()
    org.fake.person_writes("Lead", DoNotCall=False)
    org.update("no_answer")
    assert org.fake.only("Lead")["DoNotCall"] is False


def test_a_field_that_may_not_be_written_leaves_the_block_and_is_not_retried(
    org: SalesforceWorld,
) -> None:
    stopped(org)
    org.world.services.salesforce.upsert_lead({"LastName": "Lopez"}, INTERACTION)
    org.fake.person_writes("Lead", Description=stop_block(org.world.lead()).text)
    org.fake.faults = [("PATCH Lead", problem("INVALID_FIELD_FOR_INSERT_UPDATE"))]
    assert org.update().outcome == "updated"
    (line,) = org.world.lines.of("DoNotCall refused")
    assert "INVALID_FIELD_FOR_INSERT_UPDATE" in line["error"]
    assert "Lopez" not in str(line)
    assert org.rows("update") == []
    org.update()
    assert "DoNotCall" not in org.fake.only("Lead")
    assert "Asked not to be called again" in org.description()


@pytest.mark.parametrize("fault", [(503, "<html>"), problem("INSUFFICIENT_ACCESS"), LOST])
def test_an_outage_between_block_and_field_keeps_the_row(org: SalesforceWorld, fault: Any) -> None:
    stopped(org)
    org.world.services.salesforce.upsert_lead({"LastName": "Lopez"}, INTERACTION)
    org.fake.person_writes("Lead", Description=stop_block(org.world.lead()).text)
    org.fake.faults = [("PATCH Lead", fault)]
    with pytest.raises(DependencyError):
        org.update()
    assert org.rows("update") == [INTERACTION]
    org.update()
    assert org.fake.only("Lead")["DoNotCall"] is True
    assert org.rows("update") == []


@pytest.mark.parametrize(("known", "reason"), [(DONE, DO_NOT_CALL), (None, "late_summary")])
def test_a_row_for_what_this_run_did_not_read_stays(
    org: SalesforceWorld, known: dict[str, Any] | None, reason: str
) -> None:
    org.world.consented(**(known or {"do_not_call_at": EPOCH}))
    org.world.services.pending.put("update", INTERACTION, EPOCH, reason=reason)
    org.update()
    assert org.rows("update") == [INTERACTION]


@pytest.mark.parametrize("status", ["offered", "withdrawn", "erasing"])
def test_for_an_erased_person_nothing_is_written(org: SalesforceWorld, status: str) -> None:
    org.world.consented(status=status, **DONE, **CALLBACK)
    for kind in OWN_WORK:
        org.world.services.pending.put(kind, INTERACTION, EPOCH)
    assert org.update("completed") == UpdateLeadResult("erased")
    assert org.fake.calls == []
    assert [org.rows(kind) for kind in OWN_WORK] == [[], []]


def test_a_person_erased_in_the_middle_ends_as_erased(org: SalesforceWorld) -> None:
    org.world.consented(**DONE)
    org.update()
    org.world.services.leads.update(INTERACTION, CALLBACK)

    def erase() -> None:
        org.fake.records["Lead"].clear()
        org.world.services.leads.delete(INTERACTION)

    org.fake.before["GET Lead"] = erase
    assert org.update("completed") == UpdateLeadResult("erased")


def test_a_lead_that_people_deleted_is_not_brought_back(org: SalesforceWorld) -> None:
    org.world.consented(**DONE, salesforce_id="00Q000000000009AAA")
    with pytest.raises(RejectedByDependencyError, match="ENTITY_IS_DELETED"):
        org.update("completed")
    assert org.fake.records["Lead"] == []
    assert org.world.lead().expires_at == 0


def test_a_full_description_is_kept_and_the_activity_tells_the_call(org: SalesforceWorld) -> None:
    org.world.consented()
    org.update()
    org.world.clock.advance(60)
    org.fake.person_writes("Lead", Description="x" * 31_900)
    org.world.services.leads.update(INTERACTION, DONE)
    assert org.update("completed").outcome == "updated"
    assert org.description() == "x" * 31_900
    assert "Send an offer." in org.tasks()["AI call: answered"]["Description"]
