"""The adapter and the steps over TLS against the sandbox's Salesforce, signature checks included.

What the unit tests' fake says is held to the stand-in's answers here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib.deadline import Deadline
from chalicelib.errors import (
    DependencyError,
    RejectedByDependencyError,
    RetryableDependencyError,
    ThrottledError,
)
from chalicelib.lead import Lead, Summary
from chalicelib.lead_fields import stop_block
from chalicelib.salesforce import Salesforce
from chalicelib.salesforce_blocks import Block, block_name
from chalicelib.secret_store import SecretStore
from chalicelib.steps.create_lead import create_lead
from chalicelib.steps.payloads import InteractionInput, UpdateLeadInput
from chalicelib.steps.update_lead import update_lead
from sandbox.counters import CallCounters
from sandbox.faults import Faults
from sandbox.latency import Latency
from sandbox.salesforce import SalesforceServer, certificates
from tests.fakes import SETTINGS, FakeSecretsManager
from tests.lead_world import INTERACTION, lead_world
from tests.salesforce_fake import EXTERNAL_ID, private_key

FIELDS = {
    "LastName": "O'Neil",
    "Phone": "+14155550132",
    "Company": "[not provided]",
    "Status": "Open - Not Contacted",
    "Description": Block(block_name("request", INTERACTION), ("Asked: the price",)).text,
}
BLOCK = Block(block_name("call", INTERACTION), ("Call: answered",))


class Org:
    """One stand-in, and adapters before it."""

    def __init__(self, work_dir: Path) -> None:
        self.faults, self.counters = Faults(), CallCounters()
        self.server = SalesforceServer(work_dir, Latency(), self.faults, self.counters)
        self.manager = FakeSecretsManager(**{SETTINGS.salesforce_secret: self.server.secret()})
        self._adapters: list[Salesforce] = []
        self.server.start()

    def adapter(self, external_id_field: str = EXTERNAL_ID) -> Salesforce:
        adapter = Salesforce(
            SecretStore(lambda: self.manager),
            SETTINGS.salesforce_secret,
            SETTINGS.salesforce_api_version,
            external_id_field,
        )
        self._adapters.append(adapter)
        return adapter

    def fault(self, **fault: Any) -> None:
        self.faults.replace([{"service": "salesforce", "count": 1, **fault}])

    def calls(self) -> dict[str, int]:
        return self.counters.snapshot().get("salesforce", {})

    def only(self, name: str) -> dict[str, Any]:
        (record,) = self.server.records(name)
        return record

    def close(self) -> None:
        self.faults.close()
        for adapter in self._adapters:
            adapter.close()
        self.server.close()


@pytest.fixture(scope="module")
def signing_key() -> rsa.RSAPrivateKey:
    return certificates.make_signing_key()


@pytest.fixture
def org(
    tmp_path: Path, signing_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Org]:
    monkeypatch.setattr(certificates, "make_signing_key", lambda: signing_key)
    org = Org(tmp_path)
    yield org
    org.close()


@pytest.fixture
def salesforce(org: Org) -> Salesforce:
    return org.adapter()


@pytest.fixture(params=["exactly_once", "at_least_once"])
def either(request: Any, org: Org) -> Salesforce:
    has_field = request.param == "exactly_once"
    org.server.change({"has_external_id_field": has_field})
    return org.adapter(EXTERNAL_ID if has_field else "")


def creates(salesforce: Salesforce) -> str:
    return "Lead.upsert" if salesforce.mode == "exactly_once" else "Lead.create"


def a_task(lead_id: str) -> dict[str, str]:
    block = Block(block_name("callback", INTERACTION), ("At noon",))
    return {"WhoId": lead_id, "Subject": "Call back", "Description": block.text}


def test_a_lead_and_its_activity_are_created_once_on_one_session(
    org: Org, either: Salesforce
) -> None:
    for outcome in ("created", "found"):
        lead = either.upsert_lead(FIELDS, INTERACTION)
        task = either.upsert_task(a_task(lead.id), INTERACTION, "callback")
        assert (lead.outcome, task.outcome) == (outcome, outcome)
    assert (org.only("Lead")["Id"], org.only("Task")["Id"]) == (lead.id, task.id)
    assert org.only("Lead")["LastName"] == "O'Neil"
    assert org.calls()["token"] == 1


def test_a_create_that_loses_its_answer_makes_one_lead(org: Org, either: Salesforce) -> None:
    org.fault(operation=creates(either), lose_answer=True)
    with pytest.raises(RetryableDependencyError, match="ConnectionError"):
        either.upsert_lead(FIELDS, INTERACTION)
    assert either.upsert_lead(FIELDS, INTERACTION).id == org.only("Lead")["Id"]


def test_many_attempts_at_the_same_moment_make_one_lead(org: Org) -> None:
    adapters = [org.adapter() for _ in range(6)]
    with ThreadPoolExecutor(len(adapters)) as pool:
        records = list(pool.map(lambda each: each.upsert_lead(FIELDS, INTERACTION), adapters))
    assert {record.id for record in records} == {org.only("Lead")["Id"]}


OUTCOMES = [
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", RejectedByDependencyError),
    ("REQUIRED_FIELD_MISSING", RejectedByDependencyError),
    ("INSUFFICIENT_ACCESS_OR_READONLY", RejectedByDependencyError),
    ("UNABLE_TO_LOCK_ROW", RetryableDependencyError),
    ("REQUEST_LIMIT_EXCEEDED", ThrottledError),
    ("SERVER_UNAVAILABLE", RetryableDependencyError),
    ("HTML_503", RetryableDependencyError),
    ("EMPTY_BODY", RetryableDependencyError),
]


@pytest.mark.parametrize(("code", "error"), OUTCOMES)
def test_a_failing_create_is_told_by_its_meaning_and_can_be_repeated(
    org: Org, salesforce: Salesforce, code: str, error: type[DependencyError]
) -> None:
    org.fault(operation="Lead.upsert", error=code)
    with pytest.raises(DependencyError) as caught:
        salesforce.upsert_lead(FIELDS, INTERACTION)
    assert type(caught.value) is error
    assert salesforce.upsert_lead(FIELDS, INTERACTION).outcome == "created"


@pytest.mark.parametrize("rule", ["alert", "block"])
def test_a_rule_that_warns_of_duplicates_is_passed_and_one_that_blocks_is_obeyed(
    org: Org, salesforce: Salesforce, rule: str
) -> None:
    salesforce.upsert_lead(FIELDS, "cd" * 16)
    org.server.change({"duplicate_rule": rule})
    if rule == "alert":
        assert salesforce.upsert_lead(FIELDS, INTERACTION).outcome == "created"
        return
    with pytest.raises(RejectedByDependencyError) as caught:
        salesforce.upsert_lead(FIELDS, INTERACTION)
    assert str(caught.value) == "salesforce: DUPLICATES_DETECTED"


def test_a_missing_required_field_and_an_unknown_one_are_rejected(salesforce: Salesforce) -> None:
    without_company = {name: value for name, value in FIELDS.items() if name != "Company"}
    with pytest.raises(RejectedByDependencyError, match="REQUIRED_FIELD_MISSING"):
        salesforce.upsert_lead(without_company, INTERACTION)
    with pytest.raises(RejectedByDependencyError, match="INVALID_FIELD"):
        salesforce.upsert_lead({**FIELDS, "Shoe__c": "42"}, INTERACTION)


def test_a_field_that_the_organisation_does_not_have_is_rejected(
    org: Org, salesforce: Salesforce
) -> None:
    org.server.change({"has_external_id_field": False})
    with pytest.raises(RejectedByDependencyError, match="INVALID_FIELD"):
        salesforce.upsert_lead(FIELDS, INTERACTION)
    assert org.server.records("Lead") == []


def test_the_daily_limit_is_told_apart(org: Org, salesforce: Salesforce) -> None:
    org.server.change({"daily_api_requests": 0})
    with pytest.raises(ThrottledError, match="REQUEST_LIMIT_EXCEEDED"):
        salesforce.upsert_lead(FIELDS, INTERACTION)


def test_an_expired_session_is_renewed_once(org: Org, salesforce: Salesforce) -> None:
    salesforce.upsert_lead(FIELDS, INTERACTION)
    org.server.change({"expire_sessions": True})
    assert salesforce.upsert_lead(FIELDS, INTERACTION).outcome == "found"
    assert org.calls()["token"] == 2


def test_a_rotated_key_is_taken_up_without_a_deployment(org: Org, salesforce: Salesforce) -> None:
    name = SETTINGS.salesforce_secret
    org.manager.secrets[name] = {**org.server.secret(), "private_key": private_key("second")}
    salesforce.prepare()
    org.manager.secrets[name] = org.server.secret()
    assert salesforce.upsert_lead(FIELDS, INTERACTION).outcome == "created"
    assert org.calls()["token"] == 2


def test_a_certificate_of_an_unknown_ca_is_refused(org: Org) -> None:
    secret = {k: v for k, v in org.server.secret().items() if k != "ca_certificate"}
    org.manager.secrets[SETTINGS.salesforce_secret] = secret
    with pytest.raises(RetryableDependencyError, match="SSLError"):
        org.adapter().upsert_lead(FIELDS, INTERACTION)
    assert org.calls() == {}


def test_a_block_is_written_beside_what_people_write(org: Org, salesforce: Salesforce) -> None:
    lead = salesforce.upsert_lead(FIELDS, INTERACTION)
    assert salesforce.write_blocks("Lead", lead.id, [BLOCK])
    assert not salesforce.write_blocks("Lead", lead.id, [BLOCK])
    assert org.only("Lead")["Description"] == f"{FIELDS['Description']}\n\n{BLOCK.text}"


def test_writers_at_the_same_time_all_find_their_words_again(org: Org) -> None:
    adapters = [org.adapter() for _ in range(3)]
    lead = adapters[0].upsert_lead(FIELDS, INTERACTION)
    blocks = [Block(block_name(f"note{n}", INTERACTION), (str(n),)) for n in range(3)]

    def write(adapter: Salesforce, block: Block) -> None:
        for _ in range(4):
            try:
                adapter.write_blocks("Lead", lead.id, [block])
            except RetryableDependencyError:
                continue
            return

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, adapters, blocks))
    names = re.findall(r"\[Atlas (\w+)", org.only("Lead")["Description"])
    assert sorted(names) == ["note0", "note1", "note2", "request"]


def test_deleting_takes_the_activities_along(org: Org, either: Salesforce) -> None:
    lead = either.upsert_lead(FIELDS, INTERACTION)
    either.upsert_task(a_task(lead.id), INTERACTION, "callback")
    assert either.delete_lead(INTERACTION, "", FIELDS)
    assert (org.server.records("Lead"), org.server.records("Task")) == ([], [])
    assert not either.delete_lead(INTERACTION, lead.id, FIELDS)


def test_a_lead_whose_name_is_forgotten_is_found_by_its_time(org: Org) -> None:
    org.server.change({"has_external_id_field": False})
    salesforce = org.adapter("")
    salesforce.upsert_lead(FIELDS, INTERACTION)
    assert not salesforce.delete_lead(INTERACTION, created_since=time.time() + 60)
    assert not salesforce.delete_lead("cd" * 16, created_since=time.time() - 60)
    assert salesforce.delete_lead(INTERACTION, created_since=time.time() - 60)
    assert org.server.records("Lead") == []


class _Team:
    def __init__(self) -> None:
        self.told: list[str] = []

    def callback_requested(self, lead: Lead, task_id: str) -> None:
        self.told.append(task_id)


def _retried(step: Callable[[], Any]) -> Any:
    for _ in range(12):
        try:
            return step()
        except RetryableDependencyError:
            continue
    raise AssertionError("never succeeded")


def test_the_story_from_consent_to_callback_with_every_second_answer_lost(
    org: Org, either: Salesforce
) -> None:
    with lead_world() as world:
        team = _Team()
        services = world.with_services(salesforce=either, team=team)
        world.consented(
            name="Conan O'Neil",
            summary=Summary("Price.", "Interested.", "Send an offer."),
            call_outcome="completed",
            callback_requested_at=world.clock(),
        )
        org.faults.replace([{"service": "salesforce", "rate": 0.4, "lose_answer": True}])
        deadline = Deadline.after(600)
        task = InteractionInput(INTERACTION)
        assert _retried(lambda: create_lead(task, deadline, services)).mode == either.mode
        update = UpdateLeadInput(INTERACTION, call_outcome="completed")
        assert _retried(lambda: update_lead(update, deadline, services)).outcome == "updated"
        record = org.only("Lead")
        assert (record["FirstName"], record["LastName"]) == ("Conan", "O'Neil")
        assert "Next step: Send an offer." in record["Description"]
        subjects = [each["Subject"] for each in org.server.records("Task")]
        assert sorted(subjects) == ["AI call: answered", "Call back"]
        assert team.told == [world.lead().callback_task_id]
        assert world.lead().expires_at > 0


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_wish_for_no_more_calls_stands_on_the_lead(org: Org, is_allowed: bool) -> None:
    """The block at any rate; the field where the organisation lets Atlas write it."""
    with lead_world() as world:
        salesforce = org.adapter()
        services = world.with_services(salesforce=salesforce)
        lead = world.consented(do_not_call_at=world.clock())
        deadline = Deadline.after(600)
        record = salesforce.upsert_lead(FIELDS, INTERACTION)
        salesforce.write_blocks("Lead", record.id, [stop_block(lead)])
        if not is_allowed:
            org.fault(operation="Lead.update", error="INVALID_FIELD_FOR_INSERT_UPDATE")
        for _ in range(2):
            assert update_lead(UpdateLeadInput(INTERACTION), deadline, services).outcome
        assert org.only("Lead")["DoNotCall"] is is_allowed
        assert org.only("Lead")["Description"].count("Asked not to be called again at") == 1
