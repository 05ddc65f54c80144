"""In-memory stand-ins for what the app reaches through `Services`, and lean ways to build them.

They keep state and can be told to be slow, to fail or to be resting; none of them checks calls.
The DynamoDB fake is held to the same contract test as moto's.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.account import Account
from chalicelib.answer import Generated
from chalicelib.answer_table import AnswerTable, Claim
from chalicelib.call_limits import CallLimits
from chalicelib.cancellation import Cancellation
from chalicelib.consents import Consents, Limits
from chalicelib.contact_table import ContactTable
from chalicelib.content import Contents
from chalicelib.deadline import Deadline
from chalicelib.deletions import DeletionTable
from chalicelib.invocation import Invocation
from chalicelib.lead_table import LeadTable
from chalicelib.model_router import Route
from chalicelib.observability import Log
from chalicelib.pending_work import PendingWork
from chalicelib.phone_hash import PhoneHasher
from chalicelib.prompts import Prompt
from chalicelib.questions import Question
from chalicelib.response_cache import ResponseCache
from chalicelib.scenario_table import ScenarioTable
from chalicelib.secret_store import SecretStore
from chalicelib.services import Services
from chalicelib.settings import Settings

EPOCH = 1_800_000_000.0
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
TRACE_HEADER = f"Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1"
HAIKU = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
ROUTES = {
    "simple": Route((HAIKU,), 150),
    "conversation": Route((HAIKU,), 150),
    "scenario": Route(("global.anthropic.claude-sonnet-4-6",), 600),
}
CONTENTS = Contents.load()
PHONE_HASH_KEY = "5e" * 32
SETTINGS = Settings(
    stage="local",
    response_cache_table="table",
    generate_answer_function="generate:live",
    routes=ROUTES,
    leads_table="atlas-local-leads",
    scenario_cache_table="atlas-local-scenario-cache",
    call_limits_table="atlas-local-call-limits",
    pending_work_table="atlas-local-pending-work",
    contacts_table="atlas-local-contacts",
    deletions_table="atlas-local-deletions",
    lead_workflow="atlas-local-lead-workflow",
    team_topic="atlas-local-team",
    generate_scenario_function="atlas-local-generate_scenario:live",
    invoke_call_function="atlas-local-invoke_call:live",
    update_lead_function="atlas-local-update_lead:live",
    erase_lead_function="atlas-local-erase_lead:live",
    salesforce_secret="atlas/local/salesforce",
    phone_hash_secret="atlas/local/phone-hash",
    allowed_countries=frozenset(("US", "CA", "GB", "DE", "FR", "ES")),
    default_country="US",
    recording_key_pattern=re.compile(r"connect/.+/(?P<contact>[0-9a-f-]{36})_[^/]+_UTC\.wav"),
    connect_instance_id="11111111-2222-4333-8444-555555555555",
    connect_contact_flow_id="66666666-7777-4888-8999-aaaaaaaaaaaa",
    connect_source_phone_number="+14155550100",
    salesforce_external_id_field="Atlas_Interaction_Id__c",
    lead_defaults={
        "company": "[not provided]",
        "first_name": "",
        "source": "Atlas",
        "status": "Open - Not Contacted",
    },
)


class FakeClock:
    """Time that passes only when it is told to; `sleep` tells it."""

    def __init__(self, now: float = EPOCH) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    sleep = advance


class LogLines(list[str]):
    """What was logged, as it was written."""

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self]

    def of(self, message: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["message"] == message]


@dataclass(frozen=True)
class Reply:
    """What a model says: `text` after `seconds`, or `arrived` when the deadline is sooner."""

    text: str = "The model wrote this. It is whole."
    seconds: float = 0.3
    arrived: str = ""
    stop_reason: str = "end_turn"


class FakeModels:
    """Answers every prompt with the next scripted reply, the last one for ever."""

    def __init__(self, clock: FakeClock, *replies: Reply) -> None:
        self.clock = clock
        self.replies = list(replies) or [Reply()]
        self.prompts: list[Prompt] = []
        self.resting = False
        self.before_answer: Callable[[], None] = lambda: None

    def prepare(self) -> None:
        pass

    def has_candidate(self, route: Route) -> bool:
        return not self.resting

    def complete(
        self,
        prompt: Prompt,
        route: Route,
        deadline: Deadline,
        *,
        cancellation: Cancellation | None = None,
    ) -> Generated:
        """A cancellation is looked at once, after `before_answer`."""
        if self.resting:
            return Generated("", "resting")
        self.prompts.append(prompt)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        in_time = reply.seconds <= deadline.remaining()
        self.clock.advance(min(reply.seconds, deadline.remaining()))
        self.before_answer()
        if cancellation is not None and cancellation.is_cancelled:
            return Generated("", "cancelled", route.models[0], seconds=reply.seconds)
        if not in_time:
            return Generated(reply.arrived, "deadline", route.models[0], seconds=reply.seconds)
        return Generated(
            reply.text, reply.stop_reason, route.models[0], 200, 30, seconds=reply.seconds
        )


class FakeBackground:
    """Remembers what was handed off; `takes` is what Lambda says to an invoke.

    `waits` are the seconds for which a turn would have waited for that.
    """

    def __init__(self) -> None:
        self.tasks: list[tuple[Question, Claim]] = []
        self.invoked: list[tuple[str, dict[str, Any]]] = []
        self.waits: list[float] = []
        self.takes = True

    def prepare(self) -> None:
        pass

    def generate(self, question: Question, claim: Claim, deadline: Deadline) -> bool:
        self.tasks.append((question, claim))
        self.waits.append(deadline.remaining())
        return self.takes

    def invoke(self, function: str, payload: Mapping[str, Any], deadline: Deadline) -> bool:
        self.invoked.append((function, dict(payload)))
        return self.takes


class FakeWorkflow:
    """Step Functions as far as Atlas sees it: executions by name, tokens that work once."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.stopped: list[tuple[str, int]] = []
        self.resumed: list[tuple[str, str]] = []
        self.error: Exception | None = None

    def prepare(self) -> None:
        pass

    def start(self, interaction_id: str, run: int = 0) -> None:
        self._fail_if_told()
        if (interaction_id, run) not in self.started:
            self.started.append((interaction_id, run))

    def resume(self, task_token: str, outcome: str) -> bool:
        self._fail_if_told()
        if task_token in dict(self.resumed):
            return False
        self.resumed.append((task_token, outcome))
        return True

    def stop(self, interaction_id: str, run: int = 0) -> bool:
        self._fail_if_told()
        self.stopped.append((interaction_id, run))
        return (interaction_id, run) in self.started

    def _fail_if_told(self) -> None:
        if self.error is not None:
            raise self.error


