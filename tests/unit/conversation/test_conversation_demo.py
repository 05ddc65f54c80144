"""The demo: the story that it tells, and every part of it whose absence makes it fail."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conversation_fakes import (
    CONSENT_AT,
    ID,
    NUMBER,
    STATES,
    SUMMARY,
    FakeBackstage,
    FakeControl,
    Time,
    conversation,
    job,
    lead_record,
    notification,
    record,
    state_run,
    task,
)

from sandbox.conversation.backstage import Execution
from sandbox.conversation.demo import demo, free_number
from sandbox.conversation.demo_call import LINES, RECALL
from sandbox.conversation.demo_chat import QUESTIONS, YES, script, spoken
from sandbox.conversation.phone import Phone
from sandbox.conversation.story import Cast
from sandbox.conversation.talk import ControlError


class Shown:
    """The demo's world and what it printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.conversation, self.bot, self.control = conversation()
        self.backstage = FakeBackstage(self.control)
        self.time = Time()

    def run(self, width: int = 100) -> int:
        cast = Cast(
            conversation=self.conversation,
            phone=Phone(self.control, NUMBER),
            backstage=self.backstage,
            control=self.control,
            tell=self.lines.append,
            width=width,
            clock=self.time,
            sleep=self.time.sleep,
        )
        return demo(cast)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def faults(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith("FAILED: ")]


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_whole_story_passes(shown: Shown) -> None:
    assert shown.run() == 0
    assert shown.lines[-1].startswith(
        "PASSED: 10 turns in the chat and 6 on the phone, none on a cold start, none on $LATEST;"
    )
    assert [text for _, text in shown.bot.heard] == list(script(spoken(NUMBER)))
    said = [body["words"] for name, body in shown.control.posted if name == "phone/say"]
    assert said == list(LINES)


def test_story_is_one_session_of_more_than_twelve_turns_that_repeats_a_question(
    shown: Shown,
) -> None:
    shown.run()
    assert len({session for session, _ in shown.bot.heard}) == 1
    assert len(script(NUMBER)) + len(LINES) >= 12
    plain = [re.sub(r"[^a-z ]", "", words.lower()) for words in QUESTIONS]
    assert len(set(plain)) < len(plain)


def test_chapters_come_in_the_order_of_the_story(shown: Shown) -> None:
    shown.run()
    chapters = re.findall(r"^(\d)  [A-Z].* --+$", shown.text, re.MULTILINE)
    assert chapters == list("1234567")


def test_turn_shows_words_answer_wait_source_start_and_version(shown: Shown) -> None:
    shown.run()
    line = next(line for line in shown.text.splitlines() if line.startswith(" 1"))
    for cell in ("hello", "You said hello.", "250", "memory", "provisioned", "live v1"):
        assert cell in line


def test_lead_is_shown_with_its_consent_and_the_time_to_the_ring(shown: Shown) -> None:
    shown.run()
    for part in (ID, "consented", NUMBER, "words v1, shown 13:46:39 UTC, agreed 13:46:40 UTC"):
        assert part in shown.text
    assert "From the yes to the ring:   1000 ms." in shown.text


def test_branches_outcomes_and_retries_are_on_the_timeline(shown: Shown) -> None:
    shown.run()
    timeline = shown.text.partition("From the yes to the summary")[2]
    assert re.search(r"^\| CreateLead +0\.20 s +1\.00 s +=+ +created, 2 retries$", timeline, re.M)
    assert re.search(r"^\| InvokeCall .* completed$", timeline, re.M)
    rows = ("phone rings", "phone talk", "callback", "recording", "transcription", "summary")
    for row in rows:
        assert re.search(rf"^{row} +\d", timeline, re.M), row
    for part in SUMMARY.values():
        assert part in timeline


def test_what_still_goes_on_while_it_rings_is_told_as_such(shown: Shown) -> None:
    shown.run()
    chapter = shown.text.partition("while the phone rings")[2].partition("4  The phone")[0]
    assert re.search(r"^\| InvokeCall +0\.20 s +so far +=*>$", chapter, re.M)
    assert re.search(r"^phone rings +1\.00 s +so far", chapter, re.M)


