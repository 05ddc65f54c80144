"""erase_lead: everything goes, in two sweeps, whatever fails in the middle; a receipt stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.deadline import Deadline
from chalicelib.deletions import receipt_id
from chalicelib.errors import DependencyError, RetryableDependencyError
from chalicelib.lead import Lead, Summary
from chalicelib.lead_fields import new_lead
from chalicelib.recordings import transcript_keys
from chalicelib.salesforce import Salesforce
from chalicelib.steps.create_lead import create_lead
from chalicelib.steps.erase_lead import SECOND_SWEEP_SECONDS, Erased, erase_lead
from chalicelib.steps.payloads import InteractionInput
from chalicelib.transcription import Transcription, job_name
from tests.fakes import SETTINGS
from tests.lead_world import INTERACTION, PHONE, LeadWorld, lead_world
from tests.salesforce_fake import EXTERNAL_ID, LOST, FakeSalesforce, a_salesforce, problem

CONTACT = "4f1c2a9e-7b35-4a0e-9d51-6c0b2f8e7a13"
BUCKET, RECORDING = "atlas-local-recordings-123456789012", "connect/call.wav"
JOB = job_name("local", INTERACTION, 1)
OTHER = "cd" * 16
KEPT_BETWEEN = ["item", "contact", "rows"]
"""What the second sweep goes by; nothing in it tells of the person."""
KINDS = ("start", "summary", "update", "callback", "erase", "parked")


class Talk:
    """Recordings and Transcribe jobs in one memory; `error` is raised once by the next call."""

    def __init__(self) -> None:
        self.objects = {RECORDING, *transcript_keys(INTERACTION)}
        self.jobs = {JOB, job_name("local", OTHER, 1)}
        self.error: Exception | None = None

    def read(self, bucket: str, key: str, limit: int = 0) -> bytes:
        raise NotImplementedError

    def delete_of(self, lead: Lead) -> None:
        self._fail_if_told()
        self.objects -= {lead.recording_key, *transcript_keys(lead.interaction_id)}

    def delete(self, *names: str) -> None:
        self._fail_if_told()
        self.jobs.discard(names[-1])

    def start(self, job: Transcription) -> bool:
        raise NotImplementedError

    def bucket_of(self, name: str) -> str:
        raise NotImplementedError

    def _fail_if_told(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error


class ErasingWorld:
    """A lead that has left traces everywhere; `run` is one invocation of the step."""

    def __init__(self, world: LeadWorld) -> None:
        self.world, self.clock = world, world.clock
        self.talk, self.transcribe = Talk(), Talk()
        self.fake = FakeSalesforce(world.clock)
        self.use(a_salesforce(self.fake))

    def use(self, salesforce: Salesforce) -> None:
        self.salesforce = salesforce
        self.services = self.world.with_services(
            recordings=self.talk, transcriber=self.transcribe, salesforce=self.salesforce
        )

    def a_whole_story(self, **changes: Any) -> None:
        """The lead stands in Salesforce, was called and recorded, and is now to be erased."""
        self.world.consented(contact_id=CONTACT)
        create_lead(InteractionInput(INTERACTION), self.deadline(), self.services)
        lead_id = self.fake.only("Lead")["Id"]
        self.fake.records["Task"].append({"Id": "00T000000000001AAA", "WhoId": lead_id})
        self.services.contacts.placed(CONTACT, INTERACTION)
        self.services.scenarios.draft(INTERACTION, "Maria Lopez", ("price",), "en_US")
        self.world.workflow.start(INTERACTION)
        for kind in KINDS:
            self.services.pending.put(kind, INTERACTION, self.clock())  # type: ignore[arg-type]
        ended = {
            "recording_bucket": BUCKET,
            "recording_key": RECORDING,
            "call_outcome": "completed",
        }
        self.mark(**(ended | changes))

    def mark(self, **changes: Any) -> None:
        self.services.leads.update(INTERACTION, changes | {"status": "erasing"})

    def run(self) -> Erased:
        return erase_lead(InteractionInput(INTERACTION), self.deadline(), self.services)

    def run_to_the_end(self) -> list[str]:
        """Again and again, as the pending row asks for it; every outcome or error on the way."""
        outcomes: list[str] = []
        while self.services.pending.all("erase") and len(outcomes) < 10:
            try:
                outcomes.append(self.run().outcome)
            except DependencyError as exc:
                outcomes.append(type(exc).__name__)
            self.clock.advance(SECOND_SWEEP_SECONDS)
        return outcomes

    def deadline(self) -> Deadline:
        return Deadline.after(50, clock=self.clock)

    def rows(self) -> list[str]:
        pending = self.services.pending
        return [kind for kind in KINDS if pending.all(kind)]  # type: ignore[arg-type]

    def traces(self) -> list[str]:
        """Where anything is left of the interaction."""
        left = {
            "item": self.services.leads.get(INTERACTION) is not None,
            "salesforce": bool(self.fake.records["Lead"]),
            "scenario": self.services.scenarios.visitor(INTERACTION) is not None,
            "recording": bool(self.talk.objects),
            "job": JOB in self.transcribe.jobs,
            "contact": bool(self.services.contacts.interaction_of(CONTACT)),
            "rows": bool(self.rows()),
        }
        return [name for name, is_left in left.items() if is_left]


@pytest.fixture
def world() -> Iterator[ErasingWorld]:
    with lead_world() as world:
        erasing = ErasingWorld(world)
        try:
            yield erasing
        finally:
            erasing.salesforce.close()
            erasing.services.scenarios._workers.shutdown()


def test_everything_goes_and_the_second_sweep_ends_it(world: ErasingWorld) -> None:
    world.a_whole_story()
    assert world.run() == Erased("swept", 1)
    assert world.traces() == KEPT_BETWEEN
    assert world.rows() == ["erase"]
    world.clock.advance(SECOND_SWEEP_SECONDS)
    assert world.run() == Erased("erased", 2)
    assert world.traces() == []


@pytest.mark.parametrize("field", [EXTERNAL_ID, ""])
def test_nothing_of_the_person_is_left_after_the_first_sweep(
    world: ErasingWorld, field: str
) -> None:
    world.use(a_salesforce(world.fake, external_id_field=field))
    world.a_whole_story(summary=Summary("Prices.", "Told Maria.", "None."), call_key="ef" * 16)
    lead = world.services.leads.get(INTERACTION)
    assert lead is not None
    world.run()
    tables = (SETTINGS.leads_table, SETTINGS.scenario_cache_table, SETTINGS.pending_work_table)
    left = json.dumps([world.world.wire.scan(TableName=name)["Items"] for name in tables])
    assert INTERACTION in left
    personal = ("Maria", "Lopez", "0132", "technology", "Prices", "call you", lead.phone_hash)
    assert not [word for word in (*personal, lead.session, lead.call_key) if word in left]
    assert world.services.leads.by_phone(lead.phone_hash) == []
    assert world.fake.records["Lead"] == []


def test_name_and_number_go_before_a_salesforce_that_is_down(world: ErasingWorld) -> None:
    world.a_whole_story()
    salesforce_down(world)
    with pytest.raises(RetryableDependencyError):
        world.run()
    lead = world.world.lead()
    assert (lead.name, lead.phone, lead.consent_words, lead.asked) == ("-", "-", "", ())


def test_without_an_external_id_the_name_stays_until_salesforce_was_searched_by_it(
    world: ErasingWorld,
) -> None:
    world.use(a_salesforce(world.fake, external_id_field=""))
    world.a_whole_story(salesforce_id="")
    salesforce_down(world)
    assert world.run_to_the_end() == ["RetryableDependencyError", "swept", "erased"]
    assert world.traces() == []


def test_a_recording_that_comes_between_the_sweeps_goes_with_the_second(
    world: ErasingWorld,
) -> None:
    world.a_whole_story(recording_key="")
    world.run()
    # Whoever wrote this had read the item before it was marked, and died then.
    world.services.leads.update(INTERACTION, {"recording_key": RECORDING})
    world.talk.objects = {RECORDING}
    world.clock.advance(SECOND_SWEEP_SECONDS)
    world.run()
    assert world.traces() == []


def test_other_interactions_are_left_alone(world: ErasingWorld) -> None:
    world.a_whole_story()
    world.world.offered(interaction_id=OTHER)
    world.services.pending.put("start", OTHER, world.clock())
    world.run_to_the_end()
    assert world.services.leads.get(OTHER) is not None
    assert world.rows() == ["start"]
    assert world.transcribe.jobs == {job_name("local", OTHER, 1)}


def test_a_running_workflow_is_stopped_with_every_later_run(world: ErasingWorld) -> None:
    world.a_whole_story()
    world.world.workflow.start(INTERACTION, 1)
    world.run()
    assert world.world.workflow.stopped == [(INTERACTION, 0), (INTERACTION, 1), (INTERACTION, 2)]


def test_the_receipt_tells_times_and_counts_and_nobody(world: ErasingWorld) -> None:
    world.a_whole_story()
    first_at = world.clock()
    world.run_to_the_end()
    receipt = world.services.deletions.receipt(INTERACTION)
    assert receipt is not None
    assert (receipt.first_at, receipt.sweeps) == (first_at, 2)
    assert receipt.last_at == first_at + SECOND_SWEEP_SECONDS
    assert dict(receipt.found) == {
        "executions": 2,
        "salesforce_leads": 1,
        "recordings": 1,
        "items": 1,
    }
    table = world.services.settings.deletions_table
    stored = json.dumps(world.world.wire.scan(TableName=table)["Items"])
    assert receipt_id(INTERACTION) in stored
    assert not [word for word in ("Maria", "Lopez", PHONE, INTERACTION) if word in stored]


@pytest.mark.parametrize("status", ["offered", "consented"])
def test_a_lead_that_nobody_asked_to_erase_is_left_alone(world: ErasingWorld, status: str) -> None:
    world.a_whole_story()
    world.services.leads.update(INTERACTION, {"status": status})
    before = world.traces()
    assert world.run().outcome == "not_requested"
    assert world.traces() == before


def test_erasing_twice_at_once_and_again_later_is_harmless(world: ErasingWorld) -> None:
    world.a_whole_story()
    assert [world.run().outcome, world.run().outcome] == ["swept", "swept"]
    world.clock.advance(SECOND_SWEEP_SECONDS)
    assert [world.run().outcome, world.run().outcome] == ["erased", "already_erased"]
    receipt = world.services.deletions.receipt(INTERACTION)
    assert receipt is not None
    assert receipt.found["salesforce_leads"] == 1


def test_the_second_sweep_is_not_put_off_by_an_early_one(world: ErasingWorld) -> None:
    world.a_whole_story()
    world.run()
    world.clock.advance(SECOND_SWEEP_SECONDS - 1)
    assert world.run().outcome == "swept"
    (row,) = world.services.pending.all("erase")
    assert row.due_at == world.clock() + 1


def test_a_draft_without_a_lead_goes_too(world: ErasingWorld) -> None:
    world.services.scenarios.draft(INTERACTION, "Maria Lopez", (), "en_US")
    world.services.pending.put("erase", INTERACTION, world.clock())
    world.talk.objects.clear()
    assert world.run_to_the_end() == ["swept", "erased"]
    assert world.traces() == []


def test_the_do_not_call_list_outlives_it(world: ErasingWorld) -> None:
    world.a_whole_story()
    phone_hash = world.services.phone_hash(PHONE)
    world.services.call_limits.stop_calling(phone_hash)
    world.run_to_the_end()
    assert not world.services.call_limits.may_call(phone_hash)


def salesforce_down(world: ErasingWorld) -> None:
    world.fake.faults = [("DELETE Lead", problem("SERVER_UNAVAILABLE", 503))]


def salesforce_loses_the_answer(world: ErasingWorld) -> None:
    world.fake.faults = [("DELETE Lead", LOST)]


def workflow_down(world: ErasingWorld) -> None:
    workflow, stop = world.world.workflow, world.world.workflow.stop
    outages = [RetryableDependencyError("stepfunctions", "ServiceUnavailable")]

    def stop_later(interaction_id: str, run: int = 0) -> bool:
        if outages:
            raise outages.pop()
        return stop(interaction_id, run)

    workflow.stop = stop_later  # type: ignore[method-assign]


def s3_down(world: ErasingWorld) -> None:
    world.talk.error = RetryableDependencyError("s3", "SlowDown")


def transcribe_down(world: ErasingWorld) -> None:
    world.transcribe.error = RetryableDependencyError("transcribe", "InternalFailure")


@pytest.mark.parametrize(
    "breakage",
    [salesforce_down, salesforce_loses_the_answer, workflow_down, s3_down, transcribe_down],
)
def test_whatever_fails_in_the_middle_is_made_up_for(
    world: ErasingWorld, breakage: Callable[[ErasingWorld], None]
) -> None:
    world.a_whole_story()
    breakage(world)
    assert world.run_to_the_end() == ["RetryableDependencyError", "swept", "erased"]
    assert world.traces() == []


CALLS = {"get_item": 5, "delete_item": 8, "update_item": 4, "put_item": 1}


@pytest.mark.parametrize(
    ("operation", "call"), [(name, call) for name, calls in CALLS.items() for call in range(calls)]
)
@pytest.mark.parametrize("code", ["InternalServerError", "lost:InternalServerError"])
def test_whichever_table_call_fails_nothing_is_left(
    world: ErasingWorld, operation: str, call: int, code: str
) -> None:
    world.a_whole_story()
    world.world.wire.faults[operation] = [""] * call + [code]
    outcomes = world.run_to_the_end()
    assert world.world.wire.faults[operation] == [], "the call was never made"
    assert outcomes[-1] in ("erased", "already_erased")
    assert world.traces() == []


def test_a_lead_created_while_it_is_erased_is_found_by_the_second_sweep(
    world: ErasingWorld,
) -> None:
    world.a_whole_story()
    world.run()
    # Its creator died between Salesforce's answer and the item.
    late = {"LastName": "Lopez", "Phone": PHONE}
    world.salesforce.upsert_lead(late, INTERACTION)
    assert "salesforce" in world.traces()
    world.clock.advance(SECOND_SWEEP_SECONDS)
    world.run()
    assert world.traces() == []


def test_without_an_external_id_the_second_sweep_finds_it_by_its_time(
    world: ErasingWorld,
) -> None:
    world.use(a_salesforce(world.fake, external_id_field=""))
    world.a_whole_story()
    fields = new_lead(world.world.a_lead(), SETTINGS.lead_defaults)
    others = new_lead(world.world.a_lead(interaction_id=OTHER), SETTINGS.lead_defaults)
    world.run()
    # It lands now, and its answer is lost with whoever waited for it.
    for late in (fields, others):
        world.salesforce.upsert_lead(late, OTHER if late is others else INTERACTION)
    world.clock.advance(SECOND_SWEEP_SECONDS)
    world.run()
    assert OTHER in world.fake.only("Lead")["Description"]
    assert INTERACTION not in world.fake.only("Lead")["Description"]


def test_a_create_that_ends_after_the_deletion_takes_its_own_lead_back(
    world: ErasingWorld,
) -> None:
    world.world.consented()
    world.services.pending.put("erase", INTERACTION, world.clock())

    def erased_meanwhile() -> None:
        world.mark()
        world.run()

    world.fake.before["PATCH Lead"] = erased_meanwhile
    task = InteractionInput(INTERACTION)
    assert create_lead(task, world.deadline(), world.services).outcome == "erased"
    assert world.fake.records["Lead"] == []


@pytest.mark.parametrize(
    ("changes", "is_known"),
    [
        ({"recording_key": "", "call_outcome": ""}, True),
        ({"recording_key": "", "call_outcome": "completed"}, True),
        ({"recording_key": "", "call_outcome": "no_answer"}, False),
        ({}, False),
    ],
)
def test_a_contact_stays_known_while_its_recording_may_come(
    world: ErasingWorld, changes: dict[str, str], is_known: bool
) -> None:
    world.a_whole_story(**changes)
    world.run_to_the_end()
    known = world.services.contacts.interaction_of(CONTACT)
    assert bool(known) is is_known


def test_a_refusal_of_salesforce_keeps_the_row_for_a_person(world: ErasingWorld) -> None:
    world.a_whole_story()
    world.fake.faults = [("DELETE Lead", problem("INSUFFICIENT_ACCESS_OR_READONLY", 403))]
    with pytest.raises(DependencyError) as caught:
        world.run()
    assert "Maria" not in str(caught.value)
    assert "erase" in world.rows()
    assert world.services.leads.get(INTERACTION) is not None
