"""create_lead: one lead in Salesforce for one consent, whatever fails and however often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from chalicelib.deadline import Deadline
from chalicelib.errors import (
    DependencyError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.steps.boundary import run_step
from chalicelib.steps.create_lead import CreateLeadResult, create_lead
from chalicelib.steps.payloads import InteractionInput
from tests.lead_world import INTERACTION, FunctionContext, LeadWorld, lead_world
from tests.salesforce_fake import (
    EXTERNAL_ID,
    HTML,
    LOST,
    FakeSalesforce,
    a_salesforce,
    problem,
)


class SalesforceWorld:
    """The tables, and the real adapter before a fake Salesforce."""

    def __init__(self, world: LeadWorld, external_id_field: str) -> None:
        self.world, self.fake = world, FakeSalesforce(world.clock)
        self.salesforce = a_salesforce(self.fake, external_id_field=external_id_field)
        world.with_services(salesforce=self.salesforce)

    def create(self) -> CreateLeadResult:
        deadline = Deadline.after(30, clock=self.world.clock)
        return create_lead(InteractionInput(INTERACTION), deadline, self.world.services)


@pytest.fixture(params=["exactly_once", "at_least_once"])
def either(request: Any) -> Iterator[SalesforceWorld]:
    with lead_world() as world:
        org = SalesforceWorld(world, EXTERNAL_ID * (request.param == "exactly_once"))
        yield org
        org.salesforce.close()


@pytest.fixture
def org() -> Iterator[SalesforceWorld]:
    with lead_world() as world:
        org = SalesforceWorld(world, EXTERNAL_ID)
        yield org
        org.salesforce.close()


def test_a_consent_becomes_a_lead_and_the_item_knows_it(either: SalesforceWorld) -> None:
    either.world.consented()
    result = either.create()
    record = either.fake.only("Lead")
    mode = either.salesforce.mode
    assert result == CreateLeadResult("created", mode, record["Id"])
    assert (record["FirstName"], record["LastName"]) == ("Maria", "Lopez")
    item = either.world.lead()
    assert (item.salesforce_id, item.salesforce_mode) == (record["Id"], mode)


def test_running_again_finds_the_lead_without_asking_salesforce(either: SalesforceWorld) -> None:
    either.world.consented()
    first = either.create()
    calls = list(either.fake.calls)
    again = either.create()
    assert (again.outcome, again.salesforce_id) == ("found", first.salesforce_id)
    assert either.fake.calls == calls


@pytest.mark.parametrize("status", ["offered", "withdrawn", "erasing"])
def test_without_consent_nothing_is_created(org: SalesforceWorld, status: str) -> None:
    org.world.consented(status=status)
    assert org.create() == CreateLeadResult("erased")
    assert org.fake.calls == []


def test_a_lead_that_is_gone_is_erased(org: SalesforceWorld) -> None:
    assert org.create().outcome == "erased"


def test_a_lost_answer_leads_to_one_lead(either: SalesforceWorld) -> None:
    either.world.consented()
    creates = "PATCH Lead" if either.salesforce.mode == "exactly_once" else "POST Lead"
    either.fake.faults = [(creates, LOST)]
    with pytest.raises(RetryableDependencyError):
        either.create()
    assert either.world.lead().salesforce_id == ""
    assert either.create().outcome == "found"
    assert either.world.lead().salesforce_id == either.fake.only("Lead")["Id"]


def test_an_id_that_could_not_be_stored_is_found_again(either: SalesforceWorld) -> None:
    either.world.consented()
    either.world.wire.faults["update_item"] = ["InternalServerError"]
    with pytest.raises(RetryableDependencyError):
        either.create()
    assert either.create().salesforce_id == either.fake.only("Lead")["Id"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (problem("DUPLICATES_DETECTED"), RejectedByDependencyError),
        (problem("FIELD_CUSTOM_VALIDATION_EXCEPTION"), RejectedByDependencyError),
        (problem("UNABLE_TO_LOCK_ROW"), RetryableDependencyError),
        (problem("REQUEST_LIMIT_EXCEEDED", 403), ThrottledError),
        ((503, HTML), RetryableDependencyError),
        ((200, HTML), RetryableDependencyError),
        ((200, ""), RetryableDependencyError),
        (requests.ReadTimeout(), RetryableDependencyError),
    ],
    ids=str,
)
def test_a_failing_create_is_an_error_by_whose_name_the_workflow_goes_on(
    org: SalesforceWorld, fault: Any, error: type[DependencyError]
) -> None:
    org.world.consented()
    org.fake.faults = [("PATCH Lead", fault)]
    with pytest.raises(DependencyError) as caught:
        org.create()
    assert type(caught.value) is error
    assert org.create().outcome == "created"
    org.fake.only("Lead")


def test_a_person_erased_while_the_lead_is_made_leaves_no_record(either: SalesforceWorld) -> None:
    either.world.consented()
    creates = "PATCH Lead" if either.salesforce.mode == "exactly_once" else "POST Lead"
    either.fake.before[creates] = lambda: either.world.services.leads.delete(INTERACTION)
    assert either.create() == CreateLeadResult("erased")
    assert either.fake.records["Lead"] == []


def test_an_erasure_that_has_begun_takes_the_new_record_along(org: SalesforceWorld) -> None:
    org.world.consented()
    leads = org.world.services.leads
    org.fake.before["PATCH Lead"] = lambda: leads.update(INTERACTION, {"status": "erasing"})
    assert org.create().outcome == "erased"
    assert org.fake.records["Lead"] == []


def test_the_first_id_that_was_stored_stays(org: SalesforceWorld) -> None:
    org.world.consented()
    leads, first = org.world.services.leads, "00Q000000000007AAA"
    org.fake.before["PATCH Lead"] = lambda: leads.update(INTERACTION, {"salesforce_id": first})
    assert org.create().salesforce_id == first


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Sukarno", None, "Sukarno"),
        ("Conan O'Neil", "Conan", "O'Neil"),
        ("山田 太郎", "山田", "太郎"),
        ("Robert'); DELETE FROM Lead--", None, None),
    ],
)
def test_names_of_any_kind_arrive_as_they_are_and_are_found_again(
    either: SalesforceWorld, name: str, first: str | None, last: str | None
) -> None:
    either.world.consented(name=name)
    either.create()
    record = either.fake.only("Lead")
    if last:
        assert (record.get("FirstName"), record["LastName"]) == (first, last)
    either.world.services.leads.delete(INTERACTION)
    either.world.consented(name=name)
    assert either.create().outcome == "found"
    either.fake.only("Lead")


def test_requests_end_before_the_invocation_does(org: SalesforceWorld) -> None:
    org.world.consented()
    task = InteractionInput(INTERACTION)
    create_lead(task, Deadline.after(3.0, clock=org.world.clock), org.world.services)
    assert set(org.fake.timeouts) == {(2.0, 3.0)}


def test_neither_log_nor_result_nor_error_holds_anything_of_the_person(
    org: SalesforceWorld,
) -> None:
    org.world.consented()
    event = {"interaction_id": INTERACTION}
    org.fake.faults = [("PATCH Lead", problem("FIELD_CUSTOM_VALIDATION_EXCEPTION"))]
    with pytest.raises(RejectedByDependencyError) as caught:
        run_step(create_lead, InteractionInput, event, FunctionContext(), org.world.services)
    result = run_step(create_lead, InteractionInput, event, FunctionContext(), org.world.services)
    said = f"{caught.value} {result} {org.world.lines}"
    for personal in ("Maria", "Lopez", "4155550132", "token-1", "PRIVATE"):
        assert personal not in said
    assert result["outcome"] == "created"
