"""A bot, a phone and what follows a booking in memory, for the demo and the chat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.conversation.backstage import Backstage, Execution
from sandbox.conversation.child import Address
from sandbox.conversation.demo_call import LINES, RECALL
from sandbox.conversation.demo_chat import TYPING_SECONDS, spoken
from sandbox.conversation.talk import Control, ControlError, Conversation
from sandbox.timeline import StateRun

ADDRESS = Address("http://127.0.0.1:1", "us-east-1", "BOT0000001", "ALIAS00001", "en_US")
ID = "0123456789abcdef0123456789abcdef"
NUMBER = "+14155550132"
CONSENT_AT = 1_000_000.0
SUMMARY = {"topics": "The price.", "outcome": "Interested.", "next_step": "Call back."}
DISCLOSURE = "You are speaking with an AI, and this call is recorded."
RECALLED = "In our chat you asked: what technology do you use."


def record(**changes: Any) -> dict[str, Any]:
    """A record of the Lambda service: one warm-held invocation of fulfilment by its alias."""
    usual = {"function": "atlas-local-lex_fulfillment", "version": "1", "alias": "live"}
    times = {"start": "provisioned", "init_ms": 0.0, "run_ms": 3.0, "error": None}
    return usual | times | changes


class FakeControl(Control):
    """Counts and records that a test writes, and a phone that rings when a call was booked."""

    def __init__(self) -> None:
        super().__init__(ADDRESS.endpoint)
        self.kept: list[dict[str, Any]] = []
        self.counts: dict[str, dict[str, int]] = {}
        self.phone: list[dict[str, Any]] = []
        self.leads: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.jobs: list[dict[str, Any]] = []
        self.posted: list[tuple[str, Mapping[str, Any]]] = []
        self.replies = {RECALL: RECALLED}
        self.phone_records: dict[str, list[dict[str, Any]]] = {}
        self.goodbyes = {LINES[-1]}
        self.rings = True

    def get(self, name: str) -> Any:
        answers = {
            "invocations": list(self.kept),
            "calls": {k: dict(v) for k, v in self.counts.items()},
            "phone": [dict(call) for call in self.phone],
            "salesforce/Lead": self.leads,
            "salesforce/Task": self.tasks,
            "notifications": self.told,
            "transcribe": {"jobs": self.jobs},
        }
        return answers[name.partition("?")[0]]

    def post(self, name: str, body: Mapping[str, Any]) -> Any:
        self.posted.append((name, body))
        verbs = {"answer": self._answer_phone, "say": self._say, "hang-up": self.hang_up}
        verbs |= {"decline": lambda body: self.end("declined"), "claim": lambda body: {}}
        return verbs[name.removeprefix("phone/")](body)

    def ring(self) -> None:
        """The call that was booked reaches the phone."""
        times = {"ring": CONSENT_AT + 1, "answered": None, "ended": None}
        state = {"state": "ringing", "outcome": "", "recording": None}
        self.phone.append({"id": "call-1", "number": NUMBER} | times | state)

    def hang_up(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.end("completed")

    def end(self, outcome: str) -> dict[str, Any]:
        """The call is over, and all that follows has happened."""
        ended = {"state": "ended", "outcome": outcome, "ended": CONSENT_AT + 4}
        self.phone[-1] |= ended | {"recording": "bucket/key"}
        self.leads.append(lead_record())
        self.tasks += [task("callback"), task("call")]
        self.told.append(notification())
        self.jobs.append(job())
        return {}

    def _answer_phone(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.phone[-1]["state"] != "ringing":
            raise ControlError("the call is not ringing")
        self.phone[-1] |= {"state": "talking", "answered": CONSENT_AT + 2}
        return {"reply": [DISCLOSURE], "ended": False}

    def _say(self, body: Mapping[str, Any]) -> dict[str, Any]:
        words = body["words"]
        if self.phone[-1]["state"] != "talking":
            raise ControlError("nobody hears that: the call is ended")
        self.kept += self.phone_records.get(words, [record()])
        if words in self.goodbyes:
            self.end("completed")
        ended = self.phone[-1]["state"] == "ended"
        return {"reply": [self.replies.get(words, f"Heard {words}")], "ended": ended}


class FakeBackstage(Backstage):
    """A lead item and an execution that a test can change before they are looked at."""

    def __init__(self, control: FakeControl) -> None:
        self._control, self._fake = control, control
        self.own_calls = {}
        self.item: dict[str, Any] = lead_item()
        self.states = STATES
        self.status = "SUCCEEDED"
        self.summary: dict[str, str] | None = SUMMARY

    def lead(self, interaction_id: str) -> dict[str, Any] | None:
        if interaction_id != ID:
            return None
        return self.item | ({"summary": self.summary} if self._call_is_over() else {})

    def execution(self, interaction_id: str) -> Execution | None:
        if not self.states:
            return None
        is_over = self._call_is_over()
        runs = tuple(run if is_over else _open(run) for run in self.states)
        return Execution("name", self.status if is_over else "RUNNING", runs)

    def _call_is_over(self) -> bool:
        return any(call["state"] == "ended" for call in self._fake.phone)


def state_run(state: str, start: float, seconds: float, output: str, **changes: Any) -> StateRun:
    began = datetime.fromtimestamp(CONSENT_AT, UTC) + timedelta(seconds=start)
    usual = {"branch": "" if state == "UpdateLead" else state, "attempts": 1, "error": ""}
    return StateRun(
        **{"state": state, "started": began, "seconds": seconds, "output": output},
        **(usual | changes),
    )


STATES = (
    state_run("CreateLead", 0.2, 1.0, '{"outcome": "created"}', attempts=3),
    state_run("GenerateScenario", 0.2, 0.1, '{"outcome": "ready"}'),
    state_run("InvokeCall", 0.2, 4.5, '{"outcome": "completed"}'),
    state_run("UpdateLead", 4.7, 0.5, '{"update": {"update_outcome": "updated"}}'),
)


def _open(run: StateRun) -> StateRun:
    is_left = run.state in ("CreateLead", "GenerateScenario")
    return run if is_left else state_run(run.state, 0.2, None, "")  # type: ignore[arg-type]


def lead_item() -> dict[str, Any]:
    times = {"offered_at": CONSENT_AT - 1, "consented_at": CONSENT_AT}
    wish = {"callback_requested_at": CONSENT_AT + 3, "callback_notified_at": CONSENT_AT + 3.5}
    person = {"name": "Maria Alvarez", "phone": NUMBER, "asked": ["what technology do you use"]}
    consent = {"status": "consented", "consent_words": f"You said {spoken(NUMBER)}. " * 3}
    return {"interaction_id": ID, "consent_version": "v1"} | times | wish | person | consent


def lead_record(**changes: Any) -> dict[str, Any]:
    told = " ".join(SUMMARY.values())
    usual = {"Id": "00Q1", "Name": "Maria Alvarez", "Phone": NUMBER, "Description": told}
    return usual | {"Atlas_Interaction_Id__c": ID} | changes


def task(purpose: str, **changes: Any) -> dict[str, Any]:
    usual = {"Id": f"00T-{purpose}", "WhoId": "00Q1", "Subject": f"A {purpose}"}
    return usual | {"Atlas_Interaction_Id__c": f"{ID}:{purpose}", "Description": "x"} | changes


def notification() -> dict[str, Any]:
    message = json.dumps({"kind": "callback_requested", "interaction_id": ID})
    return {"topic": "atlas-local-team", "subject": "Atlas: a callback", "message": message}


def job() -> dict[str, Any]:
    times = {"CreationTime": CONSENT_AT + 4.3, "CompletionTime": CONSENT_AT + 4.6}
    names = {"TranscriptionJobName": f"atlas-local-{ID}-1", "TranscriptionJobStatus": "COMPLETED"}
    return names | times


class Time:
    """Epoch seconds that pass by sleeping alone, as the demo does before it types four times."""

    def __init__(self) -> None:
        self.now = CONSENT_AT - 4 * TYPING_SECONDS

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeBot:
    """boto3's `lexv2-runtime`: every turn is answered, and recorded in the control."""

    def __init__(self, control: FakeControl) -> None:
        self.control = control
        self.heard: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.records: dict[str, list[dict[str, Any]]] = {}
        self.errors: dict[str, Exception] = {}
        self.called: dict[str, dict[str, int]] = {}
        self.books = True

    def recognize_text(self, sessionId: str, text: str, **bot: str) -> dict[str, Any]:
        assert bot == {"botId": "BOT0000001", "botAliasId": "ALIAS00001", "localeId": "en_US"}
        self.heard.append((sessionId, text))
        if text in self.errors:
            raise self.errors[text]
        self.control.kept += self.records.get(text, [record()])
        self.control.counts |= self.called
        calls = self.control.counts.setdefault("lexv2-runtime", {"RecognizeText": 0})
        calls["RecognizeText"] += 1
        attributes = {"answerSource": "memory"} | self._booking(text)
        return {
            "messages": [{"contentType": "PlainText", "content": f"You said {text}. " * 3}],
            "sessionState": {
                "sessionAttributes": attributes,
                "intent": {"name": "GreetingIntent", "state": "Fulfilled"},
            },
        }

    def _booking(self, text: str) -> dict[str, str]:
        if text == spoken(NUMBER):
            return {"interactionId": ID}
        if text != "yes" or not self.books:
            return {}
        if self.control.rings:
            self.control.ring()
        return {"bookedInteraction": ID}

    class exceptions:
        class ResourceNotFoundException(Exception):
            """Lex knows no such session."""

    def delete_session(self, sessionId: str, **bot: str) -> None:
        if sessionId not in {session for session, _ in self.heard}:
            raise self.exceptions.ResourceNotFoundException
        self.deleted.append(sessionId)


class Ticks:
    """A clock that is a quarter of a second later at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


def conversation() -> tuple[Conversation, FakeBot, FakeControl]:
    control = FakeControl()
    bot = FakeBot(control)
    return Conversation(ADDRESS, bot, control, Ticks()), bot, control