def no_dynamodb() -> Any:
    """A client before which every table is out of reach."""
    raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


Item = dict[str, dict[str, str]]


class FakeDynamoDb:
    """UpdateItem, GetItem and BatchGetItem on items in a dict, with the expressions Atlas uses.

    `open` is cleared to make calls hang until it is set again; `is_down` makes them fail.
    """

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.calls: list[str] = []
        self.is_down = False
        self.open = threading.Event()
        self.open.set()
        self._lock = threading.Lock()

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> dict[str, Any]:
        self._called("GetItem")
        item = self.items.get(Key["key"]["S"])
        return {"Item": dict(item)} if item else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self._called("BatchGetItem")
        ((table, wanted),) = RequestItems.items()
        assert len(wanted["Keys"]) <= 100, "DynamoDB takes no more"
        keys = [key["key"]["S"] for key in wanted["Keys"]]
        found = [dict(self.items[key]) for key in keys if key in self.items]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def update_item(
        self,
        *,
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        ConditionExpression: str,
        ExpressionAttributeValues: Item,
        ReturnValues: str,
        ReturnValuesOnConditionCheckFailure: str,
    ) -> dict[str, Any]:
        self._called("UpdateItem")
        with self._lock:
            old = dict(self.items.get(Key["key"]["S"], {}))
            if not _holds(ConditionExpression, old, ExpressionAttributeValues):
                raise condition_failed(old)
            new = _updated({**old, **Key}, UpdateExpression, ExpressionAttributeValues)
            self.items[Key["key"]["S"]] = new
        return {"Attributes": old} if old else {}

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        assert self.open.wait(10), "a test forgot to let the table go on"
        if self.is_down:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.example")


