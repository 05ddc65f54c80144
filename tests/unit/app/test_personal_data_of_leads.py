"""A person planted on the whole way of a lead: nothing of them is written where it does not belong.

Not into a log line, a metric, a trace, an error that a workflow keeps, a payload, a message to the
team, or one of the four tables that hold ids only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import AtlasError, InvalidRequestError, StepFailedError
from chalicelib.observability import TRACER
from chalicelib.recordings import transcript_key
from chalicelib.steps import boundary
from chalicelib.steps.boundary import run_step
from chalicelib.steps.call_ended import ContactEvent, call_ended
from chalicelib.steps.create_lead import create_lead
from chalicelib.steps.erase_lead import SECOND_SWEEP_SECONDS, erase_lead
from chalicelib.steps.generate_scenario import generate_scenario
from chalicelib.steps.invoke_call import invoke_call
from chalicelib.steps.payloads import InteractionInput, InvokeCallInput, UpdateLeadInput
from chalicelib.steps.recover_leads import RecoverLeadsInput, recover_leads
from chalicelib.steps.start_transcription import ObjectCreated, start_transcription
from chalicelib.steps.summarize_call import JobStateChange, summarize_call
from chalicelib.steps.update_lead import update_lead
from chalicelib.team import TeamTopic
from chalicelib.transcription import job_name
from tests.call_fakes import EVENTS, FakeRecordings, FakeTelephony, FakeTranscriber, aws_event
from tests.chat_world import ChatWorld, chat_world
from tests.fakes import TRACE_HEADER, Reply
from tests.lead_world import INTERACTION, FunctionContext
from tests.salesforce_fake import FakeSalesforce, a_salesforce, problem
from tests.xray_daemon import Daemon

NAME, NUMBER = "Eleanor Vance", "+1 212 555 0147"
QUESTION = "what technology do you use at hillhouse"
TOKEN = "AQCMAAAAKgAAAAMAAAAAplantedtoken"
PERSON = f"{NAME}, {NUMBER}, asked: {QUESTION}; {TOKEN}"
PERSONAL = ("eleanor", "vance", "5550147", "555 0147", "555-0147", "hillhouse", TOKEN.lower())
SUMMARY = f"Topics: {QUESTION}.\nOutcome: {NAME} was told.\nNext step: Call {NUMBER}."
ID_TABLES = ("call_limits_table", "pending_work_table", "contacts_table", "deletions_table")
DOWN = problem("SERVER_UNAVAILABLE", 503, PERSON)

INPUT = {"interaction_id": INTERACTION}
STEPS: dict[Any, tuple[Any, Any]] = {
    create_lead: (InteractionInput, INPUT),
    generate_scenario: (InteractionInput, INPUT),
    invoke_call: (InvokeCallInput, INPUT | {"task_token": TOKEN}),
    call_ended: (ContactEvent, aws_event("contact_disconnected_answered")),
    start_transcription: (ObjectCreated, aws_event("recording_created")),
    summarize_call: (JobStateChange, aws_event("transcription_completed")),
    update_lead: (UpdateLeadInput, INPUT),
    erase_lead: (InteractionInput, INPUT),
    recover_leads: (RecoverLeadsInput, {}),
}


class Topic:
    """Remembers what the team was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []

    def publish(self, **request: str) -> None:
        self.sent.append(request)


class Talk(FakeRecordings):
    """Recordings that a deletion may take away as a whole."""

    def delete_of(self, lead: Any) -> None:
        self.objects.clear()


class Broken:
    """An adapter of which every call fails with words that quote the person."""

    def __getattr__(self, name: str) -> Any:
        raise ValueError(PERSON)