def test_records_and_the_notification_are_shown_as_they_stand(shown: Shown) -> None:
    shown.run()
    records = shown.text.partition("Salesforce and the team")[2]
    for part in ("00Q1", "00T-call", "00T-callback", "A callback", "callback_requested"):
        assert part in records


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_nothing_but_the_verdict_is_wider_than_the_terminal(shown: Shown, width: int) -> None:
    calls = {f"Operation{n}": 1 for n in range(40)}
    shown.bot.called = {"bedrock-runtime": calls}
    shown.run(width=width)
    lines = shown.text.splitlines()[:-1]
    assert max(map(len, lines)) == width
    assert "Operation39 1" in shown.text


def test_caller_asks_again_once_who_was_not_understood(shown: Shown) -> None:
    shown.control.replies[RECALL] = "Please ask me once more."
    assert shown.run() == 1
    said = [body["words"] for name, body in shown.control.posted if name == "phone/say"]
    assert said.count(RECALL) == 2
    assert "nothing on the phone used what the visitor had asked" in shown.faults[0]


def test_phone_is_the_demos_for_its_length_alone(shown: Shown) -> None:
    shown.run()
    claims = [body for name, body in shown.control.posted if name == "phone/claim"]
    assert claims == [{"number": NUMBER, "seconds": 300.0}, {"number": NUMBER, "seconds": 0}]


def test_booking_that_says_no_ends_the_story_with_the_bots_words(shown: Shown) -> None:
    shown.bot.books = False
    assert shown.run() == 1
    assert "FAILED: the yes booked no call; the bot said: You said yes." in shown.faults[0]
    assert "2  Lead captured" not in shown.text
    assert "calls to lexv2-runtime" in shown.text


def test_phone_that_does_not_ring_fails_within_bounds(shown: Shown) -> None:
    shown.control.rings = False
    assert shown.run() == 1
    assert shown.faults == ["FAILED: no phone rang within 20 s of the yes"]
    assert shown.time.now < CONSENT_AT + 21


def test_consent_without_a_workflow_fails(shown: Shown) -> None:
    shown.backstage.states = ()
    assert shown.run() == 1
    assert shown.faults == ["FAILED: no workflow was started for the consent"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"status": "offered"}, "the yes left no consented lead in the leads table"),
        ({"phone": "+14155550199"}, "the lead does not hold the name and the number"),
        ({"consent_words": "May I?"}, "the consent record does not hold the words"),
        ({"callback_requested_at": 0}, "the wish to be called back was not recorded"),
    ],
)
def test_lead_item_that_is_not_as_it_must_be_fails(
    shown: Shown, change: dict[str, Any], sentence: str
) -> None:
    shown.backstage.item |= change
    assert shown.run() == 1
    assert sentence in shown.text.rpartition("turns on a cold start")[2]


@pytest.mark.parametrize(
    ("leads", "tasks", "sentence"),
    [
        ([], [], "there are 0 new leads in Salesforce, not one"),
        ([lead_record(), lead_record(Id="00Q2")], None, "there are 2 new leads"),
        ([lead_record(Atlas_Interaction_Id__c="x")], None, "belongs to another interaction"),
        ([lead_record(Description="")], None, "the call's summary did not reach Salesforce"),
        (None, [task("call")], "there are 0 callback tasks in Salesforce, not one"),
        (None, [task("callback")], "there are 0 call tasks in Salesforce, not one"),
        (None, [task("callback"), task("call")] * 2, "there are 2 callback tasks"),
    ],
)
def test_records_that_are_not_as_they_must_be_fail(
    shown: Shown, leads: Any, tasks: Any, sentence: str
) -> None:
    end = shown.control.end

    def ended(outcome: str) -> dict[str, Any]:
        end(outcome)
        shown.control.leads = shown.control.leads if leads is None else leads
        shown.control.tasks = shown.control.tasks if tasks is None else tasks
        return {}

    shown.control.end = ended  # type: ignore[method-assign]
    assert shown.run() == 1
    assert any(sentence in fault for fault in shown.faults), shown.faults
    assert shown.time.now < CONSENT_AT + 90


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ([], "the team was told 0 times of the callback, not once"),
        ([notification()] * 2, "the team was told 2 times"),
        ([notification() | {"subject": f"Call {NUMBER}"}], "holds personal data"),
    ],
)
def test_notification_is_one_and_without_personal_data(
    shown: Shown, told: list[dict[str, Any]], sentence: str
) -> None:
    end = shown.control.end

    def ended(outcome: str) -> dict[str, Any]:
        end(outcome)
        shown.control.told = told
        return {}

    shown.control.end = ended  # type: ignore[method-assign]
    assert shown.run() == 1
    assert any(sentence in fault for fault in shown.faults), shown.faults


