"""The composition root: the one place where real clients meet the code that uses them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from chalicelib.account import Account
from chalicelib.answer import Generated
from chalicelib.answer_table import AnswerTable, Claim
from chalicelib.background import Background
from chalicelib.bedrock import BedrockModels
from chalicelib.breakers import Breakers
from chalicelib.call_limits import CallLimits
from chalicelib.cancellation import Cancellation
from chalicelib.clients import AwsClients
from chalicelib.consents import Consents, Limits
from chalicelib.contact_table import ContactTable
from chalicelib.content import Contents
from chalicelib.deadline import Clock, Deadline
from chalicelib.deletions import DeletionTable
from chalicelib.errors import ConfigError
from chalicelib.invocation import Invocation
from chalicelib.lead_table import LeadTable
from chalicelib.model_metrics import CountedModels
from chalicelib.model_router import Route
from chalicelib.observability import TRACER, Log
from chalicelib.pending_work import PendingWork
from chalicelib.phone_hash import PhoneHasher
from chalicelib.prompts import Prompt
from chalicelib.questions import Question
from chalicelib.recordings import Recordings, S3Recordings
from chalicelib.response_cache import ResponseCache
from chalicelib.salesforce import Salesforce, SalesforceApi
from chalicelib.scenario_table import ScenarioTable
from chalicelib.secret_store import SecretStore
from chalicelib.settings import Settings, function
from chalicelib.team import Team, TeamTopic
from chalicelib.telephony import CallingLine, ConnectTelephony, Telephony
from chalicelib.transcription import TranscribeJobs, Transcriber, key_alias
from chalicelib.workflow import Workflow

_Loaded = TypeVar("_Loaded")


class Models(Protocol):
    """Whoever completes prompts."""

    def prepare(self) -> None: ...

    def has_candidate(self, route: Route) -> bool: ...

    def complete(
        self,
        prompt: Prompt,
        route: Route,
        deadline: Deadline,
        *,
        cancellation: Cancellation | None = None,
    ) -> Generated: ...


class BackgroundWork(Protocol):
    """Whoever hands work to other functions."""

    def prepare(self) -> None: ...

    def generate(self, question: Question, claim: Claim, deadline: Deadline) -> bool: ...

    def invoke(self, function: str, payload: Mapping[str, Any], deadline: Deadline) -> bool: ...


class LeadWorkflow(Protocol):
    """Whoever runs the lead workflow."""

    def prepare(self) -> None: ...

    def start(self, interaction_id: str, run: int = 0) -> None: ...

    def resume(self, task_token: str, outcome: str) -> bool: ...

    def stop(self, interaction_id: str, run: int = 0) -> bool: ...


@dataclass(frozen=True, slots=True)
class Services:
    """All that a turn or a task may reach, and nothing global beside it."""

    settings: Settings
    contents: Contents
    log: Log
    models: Models
    response_cache: ResponseCache
    background: BackgroundWork
    secrets: SecretStore
    account: Account
    leads: LeadTable
    consents: Consents
    call_limits: CallLimits
    pending: PendingWork
    contacts: ContactTable
    workflow: LeadWorkflow
    phone_hash: PhoneHasher
    scenarios: ScenarioTable
    telephony: Telephony
    recordings: Recordings
    transcriber: Transcriber
    salesforce: SalesforceApi
    team: Team
    deletions: DeletionTable
    sleep: Callable[[float], None] = time.sleep
    clock: Clock = time.time
    connections: Callable[[], Mapping[str, Mapping[str, int]]] = dict

    def begin(self, invocation: Invocation) -> None:
        """Note whose invocation this is, for the log and for ARNs."""
        self.log.bind(**invocation.log_fields)
        self.account.learn(invocation.function_arn)

    def note_whose(self, interaction_id: str) -> None:
        """The interaction that this is about, on every line from here on and on the trace."""
        self.log.bind_also(interaction_id=interaction_id)
        self.trace_whose(interaction_id)

    def trace_whose(self, interaction_id: str) -> None:
        """On the trace alone. By it a lead's traces are found: its call's events begin new ones."""
        TRACER.annotate(interaction_id=interaction_id)

    def may_ask_models(self, route: str) -> bool:
        """Whether any model of that route is not resting."""
        return self.models.has_candidate(self.settings.routes[route])


def services_from_env(*, in_background: bool = False) -> Services:
    """Real services from the environment's variables and the content that ships.

    ConfigError names every problem of both.
    """
    problems: list[str] = []
    settings = _loaded(Settings.from_env, problems)
    contents = _loaded(Contents.load, problems)
    if settings is None or contents is None:
        raise ConfigError(problems)
    return build_services(settings, contents, in_background=in_background)


def _loaded(load: Callable[[], _Loaded], problems: list[str]) -> _Loaded | None:
    try:
        return load()
    except ConfigError as exc:
        problems.extend(exc.problems)
        return None


def build_services(
    settings: Settings, contents: Contents, *, in_background: bool = False
) -> Services:
    """Real services; `in_background` gives calls the time and the tries that no visitor waits for.

    Nothing here makes a connection, or imports what only some functions need.
    """
    clients = AwsClients(in_background=in_background)
    log = Log(settings.log_level)
    account = Account(lambda: clients.sts)
    secrets = SecretStore(lambda: clients.secretsmanager)
    leads = LeadTable(lambda: clients.dynamodb, settings.leads_table)
    pending = PendingWork(lambda: clients.dynamodb, settings.pending_work_table)
    call_limits = CallLimits(lambda: clients.dynamodb, settings.call_limits_table)
    salesforce = Salesforce(
        secrets,
        settings.salesforce_secret,
        settings.salesforce_api_version,
        settings.salesforce_external_id_field,
        note=lambda asked, status, seconds: note_salesforce(
            log, settings.stage, asked, status, seconds
        ),
    )
    return Services(
        settings=settings,
        contents=contents,
        log=log,
        models=_models(clients, settings, log, in_background=in_background),
        response_cache=ResponseCache(
            AnswerTable(lambda: clients.dynamodb, settings.response_cache_table)
        ),
        background=Background(lambda: clients.lambda_, settings.generate_answer_function, log),
        secrets=secrets,
        account=account,
        leads=leads,
        consents=Consents(
            lambda: clients.dynamodb_writing, leads, pending, call_limits, _limits(settings)
        ),
        call_limits=call_limits,
        pending=pending,
        contacts=ContactTable(lambda: clients.dynamodb, settings.contacts_table),
        workflow=Workflow(lambda: clients.stepfunctions, settings.lead_workflow, account),
        phone_hash=PhoneHasher(lambda: secrets.get(settings.phone_hash_secret)),
        scenarios=ScenarioTable(lambda: clients.dynamodb, settings.scenario_cache_table),
        telephony=ConnectTelephony(lambda: clients.connect, _line(settings)),
        recordings=S3Recordings(lambda: clients.s3),
        transcriber=TranscribeJobs(lambda: clients.transcribe, account, key_alias(settings.stage)),
        salesforce=salesforce,
        team=TeamTopic(
            *(lambda: clients.sns, settings.team_topic, account, leads, salesforce.record_link)
        ),
        deletions=DeletionTable(lambda: clients.dynamodb, settings.deletions_table),
        connections=clients.connections,
    )


def note_salesforce(log: Log, stage: str, asked: str, status: int, seconds: float) -> None:
    """One request to Salesforce: what was asked, its HTTP status (0: none came), its seconds."""
    latency = {"SalesforceLatency": (seconds * 1000, "Milliseconds")}
    log.metrics("salesforce", latency, {"Stage": stage}, asked=asked, status=status)


def _models(clients: AwsClients, settings: Settings, log: Log, *, in_background: bool) -> Models:
    """Where no visitor waits, nothing is worth a second request for the same answer."""
    if in_background:
        models = BedrockModels(lambda: clients.bedrock_in_background, Breakers())
        return CountedModels(models, log, {"Stage": settings.stage, "Step": function()})
    return BedrockModels(lambda: clients.bedrock_in_turn, Breakers(), settings.race)


def _line(settings: Settings) -> CallingLine:
    return CallingLine(
        settings.connect_instance_id,
        settings.connect_contact_flow_id,
        settings.connect_source_phone_number,
        settings.ring_seconds,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(settings.calls_per_number_per_day, settings.calls_per_hour)