class Story:
    """The chat, all steps and everything that they write; `personal` is what must not be there."""

    def __init__(self, chat: ChatWorld, segments: Daemon) -> None:
        self.chat, self.world, self.segments = chat, chat.world, segments
        self.fake, self.topic, self.talk = FakeSalesforce(self.world.clock), Topic(), Talk()
        self.salesforce = a_salesforce(self.fake)
        self.payloads: list[Any] = []
        self.errors: list[str] = []
        self.looked_at: set[str] = set()
        team = TeamTopic(
            *(lambda: self.topic, "atlas-local-team", self.world.services.account),
            *(self.world.services.leads, self.salesforce.record_link, self.world.clock),
        )
        self.world.with_services(
            telephony=FakeTelephony(),
            recordings=self.talk,
            transcriber=FakeTranscriber(),
            salesforce=self.salesforce,
            team=team,
        )

    def step(self, step: Any, event: Any = None, **given: str) -> str:
        """The outcome, or the error's class; both kinds are kept as a workflow keeps them."""
        task, planned = STEPS[step]
        payload = event or {**planned, **given}
        try:
            result = run_step(step, task, payload, FunctionContext(), self.world.services)
        except AtlasError as exc:
            self.errors.append(f"{type(exc).__name__}: {exc}")
            return type(exc).__name__
        self.payloads.append(result)
        return str(result["outcome"])

    def written(self) -> dict[str, Any]:
        tables = {name: self.chat.items(name) for name in ID_TABLES}
        workflow = self.world.workflow
        outcomes = [outcome for _, outcome in workflow.resumed]
        return {
            "lines": list(self.world.lines),
            "segments": self.segments.documents,
            "errors": self.errors,
            "payloads": [self.payloads, self.world.background.invoked, workflow.started, outcomes],
            "messages": self.topic.sent,
            **tables,
        }

    def personal(self) -> dict[str, list[str]]:
        """What of the person stands where."""
        written = self.written()
        self.looked_at |= {name for name, each in written.items() if each}
        texts = {name: json.dumps(each).lower() for name, each in written.items()}
        found = {name: [word for word in PERSONAL if word in text] for name, text in texts.items()}
        return {name: words for name, words in found.items() if words}


@pytest.fixture
def segments(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = Daemon()
    monkeypatch.setattr(TRACER, "_send", daemon)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE_HEADER)
    return daemon


@pytest.fixture
def story(segments: Daemon) -> Iterator[Story]:
    with chat_world() as chat:
        story = Story(chat, segments)
        try:
            yield story
        finally:
            story.salesforce.close()
            chat.world.services.scenarios._workers.shutdown()


def booked(story: Story) -> str:
    """The chat up to the yes, and a wish to be called back; the interaction's id."""
    chat = story.chat
    for said in (QUESTION, "start the demo", f"my name is {NAME}", NUMBER, "yes"):
        chat.say(said)
    interaction = chat.attributes["bookedInteraction"]
    chat.say("I want a callback")
    lead = story.world.services.leads.get(interaction)
    assert lead is not None
    assert (lead.name, lead.phone, lead.asked) == (NAME, "+12125550147", (QUESTION,))
    assert lead.callback_requested_at
    return interaction


def called(story: Story, interaction: str) -> None:
    """The workflow's branches and the call's events, Salesforce and the model failing at times."""
    given = {"interaction_id": interaction}
    story.fake.faults = [("PATCH Lead", DOWN), ("POST Lead", DOWN), ("GET query", DOWN)] * 9
    assert story.step(create_lead, given) == "RetryableDependencyError"
    story.fake.faults = []
    assert story.step(create_lead, given) == "created"
    story.step(generate_scenario, given)
    assert story.step(invoke_call, given | {"task_token": TOKEN}) == "placed"
    assert story.step(call_ended) == "awaiting_summary"
    assert story.step(start_transcription) == "started"
    story.world.clock.advance(601)
    assert story.step(recover_leads) == "recovered"
    ended = {"lead_outcome": "created", "scenario_outcome": "made"}
    ended |= {"call_outcome": "completed_without_summary"}
    assert story.step(update_lead, given | ended) == "updated"