@pytest.mark.parametrize(
    ("number", "run", "sentence"),
    [
        (0, state_run("CreateLead", 0.2, 1, '{"outcome": "parked"}'), "CreateLead ended in 'park"),
        (2, state_run("InvokeCall", 0.2, 1, '{"outcome": "timed_out"}'), "InvokeCall ended in"),
        (3, state_run("UpdateLead", 4.7, 1, "{}"), "UpdateLead ended in 'nothing'"),
    ],
)
def test_branch_that_ends_in_another_outcome_fails(
    shown: Shown, number: int, run: Any, sentence: str
) -> None:
    shown.backstage.states = (*STATES[:number], run, *STATES[number + 1 :])
    assert shown.run() == 1
    assert any(sentence in fault for fault in shown.faults), shown.faults


def test_workflow_that_does_not_end_fails_within_bounds(shown: Shown) -> None:
    shown.backstage.status = "RUNNING"
    assert shown.run() == 1
    assert "FAILED: the workflow did not end well within the time: it is RUNNING" in shown.faults
    assert shown.time.now < CONSENT_AT + 90


def test_transcription_that_failed_and_a_missing_summary_fail(shown: Shown) -> None:
    failed = job() | {"TranscriptionJobStatus": "FAILED"}
    end = shown.control.end

    def ended(outcome: str) -> dict[str, Any]:
        end(outcome)
        shown.control.jobs, shown.backstage.summary = [failed], None
        return {}

    shown.control.end = ended  # type: ignore[method-assign]
    assert shown.run() == 1
    assert "FAILED: the recording was not transcribed" in shown.faults
    assert "FAILED: there is no summary of the call" in shown.faults


def test_call_that_does_not_end_at_goodbye_is_hung_up_and_fails(shown: Shown) -> None:
    shown.control.goodbyes.clear()
    assert shown.run() == 1
    assert shown.faults == ["FAILED: the bot did not end the call at the caller's goodbye"]
    assert ("phone/hang-up", {"id": "call-1"}) in shown.control.posted


def test_call_that_ends_too_early_fails(shown: Shown) -> None:
    shown.control.goodbyes = {RECALL}
    assert shown.run() == 1
    assert "FAILED: the phone call had 2 turns, not 4 or more" in shown.faults


@pytest.mark.parametrize("words", ["hello", YES])
def test_cold_start_in_the_chat_fails_and_names_the_turn(shown: Shown, words: str) -> None:
    shown.bot.records[words] = [record(start="cold"), record()]
    assert shown.run() == 1
    assert re.match(rf"FAILED: turn \d+ \('{words}'\) met a cold start", shown.faults[0])
    assert "turns on a cold start: 1" in shown.text
    assert "PASSED" not in shown.text


def test_cold_start_on_the_phone_fails_and_names_the_turn(shown: Shown) -> None:
    shown.control.phone_records[LINES[0]] = [record(start="cold")]
    assert shown.run() == 1
    assert shown.faults[0].startswith("FAILED: phone turn 1 ('Hello?') met a cold start")


@pytest.mark.parametrize("changes", [{"alias": None, "version": "$LATEST"}, {"alias": "$LATEST"}])
def test_turn_on_latest_fails_in_chat_and_on_the_phone(
    shown: Shown, changes: dict[str, str]
) -> None:
    shown.bot.records["hello"] = [record(**changes)]
    shown.control.phone_records[LINES[0]] = [record(**changes)]
    assert shown.run() == 1
    assert [("answered by $LATEST" in fault) for fault in shown.faults] == [True, True]