def condition_failed(item: Item) -> ClientError:
    response: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
    if item:
        response["Item"] = item
    return ClientError(response, "UpdateItem")


def client_error(code: str, status: int = 400, message: str = "no") -> ClientError:
    error: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(error, "Operation")


def _holds(condition: str, item: Item, values: Item) -> bool:
    """The condition as Python; comparisons with what is missing are false, as in DynamoDB."""

    def absent(match: re.Match[str]) -> str:
        return str(match[1] not in item)

    def comparison(match: re.Match[str]) -> str:
        left, right = item.get(match[1]), values[match[3]]
        if left is None or left.keys() != right.keys():
            return "False"
        numbers: list[Any] = [float(v["N"]) if "N" in v else v["S"] for v in (left, right)]
        return str(numbers[0] < numbers[1] if match[2] == "<" else numbers[0] == numbers[1])

    python = re.sub(r"attribute_not_exists\((\w+)\)", absent, condition)
    python = re.sub(r"(\w+) ([<=]) (:\w+)", comparison, python)
    return bool(eval(python.replace("AND", "and").replace("OR", "or"), {}))


def _updated(item: Item, update: str, values: Item) -> Item:
    sets, _, removes = f" {update}".partition(" REMOVE ")
    for name, keeps_old, value in re.findall(r"(\w+) = (if_not_exists\(\w+, )?(:\w+)", sets):
        if not (keeps_old and name in item):
            item[name] = values[value]
    for name in filter(None, removes.split(", ")):
        item.pop(name, None)
    return item


class FakeSecretsManager:
    """Secrets by name; `error` is raised instead when it is set."""

    def __init__(self, **secret_by_name: Any) -> None:
        self.secrets = secret_by_name
        self.reads = 0
        self.error: Exception | None = None

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        secret = self.secrets[SecretId]
        return {"SecretString": secret if isinstance(secret, str) else json.dumps(secret)}


@dataclass
class World:
    """The services of one environment, and handles on everything behind them."""

    clock: FakeClock = field(default_factory=FakeClock)
    table: FakeDynamoDb = field(default_factory=FakeDynamoDb)
    background: FakeBackground = field(default_factory=FakeBackground)
    lines: LogLines = field(default_factory=LogLines)
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)
    dynamodb: Callable[[], Any] = no_dynamodb
    models: FakeModels = field(init=False)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self.models = FakeModels(self.clock)
        self.services = self.environment()

    def environment(self) -> Services:
        """New services before the same table: another Lambda environment."""
        return Services(
            settings=SETTINGS,
            contents=CONTENTS,
            log=Log(write=self.lines.append, clock=self.clock),
            models=self.models,
            response_cache=ResponseCache(
                AnswerTable(lambda: self.table, "table", self.clock), self.clock
            ),
            background=self.background,
            secrets=SecretStore(FakeSecretsManager, self.clock),
            sleep=self.clock.sleep,
            **lead_services(self.dynamodb, self.clock, self.workflow),
        )

    def with_settings(self, **changes: Any) -> Services:
        settings = replaced(self.services.settings, **changes)
        return replaced(self.services, settings=settings)

    def deadline(self, seconds: float = 0.8) -> Deadline:
        return Deadline.after(seconds, clock=self.clock)


def settle_refreshes(services: Services) -> None:
    """Let the refreshes that turns began beside themselves come to their end."""
    attempts = services.response_cache.refreshes._attempts.values()
    assert not wait([attempt.ended for attempt in attempts], timeout=10).not_done


def settle_table_calls(services: Services) -> None:
    """Let the table calls end that nobody waits for, and those that they begin when they end.

    A call's result is known before its callbacks have run, so neither waiting for the call nor
    for others after it is enough. Here every worker comes to one barrier, which none can do from
    within a callback; what the callbacks began is in the queue by then.
    """
    workers = services.response_cache._workers
    barrier = threading.Barrier(workers._max_workers)
    for _ in range(2):
        together = [workers.submit(barrier.wait, 10) for _ in range(barrier.parties)]
        assert not wait(together, timeout=10).not_done