def summarized_late(story: Story, interaction: str) -> None:
    """Salesforce is down when the summary comes; recovery brings it."""
    given = {"interaction_id": interaction}
    transcript = (EVENTS / "transcript.json").read_text().replace("Hello?", PERSON)
    story.talk.objects[transcript_key(interaction, 1)] = transcript.encode()
    event = aws_event(
        "transcription_completed", TranscriptionJobName=job_name("local", interaction, 1)
    )
    story.world.models.replies = [Reply(PERSON)]
    assert story.step(summarize_call, event) == "RetryableDependencyError"
    story.world.models.replies = [Reply(SUMMARY)]
    assert story.step(summarize_call, event) == "summarized_late"
    story.fake.faults = [("GET Lead", DOWN)] * 9
    assert story.step(update_lead, given) == "RetryableDependencyError"
    story.fake.faults = []
    story.world.background.invoked.clear()
    story.world.clock.advance(120)
    story.step(recover_leads)
    ((function, payload),) = story.world.background.invoked
    assert function == story.world.services.settings.update_lead_function
    assert story.step(update_lead, payload) == "updated"
    assert NAME in story.fake.only("Lead")["Description"]
    assert f"{NAME} was told" in story.fake.only("Lead")["Description"]
    assert story.world.services.pending.all("update") == []


def erased(story: Story, interaction: str) -> None:
    """Somebody else asks for it and waits for the team; the person asks, and it is done twice."""
    for session in ("visitor-2", "visitor-1"):
        for said in ("delete my info", NUMBER, NAME, "yes"):
            story.chat.say(said, session)
    given = {"interaction_id": interaction}
    story.fake.faults = [("DELETE Lead", DOWN)] * 9
    assert story.step(erase_lead, given) == "RetryableDependencyError"
    story.fake.faults = []
    assert story.step(erase_lead, given) == "swept"
    story.world.clock.advance(SECOND_SWEEP_SECONDS)
    story.step(recover_leads)
    assert story.step(erase_lead, given) == "erased"
    assert story.fake.records == {"Lead": [], "Task": []}
    story.chat.say("stop calling me")
    story.chat.say(NUMBER)


def test_nothing_of_the_person_is_written_on_the_whole_way_of_a_lead(story: Story) -> None:
    interaction = booked(story)
    assert story.personal() == {}
    for chapter in (called, summarized_late, erased):
        chapter(story, interaction)
        assert story.personal() == {}
    assert story.personal() == {}
    assert story.looked_at == set(story.written())
    kinds = {json.loads(message["Message"])["kind"] for message in story.topic.sent}
    assert kinds == {"callback_requested", "deletion_waits"}
    steps = {record["Step"] for record in story.world.lines.of("step")}
    assert steps == {step.__name__ for step in STEPS}


def test_every_step_has_a_place_here() -> None:
    files = {path.stem for path in Path(boundary.__file__).parent.glob("*.py")}
    assert {step.__name__ for step in STEPS} == files - {"__init__", "boundary", "payloads"}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_an_unexpected_error_that_quotes_the_person_stays_within_its_step(
    story: Story, step: Any
) -> None:
    adapters = ("leads", "pending", "contacts", "salesforce", "scenarios", "workflow")
    with_broken: Any = dict.fromkeys(adapters, Broken())
    scenarios = story.world.services.scenarios
    story.world.services = replace(story.world.services, **with_broken)
    assert story.step(step) == StepFailedError.__name__
    story.world.with_services(scenarios=scenarios)
    assert story.errors[0].startswith("StepFailedError: ValueError in __getattr__:")
    assert step.__name__ in json.dumps(story.segments.documents)
    assert story.personal() == {}


def quoting(*_: Any) -> Any:
    raise InvalidRequestError("field", PERSON)


def test_a_plant_would_be_found_wherever_it_is(story: Story) -> None:
    """The check itself can fail."""
    services, deadline = story.world.services, story.world.deadline()
    services.log.info("told", text=NAME)
    services.background.invoke("update_lead:live", {"name": NAME}, deadline)
    services.call_limits.stop_calling(NUMBER)
    services.pending.put("start", NAME, 0.0)
    services.contacts.placed(NAME, INTERACTION)
    services.deletions.request([NAME], "chat")
    story.topic.publish(Message=NAME)
    with TRACER.invocation("planted", TRACE_HEADER):
        TRACER.annotate(text=NAME)
    STEPS[quoting] = (InteractionInput, INPUT)
    try:
        story.step(quoting)
    finally:
        del STEPS[quoting]
    assert set(story.personal()) == set(story.written())