def test_health_check_of_a_release_beside_the_demo_is_no_cold_turn(shown: Shown) -> None:
    health = record(alias=None, version="2", start="cold")
    shown.bot.records["hello"] = [health, record(), health]
    assert shown.run() == 0
    assert "atlas-local-lex_fulfillment:2 cold 2" in shown.text


def test_bot_that_reaches_no_alias_fails_the_demo(shown: Shown) -> None:
    by_number = [record(alias=None, version="2", start="cold")]
    shown.bot.records = dict.fromkeys(script(spoken(NUMBER)), by_number)
    shown.control.phone_records = dict.fromkeys(LINES, by_number)
    assert shown.run() == 1
    assert "FAILED: no turn reached a function through an alias" in shown.text
    assert "FAILED: no phone turn reached a function through an alias" in shown.text


def test_function_error_fails_the_demo(shown: Shown) -> None:
    shown.bot.records["hello"] = [record(error="Unhandled")]
    assert shown.run() == 1
    assert "made the function fail: Unhandled" in shown.text


def test_api_error_ends_the_demo_with_one_sentence(shown: Shown) -> None:
    error = {"Error": {"Code": "BadGatewayException", "Message": "no"}}
    shown.bot.errors["start the demo"] = ClientError(error, "RecognizeText")
    assert shown.run() == 1
    assert "('start the demo') failed: An error occurred (BadGatewayException)" in shown.text
    assert shown.bot.heard[-1][1] == "start the demo"


@pytest.mark.parametrize("error", [ControlError("no such call"), OSError("gone")])
def test_phone_that_cannot_be_reached_ends_the_demo_with_one_sentence(
    shown: Shown, error: Exception
) -> None:
    def answer(body: object) -> dict[str, Any]:
        raise error

    shown.control._answer_phone = answer  # type: ignore[method-assign]
    assert shown.run() == 1
    assert shown.faults == [f"FAILED: the story broke off: {error}"]


def test_cold_background_invocation_does_not_fail_the_demo(shown: Shown) -> None:
    background = record(function="atlas-local-generate_answer", start="cold")
    shown.bot.records["hello"] = [record(), background]
    assert shown.run() == 0
    assert "atlas-local-generate_answer:live cold 1" in shown.text


def test_turn_of_lex_alone_is_told_as_such_and_leaves_out_the_old_source(shown: Shown) -> None:
    shown.bot.records["Maria Alvarez"] = []
    assert shown.run() == 0
    line = next(line for line in shown.text.splitlines() if line.startswith(" 7"))
    assert "memory" not in line
    assert re.search(r"\blex\s+-\s+Lex$", line)


def test_only_calls_of_the_story_itself_are_counted(shown: Shown) -> None:
    shown.control.counts = {"lexv2-runtime": {"RecognizeText": 40}, "sns": {"Publish": 3}}
    shown.bot.called = {"dynamodb": {"GetItem": 9, "PutItem": 2}}
    shown.control.kept = [record(start="cold")]
    shown.control.leads = [lead_record(Id="00Q0", Atlas_Interaction_Id__c="earlier")]
    shown.backstage.own_calls = {"dynamodb": {"GetItem": 9}}  # type: ignore[dict-item]
    shown.run()
    assert "RecognizeText 10" in shown.text
    assert "calls to sns" not in shown.text
    assert re.search(r"calls to dynamodb\n +PutItem 2\n", shown.text)
    assert "00Q0" not in shown.text


def test_number_of_the_demo_is_fictional_and_was_not_called_before() -> None:
    control = FakeControl()
    assert free_number(control) == NUMBER
    control.ring()
    assert free_number(control) == "+14155550133"


def test_execution_knows_what_was_left() -> None:
    open_run = replace(STATES[2], seconds=None)
    execution = Execution("n", "RUNNING", (STATES[0], open_run))
    assert execution.has_left("CreateLead")
    assert not execution.has_left("CreateLead", "InvokeCall")