def lead_services(
    dynamodb: Callable[[], Any], clock: FakeClock, workflow: FakeWorkflow
) -> dict[str, Any]:
    """What `Services` needs to take leads; the tables' client is `dynamodb()`."""
    leads = LeadTable(dynamodb, SETTINGS.leads_table, clock)
    pending = PendingWork(dynamodb, SETTINGS.pending_work_table)
    call_limits = CallLimits(dynamodb, SETTINGS.call_limits_table, clock)
    limits = Limits(SETTINGS.calls_per_number_per_day, SETTINGS.calls_per_hour)
    account = Account(no_dynamodb)
    account.learn("arn:aws:lambda:us-east-1:123456789012:function:atlas-local-lex_fulfillment")
    return {
        "account": account,
        "leads": leads,
        "consents": Consents(dynamodb, leads, pending, call_limits, limits, clock, clock.sleep),
        "call_limits": call_limits,
        "pending": pending,
        "contacts": ContactTable(dynamodb, SETTINGS.contacts_table, clock),
        "workflow": workflow,
        "phone_hash": PhoneHasher(lambda: {"key": PHONE_HASH_KEY}),
        "scenarios": ScenarioTable(dynamodb, SETTINGS.scenario_cache_table, clock),
        "deletions": DeletionTable(dynamodb, SETTINGS.deletions_table, clock),
        # What only some steps reach; their tests put in what they need.
        **dict.fromkeys(("telephony", "recordings", "transcriber", "salesforce", "team")),
        "clock": clock,
    }


def an_invocation(remaining_ms: float | None = None) -> Invocation:
    context = None if remaining_ms is None else FakeContext(remaining_ms)
    return Invocation("request-1", "7", "warm", context, trace_header=TRACE_HEADER)


class FakeContext:
    """Lambda's context object, with a fixed time left."""

    aws_request_id = "request-1"
    function_version = "7"

    def __init__(self, remaining_ms: float = 10_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> float:
        return self._remaining_ms


def a_question(text: str = "what technology do you use", **changes: Any) -> Question:
    question = Question("AboutTechnologyIntent", "technology", text, "en_US", "chat")
    return replaced(question, **changes)


def lex_event(intent: str = "AboutTechnologyIntent", text: str = "hello", **changes: Any) -> Any:
    """A code hook event as Lex sends it for a turn of the chat."""
    state = {
        "sessionAttributes": {},
        "activeContexts": [],
        "intent": {
            "name": intent,
            "slots": {},
            "state": "ReadyForFulfillment",
            "confirmationState": "None",
        },
        "originatingRequestId": "0f5d1c4e-9a53-4d8b-9d4f-1c2b3a4d5e6f",
    }
    event = {
        "messageVersion": "1.0",
        "invocationSource": "FulfillmentCodeHook",
        "inputMode": "Text",
        "responseContentType": "text/plain; charset=utf-8",
        "sessionId": "6c1e8a54-0d0f-4b0e-8d8a-5c6a3f0a9b11",
        "inputTranscript": text,
        "bot": {
            "id": "ABCDEFGHIJ",
            "name": "atlas-local",
            "localeId": "en_US",
            "version": "1",
            "aliasId": "TSTALIASID",
            "aliasName": "live",
        },
        "interpretations": [
            {"intent": state["intent"], "interpretationSource": "Lex", "nluConfidence": 0.97}
        ],
        "proposedNextState": {
            "intent": state["intent"],
            "dialogAction": {"type": "Close"},
            "prompt": {"attempt": "Initial"},
        },
        "requestAttributes": {},
        "sessionState": state,
        "transcriptions": [{"transcription": text, "transcriptionConfidence": 1.0}],
    }
    return {**event, **changes}


def with_attributes(event: Any, **attributes: Any) -> Any:
    """The event with these session attributes; strings or not."""
    return {**event, "sessionState": {**event["sessionState"], "sessionAttributes": attributes}}
