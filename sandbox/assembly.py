"""Builds every service of the sandbox over one endpoint, and closes them in order."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.aws_api import AwsService
from sandbox.bedrock import BedrockRuntime
from sandbox.control import Control, Handler, Health
from sandbox.counters import CallCounters
from sandbox.deployment import STAGE
from sandbox.faults import Faults
from sandbox.gateway import Gateway
from sandbox.latency import Latency, TokenTiming

if TYPE_CHECKING:
    from sandbox.cloudwatch.service import Measuring
    from sandbox.lambda_service import LambdaService
    from sandbox.lex import LexRuntime, LexState
    from sandbox.salesforce import SalesforceServer
    from sandbox.xray.store import TraceStore


@dataclass(slots=True)
class Conditions:
    """What every dependency is subject to, and the counters of what was called."""

    latency: Latency
    faults: Faults
    counters: CallCounters


@dataclass(slots=True)
class Assembly:
    """A running set of services; `app` goes behind the port."""

    app: Gateway
    lex: LexState
    salesforce: SalesforceServer

    def deploy_bot(self, template: Path, stage: str) -> None:
        """Build the Lex bot's draft."""
        from sandbox.lex import deploy_bot

        deploy_bot(self.lex, template, stage)


class _Built:
    """Services and control handlers as they come."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.stack = stack
        self.services: list[AwsService] = []
        self.handlers: dict[str, Mapping[str, Handler]] = {}


def assemble(
    endpoint: str,
    root: Path,
    work_dir: Path,
    conditions: Conditions,
    health: Health,
    *,
    schedules: bool,
    stack: contextlib.ExitStack,
) -> Assembly:
    """Start everything; `stack` ends it in the reverse order."""
    # moto, and with it half a second, is needed only by a sandbox that really starts.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from sandbox.cloudwatch.service import Measuring
    from sandbox.lambda_service import LambdaService
    from sandbox.lambda_service.observer import Observers
    from sandbox.lex import LexModels, LexRuntime, LexState
    from sandbox.xray.lambda_segments import LambdaTraces
    from sandbox.xray.store import TraceStore

    built, lex = _Built(stack), LexState()
    measuring, traces = Measuring(), TraceStore()
    functions = LambdaService(
        endpoint,
        work_dir=work_dir / "lambda",
        observer=Observers(measuring.functions, LambdaTraces(traces)),
        xray_daemon=_xray(built, traces),
    )
    stack.callback(functions.close)
    salesforce = _salesforce(built, work_dir, conditions)
    stack.callback(conditions.faults.close)
    runtime = LexRuntime(lex, functions, observe=measuring.services.lex)
    models = BedrockRuntime(TokenTiming(conditions.latency), hold=conditions.faults.hold)
    built.services += [functions, models, LexModels(lex), runtime]
    built.handlers["models"] = {"GET": lambda _: models.usage.snapshot()}
    built.handlers["callers"] = {"GET": lambda _: conditions.counters.by_caller()}
    _telephony(built, endpoint, root, runtime, conditions)
    _moto_services(built, functions, schedules)
    _cloudwatch(built, measuring, functions)
    _stacks(built, endpoint, lex)
    parts = (conditions.latency, conditions.faults, conditions.counters)
    control = Control(*parts, health, functions, models, functions.logs, built.handlers)
    moto = DomainDispatcherApplication(create_backend_app)
    return Assembly(Gateway(built.services, moto, control, *parts), lex, salesforce)


def _salesforce(built: _Built, work_dir: Path, conditions: Conditions) -> SalesforceServer:
    from sandbox.salesforce import SalesforceServer

    folder = work_dir / "salesforce"
    folder.mkdir()
    parts = (conditions.latency, conditions.faults, conditions.counters)
    salesforce = SalesforceServer(folder, *parts)
    built.stack.callback(salesforce.close)
    salesforce.start()
    built.handlers |= salesforce.handlers
    return salesforce


def _telephony(
    built: _Built, endpoint: str, root: Path, runtime: LexRuntime, conditions: Conditions
) -> None:
    from sandbox.connect import ConnectService
    from sandbox.connect.control import control_handlers as phone_handlers
    from sandbox.transcribe import TranscribeService
    from sandbox.transcribe.control import control_handlers as transcribe_handlers

    flow_file = root / "infra" / "connect_flow.json"
    connect = ConnectService(endpoint, runtime, flow_file, STAGE, conditions.latency)
    built.stack.callback(connect.close)
    transcribe = TranscribeService(endpoint, connect.calls)
    built.stack.callback(transcribe.close)
    built.services += [connect, transcribe]
    built.handlers |= phone_handlers(connect) | transcribe_handlers(transcribe)


def _stacks(built: _Built, endpoint: str, lex: LexState) -> None:
    from sandbox.cloudformation.kinds import bots
    from sandbox.cloudformation.service import CloudFormationService
    from sandbox.connect.clients import Clients

    clients = Clients(endpoint)
    built.stack.callback(clients.close)
    built.services.append(CloudFormationService(clients, bots.kinds(lex)))


def _cloudwatch(built: _Built, measuring: Measuring, functions: LambdaService) -> None:
    from sandbox.cloudwatch.log_search import LogSearch
    from sandbox.cloudwatch.service import CloudWatch
    from sandbox.moto_services import execution_observer
    from sandbox.scaling.service import ApplicationAutoScaling
    from sandbox.scaling.targets import POLICIES

    execution_observer.observe(measuring.services.execution)
    built.stack.callback(execution_observer.observe, execution_observer.unobserved)
    cloudwatch = CloudWatch(measuring, functions.flush_logs)
    built.stack.callback(cloudwatch.close)
    scaling = ApplicationAutoScaling(functions.operations, cloudwatch.book)
    cloudwatch.on_action(POLICIES, scaling.act)
    cloudwatch.start()
    built.services += [cloudwatch, LogSearch(functions.flush_logs), scaling]
    built.handlers |= cloudwatch.handlers


def _xray(built: _Built, traces: TraceStore) -> str:
    """The receiver's address, for the functions."""
    from sandbox.xray import receivers
    from sandbox.xray.daemon import Daemon
    from sandbox.xray.service import XRayService

    daemon = Daemon(traces.add)
    built.stack.callback(daemon.close)
    daemon.start()
    receivers.connect(traces)
    built.stack.callback(receivers.disconnect, traces)
    built.services.append(XRayService(traces))
    built.handlers["traces"] = {"GET": lambda _: traces.counts()}
    return daemon.address


def _moto_services(built: _Built, functions: LambdaService, schedules: bool) -> None:
    from sandbox.moto_services import MotoServices

    extras = MotoServices(functions)
    built.stack.callback(extras.close)
    if schedules:
        extras.schedules.start()
    built.handlers |= extras.handlers
